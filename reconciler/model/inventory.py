"""The inventory: what is wanted, after includes, defaults and groups, with the place where each thing was said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from reconciler.model.address import Address, address
from reconciler.model.connection import Access
from reconciler.model.position import Position

LOCAL: Final = "local"
"""The name in every inventory of the proxy that is a part of the management server."""
WHOLE: Final = ""
"""In the place of the name of a field: the object."""
_NOWHERE: Final[Mapping[str, Position]] = {}


class Resource(NamedTuple):
    """One wanted object: `fields` in the inventory's own words (see `kinds/`), only those that are declared.

    `positions` says where single fields were said (a default or a group points there), and under WHOLE where the object
    stands. A field that the tool itself filled in has no position. Treat the mappings as read-only.
    """

    kind: str
    name: str
    fields: Mapping[str, Any]
    positions: Mapping[str, Position] = _NOWHERE

    @property
    def position(self) -> Position | None:
        """Where the object stands."""
        return self.positions.get(WHOLE)

    @property
    def address(self) -> Address:
        return address(self.kind, self.name)

    @property
    def is_local(self) -> bool:
        """Whether it is the server's own proxy, which always exists, on a host that is not ours."""
        return self.kind == "proxy" and self.name == LOCAL


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which changes are allowed: `allow` is a weekday and a time (`Sat 20:00`), `hours` its length."""

    allow: str
    hours: float
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Drain:
    """How long a proxy is waited for before it is disrupted (`deadline`, in seconds), and what then: `fail` leaves it
    alone and fails the change, `proceed` goes on all the same."""

    deadline: int = 1800
    then: str = "fail"


@dataclass(frozen=True, slots=True)
class AutomaticRule:
    """Changes that `watch --apply` makes without a person: these `actions` on `addresses` (patterns), while one of the
    `windows` is open; without any always."""

    actions: tuple[str, ...]
    addresses: tuple[str, ...]
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """Limits that a plan must keep. Percentages stay text (`50%`); see the guards in `plan/`."""

    max_deletes: int | str = 1
    max_changes: int | str = "100%"
    protect: tuple[str, ...] = ()
    windows: tuple[Window, ...] = ()
    coverage: int | str = 1
    drain: Drain = field(default_factory=Drain)
    automatic: tuple[AutomaticRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything that an inventory declares.

    `resources` is in order of address. `removed` are the proxies to be removed (`state: absent`): still listed,
    because removing one takes the login of its host. `files` are the files read, relative to `access.root`; `digest`
    is a SHA-256 over their bytes. `main` is the file that was named, empty where the whole folder was. `groups` holds
    the names of the proxies of each group, `playbooks` folders of the user's own, relative to `access.root`.
    `file_digests` holds a SHA-256 of each file that decides whom to trust and what runs on hosts (authorities,
    known hosts, playbooks), by its name; empty for one that is absent. `outside_files` are those of them that are not
    below `access.root`, after links are followed: nothing of their content is shown. `positions` says where the server,
    logins, certificates, their references to secrets, and commands stand: `server`, `credentials.admin`,
    `credentials.admin.password`, `commands`.
    """

    name: str
    access: Access
    resources: Mapping[Address, Resource]
    policy: Policy
    files: tuple[str, ...]
    digest: str
    main: str = ""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    playbooks: tuple[str, ...] = ()
    removed: Mapping[Address, Resource] = field(default_factory=dict)
    file_digests: Mapping[str, str] = field(default_factory=dict)
    outside_files: frozenset[str] = frozenset()
    positions: Mapping[str, Position] = field(default_factory=dict)

    def of_kind(self, kind: str) -> list[Resource]:
        return [resource for resource in self.resources.values() if resource.kind == kind]

    def told_of_kind(self, kind: str) -> list[Resource]:
        """The declared resources and those to be removed."""
        return self.of_kind(kind) + [resource for resource in self.removed.values() if resource.kind == kind]
