"""Object storage of every type in every version: what a POST says of it reads back as what was declared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.kinds import KINDS, Mode
from reconciler.kinds.naming import Naming
from reconciler.kinds.object_storage import (
    LINKED_FIELDS,
    OBJECT_STORAGE,
    STORAGE_FIELDS,
    created_storage,
    linked_storage,
    unlike_declared,
)
from reconciler.kinds.put_requests import accepted
from reconciler.kinds.references import found_by, references_of, shown_name
from reconciler.kinds.storage_settings import LINKED, PREFIX, normalize_thumbprint
from reconciler.kinds.typed import typed
from reconciler.model.errors import UnknownName
from reconciler.model.value import UNKNOWN
from reconciler.observe.storage import typed_storage
from tests.plan.world import access

from .context import IDS, context

ACCOUNT = IDS["account", "AKIABACKUP"]
AMAZON = {"region": "eu-west-2", "cloud": "global"}
COMPATIBLE = {"region": "eu", "endpoint": "https://s3.example.net"}
DECLARED: Mapping[str, dict[str, Any]] = {
    "s3": {**AMAZON, "storage_class": "standard-ia"},
    "s3-glacier": {**AMAZON, "storage_class": "glacier-deep-archive"},
    "s3-compatible": COMPATIBLE,
    "wasabi": COMPATIBLE,
    "ibm": COMPATIBLE,
    "azure-blob": {"cloud": "germany"},
    "azure-archive": {"cloud": "government"},
}
SINCE = {"wasabi": 7, "ibm": 7}
CASES = [(kind, rest) for kind in DECLARED for rest in (5, 6, 7, 8) if rest >= SINCE.get(kind, 5)]


def declared(kind: str, **more: Any) -> dict[str, Any]:
    parts = {"type": kind, "account": "AKIABACKUP", "bucket": "contoso", "folder": "vbo", **DECLARED[kind], **more}
    return {PREFIX + name: value for name, value in parts.items()}


def inside(kind: str) -> dict[str, Any]:
    """Object storage as v8 has it in a repository."""
    body: dict[str, Any] = dict(created_storage(context(8), declared(kind))["objectStorage"])
    return body


def linked(kind: str, rest: int, **more: Any) -> dict[str, Any]:
    """The same as a separate object, as earlier versions show it."""
    body = inside(kind)
    if rest < 8 and kind == "s3":
        body["iaStorageClassEnabled"] = body.pop("standardIaStorageClassEnabled")
    return {"id": IDS["object_storage", "archive"], "name": "archive", **body, **more}


@pytest.mark.parametrize(("kind", "rest"), CASES)
def test_what_is_declared_reads_back(kind: str, rest: int) -> None:
    raw = {"objectStorage": inside(kind)} if rest >= 8 else {LINKED: linked(kind, rest), "objectStorageId": "x"}
    seen = typed(KINDS["repository"], rest, raw)
    wanted = declared(kind)
    found = {field.name: field.from_api(seen, context(rest)) for field in STORAGE_FIELDS if field.name in wanted}
    assert found == wanted


@pytest.mark.parametrize(("kind", "rest"), [case for case in CASES if case[1] < 8])
def test_before_v8_it_is_the_one_at_the_place(kind: str, rest: int) -> None:
    naming = world(rest, storages=[linked(kind, rest), linked(kind, rest, id="other", s3Folder="x", azureFolder="x")])
    assert created_storage(naming, declared(kind)) == {"objectStorageId": IDS["object_storage", "archive"]}


def world(rest: int, *, storages: list[dict[str, Any]], accounts: list[dict[str, Any]] | None = None) -> Naming:
    naming = Naming(rest, access())
    listed = [{"id": ACCOUNT, "userName": "AKIABACKUP"}] if accounts is None else accounts
    naming.refer({"object_storage": references_of("object_storage", [typed_storage(rest, raw) for raw in storages])})
    if rest >= 6:
        naming.refer({"account": references_of("account", listed)})
    return naming


def test_a_place_that_no_object_storage_repository_has() -> None:
    naming = world(7, storages=[linked("s3", 7, s3Folder="other")])
    with pytest.raises(UnknownName, match="no object storage repository with type s3, account AKIABACKUP, bucket"):
        linked_storage(naming, declared("s3"))


def test_two_object_storage_repositories_in_one_place_are_candidates() -> None:
    naming = world(7, storages=[linked("s3", 7), linked("s3", 7, id="two", name="second")])
    with pytest.raises(UnknownName, match=r"2 object storage repositories have .*: archive \(.*\), second \(two\)"):
        linked_storage(naming, declared("s3"))


@pytest.mark.parametrize("hidden", ["type", "s3Folder", "amazonBucketS3Aws"])
def test_a_place_that_is_not_shown_is_not_the_declared_one(hidden: str) -> None:
    naming = world(7, storages=[linked("s3", 7, **{hidden: None})])
    with pytest.raises(UnknownName):
        linked_storage(naming, declared("s3"))


def test_v5_lists_no_accounts_and_matches_without_them() -> None:
    naming = world(5, storages=[linked("s3", 5)])
    assert linked_storage(naming, declared("s3")).id == IDS["object_storage", "archive"]


def test_a_named_one_needs_no_place() -> None:
    fields = {f"{PREFIX}name": "archive", f"{PREFIX}cache": "D:\\Cache"}
    naming = world(7, storages=[linked("s3", 7)])
    assert created_storage(naming, fields) == {"objectStorageId": IDS["object_storage", "archive"]}


def test_a_repository_on_disk_says_nothing_of_object_storage() -> None:
    assert created_storage(context(8), {"path": "D:\\Backups"}) == {}


@pytest.mark.parametrize("rest", [6, 7])
def test_what_is_changed_in_an_object_storage_repository_is_in_its_put(rest: int) -> None:
    known = accepted(OBJECT_STORAGE, rest)
    fields = [field for field in STORAGE_FIELDS if field.name in LINKED_FIELDS and field.in_version(rest)]
    sent = {name for field in fields for name in field.to_api(1, context(rest))}
    assert sent <= known.keys()
    assert sent


def test_every_setting_that_can_be_changed_is_mutable_and_the_place_is_not() -> None:
    modes = {field.name.removeprefix(PREFIX): field.mode for field in STORAGE_FIELDS}
    mutable = {name for name, mode in modes.items() if mode is Mode.MUTABLE}
    assert {"size_limit_gb", "immutability_days", "encryption_key"} <= mutable
    assert not mutable & {"type", "account", "bucket", "folder", "endpoint", "region", "cloud", "storage_class"}


# Names of accounts


def accounts(*pairs: tuple[str, str, str]) -> list[Any]:
    return references_of("account", [{"id": i, "userName": user, "description": text} for i, user, text in pairs])


def test_an_account_goes_by_its_description_its_user_name_and_its_id() -> None:
    known = accounts(("A1", "akia1", "Contoso"), ("a2", "akia2", ""))
    assert [found_by("account", name, known).id for name in ("Contoso", "akia1", "a1", "akia2")] == ["A1"] * 3 + ["a2"]
    assert [shown_name("account", ident, known) for ident in ("a1", "a2")] == ["Contoso", "akia2"]


LISTED: dict[str, list[dict[str, Any]]] = {
    "account": [{"id": "A1", "userName": "akia1", "description": "Contoso"}],
    "encryption_key": [{"id": key, "description": hint} for key, hint in (("K1", "2026"), ("K2", "2026"), ("K3", ""))],
    "name": [{"id": "S1", "name": "archive"}],
}


@pytest.mark.parametrize(
    ("field", "declared", "shown"),
    [
        *[("account", name, "Contoso") for name in ("Contoso", "akia1", "A1", "a1")],
        ("account", "akia2", "akia2"),
        *[("encryption_key", name, "2026") for name in ("2026", "K1", "k1", "k2")],
        *[("encryption_key", name, name) for name in ("K3", "K4", "none")],
        *[("name", name, "archive") for name in ("archive", "S1", "s1")],
        ("name", "other", "other"),
    ],
)
def test_a_reference_is_compared_by_the_name_that_the_server_shows(field: str, declared: str, shown: str) -> None:
    """Whichever of its names, or its id, is declared."""
    naming = Naming(7, access())
    described = KINDS["repository"].field(f"{PREFIX}{field}")
    assert described.as_shown(declared, naming) == declared, "the server lists none"
    kind = "object_storage" if field == "name" else field
    naming.refer({kind: references_of(kind, LISTED[field])})
    assert described.as_shown(declared, naming) == shown


def test_a_name_of_two_accounts_is_refused_with_the_candidates() -> None:
    known = accounts(("a1", "akia1", "Contoso"), ("a2", "akia2", "Contoso"), ("a3", "akia3", "akia1"))
    with pytest.raises(UnknownName, match=r"2 cloud accounts .* 'Contoso': Contoso / akia1 \(a1\), Contoso / akia2"):
        found_by("account", "Contoso", known)
    assert shown_name("account", "a2", known) == "akia2"
    assert shown_name("account", "a1", known) == "a1", "its names are those of others too"


def test_an_account_without_an_id_or_a_name() -> None:
    known = references_of("account", [{"userName": "x"}, {"id": 7, "userName": "y"}, {"id": "a", "userName": None}])
    assert [item.id for item in known] == ["a"]
    assert shown_name("account", "A", known) == "a"
    with pytest.raises(UnknownName, match="no cloud account 'x'"):
        found_by("account", "x", known)
    with pytest.raises(UnknownName, match="no cloud account with the id b"):
        shown_name("account", "b", known)


def test_without_a_list_of_accounts_the_account_is_unknown() -> None:
    field = KINDS["repository"].field(f"{PREFIX}account")
    naming = world(5, storages=[])
    raw = typed(KINDS["repository"], 5, {LINKED: linked("s3", 5)})
    assert field.from_api(raw, naming) is UNKNOWN
    assert field.as_shown("AKIABACKUP", naming) == "AKIABACKUP"


@pytest.mark.parametrize(("limit", "expected"), [(20, {f"{PREFIX}size_limit_gb": 20}), (10, {})])
def test_a_setting_of_an_object_that_exists_is_compared_before_v8(limit: int, expected: dict[str, int]) -> None:
    naming = world(7, storages=[linked("s3", 7, sizeLimitEnabled=True, sizeLimitGB=10)])
    fields = declared("s3", size_limit_gb=limit)
    assert (unlike_declared(naming, fields), unlike_declared(naming, {"path": "D:"})) == (expected, {})


@pytest.mark.parametrize("written", ["ab:cd", "AB CD", "abcd", "AB:CD", "a b:C D"])
def test_a_thumbprint_has_one_spelling(written: str) -> None:
    assert normalize_thumbprint(written) == "ABCD"
