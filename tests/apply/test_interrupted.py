"""What an interrupted run sent and did not read back is verified by the run that resumes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from reconciler.apply import FirstReads
from reconciler.apply.steps import RUN, StepFailed
from reconciler.apply.steps.registry import VERIFY
from reconciler.journal import FirstRead
from reconciler.model.errors import Conflict, ConnectionLost, Missing, Refused, RemoteError
from reconciler.model.step import STEPS, Step
from reconciler.model.steps import VerifyInterrupted, step_from_json
from reconciler.operations.resume import unverified
from tests.apply.fakes import FakeServer, fake_context

PATH = "Proxies/id-px-1"
RENAME = step_from_json(
    "update", {"kind": "proxy", "name": "px-1", "fields": {"description": "new"}, "changed": ["description"]}
)
PROXY = {"id": "id-px-1", "hostName": "px-1", "description": "old", "port": 9193, "type": "Domain"}


@dataclass
class Kept:
    """A journal in memory; values are kept as JSON."""

    rows: dict[str, tuple[dict[str, Any], str]] = field(default_factory=dict)

    def keep_read(self, key: str, step: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
        self.rows[key] = dict(step), json.dumps(raw)

    def drop_read(self, key: str) -> None:
        self.rows.pop(key, None)


class Server(FakeServer):
    """What a PUT does: nothing and `error`, or its work and `effects`, and then `error`."""

    error: RemoteError | None = None
    works = True
    effects: Mapping[str, Any] = {}

    def replace(self, path: str, body: Any, *, long: bool = False) -> None:
        if self.works:
            self.objects[path] = {**self.objects[path], **body, **self.effects}
        if self.error:
            raise self.error


def server(error: RemoteError | None = None, *, works: bool = True, **effects: Any) -> Server:
    made = Server({PATH: dict(PROXY)})
    made.error, made.works, made.effects = error, works, effects
    return made


def run(server: FakeServer, step: Step, reads: FirstReads) -> str | None:
    context = fake_context(server, "px-1")
    context.first_reads = reads
    return RUN[step.verb](context, step, lambda line: None)


LOST = ConnectionLost("vbo01", f"PUT {PATH}", "reset")


def interrupted(server: Server, change: Mapping[str, Any] | None = None) -> str | None:
    """A run that does not get the answer of its PUT; then `change` happens, and another run verifies."""
    kept = Kept()
    with pytest.raises(ConnectionLost):
        run(server, RENAME, FirstReads(kept))
    server.objects[PATH] |= change or {}
    [(key, (step, content))] = kept.rows.items()
    reads = FirstReads(kept, {key: json.loads(content)})
    try:
        return run(server, VerifyInterrupted(read=key, of=step), reads)
    finally:
        assert (kept.rows, reads.pending) == ({}, [])


@pytest.mark.parametrize("works", [True, False])
def test_a_request_with_no_other_effect_is_verified(works: bool) -> None:
    assert interrupted(server(LOST, works=works)) is None


def test_a_side_effect_of_the_lost_request_is_named() -> None:
    with pytest.raises(StepFailed, match=r"^more differs than the interrupted run planned: `port`: `9193` -> `9999`$"):
        interrupted(server(LOST, port=9999))


def test_what_another_user_changed_meanwhile_is_named() -> None:
    with pytest.raises(StepFailed, match="`enableNetworkThrottling`: `null` -> `true`"):
        interrupted(server(LOST, works=False), {"enableNetworkThrottling": True})


def test_an_object_that_is_gone_is_a_failure() -> None:
    class Gone(Server):
        def get(self, path: str) -> dict[str, Any]:
            raise Missing("vbo01", f"GET {path}", "Not Found", status=404)

    reads = FirstReads(None, {PATH: PROXY})
    step = VerifyInterrupted(read=PATH, of={"verb": "update", "params": RENAME.params})
    with pytest.raises(StepFailed, match="it does not exist any more"):
        run(Gone({}), step, reads)
    assert reads.pending == []


def test_an_object_that_the_server_lists_no_more_is_a_failure_once() -> None:
    reads = FirstReads(None, {PATH: PROXY})
    gone = {**RENAME.params, "name": "px-2"}
    step = VerifyInterrupted(read=PATH, of={"verb": "update", "params": gone})
    with pytest.raises(StepFailed, match="it does not exist any more"):
        run(server(), step, reads)
    assert reads.pending == []


def test_what_is_verified_is_not_verified_twice() -> None:
    step = VerifyInterrupted(read=PATH, of={"verb": "update", "params": RENAME.params})
    assert run(server(), step, FirstReads()) == "an earlier attempt verified it"


def test_secrets_are_not_kept_and_not_compared() -> None:
    kept, asked = Kept(), server(LOST)
    asked.objects[PATH]["userPassword"] = "hunter2"
    with pytest.raises(ConnectionLost):
        run(asked, RENAME, FirstReads(kept))
    [(key, (step, content))] = kept.rows.items()
    assert "hunter2" not in content
    verify = VerifyInterrupted(read=key, of=step)
    assert run(asked, verify, FirstReads(kept, {key: json.loads(content)})) is None


@pytest.mark.parametrize(
    ("error", "stays"),
    [
        (Conflict("vbo01", "PUT", "busy", status=409), False),
        (Refused("vbo01", "PUT", "bad", status=400), False),
        (Refused("vbo01", "PUT", "failed", status=500), True),  # it may have done a part
        (LOST, True),
    ],
)
def test_what_the_server_refused_needs_no_verification(error: RemoteError, stays: bool) -> None:
    kept = Kept()
    with pytest.raises(RemoteError):
        run(server(error, works=False), RENAME, FirstReads(kept))
    assert bool(kept.rows) == stays


def test_a_refusal_after_a_lost_attempt_leaves_the_first_one_to_verify() -> None:
    kept, asked = Kept(), server(LOST)
    reads = FirstReads(kept)
    with pytest.raises(ConnectionLost):
        run(asked, RENAME, reads)
    asked.error = Conflict("vbo01", "PUT", "busy", status=409)
    with pytest.raises(Conflict):
        run(asked, RENAME, reads)
    assert list(kept.rows) == [PATH]


def test_nothing_is_sent_if_the_journal_cannot_keep_what_was_read() -> None:
    class Full(Kept):
        def keep_read(self, key: str, step: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
            raise OSError("disk full")

    asked = server()
    with pytest.raises(OSError, match="disk full"):
        run(asked, RENAME, FirstReads(Full()))
    assert asked.objects[PATH] == PROXY


def test_every_step_that_keeps_what_it_read_can_be_verified() -> None:
    assert sorted(VERIFY) == [
        "adopt",
        "job.item.add",
        "job.item.change",
        "job.item.remove",
        "job.switch",
        "repository.storage",
        "update",
    ]
    assert VERIFY.keys() <= STEPS.keys()


JOB = {"id": "1", "name": "daily", "backupType": "SelectedItems", "isEnabled": True}
ITEM = {"name": "daily", "title": "site", "item": [{"site": "https://example.com/a"}]}
SITE = {"id": "i-1", "type": "Site", "site": {"id": "s-1", "url": "https://example.com/a"}}


@pytest.mark.parametrize(
    ("step", "after"),
    [
        (step_from_json("job.switch", {"name": "daily", "enabled": False}), {"isEnabled": False}),
        (step_from_json("job.item.add", ITEM), {"selectedItems": [SITE]}),
        (step_from_json("job.item.change", ITEM), {}),
        (step_from_json("job.item.remove", ITEM), {}),
    ],
)
def test_steps_of_jobs_are_verified(step: Step, after: Mapping[str, Any]) -> None:
    before = {**JOB, "selectedItems": [], "excludedItems": []}
    asked = FakeServer({"Jobs/1": {**before, **after}}, rest=7)
    context = fake_context(asked)
    context.naming.learn("job", "daily", "1")
    assert VERIFY[step.verb](context, step, before) == []
    asked.objects["Jobs/1"]["repositoryId"] = "other"
    assert VERIFY[step.verb](context, step, before) == ["`repositoryId`: `null` -> `other`"]


def test_settings_of_object_storage_are_verified() -> None:
    changed = {"object_storage.size_limit_gb": 512}
    step = step_from_json("repository.storage", {"name": "s3", "fields": changed, "changed": list(changed)})
    before = {"id": "o", "type": "AmazonS3Compatible", "sizeLimitEnabled": True, "sizeLimitGB": 100}
    asked = FakeServer({"BackupRepositories/1": {"objectStorageId": "o"}}, rest=7)
    asked.objects["objectstoragerepositories/o"] = {**before, "sizeLimitGB": 512}
    context = fake_context(asked)
    context.naming.learn("repository", "s3", "1")
    assert VERIFY[step.verb](context, step, before) == []
    asked.objects["objectstoragerepositories/o"]["enableImmutability"] = True
    assert VERIFY[step.verb](context, step, before) == ["`enableImmutability`: `null` -> `true`"]


def test_what_is_not_verified_belongs_to_the_change_that_sent_it() -> None:
    sent = {"verb": "update", "params": RENAME.params}
    changes = [
        {"key": "update:proxy.px-1", "steps": [{"verb": "maintenance.on", "params": {}}, sent]},
        {"key": "update:proxy.px-2", "steps": [{"verb": "update.verify", "params": {"read": "x", "of": {}}}]},
    ]
    verify = VerifyInterrupted(read=PATH, of=sent)
    assert unverified(changes, [FirstRead(PATH, sent, {}), FirstRead("y", {"verb": "update"}, {})]) == {
        "update:proxy.px-1": [verify]
    }
    again = [{"key": "update:proxy.px-1", "steps": [{"verb": verify.verb, "params": verify.params}]}]
    assert unverified(again, [FirstRead(PATH, sent, {})]) == {"update:proxy.px-1": [verify]}
