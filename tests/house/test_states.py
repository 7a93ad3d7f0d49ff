"""Above `kinds` and `observe` states are typed: nothing reads the API's words for them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import reconciler
from reconciler.kinds import states
from reconciler.model.live import LiveResource

HOUSE = Path(reconciler.__file__).parent
ROOMS = ("plan", "apply", "doctor", "render", "operations", "cli", "requirements")
MODULES = sorted(file for room in ROOMS for file in (HOUSE / room).rglob("*.py"))


def properties_read(source: str) -> Iterator[tuple[int, str]]:
    """(line, name) of every property that is read by name, with `get` or in brackets."""
    for node in ast.walk(ast.parse(source)):
        name: ast.expr | None = None
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "get"
            and node.args
        ):
            name = node.args[0]
        elif isinstance(node, ast.Subscript):
            name = node.slice
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield name.lineno, name.value


SHARED = {"entries", "fqdn", "hostName", "operatingSystem", "proxyPoolId", "state", "type", "version"}
"""Read for states, and names of other things too: facts of hosts, parts of bodies."""

STATES = {name for _, name in properties_read(Path(states.__file__).read_text(encoding="utf-8"))} - SHARED


def test_the_properties_that_only_states_have() -> None:
    of_repositories = {"isOutOfOrder", "isOutOfSync", "isOutdated", "outOfOrderReason"}
    of_others = {"isDefault", "lastRun", "lastStatus", "maintenanceModeState", "nextRun", "status"}
    assert of_repositories | of_others == STATES


def test_the_check_finds_both_ways_to_read_a_property() -> None:
    assert list(properties_read('a.get("status")\nb["lastRun"]\nc.status\nd.get(name)')) == [
        (1, "status"),
        (2, "lastRun"),
    ]


def test_no_module_above_observation_reads_a_word_of_the_api() -> None:
    found = [
        f"{module.relative_to(HOUSE)}:{line} {name}"
        for module in MODULES
        for line, name in properties_read(module.read_text(encoding="utf-8"))
        if name in STATES
    ]
    assert found == []


def test_a_live_object_carries_no_answer_of_the_api() -> None:
    assert [item.name for item in fields(LiveResource)] == [
        "kind",
        "name",
        "id",
        "fields",
        "owner",
        "state",
        "unknown",
        "unmarked",
    ]
