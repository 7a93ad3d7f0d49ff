"""Documents of facts with values of other types: one host fails, or is judged; no other host hears of it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Self

import pytest

from reconciler.model.connection import Connection, ConnectionContext, Transport
from reconciler.observe.probe import probe
from reconciler.package_data import playbooks_folder
from reconciler.requirements import load
from reconciler.requirements.evaluation import evaluate
from reconciler.requirements.facts import LONGEST, NotFacts, parse
from tests.hosts.documents import document as good
from tests.hosts.test_probe import Resolver

PLAYBOOKS = load(playbooks_folder())
NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
ODD: list[Any] = [
    None,
    True,
    -1,
    10**400,
    1.5,
    "",
    "x" * 100,
    "9" * 5000,
    "0001-01-01T00:00:00+23:59",
    [],
    [None],
    [[]],
    [{}],
    ["9" * 5000, 1],
    {},
    {"a": []},
]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from paths(item, (*path, key))


def bent(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed


class Session:
    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def execute(self, *_: object, **__: object) -> Any:
        return self.answer


def judged(system: str, answer: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """What becomes of an answer: the code of the problem, or that the host was judged."""
    monkeypatch.setattr("reconciler.clients.host_session.open_host", lambda *_: Session(answer))
    connection = Connection("px-1", "px-1.example.net", Transport.SSH)
    playbook = PLAYBOOKS[system]
    found = probe(connection, ConnectionContext(Resolver(), "/"), playbook, {}, clock=lambda: NOW)
    if found.problem is not None:
        return found.problem.code
    evaluate(playbook, found.facts, {"port": 9193, "type": "domain", "os": system}, build="8.5.0.1014")
    return "judged"


@pytest.mark.parametrize("system", ["windows", "linux"])
def test_every_value_of_every_fact_may_be_of_another_type(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    document = good(system)
    ends = {judged(system, bent(document, path, value), monkeypatch) for path in paths(document) for value in ODD} | {
        judged(system, value, monkeypatch) for value in ODD
    }
    assert ends == {"judged", "bad-answer"}


@pytest.mark.parametrize("system", ["windows", "linux"])
def test_what_is_shown_of_a_host_is_bounded(system: str) -> None:
    """Its answer may have 4 MB: a plan, a log or a comment that shows it would hold nothing else."""

    def swollen(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: swollen(part) for key, part in value.items()}
        return [swollen(item) for item in value] * 5000 if isinstance(value, list) else f"{value}{'x' * 50_000}"

    document = good(system)
    answer = {**swollen(document), "os": {**swollen(document["os"]), "family": system}}
    facts = parse(answer, system, NOW)
    assert max(len(text) for text in texts(facts)) <= LONGEST
    found = evaluate(PLAYBOOKS[system], facts, {"port": 9193, "type": "domain", "os": system}, build="8.5.0.1014")
    assert found
    assert all(len(str(item.observed)) <= LONGEST for item in found)
    with pytest.raises(NotFacts) as caught:
        parse({**answer, "os": {"family": "x" * 50_000}}, system, NOW)
    assert len(str(caught.value)) < 100


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for item in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from texts(item)
