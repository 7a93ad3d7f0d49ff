"""Updates are verified against the object as it was before the first attempt."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.apply.retry import with_retry
from reconciler.apply.steps import RUN, StepFailed
from reconciler.model.errors import ConnectionLost
from reconciler.model.step import Step
from reconciler.model.steps import step_from_json
from tests.apply.fakes import FakeServer, fake_context

PATH = "Proxies/id-px-1"
RENAME = {"kind": "proxy", "name": "px-1", "fields": {"description": "new"}, "changed": ["description"]}
PROXY = {
    "id": "id-px-1",
    "hostName": "px-1",
    "description": "old",
    "port": 9193,
    "type": "Domain",
    "operatingSystem": "Windows",
}


class Losing(FakeServer):
    """A server whose PUT changes more than it is sent, and whose answer to a request is lost once."""

    lost = "replace"
    effects: dict[str, Any]

    def get(self, path: str) -> dict[str, Any]:
        if self.lost == "read back" and self.objects[path]["description"] == "new":
            self.lost = ""
            raise ConnectionLost("vbo01", f"GET {path}", "reset")
        return super().get(path)

    def replace(self, path: str, body: Any, *, long: bool = False) -> None:
        self.objects[path] = {**self.objects[path], **body, **self.effects}
        if self.lost == "replace":
            self.lost = ""
            raise ConnectionLost("vbo01", f"PUT {path}", "reset")


def update(lost: str, effects: dict[str, Any]) -> Step:
    server = Losing({PATH: dict(PROXY)})
    server.lost, server.effects = lost, effects
    context = fake_context(server, "px-1")
    step = step_from_json("update", RENAME)
    with_retry(context, step, lambda: RUN["update"](context, step, lambda line: None), lambda line: None)
    assert context.first_reads.pending == []
    return step


@pytest.mark.parametrize("lost", ["", "replace", "read back"])
def test_a_side_effect_of_a_lost_attempt_is_found(lost: str) -> None:
    with pytest.raises(StepFailed, match=r"more differs than the plan shows: `port`: `9193` -> `9999`"):
        update(lost, {"port": 9999})


@pytest.mark.parametrize("lost", ["", "replace", "read back"])
def test_a_lost_answer_alone_is_no_failure(lost: str) -> None:
    assert update(lost, {}).verb == "update"


def test_many_side_effects_are_counted() -> None:
    with pytest.raises(StepFailed, match=r"`new06`: `null` -> `1`; .*; and 5 more$"):
        update("", {f"new{number:02}": 1 for number in range(15)})


WORDS = {"retentionType": "ItemLevel", "retentionPeriodType": "Yearly", "yearlyRetentionPeriod": "Years40"}


def test_a_word_that_is_not_known_is_sent_as_it_was_read() -> None:
    """Another field changes: the retention that only a newer server knows is not replaced by one of ours."""
    path = "BackupRepositories/id-disk"
    server = Losing({path: {"id": "id-disk", "name": "disk", "description": "old", "proxyId": "id-px-1", **WORDS}})
    server.lost, server.effects = "", {}
    context = fake_context(server)
    context.naming.learn("repository", "disk", "id-disk")
    fields = {"description": "new", "retention.type": "item-level", "retention.keep": "3 years"}
    step = step_from_json(
        "update", {"kind": "repository", "name": "disk", "fields": fields, "changed": ["description"]}
    )
    assert RUN["update"](context, step, lambda line: None) is None
    assert {name: server.objects[path][name] for name in WORDS} == WORDS
    assert server.objects[path]["description"].startswith("new")
    changed = step_from_json(
        "update", {"kind": "repository", "name": "disk", "fields": fields, "changed": ["retention.keep"]}
    )
    with pytest.raises(StepFailed, match=r"nothing was sent: the server does not show retention\.keep now"):
        RUN["update"](context, changed, lambda line: None)
    assert {name: server.objects[path][name] for name in WORDS} == WORDS
