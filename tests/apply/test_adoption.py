"""The step that adopts an object: the mark goes behind what is there, or nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from reconciler.apply.retry import with_retry
from reconciler.apply.steps import RUN, StepFailed
from reconciler.model.errors import ConnectionLost, Refused
from reconciler.model.steps import AdoptObject
from tests.apply.fakes import FakeServer, fake_context

PATH = "Proxies/id-px-1"
PROXY = {"id": "id-px-1", "hostName": "px-1", "port": 9193, "type": "Domain", "operatingSystem": "Windows"}


class Server(FakeServer):
    sent = 0
    lost = False
    refusal: Refused | None = None
    effects: Mapping[str, Any] = MappingProxyType({})

    def replace(self, path: str, body: Any, *, long: bool = False) -> None:
        self.sent += 1
        if self.refusal:
            raise self.refusal
        self.objects[path] = {**self.objects[path], **body, **self.effects}
        if self.lost:
            self.lost = False
            raise ConnectionLost("vbo01", f"PUT {path}", "reset")


def adopt(server: Server, *, owner: str = "", described: bool = True) -> str | None:
    step = AdoptObject(kind="proxy", name="px-1", id="id-px-1", owner=owner, described=described)
    context = fake_context(server, "px-1")
    return with_retry(context, step, lambda: RUN["adopt"](context, step, lambda line: None), lambda line: None)


@pytest.mark.parametrize(
    ("seen", "owner", "after"),
    [
        ({"description": "old"}, "", "old [vbo-reconcile:corp]"),
        ({"description": "old [vbo-reconcile:other]"}, "other", "old [vbo-reconcile:corp]"),
        ({"description": ""}, "", "[vbo-reconcile:corp]"),
    ],
)
@pytest.mark.parametrize("lost", [False, True])
def test_the_mark_goes_behind_the_text_once(seen: dict[str, Any], owner: str, after: str, lost: bool) -> None:
    server = Server({PATH: PROXY | seen})
    server.lost = lost
    adopt(server, owner=owner)
    assert (server.objects[PATH], server.sent) == (PROXY | {"description": after}, 1)


@pytest.mark.parametrize("seen", [{"description": None}, {}])
def test_a_description_that_is_not_shown_is_empty_unless_the_plan_saw_one(seen: dict[str, Any]) -> None:
    server = Server({PATH: PROXY | seen})
    with pytest.raises(StepFailed, match="does not show the description now"):
        adopt(server)
    assert server.sent == 0
    adopt(server, described=False)
    assert server.objects[PATH]["description"] == "[vbo-reconcile:corp]"


def test_an_object_that_another_inventory_marked_meanwhile_is_left_alone() -> None:
    server = Server({PATH: PROXY | {"description": "old [vbo-reconcile:other]"}})
    with pytest.raises(StepFailed, match="proxy px-1 belongs to other now; not adopted"):
        adopt(server)
    assert server.sent == 0


def test_a_server_that_cuts_descriptions_off_is_noticed() -> None:
    server = Server({PATH: PROXY | {"description": "old"}})
    server.effects = {"description": "old [vbo-rec"}
    with pytest.raises(StepFailed, match="does not show the mark"):
        adopt(server)


def test_a_side_effect_is_a_failure() -> None:
    server = Server({PATH: PROXY | {"description": "old"}})
    server.effects = {"port": 9999}
    with pytest.raises(StepFailed, match=r"more differs than the plan shows: `port`: `9193` -> `9999`"):
        adopt(server)


def test_a_server_that_refuses_what_it_has_itself_is_said_with_the_way_out() -> None:
    server = Server({PATH: PROXY | {"port": 0, "description": "old"}})
    server.refusal = Refused("vbo01", f"PUT {PATH}", "The port must be between 1 and 65535.", status=400)
    with pytest.raises(Refused) as caught:
        adopt(server)
    assert caught.value.hint.startswith("The server refuses to save a value that it has itself. Nothing is changed.")
    assert server.objects[PATH]["description"] == "old"


def test_a_copy_job_is_only_recorded() -> None:
    server = Server({"CopyJobs/c1": {"id": "c1"}})
    step = AdoptObject(kind="copy_job", name="mail-copy", id="c1", owner="")
    said = RUN["adopt"](fake_context(server), step, lambda line: None)
    assert (said, server.sent) == ("recorded in the journal: objects of this kind have no description", 0)
