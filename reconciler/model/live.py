"""The live world as it was observed: what the server says, and what the hosts say of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.state import JobState, ProxyState, RepositoryState, State


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """`rest` is the number of the REST version in use (5 to 8), `build` the product build, e.g. `8.5.0.1014`."""

    host: str
    rest: int
    build: str
    installation: str = ""


@dataclass(frozen=True, slots=True)
class LiveResource:
    """One object on the server, in the inventory's words. A field that cannot be seen is `UNKNOWN`.

    `name` is the name in the inventory where a declared object matches, else the server's own. `owner` is the name of
    the inventory that created it (from the mark in its description), empty without a mark. `unknown` has digests of
    what the server shows of fields that are unknown, by field. An `unmarked` object had the mark of `owner` at the last
    apply, and has none now.
    """

    kind: str
    name: str
    id: str
    fields: Mapping[str, Any]
    owner: str = ""
    state: State | None = None
    unknown: Mapping[str, str] = field(default_factory=dict)
    unmarked: bool = False

    @property
    def proxy(self) -> ProxyState:
        """The state of a proxy; what has none is in an unknown one."""
        return self.state if isinstance(self.state, ProxyState) else ProxyState()

    @property
    def repository(self) -> RepositoryState:
        """The state of a repository; what has none is in an unknown one."""
        return self.state if isinstance(self.state, RepositoryState) else RepositoryState()

    @property
    def job(self) -> JobState:
        """The state of a job; what has none is in an unknown one."""
        return self.state if isinstance(self.state, JobState) else JobState()


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What one probe of a host said. `facts` is its JSON document, empty where the probe failed: see `problem`."""

    name: str
    facts: Mapping[str, Any]
    problem: Diagnostic | None = None


INCOMPLETE: Final = "incomplete-observation"
"""The code of the problem that a gap is."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Something that must be there and that the server does not show. Objects of `kind` with `name`, in lower case, may
    exist without being listed; empty stands for every kind and every name. `address` is an object that is shown in
    part; unless it is `identified` it is not known which one it is. `field` is what it does not show of that object,
    `reason` why, if an error says so. `fix` is what resolves the gap, if it is known. Nothing that is declared depends
    on what is `aside`.
    """

    kind: str
    detail: str
    name: str = ""
    address: str = ""
    identified: bool = False
    fix: str = ""
    field: str = ""
    reason: str = ""
    aside: bool = False

    def covers(self, kind: str, name: str) -> bool:
        return self.kind in ("", kind) and self.name in ("", name.lower())


@dataclass(frozen=True, slots=True)
class Reference:
    """An object that others name and that no inventory declares (a cloud account). `names` are what it can be named by,
    the best one first; `raw` is the object in the names of the REST API."""

    kind: str
    id: str
    names: tuple[str, ...]
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LookUp:
    """The objects of an organization that a name may mean, or why they could not be looked up. If there is none, `near`
    is a name that it may be a misspelling of."""

    objects: tuple[Mapping[str, Any], ...] = ()
    problem: str = ""
    near: str = ""


@dataclass(frozen=True, slots=True)
class Live:
    """One observation. `references` has, by kind, those that were read. `requests` counts the REST requests by verb
    (the login counts as `LOGIN`). `directory` has the objects that new items of jobs name, by organization, type and
    name in lower case."""

    server: ServerInfo
    resources: Mapping[Address, LiveResource]
    hosts: Mapping[str, HostFacts]
    requests: Mapping[str, int]
    problems: tuple[Diagnostic, ...] = ()
    gaps: tuple[Gap, ...] = ()
    references: Mapping[str, Sequence[Reference]] = field(default_factory=dict)
    directory: Mapping[tuple[str, str, str], LookUp] = field(default_factory=dict)

    def is_identified(self, where: str) -> bool:
        """Whether it is known which object a live one is."""
        return all(gap.identified or gap.address != where for gap in self.gaps)
