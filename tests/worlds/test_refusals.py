"""What guards say of the change that they refuse, and what waits for a proxy that comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.worlds.base import Edit, applied, changes, inventory, planned
from tests.worlds.test_tables import raw_of
from tests.worlds.world import World


def refused(world: World, *edits: Edit) -> dict[str, str]:
    """By code, what is said; one refusal each."""
    return {item["code"]: item["detail"] for item in world.review(inventory(world, *edits))["refusals"]}


def without_px_6(document: dict[str, Any]) -> None:
    del document["proxies"]["px-6"]


@pytest.mark.parametrize(
    ("protect", "said"),
    [
        ("proxy.px-6", "proxy.px-6 is protected (proxy.px-6)"),
        ("proxy.px-6.example.com", "proxy.px-6 is protected (proxy.px-6.example.com)"),
        ("proxy.*", "proxy.px-6 is protected (proxy.*)"),
        (
            "proxy.london",
            "proxy.london is protected and no longer declared; proxy.px-6 may be the same object",
        ),
        ("proxy.px-1", None),
    ],
)
def test_a_protected_proxy_goes_by_its_host_and_by_the_first_part_of_it(
    tmp_path: Path, protect: str, said: str | None
) -> None:
    world = applied(tmp_path)

    def edit(document: dict[str, Any]) -> None:
        without_px_6(document)
        document["policy"]["protect"] = [protect]

    assert refused(world, edit).get("protected") == said


@pytest.mark.parametrize("mark", ["[vbo-reconcile:world]", "", "[vbo-reconcile:other]"])
def test_a_replacement_of_what_another_person_created(tmp_path: Path, mark: str) -> None:
    world = applied(tmp_path)
    world.memory.ids.clear()
    raw_of(world.server, "repository", "spare-disk")["description"] = mark
    detail = refused(world, lambda document: document["repositories"]["spare-disk"].update(path="E:\\X"))["replace"]
    whose = "" if mark.endswith(":world]") else "; this inventory did not create it"
    assert detail == f"repository.spare-disk would be removed and added again (path){whose}"


def test_other_members_of_a_pool_wait_for_one_that_comes_back(tmp_path: Path) -> None:
    """What an interrupted apply left in maintenance mode works again before another member is disrupted."""
    world = applied(tmp_path)
    raw_of(world.server, "proxy", "px-3.example.net")["maintenanceModeState"] = "Enabled"
    world.memory.rows["drain.px-3"] = {"(drain)": "by an apply"}

    def edit(document: dict[str, Any]) -> None:
        document["proxies"]["px-4"]["port"] = 9393
        document["proxies"]["px-1"]["port"] = 9393

    made = changes(planned(world, edit))
    assert made["update:proxy.px-4"].depends_on == ("update:proxy.px-3",)
    assert made["update:proxy.px-1"].depends_on == ()
    assert next(iter(made)) == "update:proxy.px-3"


@pytest.mark.parametrize(("limit", "refuses"), [("50%", False), ("100%", False), ("0%", True), (1, False), (0, True)])
def test_a_percentage_of_one_object_is_one(tmp_path: Path, limit: object, *, refuses: bool) -> None:
    world = applied(tmp_path)
    for collection in world.server.data.values():
        for item in collection.values():
            item["description"] = "[vbo-reconcile:world]" if item.get("name") == "spare-disk" else ""

    def edit(document: dict[str, Any]) -> None:
        del document["repositories"]["spare-disk"]
        document["policy"]["max_deletes"] = limit

    assert ("max-deletes" in refused(world, edit)) == refuses
