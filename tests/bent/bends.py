"""One bend of one answer at a time: a property dropped, null, of another type, an unknown word, in another letter case,
an empty list; and an item that a list does not have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Final

from reconciler.clients.vbo import Reader, Session, dialect_of
from reconciler.inventory import load
from reconciler.kinds.naming import Naming
from reconciler.model.address import Address
from reconciler.model.errors import Missing
from reconciler.model.live import HostFacts, Live, LiveResource, ServerInfo
from reconciler.model.plan import Plan
from reconciler.model.recall import Identity, Memory, Recall
from reconciler.observe.server import read_server
from reconciler.plan import make_plan
from reconciler.requirements import NO_REQUIREMENTS
from tests.bent.record import ANSWERS
from tests.copying import copied

Answers = dict[str, Any]
Place = tuple[str | int, ...]

DROPPED: Final = object()
_WORD: Final = "Unheard-of"


@dataclass(frozen=True)
class Bend:
    """`place` is where in the answer to `path` the value becomes `value`."""

    path: str
    place: Place
    how: str
    value: Any

    @property
    def where(self) -> str:
        """The place without ids and numbers: `Jobs[].schedulePolicy.type`."""
        parts = ["[]" if isinstance(part, int) else f".{part}" for part in self.place if part != "results"]
        path = "/".join("{}" if "-" in part else part for part in self.path.split("/"))
        return path + "".join(parts)

    def of(self, answers: Answers) -> Answers:
        """The answers with this bend."""
        found = {**answers, self.path: copied(answers[self.path])}
        if not self.place:
            found[self.path] = self.value
            return found
        inner = found[self.path]
        for part in self.place[:-1]:
            inner = inner[part]
        if self.value is DROPPED:
            del inner[self.place[-1]]
        else:
            inner[self.place[-1]] = self.value
        return found


def bends(answers: Answers) -> Iterator[Bend]:
    """Every bend of every answer."""
    for path, answer in answers.items():
        yield from _of(path, (), answer)


def _of(path: str, place: Place, value: Any) -> Iterator[Bend]:
    if place:
        yield Bend(path, place, "dropped", DROPPED)
        yield Bend(path, place, "null", None)
        yield from (Bend(path, place, "another type", other) for other in _others(value))
    if isinstance(value, list):
        yield Bend(path, place, "empty list", [])
    if isinstance(value, str):
        yield Bend(path, place, "unknown word", _WORD)
        if value.swapcase() != value:
            yield Bend(path, place, "letter case", value.swapcase())
    inner = value.items() if isinstance(value, dict) else enumerate(_unlike(value)) if isinstance(value, list) else ()
    for part, item in inner:
        yield from _of(path, (*place, part), item)


def _unlike(items: list[Any]) -> list[Any]:
    """The items to bend: of many flags, as of the hours of a week, the first one."""
    return items[:1] if items and all(isinstance(item, bool) for item in items) else items


def _others(value: Any) -> list[Any]:
    """Values of other types: one that is true, and one that is not."""
    if isinstance(value, str):
        return [7, {"value": value}]
    if isinstance(value, bool):
        return ["yes", 0]
    if isinstance(value, int):
        return ["many", [value]]
    if isinstance(value, list):
        return [{}, "none"]
    if isinstance(value, dict):
        return [[], "none"]
    return [7, "some"]


class _Session(Session):
    """A REST session that answers from memory."""

    def __init__(self, rest: int, answers: Answers) -> None:
        self.peer, self.build, self.installation = "vbo", "", ""
        self.dialect, self.rest, self.answers = dialect_of(rest), rest, answers

    @property
    def requests(self) -> dict[str, int]:
        return {}

    @property
    def clock_ahead(self) -> timedelta:
        return timedelta()

    def read(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        known = {name.lower(): name for name in self.answers}
        if path.lower() not in known:
            raise Missing(self.peer, f"GET {path}", "not found")
        found = copied(self.answers[known[path.lower()]])
        offset = (query or {}).get("offset")
        return {**found, "results": [], "offset": offset} if offset and isinstance(found, dict) else found


def session_of(rest: int, answers: Answers) -> Session:
    """A session with a server that answers so."""
    session = _Session(rest, answers)
    session.identify()
    return session


@dataclass
class Server:
    """A server that answers as recorded, and the inventory that was applied to it."""

    rest: int

    def __post_init__(self) -> None:
        self.answers: Answers = json.loads((ANSWERS / f"v{self.rest}.json").read_text(encoding="utf-8"))
        inventory, problems = load(ANSWERS / f"v{self.rest}.yml", look_at_files=False)
        assert inventory is not None, problems
        self.inventory = inventory
        self.memory = Memory({where: {} for where in inventory.resources})

    @cached_property
    def remembering(self) -> Memory:
        """With the ids of the journal."""
        live = self.plan(self.answers, self.memory)[1]
        known = {
            str(where): Identity(live[where].id, bool(live[where].owner))
            for where in self.inventory.resources
            if where in live
        }
        return Memory(self.memory.applied, known)

    @cached_property
    def before(self) -> set[str]:
        """What is caused without a bend."""
        return self.caused(self.answers)

    def caused(self, answers: Answers) -> set[str]:
        """The keys of what would be done, with the ids of the journal or without them."""
        return of(self.plan(answers, self.memory)[0]) | of(self.plan(answers, self.remembering)[0])

    def plan(self, answers: Answers, memory: Memory) -> tuple[Plan, Mapping[Address, LiveResource]]:
        """The plan if these are the answers. Every host has a proxy service, so that an unlisted one is a takeover."""
        session = session_of(self.rest, answers)
        wanted = self.inventory
        naming = Naming(self.rest, wanted.access)
        resources, gaps = read_server(Reader(session), wanted, naming, memory=memory)
        info = ServerInfo(wanted.access.server.host, self.rest, session.build, session.installation)
        service = {"installed": True, "version": session.build}
        hosts = {proxy.name: HostFacts(proxy.name, {"service": service}) for proxy in wanted.of_kind("proxy")}
        live = Live(info, resources, hosts, {}, gaps=gaps, references=naming.referred)
        recall = Recall(memory.applied, identities=memory.identities)
        return make_plan(wanted, live, recall, access=wanted.access, playbooks=NO_REQUIREMENTS), resources

    def caused_by(self, bend: Bend) -> list[str]:
        """The keys of what would be done with a bend and not without it. Raises RemoteError."""
        return sorted(self.caused(bend.of(self.answers)) - self.before)


def of(plan: Plan) -> set[str]:
    return {change.key for change in plan.changes if not change.blocked}
