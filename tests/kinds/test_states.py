"""The words of every REST version, in any letter case, to typed states; anything else is unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any

import pytest

from reconciler.kinds import KINDS, api
from reconciler.kinds.states import (
    health_of,
    job_state,
    move_status,
    proxy_state,
    repository_state,
    session_status,
    word_of,
)
from reconciler.kinds.typed import typed
from reconciler.model.state import (
    Health,
    JobState,
    Maintenance,
    MoveStatus,
    ProxyState,
    RepositoryState,
    SessionStatus,
    Status,
)

Read = Callable[[dict[str, Any], int], StrEnum]

WORDS: dict[tuple[str, str], tuple[type[StrEnum], Read]] = {
    ("RESTProxy", "status"): (Status, lambda raw, rest: proxy_state(raw, rest).status),
    ("RESTProxy", "maintenanceModeState"): (Maintenance, lambda raw, rest: proxy_state(raw, rest).maintenance),
    ("RESTJob", "lastStatus"): (SessionStatus, lambda raw, rest: job_state(raw, rest).last),
    ("RESTJobSession", "status"): (SessionStatus, lambda raw, _rest: session_status(raw)),
    ("RESTHealthReport", "status"): (Health, lambda raw, _rest: health_of(raw)[0]),
    ("RESTHealthReportEntry", "status"): (Health, lambda raw, _rest: health_of({"entries": {"part": raw}})[1]["part"]),
    ("RESTBackupRepositoryOwnerChangeSession", "status"): (MoveStatus, lambda raw, _rest: move_status(raw)),
}
"""By schema and property of the API: the words of ours, and how they are read."""

NO_WORDS: list[Any] = [None, "", "Starting", "on line", 0, 1, True, ["Online"], {"value": "Online"}]


KNOWN = ("is_online", "is_offline", "is_working", "in_maintenance")


def camel(word: str) -> str:
    return word[:1].lower() + word[1:]


def of_the_api(schema: str, name: str) -> Iterator[tuple[int, str]]:
    """(REST version, word) of every version; v5 has no document, and writes the words of v6 in camel case."""
    for rest in api.VERSIONS:
        found = api.schema(rest, schema).properties.get(name) if schema in api.names(rest) else None
        found = api.schema(rest, found.ref) if found and found.ref else found
        yield from ((rest, word) for word in (found.enum if found else ()))
        if rest == min(api.VERSIONS) and found:
            yield from ((5, camel(word)) for word in found.enum)


CASES = [(schema, name, rest, word) for schema, name in WORDS for rest, word in of_the_api(schema, name)]


@pytest.mark.parametrize(("schema", "name", "rest", "word"), CASES)
def test_every_word_of_the_api_is_known_in_any_letter_case(schema: str, name: str, rest: int, word: str) -> None:
    words, read = WORDS[schema, name]
    for spelled in (word, word.lower(), word.upper(), camel(word)):
        assert read({name: spelled}, rest).value.lower() == word.lower()
        assert read({name: spelled}, rest) is not words["UNKNOWN"]


@pytest.mark.parametrize(("schema", "name"), WORDS)
def test_our_words_are_those_of_the_api(schema: str, name: str) -> None:
    words, _ = WORDS[schema, name]
    assert {word.value for word in words} - {"Unknown"} == {word for rest, word in of_the_api(schema, name) if rest > 5}


@pytest.mark.parametrize("value", NO_WORDS)
@pytest.mark.parametrize(("schema", "name"), WORDS)
def test_anything_else_is_unknown(schema: str, name: str, value: Any) -> None:
    words, read = WORDS[schema, name]
    assert read({name: value}, 8) is words["UNKNOWN"]
    assert read({}, 8) is words["UNKNOWN"]


def test_the_word_unknown_itself_is_unknown() -> None:
    assert word_of(Status, "unknown") is Status.UNKNOWN


@pytest.mark.parametrize("rest", [5, 6, 7])
def test_there_is_no_maintenance_mode_before_v8(rest: int) -> None:
    assert proxy_state({}, rest).maintenance is Maintenance.DISABLED


@pytest.mark.parametrize(
    ("status", "maintenance", "facts"),
    [
        ("Online", "Disabled", {"is_online", "is_working"}),
        ("online", "disabled", {"is_online", "is_working"}),
        ("Online", "Enabling", {"is_online", "in_maintenance"}),
        ("online", "enabled", {"is_online", "in_maintenance"}),
        ("Online", "Disabling", {"is_online"}),
        ("Online", None, {"is_online"}),
        ("Offline", "Disabled", {"is_offline"}),
        ("OFFLINE", "ENABLED", {"is_offline", "in_maintenance"}),
        ("Starting", "Disabled", set()),
        (None, None, set()),
    ],
)
def test_what_a_proxy_is_known_to_be(status: Any, maintenance: Any, facts: set[str]) -> None:
    found = proxy_state({"status": status, "maintenanceModeState": maintenance}, 8)
    assert {
        name for name in ("is_online", "is_offline", "is_working", "in_maintenance") if getattr(found, name)
    } == facts


def test_an_unknown_proxy_is_nothing_that_a_change_could_rest_on() -> None:
    for found in (ProxyState(), proxy_state({}, 8)):
        assert [name for name in (*KNOWN, "is_local") if getattr(found, name)] == []
        assert (found.version, found.outdated, found.host, found.build) == (None, None, None, ())


def test_the_facts_of_a_proxy() -> None:
    raw = {
        "status": "Starting",
        "version": "8.1.0.305",
        "hostName": "PX-1",
        "fqdn": "px-1.example.com",
        "proxyPoolId": "p",
        "type": "local",
    }
    assert proxy_state(raw, 8) == ProxyState(
        version="8.1.0.305", host="PX-1", fqdn="px-1.example.com", pool="p", is_local=True
    )
    assert proxy_state(raw, 8).build == (8, 1, 0, 305)


@pytest.mark.parametrize(
    ("raw", "local"),
    [
        ({"type": "Local"}, True),
        ({"type": "LOCAL"}, True),
        ({"type": "Domain"}, False),
        ({"type": None}, False),
        ({"isDefault": True}, True),
        ({"isDefault": None}, False),
        ({"isDefault": "false"}, False),
    ],
)
def test_the_proxy_of_the_server_itself(raw: dict[str, Any], local: bool) -> None:
    assert proxy_state(raw, 5).is_local is local


def test_the_last_run_of_a_job() -> None:
    raw = {"lastStatus": "success", "lastRun": "2026-01-01T00:00:00Z", "nextRun": None}
    assert job_state(raw, 5) == JobState(SessionStatus.SUCCESS, "2026-01-01T00:00:00Z", None)
    assert job_state({}, 8) == JobState()


def test_a_session_is_active_or_has_ended_or_neither() -> None:
    active = {word for word in SessionStatus if word.is_active}
    ended = {word for word in SessionStatus if word.has_ended}
    assert active == {SessionStatus.QUEUED, SessionStatus.RUNNING}
    assert ended == {SessionStatus.SUCCESS, SessionStatus.WARNING, SessionStatus.FAILED, SessionStatus.STOPPED}
    assert {word for word in SessionStatus if word.is_good} == {SessionStatus.SUCCESS, SessionStatus.WARNING}
    assert {word for word in MoveStatus if word.is_active} == {MoveStatus.WAITING, MoveStatus.RUNNING}
    assert {word for word in MoveStatus if word.has_ended} == {MoveStatus.SUCCEEDED, MoveStatus.FAILED}


def test_the_kinds_with_a_state() -> None:
    assert {name for name, kind in KINDS.items() if kind.state is not None} == {
        "copy_job",
        "job",
        "proxy",
        "repository",
        "smtp",
    }


def test_a_repository_that_shows_nothing_is_in_an_unknown_state() -> None:
    kind = KINDS["repository"]
    assert repository_state(typed(kind, 8, {"isOutdated": None, "isOutOfOrder": "yes"}), 8) == RepositoryState()
    raw = {"isOutdated": False, "isOutOfOrder": True, "outOfOrderReason": "no access", "isOutOfSync": True}
    assert repository_state(typed(kind, 8, raw), 8) == RepositoryState(False, True, True, "no access")
    assert repository_state(typed(kind, 7, raw), 7) == RepositoryState(is_out_of_sync=True)


@pytest.mark.parametrize("rest", api.VERSIONS)
@pytest.mark.parametrize("value", ["absent", None, ""])
def test_what_is_not_shown_is_not_known(rest: int, value: Any) -> None:
    """Before v8 no proxy is in maintenance mode."""
    names = ("status", "maintenanceModeState", "version", "hostName", "fqdn", "proxyPoolId", "operatingSystem", "type")
    raw = {} if value == "absent" else dict.fromkeys(names, value)
    unknown = Maintenance.UNKNOWN if rest >= 8 else Maintenance.DISABLED
    assert proxy_state(raw, rest) == ProxyState(maintenance=unknown)
    jobs = {} if value == "absent" else dict.fromkeys(("lastStatus", "lastRun", "nextRun"), value)
    assert job_state(jobs, rest) == JobState()
    flags = ("isOutdated", "isOutOfOrder", "isOutOfSync", "outOfOrderReason")
    assert repository_state({} if value == "absent" else dict.fromkeys(flags, value), rest) == RepositoryState()
