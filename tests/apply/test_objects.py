"""What a PUT says of the owner of an object: our mark stays on what is ours, and comes to nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.apply.steps import RUN
from reconciler.kinds import KINDS
from reconciler.model.steps import step_from_json
from tests.apply.requests import RecordingServer, context_of, server_of

NAMES = {"proxy": "px-1", "pool": "cloud", "repository": "disk", "job": "daily"}
MARK = " [vbo-reconcile:corp]"


def test_every_kind_that_is_marked_is_tried() -> None:
    assert {kind.name for kind in KINDS.values() if kind.is_marked} == NAMES.keys()


def described(server: RecordingServer, kind: str, owner: str) -> Any:
    """The description that a change to `new text` leaves. `owner` is whose the object was when it was observed."""
    context = context_of(server)
    where: Any = f"{kind}.{NAMES[kind]}"
    found = context.live.resources[where]
    context.live = replace(context.live, resources={**context.live.resources, where: replace(found, owner=owner)})
    params = {"kind": kind, "name": NAMES[kind], "fields": {"description": "new text"}, "changed": ["description"]}
    RUN["update"](context, step_from_json("update", params), lambda line: None)
    return server.data[KINDS[kind].collection][found.id]["description"]


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize(("owner", "mark"), [("corp", MARK), ("other", ""), ("", "")])
def test_a_new_description_has_the_mark_if_the_object_is_ours(kind: str, owner: str, mark: str) -> None:
    assert described(server_of(8), kind, owner) == f"new text{mark}"
