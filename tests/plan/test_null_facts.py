"""A fact that a host does not report is not a difference: each fact of both families null, alone and all together."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from reconciler.model.live import HostFacts
from reconciler.model.plan import Plan
from reconciler.model.recall import Recall
from reconciler.package_data import playbooks_folder
from reconciler.plan.document import plan_to_json
from reconciler.plan.planner import make_plan
from reconciler.render.style import Style
from reconciler.render.text import plan_text
from reconciler.requirements import load
from reconciler.requirements.facts import parse
from tests.hosts.documents import NOW, document
from tests.plan.test_chain import proxy
from tests.plan.world import BUILD, LOCAL, FakeReader, inventory, live

PLAYBOOKS: Final = load(playbooks_folder())
SYSTEMS: Final = ("windows", "linux")
INSTALLS: Final = ("push", "package")
SERVICE: Final = {"installed": True, "version": BUILD, "state": "running", "listening": True}
_IDENTITY: Final = "os.family"
"""Without it a document is not the one of a facts script."""


def facts_of(system: str, *, registered: bool) -> dict[str, Any]:
    """The document of a host that meets everything, and has the service if it is registered."""
    found = document(system, {"service": SERVICE if registered else {"installed": False, "version": None}})
    if isinstance(found.get("domain"), Mapping):
        found["domain"] = {**found["domain"], "member": False}
    return found


def paths(facts: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from paths(value, f"{prefix}{name}.")
        yield f"{prefix}{name}"


def without(facts: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The same facts with one of them null."""
    found = copy.deepcopy(dict(facts))
    *parts, last = path.split(".")
    inner = found
    for part in parts:
        inner = inner[part]
    inner[last] = None
    return found


def leaves(facts: Mapping[str, Any]) -> list[str]:
    """Paths of facts that a host may not report. The required sections are objects of every facts script."""
    required = {"os", "host", "clock", "dotnet", "firewall", "disk", "reboot", "server", "service"}
    return [path for path in paths(facts) if path not in required and path != _IDENTITY]


def declared(system: str, install: str) -> dict[str, Any]:
    kind = "msi" if system == "windows" else "deb"
    package = {"source": f"p/proxy_{BUILD}.{kind}", "sha256": "5e" * 32}
    fields = {"type": "workgroup", "os": system, "port": 9193, "credentials": "corp"}
    return {**fields, "service.install": "package", "service.package": package} if install == "package" else fields


def planned(
    system: str, install: str, facts: Mapping[str, Any], *, registered: bool, build: str = BUILD, rest: int = 8
) -> Plan:
    wanted = inventory(proxy={"px-1": declared(system, install)})
    there = proxy(1, operatingSystem=system.capitalize(), port=9193, hostName="px-1", version=build or None)
    reader = FakeReader({"Proxies": [*LOCAL, *([there] if registered else [])]}, rest=rest, build=build)
    hosts = {"px-1": HostFacts("px-1", parse(facts, system, NOW))}
    seen = live(wanted, reader, hosts)
    return make_plan(wanted, seen, Recall(), access=wanted.access, playbooks=PLAYBOOKS)


def steps(made: Plan) -> set[str]:
    return {step.verb for change in made.changes for step in change.steps}


def check(made: Plan, whole: Plan, where: str) -> None:
    """Nothing is done beside what is done when everything is known, and no requirement is judged."""
    assert {change.key for change in made.changes} <= {change.key for change in whole.changes}, where
    assert steps(made) <= steps(whole), where
    assert [item.code for item in made.problems] == [], where
    assert {item.code for item in made.reports} <= {item.code for item in whole.reports}, where


@pytest.mark.parametrize("registered", [True, False])
@pytest.mark.parametrize("install", INSTALLS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_fact_that_is_null_changes_nothing(system: str, install: str, registered: bool) -> None:
    facts = facts_of(system, registered=registered)
    whole = planned(system, install, facts, registered=registered)
    assert (whole.problems, [change.key for change in whole.changes]) == (
        (),
        [] if registered else ["create:proxy.px-1"],
    )
    nothing = facts
    for path in leaves(facts):
        check(planned(system, install, without(facts, path), registered=registered), whole, path)
    for path in sorted(leaves(facts), key=lambda path: -path.count(".")):
        nothing = without(nothing, path)
    check(planned(system, install, nothing, registered=registered), whole, "all")


@pytest.mark.parametrize("registered", [True, False])
@pytest.mark.parametrize("install", INSTALLS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_a_server_without_a_build_leaves_no_hole_in_a_sentence(system: str, install: str, registered: bool) -> None:
    facts = facts_of(system, registered=registered)
    made = planned(system, install, facts, registered=registered, build="")
    text = plan_text(plan_to_json(made), Style())
    assert made.problems == ()
    assert not re.search(r"None|null|  +(and|of|is)\b| \.|\(\)|runs ?[:;,.]|build ?[:;,.]|``", text), text
    assert {change.action.value for change in made.changes} <= {"create"}
