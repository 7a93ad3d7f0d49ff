"""A context with a small world of names, ids and credentials, for encoding and decoding in tests."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.kinds import Context
from reconciler.model.connection import Certificate, Connection, Credential
from reconciler.model.errors import UnknownName
from reconciler.model.live import Reference
from reconciler.model.secret import SecretRef

IDS = {
    ("organization", "contoso.onmicrosoft.com"): "0f3c1c52-0000-4000-8000-000000000001",
    ("repository", "contoso-disk"): "0f3c1c52-0000-4000-8000-000000000002",
    ("proxy", "px-lon-1"): "0f3c1c52-0000-4000-8000-000000000003",
    ("proxy", "px-lnx-1"): "0f3c1c52-0000-4000-8000-000000000004",
    ("proxy", "px-lnx-2"): "0f3c1c52-0000-4000-8000-000000000005",
    ("pool", "cloud"): "0f3c1c52-0000-4000-8000-000000000006",
    ("job", "contoso-daily"): "0f3c1c52-0000-4000-8000-000000000009",
    ("account", "AKIABACKUP"): "0f3c1c52-0000-4000-8000-000000000007",
    ("object_storage", "archive"): "0f3c1c52-0000-4000-8000-000000000008",
    ("encryption_key", "Contoso 2026"): "0f3c1c52-0000-4000-8000-000000000009",
}

_PASSWORD = SecretRef("env", "PASSWORD")
_KEY = SecretRef("file", "id_ed25519")

CREDENTIALS = {
    found.name: found
    for found in (
        Credential("corp-admin", "CORP\\svc-proxy", _PASSWORD),
        Credential("linux-key", "backup", private_key=_KEY, sudo=True),
        Credential("linux-key-locked", "backup", private_key=_KEY, passphrase=_PASSWORD, sudo=True),
        Credential("linux-sudo", "backup", _PASSWORD, sudo=True),
        Credential("linux-su", "backup", _PASSWORD, su=True, root_password=SecretRef("env", "ROOT_PASSWORD")),
        Credential("smtp-user", "mailer@corp.example.com", _PASSWORD),
        Credential("web-proxy", "web", _PASSWORD),
    )
}


class World:
    """`Context` of one REST version; `owner` is the mark that descriptions get."""

    def __init__(self, rest: int, owner: str = "corp") -> None:
        self.rest = rest
        self.owner = owner

    def id_of(self, kind: str, name: str) -> str:
        if (kind, name) not in IDS:
            raise UnknownName(f"{kind} {name}")
        return IDS[kind, name]

    def named(self, kind: str, ident: str) -> str:
        for (known, name), found in IDS.items():
            if (known, found) == (kind, ident.lower()):
                return name
        raise UnknownName(f"{kind} {ident}")

    def references(self, kind: str) -> Sequence[Reference] | None:
        return [Reference(kind, ident, (name,)) for (known, name), ident in IDS.items() if known == kind]

    def credential(self, name: str) -> Credential:
        return CREDENTIALS[name]

    def certificate(self, name: str) -> Certificate:
        return Certificate(name)

    def connection(self, name: str) -> Connection | None:
        return None

    def reveal(self, reference: SecretRef | None) -> str:
        return f"revealed {reference}" if reference else ""


def context(rest: int, owner: str = "corp") -> Context:
    return World(rest, owner)
