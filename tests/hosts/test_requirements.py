"""Facts against requirements: one file a case, in `cases/`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from reconciler.doctor.ports import of_proxy, of_server
from reconciler.model.inventory import Resource
from reconciler.model.script import Script
from reconciler.package_data import playbooks_folder
from reconciler.requirements import Playbook, Remedy, Requirement, UnmetRequirement, evaluate, load
from reconciler.requirements.facts import NotFacts, parse
from tests.hosts.documents import NOW, document

CASES = sorted((Path(__file__).parent / "cases").glob("*.json"))
PLAYBOOKS = load(playbooks_folder())


def shown(finding: UnmetRequirement) -> dict[str, Any]:
    found: dict[str, Any] = {
        "requirement": finding.requirement,
        "before": finding.observed,
        "after": finding.required,
    }
    if finding.script:
        found |= {"script": finding.script, "params": dict(finding.params)}
    return found | ({"unknown": True} if finding.unknown else {})


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_findings(file: Path) -> None:
    case = json.loads(file.read_text("utf-8"))
    facts = parse(document(case["os"], case["facts"]), case["os"], NOW)
    playbook = PLAYBOOKS[case["os"]]
    found = evaluate(playbook, facts, case["fields"], build=case["build"])
    needed = len(case["unmet"])
    assert [shown(item) for item in found[:needed]] == case["unmet"]
    assert [item.requirement for item in found[needed:]] == case["advice"]
    assert [item.is_advice for item in found] == [False] * needed + [True] * len(case["advice"])
    for item in found:
        assert item.why.endswith(".")
        assert bool(item.script) != bool(item.manual)


def test_there_are_cases_for_every_requirement() -> None:
    said: set[str] = set()
    for file in CASES:
        case = json.loads(file.read_text("utf-8"))
        said |= {f"{case['os']} {item['requirement']}" for item in case["unmet"]}
        said |= {f"{case['os']} {name}" for name in case["advice"]}
    declared = {f"{system} {item.name}" for system, book in PLAYBOOKS.items() for item in book.requirements}
    assert declared - said == {"linux server-name-reverse"}


def test_facts_that_are_missing_altogether_are_unknown_and_never_different() -> None:
    for system, playbook in PLAYBOOKS.items():
        found = evaluate(playbook, {}, {"type": "domain"}, build="8.5.0.1014")
        assert found, system
        assert all(item.unknown and item.observed is None for item in found)


def one(requirement: Requirement) -> Playbook:
    return Playbook("linux", Script("linux/facts.sh", ""), (requirement,), {})


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "met"),
    [
        ("equals", {"a": 1}, {"a": 1, "b": 2}, True),
        ("equals", {"a": 1}, "text", None),
        ("equals", {"a": 1}, {"b": 2}, None),
        ("at_least", 3, "many", None),
        ("at_least", "5.1", "5.10", True),
        ("at_least", "5.1", "unheard of", None),
        ("has_version", "8.0.10", ["8.0.10-rc.1"], True),
        ("has_version", "8.0.10", ["8.1.0"], False),
        ("has_version", "8.0.10", "8.0.10", None),
        ("within", 4, -4, True),
        ("within", 4, "x", None),
        ("one_of", ["a", "b"], "b", True),
    ],
)
def test_operators(operator: str, wanted: Any, value: Any, met: bool | None) -> None:
    found = evaluate(one(Requirement("name", "fact", operator, wanted, "Because.")), {"fact": value}, {})
    assert [item.unknown for item in found] == ([] if met else [met is None])


def test_an_operator_that_nobody_knows_is_a_bug() -> None:
    with pytest.raises(ValueError, match="no operator"):
        evaluate(one(Requirement("name", "fact", "about", 1, "Because.")), {"fact": 1}, {})


@pytest.mark.parametrize(
    ("member", "domain", "server", "is_of_server"),
    [
        (True, "corp.example.com", "vbo01.corp.example.com", True),
        (True, "emea.corp.example.com", "vbo01.corp.example.com", True),  # a child trusts its parent
        (True, "example.com", "vbo01.corp.example.com", True),
        (True, "ample.com", "vbo01.example.com", False),
        (True, "ad.example.net", "vbo01.corp.example.com", False),
        (True, "CORP", "vbo01.corp.example.com", None),
        (True, "corp.example.com", "vbo01", None),
        (True, "corp.example.com", "10.0.0.5", None),
        (True, "corp.example.com", "2001:db8::5", None),
        (False, "", "vbo01.corp.example.com", None),
        (None, None, "vbo01.corp.example.com", None),
    ],
)
def test_the_domain_of_the_host_beside_the_one_of_the_server(
    member: bool | None, domain: str | None, server: str, is_of_server: bool | None
) -> None:
    changes = {"domain": {"member": member, "name": domain}, "server": {"name": server}}
    assert parse(document("windows", changes), "windows", NOW)["domain"]["of_server"] is is_of_server


def test_each_requirement_is_in_the_table_of_the_readme() -> None:
    """And each port that is tried: what is required of a host stands in one place, with how it is checked."""
    text = playbooks_folder().joinpath("README.md").read_text("utf-8")
    table = text.partition("## What the product requires")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    facts = {item.fact for book in PLAYBOOKS.values() for item in book.requirements}
    missing = {fact for fact in facts if f"`{fact}`" not in table and f"`{fact.partition('.')[0]}.*`" not in table}
    assert missing == set()
    named = {fact for row in rows for fact in re.findall(r"`([a-z_]+\.[a-z_]+|[a-z]+_[a-z]+)`", row)}
    assert named - facts - {"service.install"} == set(), "a fact of the table that no playbook requires"
    for row in rows[1:]:
        what, how, place, commands = (cell.strip() for cell in row.strip("|").split("|"))
        scripts = re.findall(r"`(\w+/[\w-]+\.(?:ps1|sh))`", how)
        assert all(playbooks_folder().joinpath(script).is_file() for script in scripts), how
        assert scripts or "a connection" in how or re.search(r"`[a-z_.*]+`", how), f"{what}: how is it checked?"
        assert place in ("host", "server"), what
        assert commands in ("doctor", "plan, doctor"), what
    ports = {str(port.port) for port in of_server("host.px", "vbo")}
    ports |= {str(port.port) for port in of_proxy(Resource("proxy", "px", {"host": "px"}), 22)} - {"22"}
    assert {port for port in ports if port not in table} == set()


def numbers(operand: Any) -> set[str]:
    """The limits in an operand, as people write them: the first part of a version, a span by its end."""
    if isinstance(operand, list):
        return {str(abs(item)) for item in operand if isinstance(item, int)}
    words = re.findall(r"^\d+", str(operand)) if not isinstance(operand, bool) else []
    return set(words)


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(item, id=f"{name}-{item.name}")
        for name, book in sorted(PLAYBOOKS.items())
        for item in book.requirements
    ],
)
def test_the_row_of_a_requirement_has_its_limits(item: Requirement) -> None:
    text = playbooks_folder().joinpath("README.md").read_text("utf-8")
    table = text.partition("## What the product requires")[2].partition("\n## ")[0]
    group = f"`{item.fact.partition('.')[0]}.*`"
    (row,) = [line for line in table.splitlines() if f"`{item.fact}`" in line or group in line]
    found = set(re.findall(r"\d+(?:\.\d+)*", row))
    assert numbers(item.operand) <= {*found, *(number.partition(".")[0] for number in found)}, row
    builds = item.when.get("build", {})
    assert {builds[word] for word in ("at_least", "below") if word in builds} <= found, row


@pytest.mark.parametrize(
    ("when", "fields", "build", "applies"),
    [
        ({"type": ["domain", "workgroup"]}, {"type": "domain"}, "", True),
        ({"service.install": "package"}, {}, "", False),
        ({"service.install": "package"}, {"service.install": "package"}, "", True),
        ({"build": {"at_least": "8.0", "below": "8.4"}}, {}, "8.3.9.9", True),
        ({"build": {"at_least": "8.0", "below": "8.4"}}, {}, "8.4.0.1", False),
        ({"build": {"below": "8.0"}, "type": "domain"}, {"type": "workgroup"}, "", False),
    ],
)
def test_conditions(when: dict[str, Any], fields: dict[str, Any], build: str, applies: bool) -> None:
    requirement = Requirement("name", "fact", "equals", 1, "Because.", when=when)
    assert bool(evaluate(one(requirement), {"fact": 0}, fields, build=build)) is applies


def test_parameters_take_fields_of_the_proxy_with_their_type() -> None:
    remedy = Remedy(
        "linux/x.sh", {"port": "{port}", "text": "port {port} of {host}", "fixed": 1, "other": "{host}"}, restart=True
    )
    requirement = Requirement("name", "fact", "equals", 1, "Because.", remedy=remedy)
    (found,) = evaluate(one(requirement), {"fact": 0}, {"host": "px", "port": 9000})
    assert found.params == {"port": 9000, "text": "port 9000 of px", "fixed": 1, "other": "px"}
    assert found.restart


def test_the_document_is_brought_to_one_spelling() -> None:
    facts = parse(document("windows"), "windows", NOW)
    assert facts["host"]["fqdn"] == "px-1.corp.example.com"
    assert facts["domain"]["name"] == "corp.example.com"
    assert facts["dotnet"]["runtime"] == ["6.0.36", "8.0.11"]
    assert facts["server"] == {
        "name": "vbo01.corp.example.com",
        "addresses": ["10.0.0.5", "10.0.0.6"],
        "reverse": ["vbo01.corp.example.com"],
        "resolves": True,
        "reverse_matches": True,
    }
    assert facts["clock"] == {"utc": "2026-03-01T12:00:20Z", "minutes_off": 0}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ([], "not an object"),
        ({}, "it has no os, host"),
        (document("linux"), "declares windows"),
        ({**document("windows"), "service": "fine"}, "it has no .*service"),
    ],
)
def test_what_is_no_document_of_facts(changed: Any, said: str) -> None:
    with pytest.raises(NotFacts, match=said):
        parse(changed, "windows", NOW)
