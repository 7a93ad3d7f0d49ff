"""Names and ids: the inventory speaks in names, the server in ids. One object keeps both for one server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.kinds.references import found_by, shown_name
from reconciler.model.connection import Access, Certificate, Connection, Credential
from reconciler.model.errors import UnknownName
from reconciler.model.live import LookUp, Reference
from reconciler.model.secret import SecretRef, SecretResolver


class Naming:
    """A `Context` for encoding and decoding. Fill it with `learn` as objects are observed or created. Ids are compared
    without letter case.

    Learning is safe from several threads: each call stores into two dictionaries once. `owner` is the mark that
    descriptions are written with; see `marked`. `directory` has what was looked up for items of jobs.
    """

    def __init__(self, rest: int, access: Access, resolver: SecretResolver | None = None, owner: str = "") -> None:
        self.rest = rest
        self.owner = owner
        self.directory: Mapping[tuple[str, str, str], LookUp] = {}
        self._access = access
        self._resolver = resolver
        self._ids: dict[tuple[str, str], str] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._references: dict[str, Sequence[Reference]] = {}

    def refer(self, references: Mapping[str, Sequence[Reference]]) -> None:
        """Add, by kind, every object of the server that is named by something that need not be unique."""
        self._references |= references

    def references(self, kind: str) -> Sequence[Reference] | None:
        """The objects of a kind of `Reference`, None if they were not read."""
        return self._references.get(kind)

    @property
    def referred(self) -> Mapping[str, Sequence[Reference]]:
        return self._references

    def learn(self, kind: str, name: str, ident: str) -> None:
        self._ids[kind, name] = ident
        self._names[kind, ident.lower()] = name

    def marked(self, owner: str) -> Naming:
        """The same names with another owner mark."""
        twin = Naming(self.rest, self._access, self._resolver, owner)
        twin._ids, twin._names, twin._references = self._ids, self._names, self._references
        twin.directory = self.directory
        return twin

    def id_of(self, kind: str, name: str) -> str:
        if kind in self._references:
            return found_by(kind, name, self._references[kind]).id
        try:
            return self._ids[kind, name]
        except KeyError:
            raise UnknownName(f"the server has no {kind.replace('_', ' ')} {name!r}") from None

    def has(self, kind: str, name: str) -> bool:
        return (kind, name) in self._ids

    def named(self, kind: str, ident: str) -> str:
        if kind in self._references:
            return shown_name(kind, ident, self._references[kind])
        try:
            return self._names[kind, ident.lower()]
        except KeyError:
            raise UnknownName(f"the server lists no {kind.replace('_', ' ')} with the id {ident}") from None

    def name_of(self, kind: str, ident: str) -> str:
        """The name of an object, the id itself if the server lists none with it."""
        return self._names.get((kind, ident.lower()), ident)

    def credential(self, name: str) -> Credential:
        return self._access.credentials[name]

    def certificate(self, name: str) -> Certificate:
        return self._access.certificates[name]

    def connection(self, name: str) -> Connection | None:
        return self._access.connections.get(name)

    @property
    def has_powershell(self) -> bool:
        """Whether scripts can run on the management server."""
        return self._access.server.powershell is not None

    def reveal(self, reference: SecretRef | None) -> str:
        if reference is None:
            return ""
        if self._resolver is None:
            raise RuntimeError("observing never reveals a secret")
        return self._resolver.resolve(reference).reveal()
