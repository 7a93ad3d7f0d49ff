"""Who did it: the account, and the person behind a pipeline."""

from __future__ import annotations

import getpass
import platform
import re
from datetime import UTC, datetime

import pytest

from reconciler.journal import who_am_i
from reconciler.journal.ids import new_id

GITHUB = {
    "GITHUB_ACTOR": "octocat",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "corp/backup",
    "GITHUB_RUN_ID": "77",
    "GITHUB_SHA": "0123abc",
}
AZURE = {
    "BUILD_REQUESTEDFOR": "Alice Example",
    "SYSTEM_COLLECTIONURI": "https://dev.azure.com/corp/",
    "SYSTEM_TEAMPROJECT": "backup",
    "BUILD_BUILDID": "5",
    "BUILD_SOURCEVERSION": "0123abc",
}


@pytest.mark.parametrize(
    ("environ", "actor", "job", "commit"),
    [
        ({}, "", "", ""),
        (GITHUB, "octocat", "https://github.com/corp/backup/actions/runs/77", "0123abc"),
        (
            {**GITHUB, "GITHUB_TRIGGERING_ACTOR": "hubot"},
            "hubot",
            "https://github.com/corp/backup/actions/runs/77",
            None,
        ),
        ({"GITHUB_ACTOR": "octocat"}, "octocat", "", ""),
        (
            {"GITLAB_USER_LOGIN": "alice", "CI_JOB_URL": "https://git/jobs/1", "CI_COMMIT_SHA": "fed"},
            "alice",
            "https://git/jobs/1",
            "fed",
        ),
        (AZURE, "Alice Example", "https://dev.azure.com/corp/backup/_build/results?buildId=5", "0123abc"),
        ({"BUILD_USER_ID": "alice", "BUILD_URL": "https://ci/job/1/"}, "alice", "https://ci/job/1/", ""),
        ({"SUDO_USER": "alice"}, "alice", "", ""),
    ],
)
def test_the_person_behind_it_is_found(environ: dict[str, str], actor: str, job: str, commit: str | None) -> None:
    who = who_am_i(environ)
    assert (who.user, who.host) == (getpass.getuser(), platform.node())
    assert (who.actor, who.job) == (actor, job)
    assert commit is None or who.commit == commit
    here = f"{who.user}@{who.host}"
    assert str(who) == (f"{here} ({', '.join(part for part in (actor, job) if part)})" if actor else here)


def test_an_account_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_account() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", no_account)
    assert re.fullmatch(r"uid \d+", who_am_i({}).user)


def test_ids_sort_by_time_and_are_never_the_same() -> None:
    moments = [datetime(2026, 10, 3, 20, 0, second, tzinfo=UTC) for second in range(10)]
    ticking = iter(moments)
    ids = [new_id(lambda: next(ticking)) for _ in moments]
    assert ids == sorted(ids)
    assert len({new_id(lambda: moments[0]) for _ in range(100)}) == 100
    assert new_id(lambda: moments[0], lambda bits: 2**bits - 1) == "01M41NM7G0ZZZZZZZZZZZZZZZZ"
    assert new_id(lambda: moments[0], lambda bits: 0) == "01M41NM7G00000000000000000"
