"""What is remembered, and fingerprints of secrets: keyed, of the whole login, and of no value that is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.model.errors import SecretError
from reconciler.model.recall import Recall
from reconciler.model.secret import Secret, SecretRef
from reconciler.observe.recall import scope_of
from tests.worlds.base import Edit, applied, inventory
from tests.worlds.world import Secrets, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return applied(tmp_path)


def known(world: World, *edits: Edit) -> Recall:
    wanted = inventory(world, *edits)
    return world.recall(wanted, world.look(wanted))


def marks(world: World, *edits: Edit) -> dict[str, str]:
    return {where: fields["credentials"] for where, fields in known(world, *edits).secrets.items()}


def test_every_login_that_is_sent_has_a_fingerprint(world: World) -> None:
    found = known(world).secrets
    assert sorted(found) == ["proxy.px-1", "proxy.px-2", "proxy.px-3", "proxy.px-4", "proxy.px-5", "proxy.px-6", "smtp"]
    assert {name for fields in found.values() for name in fields} == {"credentials", "internet_proxy.credentials"}
    assert marks(world)["proxy.px-1"] == marks(world)["proxy.px-2"]
    assert len({*marks(world).values()}) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"username": "another"},
        {"password": "secret://env/ANOTHER"},
        {"private_key": "secret://file/key"},
        {"private_key": "secret://file/key", "passphrase": "secret://env/PASSPHRASE"},
    ],
)
def test_every_part_of_a_login_counts(world: World, change: dict[str, str]) -> None:
    def edit(document: dict[str, Any]) -> None:
        document["credentials"]["linux"] |= change

    before, after = marks(world), marks(world, edit)
    assert {where for where in before if before[where] != after[where]} == {"proxy.px-3", "proxy.px-4"}


def test_a_secret_is_resolved_once_however_many_use_it(world: World) -> None:
    asked: list[str] = []

    class Counting(Secrets):
        def resolve(self, reference: SecretRef) -> Secret:
            asked.append(str(reference))
            return super().resolve(reference)

    world.secrets = Counting()
    known(world)
    names = ("CORP_PASSWORD", "LINUX_PASSWORD", "SMTP_PASSWORD", "WEB_PASSWORD")
    assert sorted(asked) == [f"secret://env/{name}" for name in names]


def test_a_secret_that_cannot_be_resolved_has_none(world: World) -> None:
    """Nothing is planned from what is not known."""

    class Missing(Secrets):
        def resolve(self, reference: SecretRef) -> Secret:
            if "CORP" in str(reference):
                raise SecretError("not set")
            return super().resolve(reference)

    world.secrets = Missing()
    assert sorted(known(world).secrets) == ["proxy.px-2", "proxy.px-3", "proxy.px-4", "smtp"]
    assert world.plan(inventory(world)).changes == ()


def test_no_login_no_fingerprint(world: World) -> None:
    def edit(document: dict[str, Any]) -> None:
        document["smtp"]["credentials"] = "none"

    assert "smtp" not in known(world, edit).secrets


def test_what_was_applied_is_of_one_installation_and_one_inventory(world: World) -> None:
    wanted = inventory(world)
    assert scope_of(wanted, "installation") == "installation/world"
    assert scope_of(wanted, "") == "vbo.example.com/world"
    applied = known(world).applied
    assert applied["proxy.px-1"]["credentials"] == known(world).secrets["proxy.px-1"]["credentials"]
    assert sorted(applied) == sorted(str(where) for where in wanted.resources)
