"""How the server and the hosts are reached, from an inventory without errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.inventory.layers import Entries, Entry
from reconciler.inventory.source_map import Map
from reconciler.model.connection import (
    Access,
    Certificate,
    Connection,
    Credential,
    Deadlines,
    Package,
    Server,
    Transport,
    Trust,
    Vault,
    VaultLogin,
)
from reconciler.model.inventory import LOCAL
from reconciler.model.secret import SecretRef

_SYSTEM: Final = Trust()
_USUAL: Final = Deadlines()
_OF_TRUST: Final = {
    prefix: {f"{prefix}{key}": key for key in ("ca_file", "fingerprint", "host_keys", "known_hosts")}
    for prefix in ("", "connection.", "powershell.", "tls.", "vault.tls.")
}
"""By what stands before them, the keys that say whom to believe."""


def build_access(entries: Entries, server: Entry, secrets: Mapping[str, Any], root: str) -> Access:
    """`secrets` are the settings of that section, `root` the folder that relative paths start from."""
    credentials = {name: _credential(entry) for name, entry in entries.get("credentials", {}).items()}
    certificates = {name: _certificate(entry) for name, entry in entries.get("certificates", {}).items()}
    jumps = entries.get("jump_hosts", {})
    connections = {
        name: _connection(entry, credentials, certificates, jumps)
        for name, entry in sorted(entries.get("proxies", {}).items())
        if name != LOCAL and entry.values.get("connection.enabled", True)
    }
    return Access(
        server=_server(server.values, credentials, certificates),
        connections=connections,
        credentials=dict(sorted(credentials.items())),
        certificates=dict(sorted(certificates.items())),
        root=root,
        commands={name: tuple(command) for name, command in sorted(secrets.get("exec", {}).items())},
        packages={
            name: _package(entry.values["service.package"])
            for name, entry in sorted(entries.get("proxies", {}).items())
            if entry.values.get("service.install") == "package" and "service.package" in entry.values
        },
        vault=Vault(
            address=secrets.get("vault.address", ""),
            namespace=secrets.get("vault.namespace", ""),
            trust=_trust(secrets, "vault.tls."),
            login=_vault_login(secrets.get("vault.login")),
        ),
    )


def _vault_login(said: Map | None) -> VaultLogin | None:
    if said is None:
        return None
    [(method, values)] = said.items()
    if method == "token":
        return VaultLogin(method, secret=SecretRef.parse(values))
    role = values.get("role_id", values.get("role", ""))
    return VaultLogin(
        method,
        mount=values.get("mount", "approle" if method == "approle" else "jwt"),
        role=SecretRef.parse(role) if role.startswith("secret://") else role,
        secret=_reference(values, "secret_id") or _reference(values, "token"),
        audience=values.get("audience", ""),
    )


def _package(said: Map) -> Package:
    return Package(said["source"], said["sha256"].lower(), said.get("ca_file", ""), said.get("properties", {}))


def _reference(values: Mapping[str, Any], name: str) -> SecretRef | None:
    text = values.get(name)
    return SecretRef.parse(text) if text is not None else None


def _credential(entry: Entry) -> Credential:
    values = entry.values
    return Credential(
        name=entry.name,
        username=values["username"],
        password=_reference(values, "password"),
        private_key=_reference(values, "private_key"),
        passphrase=_reference(values, "passphrase"),
        sudo=values.get("sudo", False),
        su=values.get("su", False),
        root_password=_reference(values, "root_password"),
        auth=values.get("auth", "ntlm"),
        agent=values.get("agent", False),
        certificate_file=values.get("certificate_file", ""),
        keytab=values.get("keytab", ""),
        resolve=values.get("resolve", "here"),
    )


def _certificate(entry: Entry) -> Certificate:
    values = entry.values
    return Certificate(
        name=entry.name,
        pfx=values.get("pfx", ""),
        passphrase=_reference(values, "passphrase"),
        cert=values.get("cert", ""),
        key=_reference(values, "key"),
    )


def _connection(
    entry: Entry,
    credentials: Mapping[str, Credential],
    certificates: Mapping[str, Certificate],
    jumps: Mapping[str, Entry],
) -> Connection:
    """A credential that is named for the connection itself goes before the certificate of the proxy."""
    values = entry.values
    is_linux = values.get("os") == "linux"
    own = values.get("connection.credentials")
    certificate = None if own is not None or is_linux else certificates.get(values.get("certificate", ""))
    return Connection(
        name=entry.name,
        host=values["host"],
        transport=Transport.SSH if is_linux else Transport.WINRM,
        credential=credentials.get(own if own is not None else values.get("credentials", "")),
        certificate=certificate,
        address=values.get("connection.address", ""),
        port=values.get("connection.port", 0),
        trust=_trust(values, "connection."),
        deadlines=_deadlines(values.get("connection.deadlines")),
        listener=values.get("connection.listener", "https"),
        jump=_jump(values.get("connection.jump"), credentials, jumps),
        verified_name=values.get("connection.name", ""),
        site=values.get("site", ""),
    )


def _jump(name: str | None, credentials: Mapping[str, Credential], jumps: Mapping[str, Entry]) -> Connection | None:
    """The jump host of this name, with those before it. A rule excludes cycles."""
    if name is None:
        return None
    values = jumps[name].values
    return Connection(
        name=name,
        host=values["host"],
        transport=Transport.SSH,
        credential=credentials[values["credentials"]],
        address=values.get("address", ""),
        port=values.get("port", 0),
        trust=_trust(values, ""),
        deadlines=_deadlines(values.get("deadlines")),
        jump=_jump(values.get("jump"), credentials, jumps),
    )


def _deadlines(said: Mapping[str, int] | None) -> Deadlines:
    return Deadlines(**{name: float(seconds) for name, seconds in said.items()}) if said else _USUAL


def _server(
    values: Mapping[str, Any], credentials: Mapping[str, Credential], certificates: Mapping[str, Certificate]
) -> Server:
    shell = None
    if "powershell.credentials" in values or "powershell.certificate" in values:
        shell = Connection(
            name=values["host"],
            host=values["host"],
            transport=Transport.WINRM,
            credential=credentials.get(values.get("powershell.credentials", "")),
            certificate=certificates.get(values.get("powershell.certificate", "")),
            address=values.get("powershell.address", "" if "rest_host" in values else values.get("address", "")),
            port=values.get("powershell.port", 0),
            trust=_trust(values, "powershell."),
            listener=values.get("powershell.listener", "https"),
            deadlines=_deadlines(values.get("deadlines")),
            verified_name=values.get("powershell.name", ""),
        )
    return Server(
        host=values["host"],
        credential=credentials[values["credentials"]],
        rest_host=values.get("rest_host", ""),
        port=values.get("port", 4443),
        address=values.get("address", ""),
        rest=values.get("rest", "auto"),
        trust=_trust(values, "tls."),
        deadlines=_deadlines(values.get("deadlines")),
        powershell=shell,
        certificate=certificates.get(values.get("certificate", "")),
    )


def _trust(values: Mapping[str, Any], prefix: str) -> Trust:
    keys = _OF_TRUST[prefix]
    if values.keys().isdisjoint(keys):
        return _SYSTEM
    said = {keys[key]: value for key, value in values.items() if key in keys}
    if not any(said.values()):
        return _SYSTEM
    return Trust(
        ca_file=said.get("ca_file", ""),
        fingerprint=said.get("fingerprint", "").replace(":", "").lower().replace("sha256", "sha256:"),
        host_keys=tuple(said.get("host_keys", ())),
        known_hosts=tuple(said.get("known_hosts", ())),
    )
