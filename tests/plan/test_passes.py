"""The passes of the planner: any order that satisfies what they need gives the same plan, and they need all of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise, permutations
from typing import Any

import pytest

from reconciler.model.inventory import Resource
from reconciler.model.live import Gap
from reconciler.model.plan import Plan
from reconciler.plan import plan_to_json
from reconciler.plan.passes import Pass
from reconciler.plan.planner import PASSES, make_plan
from tests.plan.drawn import PLAYBOOKS, World, world

NAMES = [item.name for item in PASSES]


def made(given: World, passes: Sequence[Pass] = PASSES) -> Plan:
    return make_plan(
        given.inventory, given.live, given.recall, access=given.inventory.access, playbooks=PLAYBOOKS, passes=passes
    )


def text(plan: Plan) -> str:
    return json.dumps(plan_to_json(plan))


def without_ids(given: World) -> World:
    """The same world if its jobs are as declared, every apply starts them, and the server does not show their
    ids."""
    jobs = [job for job in given.inventory.of_kind("job") if job.address in given.live.resources]
    always = {job.address: job._replace(fields={**_key(job), "run": "always"}) for job in jobs}
    inventory = replace(given.inventory, resources={**given.inventory.resources, **always})
    gaps = tuple(Gap("job", "no id is shown", address=job.address, identified=True) for job in jobs)
    return replace(given, inventory=inventory, live=replace(given.live, gaps=gaps))


def _key(job: Resource) -> dict[str, Any]:
    return {name: job.fields[name] for name in ("name", "organization")}


@cache
def worlds() -> list[World]:
    found = [world(seed) for seed in range(40)]
    return found + [without_ids(given) for given in found[:10]]


@cache
def before() -> list[str]:
    return [text(made(given)) for given in worlds()]


def is_satisfied(order: Sequence[Pass]) -> bool:
    done: set[str] = set()
    for item in order:
        if not done.issuperset(item.needs):
            return False
        done.add(item.name)
    return True


@pytest.mark.parametrize("place", range(len(PASSES) - 1), ids=[f"{a}, {b}" for a, b in pairwise(NAMES)])
def test_two_passes_change_places_without_effect_or_not_at_all(place: int) -> None:
    order = list(PASSES)
    order[place], order[place + 1] = order[place + 1], order[place]
    if not is_satisfied(order):
        with pytest.raises(ValueError, match=f"the pass {order[place].name} runs before {order[place + 1].name}"):
            made(worlds()[0], order)
        return
    assert [text(made(given, order)) for given in worlds()] == before()


@pytest.mark.matrix
def test_every_order_that_satisfies_the_needs_gives_the_same_plan() -> None:
    orders = [order for order in permutations(PASSES) if is_satisfied(order)]
    assert len(orders) > 10
    for order in orders:
        assert [text(made(given, order)) for given in worlds()[:6]] == before()[:6]


@pytest.mark.parametrize(("name", "need"), [(item.name, need) for item in PASSES for need in item.needs])
def test_what_a_pass_needs_matters(name: str, need: str) -> None:
    without = [
        replace(item, needs=tuple(other for other in item.needs if other != need)) if item.name == name else item
        for item in PASSES
    ]
    assert [text(made(given, without)) for given in worlds()] != before()


def test_every_pass_contributes() -> None:
    for left_out in NAMES:
        rest: list[Any] = [
            replace(item, needs=tuple(need for need in item.needs if need != left_out))
            for item in PASSES
            if item.name != left_out
        ]
        assert [text(made(given, rest)) for given in worlds()] != before(), left_out
