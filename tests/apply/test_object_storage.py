"""Object storage that is a separate object (REST up to v7): changed by a separate PUT, and only as the plan says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reconciler.apply.steps import RUN, StepFailed
from reconciler.kinds.object_storage import OBJECT_STORAGE
from reconciler.kinds.storage_settings import PREFIX
from reconciler.model.steps import ChangeObjectStorage
from tests.apply.requests import RecordingServer, context_of, server_of
from tests.kinds.test_object_storage import linked

IDENT = "storage-1"
LIMITED = {"sizeLimitEnabled": True, "sizeLimitGB": 10}


def server(rest: int, kind: str = "s3", **shown: Any) -> RecordingServer:
    """The repository `disk` is on object storage of this kind."""
    made = server_of(rest)
    (disk,) = [raw for raw in made.data["BackupRepositories"].values() if raw["name"] == "disk"]
    disk["objectStorageId"] = IDENT
    made.data[OBJECT_STORAGE.collection] = {IDENT: {**linked(kind, rest), "id": IDENT, **LIMITED, **shown}}
    return made


def change(on: RecordingServer, *changed: str, **fields: Any) -> dict[str, Any]:
    """The object afterwards. The plan shows `changed`; the other fields are declared as they are."""
    wanted = {f"{PREFIX}{name}": value for name, value in fields.items()}
    step = ChangeObjectStorage(name="disk", fields=wanted, changed=[f"{PREFIX}{name}" for name in changed])
    assert RUN["repository.storage"](context_of(on), step, lambda line: None) is None
    return on.data[OBJECT_STORAGE.collection][IDENT]


@pytest.mark.parametrize("rest", [6, 7])
@pytest.mark.parametrize("kind", ["s3", "s3-compatible", "azure-blob"])
@pytest.mark.parametrize(
    ("limit", "after"),
    [(20, {"sizeLimitEnabled": True, "sizeLimitGB": 20}), ("none", {"sizeLimitEnabled": False, "sizeLimitGB": 10})],
)
def test_the_change_is_sent_to_the_object_and_nothing_else(rest: int, kind: str, limit: Any, after: Any) -> None:
    on = server(rest, kind)
    before = {**on.data[OBJECT_STORAGE.collection][IDENT]}
    assert change(on, "size_limit_gb", size_limit_gb=limit, bucket="elsewhere") == {**before, **after}
    (line,) = on.lines
    assert line.startswith(f"PUT {OBJECT_STORAGE.collection}/{IDENT} ")


def test_a_side_effect_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    on = server(7)
    replace: Callable[..., None] = on.replace

    def with_more(path: str, body: Any, **more: Any) -> None:
        replace(path, {**body, "description": "another"}, **more)

    monkeypatch.setattr(on, "replace", with_more)
    with pytest.raises(StepFailed, match="more differs than the plan shows: `description`"):
        change(on, "size_limit_gb", size_limit_gb=20)


def test_what_the_server_does_not_show_is_not_overwritten() -> None:
    on = server(7, sizeLimitEnabled=None)
    with pytest.raises(
        StepFailed, match=r"nothing was sent: the server does not show object_storage\.size_limit_gb now"
    ):
        change(on, "size_limit_gb", size_limit_gb=20)
    assert on.lines == []


@pytest.mark.parametrize("link", [None, 7])
def test_a_repository_whose_object_storage_is_not_shown(link: Any) -> None:
    on = server(7)
    for raw in on.data["BackupRepositories"].values():
        raw["objectStorageId"] = link
    with pytest.raises(StepFailed, match="nothing was sent: the server does not show its object storage now"):
        change(on, "size_limit_gb", size_limit_gb=20)
    assert on.lines == []
