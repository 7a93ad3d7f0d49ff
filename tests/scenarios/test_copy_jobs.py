"""Backup copy jobs: declared, changed piece by piece, enabled; those of other people are left alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.by_hand import by_hand
from tests.scenarios.rehearsal import Rehearsal

INVENTORY = r"""version: 1
name: copies
server: {host: vbo.corp.example.com, rest: REST, credentials: admin}
credentials:
  admin: {username: 'CORP\svc-vbo', password: secret://env/VBO_PASSWORD}
proxies:
  px-1: {host: px-1.corp.example.com, type: domain, credentials: admin}
repositories:
  disk: {proxy: px-1, path: 'D:\VBO', retention: {type: item-level, keep: 3 years}}
  archive: {proxy: px-1, object_storage: STORAGE, retention: {type: snapshot, keep: 10 years}}
  second: {proxy: px-1, object_storage: SECOND, retention: {type: snapshot, keep: 10 years}}
organizations:
  contoso.example.com: {}
jobs:
  mail: {organization: contoso.example.com, repository: disk, items: [mailbox], run: never, schedule: manual}
copy_jobs:
  mail-copy: {job: mail, repository: archive, schedule: {DAILY}}
"""
DAILY = 'daily: "06:00", backup_window: {weekends: all, minute_offset: 60}'
STORAGE = "{type: s3-compatible, account: minio, endpoint: 'https://s3.example.net', bucket: vbo, folder: FOLDER}"
VERSIONS = (pytest.param("v6", marks=pytest.mark.matrix), pytest.param("v7", marks=pytest.mark.matrix), "v8")
EDITS = (
    ('daily: "06:00"', "every: 4 hours", {"schedule": [{"daily": "06:00", "days": "everyday"}, {"every": "4 hours"}]}),
    ("every: 4 hours", "immediate: true", {"schedule": [{"every": "4 hours"}, "immediate"]}),
    ("minute_offset: 60", "minute_offset: 0", {"schedule.backup_window.minute_offset": [60, 0]}),
    (
        "{weekends: all, minute_offset: 0}",
        "off",
        {"schedule.backup_window": [{"weekends": "00:00-24:00"}, "off"]},
    ),
    ("{immediate: true, backup_window: off}", "immediate, enabled: false", {"enabled": [True, False]}),
    ("enabled: false", "enabled: true", {"enabled": [False, True]}),
    ("repository: archive, schedule", "repository: second, schedule", {"repository": ["archive", "second"]}),
)


def copies(folder: Path, rest: str = "v8") -> Rehearsal:
    rehearsal = Rehearsal(folder)
    text = INVENTORY.replace("DAILY", DAILY)
    for word, name in (("STORAGE", "archive"), ("SECOND", "second")):
        said = STORAGE.replace("FOLDER", name) if rest == "v8" else f"{{name: {name.capitalize()}}}"
        text = text.replace(word, said)
    rehearsal.file.write_text(text.replace("REST", rest), encoding="utf-8")
    return rehearsal


def copy_of(rehearsal: Rehearsal) -> dict[str, Any]:
    """The only copy job, without what moves by itself."""
    moving = {"eTag", "lastRun", "nextRun", "lastBackup", "lastStatus", "_links"}
    with by_hand(rehearsal) as hand:
        (found,) = hand.request("GET", "CopyJobs").json()["results"]
    return {name: value for name, value in found.items() if name not in moving}


@pytest.mark.matrix
@pytest.mark.parametrize("rest", VERSIONS)
def test_every_field_is_created_and_changed_by_itself(tmp_path: Path, rest: str) -> None:
    rehearsal = copies(tmp_path, rest)
    rehearsal.converges()
    for old, new, fields in EDITS:
        rehearsal.replace(old, new)
        assert rehearsal.changes() == {"update:copy_job.mail-copy": fields}
        rehearsal.converges()


@pytest.mark.matrix
@pytest.mark.parametrize("semantics", ["merge", "replace"])
def test_what_is_not_declared_is_left_alone(tmp_path: Path, semantics: str) -> None:
    rehearsal = copies(tmp_path)
    rehearsal.converges()
    rehearsal.set("server", f"put_copy_jobs={semantics}")
    with by_hand(rehearsal) as hand:
        hand.request("POST", f"CopyJobs/{hand.request('GET', 'CopyJobs').json()['results'][0]['id']}/disable")
    before = copy_of(rehearsal)
    rehearsal.replace("minute_offset: 60}}", "minute_offset: 60}}, enabled: unmanaged")
    assert rehearsal.changes() == {}
    rehearsal.replace(DAILY, 'daily: "07:00"')
    rehearsal.converges()
    after = copy_of(rehearsal)
    assert after == before | {"schedulePolicy": before["schedulePolicy"] | {"dailyTime": "07:00:00"}}


@pytest.mark.matrix
def test_a_copy_job_that_was_made_by_hand_can_be_declared_as_it_is(tmp_path: Path) -> None:
    rehearsal = copies(tmp_path)
    text = rehearsal.file.read_text(encoding="utf-8")
    rehearsal.file.write_text(text.partition("copy_jobs:")[0], encoding="utf-8")
    rehearsal.converges()
    with by_hand(rehearsal) as hand:
        job = hand.by_name("Jobs", "name", "mail")
        target = hand.by_name("BackupRepositories", "name", "archive")["id"]
        body = {"backupJobId": job["id"], "organizationId": job["organizationId"], "repositoryId": target}
        hand.request("POST", "CopyJobs", json=body)
    plan = rehearsal.plan()
    (report,) = [item for item in plan["reports"] if item["address"].startswith("copy_job.")]
    assert (plan["changes"], report["code"]) == ([], "not-ours")
    rehearsal.file.write_text(text.partition("schedule: {daily")[0] + "schedule: immediate}\n", encoding="utf-8")
    assert rehearsal.changes() == {}
    rehearsal.file.write_text(text.partition("jobs:\n")[0], encoding="utf-8")
    (change,) = [item for item in rehearsal.plan()["changes"] if item["address"] == "job.mail"]
    assert change["action"] == "delete"
    assert "it is in use by copy_job." in change["blocked"]


@pytest.mark.matrix
def test_what_was_created_here_is_deleted_from_memory_and_nothing_else_is(tmp_path: Path) -> None:
    """A copy job carries no mark: the journal remembers by its id that it was created here."""
    rehearsal = copies(tmp_path)
    rehearsal.converges()
    text = rehearsal.file.read_text(encoding="utf-8")
    without = text.partition("copy_jobs:")[0]
    rehearsal.file.write_text(without, encoding="utf-8")
    assert [change["key"] for change in rehearsal.plan()["changes"]] == ["delete:copy_job.mail-copy"]
    with by_hand(rehearsal) as hand:
        (old,) = hand.request("GET", "CopyJobs").json()["results"]
        hand.request("DELETE", f"CopyJobs/{old['id']}")
        body = {name: old[name] for name in ("backupJobId", "organizationId", "repositoryId")}
        hand.request("POST", "CopyJobs", json=body)
    assert rehearsal.plan()["changes"] == []  # another one in its place is not ours
    with by_hand(rehearsal) as hand:
        hand.request("DELETE", f"CopyJobs/{hand.request('GET', 'CopyJobs').json()['results'][0]['id']}")
    rehearsal.file.write_text(text, encoding="utf-8")
    rehearsal.converges()
    rehearsal.file.write_text(without.partition("jobs:\n")[0], encoding="utf-8")
    ended = rehearsal.apply("--waive", "max-deletes=both", "--waive", "max-changes=both")
    assert ended.code == 0, ended.out + ended.err
    with by_hand(rehearsal) as hand:
        assert hand.request("GET", "CopyJobs").json()["results"] == hand.request("GET", "Jobs").json()["results"] == []


def ran(rehearsal: Rehearsal) -> list[str]:
    """The sessions of copy jobs, by their status."""
    with by_hand(rehearsal) as hand:
        found = hand.request("GET", "JobSessions?jobType=Copy").json()["results"]
    return [item["status"] for item in found]


@pytest.mark.matrix
@pytest.mark.parametrize("rest", VERSIONS)
def test_a_copy_job_runs_after_its_job_where_its_path_changed(tmp_path: Path, rest: str) -> None:
    rehearsal = copies(tmp_path, rest)
    rehearsal.replace("copy_jobs:", "defaults: {copy_job: {run: on-change}}\ncopy_jobs:")
    rehearsal.replace("run: never, ", "")
    plan = rehearsal.plan()
    (run,) = [change for change in plan["changes"] if change["key"] == "run:copy_job.mail-copy"]
    assert "run:job.mail" in run["depends_on"]
    rehearsal.converges()
    assert ran(rehearsal) == ["Success"]
    rehearsal.replace('daily: "06:00"', 'daily: "07:00"')
    assert sorted(rehearsal.changes()) == ["update:copy_job.mail-copy"]
    rehearsal.replace("repository: archive, schedule", "repository: second, schedule")
    assert sorted(rehearsal.changes()) == ["run:copy_job.mail-copy", "update:copy_job.mail-copy"]
    rehearsal.replace("on-change", "never")
    assert sorted(rehearsal.changes()) == ["update:copy_job.mail-copy"]
    rehearsal.converges()
    assert ran(rehearsal) == ["Success"]


@pytest.mark.matrix
@pytest.mark.parametrize("rest", VERSIONS)
def test_copy_jobs_are_listed_and_started_by_their_name(tmp_path: Path, rest: str) -> None:
    rehearsal = copies(tmp_path, rest)
    refused = rehearsal.run("jobs", "run", "mail-copy", str(rehearsal.file), "--lab")
    assert (refused.code, "does not have this job yet" in refused.out + refused.err) == (3, True)
    rehearsal.converges()
    file = str(rehearsal.file)
    ended = rehearsal.run("jobs", "run", "mail-copy", "mail", file, "--lab", "--format", "json")
    assert ended.code == 0, ended.out + ended.err
    outcomes = {item["key"]: item["outcome"] for item in json.loads(ended.out)["outcomes"]}
    assert outcomes == {"run:job.mail": "done", "run:copy_job.mail-copy": "done"}
    assert ran(rehearsal) == ["Success"]
    listed = json.loads(rehearsal.run("jobs", "list", file, "--lab", "--format", "json").out)["jobs"]
    assert [(job["name"], job["kind"], job["organization"], job["last_status"]) for job in listed] == [
        ("mail", "job", "contoso.example.com", "Success"),
        ("mail-copy", "copy_job", "contoso.example.com", "Success"),
    ]
    assert "mail-copy (copy job)" in rehearsal.run("jobs", "list", file, "--lab").out
    rehearsal.replace("mail-copy:", "mail:")
    both = rehearsal.run("jobs", "run", "mail", file, "--lab")
    assert "'mail' is a job and a copy job: write job.mail or copy_job.mail" in both.err
    assert rehearsal.run("jobs", "run", "copy_job.mail", file, "--lab").code == 0


@pytest.mark.matrix
def test_a_repository_that_is_out_of_date_names_its_copy_jobs(tmp_path: Path) -> None:
    rehearsal = copies(tmp_path)
    rehearsal.converges()
    rehearsal.set("server", f"repository_states={json.dumps({'archive': {'isOutdated': True}})}")
    (upgrade,) = rehearsal.plan()["changes"]
    assert upgrade["key"] == "upgrade:repository.archive"
    assert upgrade["cause"]["detail"] == "the repository is out of date: mail-copy stands still"


@pytest.mark.matrix
def test_rest_v5_has_no_copy_jobs_to_start(tmp_path: Path) -> None:
    rehearsal = copies(tmp_path, "auto")
    rehearsal.replace("rest: auto", "rest: v5")
    refused = rehearsal.run("jobs", "run", "mail-copy", str(rehearsal.file), "--lab")
    assert "Copy jobs require REST v6" in refused.err
