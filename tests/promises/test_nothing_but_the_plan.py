"""An apply changes nothing that its plan does not show: from a plan, from a saved one, from a part, and resumed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption

from reconciler.clients.vbo import Reader, Session, Writer
from reconciler.kinds import KINDS, Field, Kind, Mode
from reconciler.kinds.field import hidden
from reconciler.kinds.naming import Naming
from reconciler.kinds.typed import typed
from reconciler.model.inventory import LOCAL, Inventory
from reconciler.model.plan import Plan
from reconciler.model.value import UNKNOWN
from reconciler.plan.selection import select
from tests.length import ALL, length
from tests.promises.declared import OF_LOCAL, Document, declare, empty, loaded, read_all, write
from tests.promises.run import Planned, applied, checked, failures, planned, resumed
from tests.promises.server import ADMIN, HOST
from tests.promises.snapshot import differences, objects, secrets, shown, unplanned
from tests.promises.world import VERSIONS, Draw, World, servers

FEW: Final = {6: 6, 7: 6, 8: 2}
"""Examples of each way in the unit tests, by version. Those of v8 take three times as long."""
MANY: Final = length(60, 2000)
"""Examples in the matrix, of all versions and ways."""

_NEEDED: Final = {
    "proxies": {"host", "credentials", "type", "os", "pool", "connection"},
    "repositories": {"proxy", "pool", "path", "object_storage", "retention"},
    "jobs": {"organization", "repository", "items", "run"},
    "smtp": {"server", "from", "to", "credentials"},
}
"""What an inventory has to say of an object, by section."""


def part_of(draw: Draw, document: Document) -> Document:
    """A random part of an inventory that can stand by itself."""
    part = dict(document)
    for kind in (kind for kind in KINDS.values() if kind.collection):
        section = part.get(kind.section)
        if section is not None and kind.singleton:
            part[kind.section] = _some(draw, section, kind.section)
        elif section is not None:
            part[kind.section] = {name: _some(draw, entry, kind.section) for name, entry in section.items()}
    return part


def _some(draw: Draw, entry: Document, section: str) -> Document:
    return {name: value for name, value in entry.items() if name in _NEEDED.get(section, ()) or draw(st.booleans())}


def editable(rest: int, document: Document) -> Mapping[str, tuple[Kind, str, Field]]:
    """Fields of declared objects that can change in place, by what they are called."""
    found: dict[str, tuple[Kind, str, Field]] = {}
    for kind in (kind for kind in KINDS.values() if kind.collection):
        names = [""] if kind.singleton and kind.section in document else document.get(kind.section, ())
        for item in kind.fields:
            if item.mode is Mode.MUTABLE and item.in_version(rest) and item.decode is not hidden:
                those = [name for name in names if name != LOCAL or item.name in OF_LOCAL]
                found |= {f"{kind.name} {name}: {item.name}": (kind, name, item) for name in those}
    return found


def edited(draw: Draw, world: World, document: Document, naming: Naming) -> Document:
    """The same with another value of one field."""
    places = editable(world.rest, document)
    kind, name, item = places[draw(st.sampled_from(sorted(places)))]
    value = item.from_api(typed(kind, world.rest, world.another(kind.name, name)), naming)
    assume(value is not UNKNOWN and value is not None)
    changed = copy.deepcopy(document)
    write(changed, kind, name, item, value)
    return changed


@dataclass
class Case:
    """A drawn server, an inventory of a part of it with one edit, and the server before anything is done."""

    world: World
    session: Session
    inventory: Inventory

    def __post_init__(self) -> None:
        self.world.writer = Writer(self.session)
        self.look()

    def look(self) -> None:
        """From now on only what we do is a difference."""
        self.before = shown(self.session), objects(self.session), secrets(self.world.server)

    def unplanned(self, what: Planned, plan: Plan) -> list[str]:
        """What differs now and is not in a plan."""
        snapshot, raws, kept = self.before
        changed = differences(snapshot, shown(self.session))
        found = unplanned(changed, plan.changes, (raws, objects(self.session)), what.naming())
        paths = [item.path for change in plan.changes for item in change.fields]
        logins = any("credentials" in path or path.startswith("internet_proxy") for path in paths)
        lost = {} if logins else differences(kept, secrets(self.world.server))
        return [f"{place}: {changed[place]}" for place in found] + [f"secret {place}" for place in lost]

    def left(self, keys: Iterator[str]) -> list[str]:
        """The changes that are made, and are planned again."""
        again = planned(self.session, self.inventory)
        return sorted({*keys} & {str(change.key) for change in again.plan.changes})


@contextmanager
def drawn(rest: int, draw: Draw, folder: Path) -> Iterator[Case]:
    world = servers(rest, draw)
    with world.server.session() as session:
        base = empty(rest, HOST, ADMIN)
        nothing = loaded(base, folder)
        found = read_all(Reader(session), nothing)
        naming = Naming(rest, nothing.access)
        for live in found.values():
            naming.learn(live.kind, live.name, live.id)
        document = edited(draw, world, part_of(draw, declare(rest, found, base).document), naming)
        try:
            inventory = loaded(document, folder)
        except AssertionError as error:  # the edit is none that an inventory can say
            event(f"refused: {str(error)[:80]}")
            raise UnsatisfiedAssumption from error
        yield Case(world, session, inventory)


def none(found: list[str]) -> None:
    assert not found, found


def directly(case: Case, draw: Draw) -> None:
    what = planned(case.session, case.inventory)
    assume(what.plan.changes)
    result = applied(case.session, what)
    none(failures(result))
    none(case.unplanned(what, what.plan))
    none(case.left(str(change.key) for change in what.plan.changes if not change.blocked))


def in_part(case: Case, draw: Draw) -> None:
    """`--target`: the rest of the plan is not done."""
    what = planned(case.session, case.inventory)
    assume(what.plan.changes)
    target = draw(st.sampled_from([str(change.address) for change in what.plan.changes]))
    plan = select(what.plan, [str(change.address) for change in what.plan.changes], targets=[target])
    none(failures(applied(case.session, what, plan)))
    none(case.unplanned(what, plan))


def saved(case: Case, draw: Draw) -> None:
    """A person changes another object, or the same one, between approval and apply."""
    what = planned(case.session, case.inventory)
    assume(what.plan.changes)
    kind, name = draw(st.sampled_from(sorted(case.world.paths)))
    case.world.change(kind, name)
    touched = differences(case.before[0], shown(case.session))
    case.look()
    now, check = checked(case.session, what)
    none(failures(applied(case.session, now, check.plan)))
    none(case.unplanned(now, check.plan))
    made = {change.address for change in check.plan.changes}
    event(f"{len(check.stale)} refused, {len(made)} made")
    if f"{kind}.{name}" in made:
        assert touched == {}, "the object changed after approval"


def again(case: Case, draw: Draw) -> None:
    """The process dies after a request, and the run is resumed."""
    what = planned(case.session, case.inventory)
    assume(what.plan.changes)
    begun = resumed(case.world.server, case.session, what, draw(st.integers(1, 2)))
    event(f"{len(begun)} begun")
    now, check = checked(case.session, what, begun)
    assert check.stale == ()
    none(failures(applied(case.session, now, check.plan)))
    none(case.unplanned(now, what.plan))
    none(case.left(str(change.key) for change in what.plan.changes if not change.blocked))


WAYS: Final = (directly, in_part, saved, again)


def holds(rest: int, way: Callable[[Case, Draw], None], folder: Path, examples: int, *, same: bool = False) -> None:
    @settings(
        max_examples=examples, derandomize=same, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
    )
    @given(st.data())
    def promise(data: st.DataObject) -> None:
        with drawn(rest, data.draw, folder) as case:
            way(case, data.draw)

    promise()


@pytest.mark.parametrize(
    ("rest", "way"), [(rest, way) for rest in VERSIONS for way in WAYS if way is WAYS[0] or rest == max(VERSIONS)]
)
def test_nothing_but_the_plan(rest: int, way: Callable[[Case, Draw], None], tmp_path: Path) -> None:
    """Each version and each way; the matrix has all pairs of them."""
    holds(rest, way, tmp_path, FEW[rest])


@pytest.mark.matrix
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("rest", VERSIONS)
def test_nothing_but_the_plan_at_length(rest: int, way: Callable[[Case, Draw], None], tmp_path: Path) -> None:
    holds(rest, way, tmp_path, -(-MANY // (len(VERSIONS) * len(WAYS))), same=not ALL)
