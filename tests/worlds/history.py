"""What happens in a drawn world: applied as it was, changed in the inventory and by hand, applied as it is now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from reconciler.model.inventory import Inventory
from tests.same_plans.draw import inventory
from tests.same_plans.edit import edited, on_the_server
from tests.same_plans.mend import mend
from tests.worlds.said import lines_of
from tests.worlds.server import MemoryServer
from tests.worlds.world import World, populate, rest_of, simplified

CASES = Path(__file__).parent / "cases"
SEEDS = range(60)


def drawn(seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    draw = Random(seed)
    old = inventory(draw)
    mend(draw, old)
    return simplified(old), simplified(edited(draw, old))


def history(seed: int, folder: Path) -> Iterator[str]:
    """Lines about every plan, how it ended, and what is left to do afterwards."""
    lines: list[str] = []
    world, wanted = changed(seed, folder, lines.append)
    yield from lines
    yield "== as it is now"
    yield from ["the inventory is refused"] if wanted is None else _applied(world, wanted)


def changed(seed: int, folder: Path, report: Callable[[str], object] = len) -> tuple[World, Inventory | None]:
    """A world in which the older inventory was applied, and then this and that happened; and the newer inventory, None
    if it is refused."""
    old, new = drawn(seed)
    world = World(folder, MemoryServer(rest=rest_of(old)))
    populate(world.server)
    draw = Random(seed)
    if draw.random() < 0.2:
        host = old["proxies"][draw.choice(sorted(old["proxies"]))]["host"]
        world.services[host] = {"installed": True, "version": draw.choice(["8.5.0.1014", "8.4.0.1", "8.6.0.1"])}
    report("== as it was")
    wanted = world.load(old)
    assert wanted is not None
    for line in lines_of(world.review(wanted)):
        if not line.startswith(" "):
            report(line)
    world.apply(wanted)
    world.server.log.clear()
    for _ in range(draw.choice([0, 0, 1, 3])):
        report(f"by hand: {_by_hand(draw, world.server)}")
    for line in _trouble(draw, world, old):
        report(line)
    return world, world.load(new)


def _trouble(draw: Random, world: World, old: dict[str, Any]) -> Iterator[str]:
    """A password that was rotated, a host that does not answer, and what a killed apply leaves in the journal."""
    proxy, job = draw.choice(sorted(old["proxies"])), draw.choice(sorted(old["jobs"]))
    if draw.random() < 0.3:
        name = draw.choice(["CORP_PASSWORD", "CORP_2_PASSWORD", "DMZ_PASSWORD", "SMTP_PASSWORD"])
        world.secrets.rotated[f"secret://env/{name}"] = "another"
        yield f"rotated: {name}"
    if draw.random() < 0.2:
        world.silent.add(proxy)
        yield f"silent: {proxy}"
    if draw.random() < 0.2:
        mark = draw.choice(["pending", "begun after no run", "begun after run 1"])
        world.memory.rows.setdefault(f"job.{job}", {})["(run)"] = mark
        yield f"killed: {job} {mark}"
    if draw.random() < 0.2:
        world.memory.rows[f"drain.{proxy}"] = {"(drain)": "by an apply"}
        for raw in world.server.data["Proxies"].values():
            if raw["hostName"] == old["proxies"][proxy]["host"] and world.server.rest >= 8:
                raw["maintenanceModeState"] = "Enabled"
        yield f"killed: drain of {proxy}"


def _applied(world: World, wanted: Inventory) -> Iterator[str]:
    yield from lines_of(world.review(wanted))
    made = world.apply(wanted)
    blocked = {change.key for change in made.changes if change.blocked}
    for key, end in world.result.outcomes.items():
        if key not in blocked and end.outcome.value != "done":
            yield f"{end.outcome.value}: {key}"
    yield from (f"wrote {line}" for line in world.server.log)
    yield "-- left"
    yield from lines_of(world.review(wanted))


def _by_hand(draw: Random, server: MemoryServer) -> str:
    names = {"proxies": "Proxies", "pools": "ProxyPools", "repositories": "BackupRepositories", "jobs": "Jobs"}
    state: dict[str, Any] = {ours: server.data[theirs] for ours, theirs in names.items()}
    state |= {"email": server.email, "build": server.build}
    done = on_the_server(draw, state)
    server.email, server.build = state["email"], state["build"]
    return done
