"""Rules as wholes: each part that a rule compares, and each field that it names."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.kinds.rules import Declared
from reconciler.kinds.rules.chain import open_pair
from reconciler.kinds.rules.references import REFERENCES, unknown_references
from reconciler.kinds.rules.repositories import same_place
from reconciler.kinds.rules.settings import server_without_password

_BUCKET = {"type": "amazon", "endpoint": "https://s3.example.net", "bucket": "vbo", "folder": "contoso"}


def _found(first: dict[str, str], second: dict[str, str]) -> int:
    return len(list(same_place(Declared({"repositories": {"a": first, "b": second}}, {}, {}))))


@pytest.mark.parametrize("part", _BUCKET)
def test_each_part_distinguishes_the_place_of_object_storage(part: str) -> None:
    place = {f"object_storage.{key}": value for key, value in _BUCKET.items()}
    assert _found(place, dict(place)) == 1
    assert _found(place, {**place, f"object_storage.{part}": "other"}) == 0


@pytest.mark.parametrize("path", ["d:/vbo/contoso", "D:\\VBO\\contoso\\", "D:\\vbo\\CONTOSO"])
def test_one_folder_in_several_spellings(path: str) -> None:
    place = {"proxy": "px-1", "path": "D:\\VBO\\contoso"}
    assert _found(place, {**place, "path": path}) == 1
    assert _found(place, {"proxy": "px-2", "path": path}) == 0


@pytest.mark.parametrize(
    ("section", "field"), [(section, field) for section, fields in REFERENCES.items() for field in fields]
)
def test_only_two_logins_may_be_none(section: str, field: str) -> None:
    values = {field: ["none"] if section == "organizations" else "none"}
    single = section in ("server", "smtp")
    declared = Declared({} if single else {section: {"a": values}}, {}, {section: values} if single else {})
    allowed = (section, field) in {("proxies", "internet_proxy.credentials"), ("smtp", "credentials")}
    assert [item.where.field for item in unknown_references(declared)] == ([] if allowed else [field])


@pytest.mark.parametrize("certificate", [False, True])
@pytest.mark.parametrize("auth", ["ntlm", "kerberos"])
@pytest.mark.parametrize("field", ["credentials", "powershell.credentials"])
def test_a_login_of_the_server_has_a_password_unless_powershell_needs_none(
    field: str, auth: str, *, certificate: bool
) -> None:
    server = {field: "svc", **({"powershell.certificate": "logon"} if certificate else {})}
    needed = field == "credentials" or not (certificate or auth == "kerberos")
    for login, found in (
        ({"auth": auth}, [field] if needed else []),
        ({"auth": auth, "password": "secret://env/P"}, []),
    ):
        declared = Declared({"credentials": {"svc": login}}, {}, {"server": server})
        assert [item.where.field for item in server_without_password(declared)] == found


@pytest.mark.parametrize(
    ("partial", "mapping", "found"),
    [
        ((), False, 1),
        ((), True, 0),
        (("jobs",), False, 0),
        (("repositories",), False, 0),
        (("jobs", "repositories"), False, 0),
        (("proxies",), False, 1),
    ],
)
def test_of_a_broken_entry_it_is_not_concluded_that_no_job_covers_a_pair(
    partial: tuple[str, ...], mapping: bool, found: int
) -> None:
    objects: dict[str, dict[str, dict[str, Any]]] = {
        "proxies": {"px-1": {}},
        "organizations": {"contoso": {"proxies": ["px-1"]}},
    }
    declared = Declared(objects, objects, {}, mapping=mapping, partial=frozenset(partial))
    assert len(list(open_pair(declared))) == found


def test_objects_are_found_by_the_fields_that_they_say() -> None:
    objects = {"a": {"host": "a", "os": "linux"}, "b": {"host": "b"}, "c": {"host": "c", "os": "windows"}, "d": {}}
    declared = Declared({"proxies": objects}, {}, {})
    assert [[name for name, _ in group] for group in declared.groups("proxies")] == [["a", "c"], ["b"], ["d"]]
    assert list(declared.saying("proxies", "host", "os")) == [("a", objects["a"]), ("c", objects["c"])]
    assert [name for name, _ in declared.saying("proxies", without=("os",))] == ["b", "d"]
    assert [name for name, _ in declared.saying("proxies", "host", without=("os", "type"))] == ["b"]
    assert not list(declared.saying("pools"))
