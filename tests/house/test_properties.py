"""The README says what becomes of every property of the API. `python -m tests.house.test_properties` renews that."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.kinds import KINDS, Kind, Mode, api
from reconciler.kinds.field import hidden
from reconciler.kinds.properties import COLLECTIONS, Handling, naming_of, properties_of, samples_of
from reconciler.kinds.typed import typed
from reconciler.model.value import UNKNOWN
from reconciler.render.reference import property_table

README = Path(__file__).parents[2] / "README.md"
HEADING = "## Properties of REST v8"


def section() -> str:
    """The table as it stands in the README."""
    found = re.search(rf"^{HEADING}\n.*?(?=^#|\Z)", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return found.group().rstrip("\n") if found else ""


def test_the_readme_has_the_table_of_today() -> None:
    assert section() == property_table()


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_every_property_is_in_a_class(collection: str) -> None:
    found = properties_of(8, collection)
    assert [item.name for item in found if item.handling is Handling.UNDECIDED] == []
    assert [item.name for item in found if item.handling is Handling.NOT_RECONCILED and not item.why] == []


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_every_property_of_the_openapi_document_is_in_the_table(collection: str) -> None:
    listed = {item.name.partition(".")[0] for item in properties_of(8, collection)}
    single = any(kind.singleton and kind.collection == collection for kind in KINDS.values())
    path = collection if single else f"{collection}/{{id}}"
    schemas = [api.operation(8, "GET", path).answer, api.operation(8, "PUT", path).body]
    schemas += [] if single else [api.operation(8, "POST", collection).body]
    names = {name for schema in schemas for name in api.properties(8, schema) if not name.startswith("_")}
    assert names - listed == set()


@pytest.mark.parametrize(
    ("collection", "name", "handling", "fields"),
    [
        ("Proxies", "throttlingUnit", Handling.DECLARED, ("throttle",)),
        ("Proxies", "sshSettings", Handling.DECLARED, ("credentials",)),
        ("Proxies", "fqdn", Handling.READ_ONLY, ()),
        ("Proxies", "useInternetProxy", Handling.DECLARED, ("internet_proxy",)),
        ("Proxies", "internetProxyType", Handling.DECLARED, ("internet_proxy",)),
        ("Proxies", "proxyPoolId", Handling.DECLARED, ("pool",)),
        ("VboEmailSettings", "authenticationType", Handling.DECLARED, ("authentication",)),
        ("Proxies", "serviceAccountName", Handling.NOT_RECONCILED, ()),
        ("BackupRepositories", "dailyTime", Handling.DECLARED, ("retention.daily.time",)),
        ("BackupRepositories", "objectStorage.azureSubscription", Handling.KEPT, ()),
        ("BackupRepositories", "proxyId", Handling.DECLARED, ("owner",)),
        ("BackupRepositories", "objectStorage.type", Handling.DECLARED, ("object_storage.type",)),
        ("Jobs", "eTag", Handling.READ_ONLY, ()),
        ("Jobs", "schedulePolicy.retryNumber", Handling.DECLARED, ("schedule.retry.attempts",)),
        ("VboEmailSettings", "mailApiUrl", Handling.KEPT, ()),
    ],
)
def test_what_becomes_of_some(collection: str, name: str, handling: Handling, fields: tuple[str, ...]) -> None:
    found = next(item for item in properties_of(8, collection) if item.name == name)
    assert (found.handling, found.fields) == (handling, fields)


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS.values() if kind.collection in COLLECTIONS], ids=lambda kind: kind.name
)
def test_what_a_field_writes_is_declared(kind: Kind) -> None:
    """A property that a PUT changes with a field is not kept as it is."""
    known = {item.name: item for item in properties_of(8, kind.collection)}
    for field, body in bodies(kind):
        for name in leaves(body):
            row = known.get(name) or known[name.partition(".")[0]]
            assert (row.handling, field in row.fields) == (Handling.DECLARED, True), (name, field)


def bodies(kind: Kind) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What each field that a PUT changes says of the values that it reads of samples."""
    for sample in samples_of(kind, 8):
        seen, naming = typed(kind, 8, sample), naming_of(8)
        for field in kind.fields:
            if field.mode is Mode.MUTABLE and field.in_version(8) and field.decode is not hidden:
                value = field.from_api(seen, naming)
                if value is not UNKNOWN and value is not None:
                    yield field.name, field.to_api(value, naming)


def leaves(body: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for name, part in body.items():
        if isinstance(part, dict) and part:
            yield from leaves(part, f"{path}{name}.")
        else:
            yield f"{path}{name}"


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    table = property_table()
    now = section()
    README.write_text(text.replace(now, table) if now else f"{text.rstrip()}\n\n{table}\n", encoding="utf-8")


def test_samples_have_each_word_of_a_list_and_each_flag_of_one() -> None:
    roles = {word for sample in samples_of(KINDS["proxy"], 8) for word in sample["role"]}
    assert len(roles) > 1
    windows = [
        sample["schedulePolicy"]["backupWindowSettings"]["backupWindow"] for sample in samples_of(KINDS["job"], 8)
    ]
    assert {flag for window in windows for flag in window} == {True, False}
