"""Keys of encrypted object storage: made where the server has none of the hint, and once for each password."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from reconciler.apply.steps import RUN
from reconciler.apply.steps.encryption import ENCRYPTION_CREDENTIALS, with_encryption_key
from reconciler.kinds.references import references_of
from reconciler.kinds.storage_settings import PREFIX
from reconciler.model.steps import step_from_json
from tests.apply.requests import context_of, server_of

KEY = f"{PREFIX}encryption_key"
FIELDS = {KEY: "Contoso 2026", ENCRYPTION_CREDENTIALS: "windows"}
OLD, OTHER = {"id": "k-1", "description": "Contoso 2026"}, {"id": "k-2", "description": "Fabrikam"}


def keyed(
    fields: dict[str, Any], *, before: list[dict[str, Any]], now: list[dict[str, Any]], renew: bool = False
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The fields that are sent, and what was posted of keys. `before`: the keys when the apply began."""
    server = server_of(8)
    server.data["EncryptionKeys"] = {item["id"]: dict(item) for item in now}
    context = context_of(server)
    context.live = replace(context.live, references={"encryption_key": references_of("encryption_key", before)})
    sent = with_encryption_key(context, fields, fields, renew=renew)
    return sent, [json.loads(line.removeprefix("POST EncryptionKeys ")) for line in server.lines]


@pytest.mark.parametrize(
    ("now", "renew"),
    [([], False), ([OTHER], False), ([OLD, OTHER], True)],
)
def test_a_key_is_made_if_there_is_none_of_the_hint_or_the_password_is_new(
    now: list[dict[str, Any]], renew: bool
) -> None:
    sent, (made,) = keyed(FIELDS, before=now, now=now, renew=renew)
    assert made == {"description": "Contoso 2026", "password": "secret://env/WINDOWS"}
    assert sent[KEY].startswith("encryptionkeys-")
    assert {**sent, KEY: ""} == {**FIELDS, KEY: ""}


@pytest.mark.parametrize(
    ("hint", "before", "now", "renew", "used"),
    [
        pytest.param("Contoso 2026", [OLD], [OLD, OTHER], False, "k-1", id="by its hint"),
        pytest.param("k-2", [OTHER], [OLD, OTHER], False, "k-2", id="by its id"),
        pytest.param("Contoso 2026", [OLD], [OLD, {**OLD, "id": "k-9"}], False, "k-9", id="the newest"),
        pytest.param("Contoso 2026", [OTHER], [OLD, OTHER], True, "k-1", id="of an earlier attempt"),
        pytest.param(
            "Contoso 2026", [{**OLD, "id": "K-1"}], [OLD, {**OLD, "id": "k-9"}], True, "k-9", id="in any case"
        ),
    ],
)
def test_a_key_that_fits_is_used(
    hint: str, before: list[dict[str, Any]], now: list[dict[str, Any]], renew: bool, used: str
) -> None:
    """With another password only one that was made since: by an attempt whose answer was lost."""
    fields = {**FIELDS, KEY: hint}
    assert keyed(fields, before=before, now=now, renew=renew) == ({**fields, KEY: used}, [])


@pytest.mark.parametrize(
    "fields", [{KEY: "Contoso 2026"}, {**FIELDS, KEY: "none"}, {ENCRYPTION_CREDENTIALS: "windows"}]
)
def test_without_a_key_and_its_password_nothing_is_made(fields: dict[str, Any]) -> None:
    assert keyed(fields, before=[], now=[]) == (fields, [])


def test_a_repository_is_created_with_the_key_and_no_other_object_is_asked_about_one() -> None:
    server = server_of(8)
    server.data["EncryptionKeys"] = {"k-1": dict(OLD)}
    context = context_of(server)
    new = {"name": "new", "owner": "proxy.px-1", "path": "E:\\new", **FIELDS}
    RUN["create"](context, step_from_json("create", {"kind": "repository", "name": "new", "fields": new}), print)
    (made,) = [raw for raw in server.data["BackupRepositories"].values() if raw["name"] == "new"]
    assert (made["objectStorageEncryptionEnabled"], made["encryptionKeyId"]) == (True, "k-1")
    server.asked.clear()
    pool = {"kind": "pool", "name": "new", "fields": {"name": "new", "description": ""}}
    RUN["create"](context, step_from_json("create", pool), print)
    assert "EncryptionKeys" not in server.asked
