"""What an inventory implies about the world: which machines there are, who may log in to them, what the server knows.

Everything is JSON, because a lab in another process receives the same. It holds passwords, so it is never
written anywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconciler.kinds.job_items import items_of
from reconciler.kinds.storage_settings import INSIDE, PREFIX
from reconciler.lab.certificates import client_pem
from reconciler.lab.pki import ssh_public
from reconciler.lab.secrets import LabSecrets
from reconciler.model.connection import Access, Certificate, Connection, Credential
from reconciler.model.inventory import Inventory, Resource
from reconciler.model.version import rest_number

# Builds that the vendor's pages name for each REST version; v8 is what `auto` finds.
BUILDS: Final = {8: "8.5.0.1014", 7: "7.0.0.2911", 6: "6.0.0.367", 5: "5.0.0.0"}
_NO_DOMAIN: Final = "lab.invalid"


def declared_world(
    inventory: Inventory, access: Access, secrets: LabSecrets, certificates: Mapping[str, Certificate]
) -> dict[str, Any]:
    """`{server, administrators, hosts, jobs, smtp, organizations, directory, accounts, object_storage}`.

    `certificates` are those that are really used (see `certificates.replacements`).
    """
    people = _People(access, secrets, certificates)
    server = access.server
    rest = rest_number(server.rest) or max(BUILDS)
    storages = [storage for item in inventory.of_kind("repository") if (storage := _storage(item))]
    return {
        "server": {
            "host": server.host,
            "rest_host": server.rest_name,
            "own_name": server.powershell.identity if server.powershell else server.host,
            "port": server.port,
            "build": BUILDS[rest],
            "served": [version for version in sorted(BUILDS) if version <= rest],
            **people.of_server(),
        },
        "administrators": {server.credential.username: people.password(server.credential)},
        "hosts": [_host(proxy, people) for proxy in inventory.told_of_kind("proxy") if not proxy.is_local],
        "jobs": [str(item.fields.get("name", item.name)) for item in inventory.of_kind("job")],
        "smtp": _smtp(inventory, access, people),
        "organizations": dict(_organization(item) for item in inventory.of_kind("organization")),
        "directory": _directory(inventory),
        "accounts": {item["account"]: {"type": item["type"]} for item in storages if "account" in item},
        "encryption_keys": sorted({item["encryption_key"] for item in storages if "encryption_key" in item} - {"none"}),
        "object_storage": _linked(storages, rest),
    }


_PLACE: Final = frozenset({"type", "account", "bucket", "folder", "endpoint", "region"})


def _storage(repository: Resource) -> dict[str, Any]:
    """The object storage of a repository, empty for one on a disk."""
    fields = repository.fields.items()
    return {name.removeprefix(PREFIX): value for name, value in fields if name.startswith(PREFIX)}


def _linked(storages: Iterable[Mapping[str, Any]], rest: int) -> dict[str, dict[str, Any]]:
    """The object storage repositories that repositories link to: named ones, and up to v7 those of a place."""
    found: dict[str, dict[str, Any]] = {}
    for item in storages:
        place = {key: value for key, value in item.items() if key in _PLACE}
        name = item.get("name") or (f"{item['bucket']}/{item['folder']}" if rest < INSIDE else "")
        found |= {name: place} if name else {}
    return found


def _directory(inventory: Inventory) -> dict[str, dict[str, list[str]]]:
    """The users, groups, sites and teams that jobs name, by organization and collection."""
    found: dict[str, dict[str, list[str]]] = {}
    called = {item.name: _organization(item)[0] for item in inventory.of_kind("organization")}
    for job in inventory.of_kind("job"):
        for item in (*items_of(job.fields.get("items")), *items_of(job.fields.get("exclude"))):
            if item.type.holder:
                organization = str(job.fields.get("organization", ""))
                names = found.setdefault(called.get(organization, organization), {})
                names.setdefault(item.type.collection, []).append(item.name)
    return found


def objects(organization: str) -> int:
    """How many objects there are to back up: any number, but always the same for one organization."""
    return 20 + int.from_bytes(hashlib.sha256(organization.lower().encode()).digest()[:2], "big") % 180


def _organization(item: Resource) -> tuple[str, dict[str, Any]]:
    name = str(item.fields.get("name", item.name))
    tenant = {"msid": item.fields["id"]} if "id" in item.fields else {}
    return name, {"objects": objects(name), **tenant}


def domain_of(host: str) -> str:
    """What follows the first label; an address has no domain."""
    is_address = ":" in host or host.replace(".", "").isdigit()
    return _NO_DOMAIN if is_address else host.lower().partition(".")[2] or _NO_DOMAIN


class _People:
    """Accounts in the form that hosts receive: `{username, password, key, sudo, root}` and `{pem, username}`; `root` is
    the password of root."""

    def __init__(self, access: Access, secrets: LabSecrets, certificates: Mapping[str, Certificate]) -> None:
        self._access = access
        self._secrets = secrets
        self._certificates = certificates

    def password(self, credential: Credential) -> str:
        return self._secrets.resolve(credential.password).reveal() if credential.password else ""

    def account(self, credential: Credential) -> dict[str, str]:
        sudo = "" if not credential.sudo else "ALL" if credential.password else "NOPASSWD: ALL"
        return {
            "username": credential.username,
            "password": self.password(credential),
            "key": self._public_key(credential),
            "sudo": sudo,
            "root": self._secrets.resolve(credential.root_password).reveal() if credential.root_password else "",
        }

    def _public_key(self, credential: Credential) -> str:
        if credential.private_key is None:
            return ""
        private = self._secrets.resolve(credential.private_key).reveal().strip() + "\n"
        phrase = self._secrets.resolve(credential.passphrase).reveal() if credential.passphrase else ""
        try:
            return ssh_public(private.encode(), phrase)
        except ValueError:
            return ""  # a key that cannot be read opens nothing: the client says so

    def logins(
        self, credentials: Iterable[Credential | None], certificate: Certificate | None
    ) -> dict[str, list[dict[str, str]]]:
        known = {credential.username: credential for credential in credentials if credential is not None}
        accounts = [self.account(known[username]) for username in sorted(known)]
        return {"accounts": accounts, "certificates": self._mapped(certificate)}

    def _mapped(self, certificate: Certificate | None) -> list[dict[str, str]]:
        if certificate is None:
            return []
        pem = client_pem(self._certificates.get(certificate.name, certificate), self._access.root)
        return [{"pem": pem, "username": certificate.name}] if pem else []

    def of_server(self) -> dict[str, list[dict[str, str]]]:
        server = self._access.server
        shell = server.powershell
        credentials = (server.credential, shell.credential if shell else None)
        return self.logins(credentials, shell.certificate if shell else None)

    def connection(self, proxy: Resource) -> Connection | None:
        return self._access.connections.get(proxy.name)

    def of_proxy(self, proxy: Resource) -> dict[str, list[dict[str, str]]]:
        connection = self.connection(proxy)
        credentials = (
            self._access.credentials.get(str(proxy.fields.get("credentials"))),
            connection.credential if connection else None,
        )
        return self.logins(credentials, connection.certificate if connection else None)


def _host(proxy: Resource, people: _People) -> dict[str, Any]:
    host = str(proxy.fields.get("host", proxy.name))
    connection = people.connection(proxy)
    own = connection.identity if connection else host
    return {
        "name": host,
        "own_name": own,
        "alias": proxy.name,
        "os": str(proxy.fields.get("os", "windows")),
        "domain": domain_of(own) if proxy.fields.get("type") == "domain" else "",
        "port": int(proxy.fields.get("port", 9193)),
        **people.of_proxy(proxy),
    }


def _smtp(inventory: Inventory, access: Access, people: _People) -> dict[str, Any] | None:
    declared = inventory.of_kind("smtp")
    if not declared or not declared[0].fields.get("server"):
        return None
    fields = declared[0].fields
    credential = access.credentials.get(str(fields.get("credentials", "none")))
    return {
        "host": str(fields["server"]),
        "port": int(fields.get("port", 587)),
        "security": str(fields.get("security", "tls")),
        "accounts": {credential.username: people.password(credential)} if credential else {},
    }
