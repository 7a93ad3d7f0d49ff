"""What cannot be decoded is in the precondition of a change by its digest."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.clients.vbo import Reader
from reconciler.kinds import KINDS
from reconciler.kinds.naming import Naming
from reconciler.model.live import LiveResource
from reconciler.model.value import UNKNOWN
from reconciler.observe.server import read_server
from reconciler.plan.compare import precondition
from tests.bent.bends import Answers, Server, session_of
from tests.bent.record import VERSIONS


def seen(rest: int, answers: Answers) -> dict[str, LiveResource]:
    server = Server(rest)
    wanted = server.inventory
    reader = Reader(session_of(rest, answers))
    return {str(name): found for name, found in read_server(reader, wanted, Naming(rest, wanted.access))[0].items()}


def first(answers: Answers, path: str) -> dict[str, Any]:
    answer = answers[path]["results"] if "results" in answers[path] else answers[path]
    found: dict[str, Any] = answer[0] if isinstance(answer, list) else answer
    return found


def word_of_a_later_version(raw: dict[str, Any], word: str) -> None:
    raw["retentionPeriodType"] = word


def schedule_of_a_later_version(raw: dict[str, Any], word: str) -> None:
    raw["schedulePolicy"] = {**raw["schedulePolicy"], "scheduleEnabled": True, "type": word}


def sign_in(raw: dict[str, Any], word: str) -> None:
    raw["authenticationType"] = word


def repository_that_is_not_listed(raw: dict[str, Any], word: str) -> None:
    raw["repositoryId"] = word


@pytest.mark.parametrize(
    ("path", "bend", "field"),
    [
        ("BackupRepositories", word_of_a_later_version, "retention.keep"),
        ("Jobs", schedule_of_a_later_version, "schedule"),
        ("Jobs", repository_that_is_not_listed, "repository"),
        ("VboEmailSettings", sign_in, "server"),
    ],
)
def test_a_saved_plan_covers_unknown_fields_by_their_raw_value(
    path: str, bend: Callable[[dict[str, Any], str], None], field: str
) -> None:
    """Finding 1: an unknown field was in no precondition."""
    found = []
    for word in ("Google", "Microsoft", "Google"):
        answers = copy.deepcopy(Server(8).answers)
        bend(first(answers, path), word)
        found.append(next(item for item in seen(8, answers).values() if field in item.unknown))
    kind = KINDS[found[0].kind]
    assert all(item.fields[field] is UNKNOWN for item in found)
    before, other, again = (precondition(kind, item) for item in found)
    assert before != other
    assert before == again


def test_null_and_absent_are_the_same() -> None:
    answers = Server(8).answers
    kept = {name: value for name, value in first(answers, "Jobs").items() if name != "schedulePolicy"}
    digests = []
    for job in (kept, {**kept, "schedulePolicy": None}):
        bent = copy.deepcopy(answers)
        bent["Jobs"]["results"][0] = job
        digests.append([precondition(KINDS[item.kind], item) for item in seen(8, bent).values()])
    assert digests[0] == digests[1]


@pytest.mark.parametrize("rest", VERSIONS)
def test_no_raw_value_goes_further(rest: int) -> None:
    """Digests only: an answer may hold what was not requested."""
    answers = Server(rest).answers
    for raw in first(answers, "BackupRepositories"), first(answers, "VboEmailSettings"):
        raw |= {name: "swordfish" for name in raw if name not in ("id", "name") and isinstance(raw[name], str)}
    found = seen(rest, answers)
    assert any(item.unknown for item in found.values())
    assert all("swordfish" not in json.dumps(dict(item.unknown)) for item in found.values())
