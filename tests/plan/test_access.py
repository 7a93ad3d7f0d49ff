"""Changes of the access: each setting of it is one, whatever is added to the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.connection import Access, Certificate, Connection, Credential, Package, Server, Transport, Trust
from reconciler.model.inventory import Inventory
from reconciler.model.plan import Action
from reconciler.model.secret import MASK, SecretRef
from reconciler.plan.access import access_changes, access_warnings
from reconciler.plan.offline import difference, nothing
from tests.inventory.writing import load_text

BODY = """\
proxies:
  px: {host: px.example.com, type: domain, credentials: admin, connection: {ca_file: ca.pem, known_hosts: [hosts]}}
playbooks: [own]
secrets: {exec: {vault: [vault, get]}}
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    (tmp_path / "own" / "linux").mkdir(parents=True)
    (tmp_path / "own" / "linux" / "a.sh").write_text("true\n")
    (tmp_path / "ca.pem").write_text("x")
    return load_text(tmp_path, BODY)


def other(value: Any) -> Any:
    """A value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, Transport):
        return next(item for item in Transport if item is not value)
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, tuple):
        return (*value, "more")
    return "another" if isinstance(value, str) else {"more": "x"}


SAMPLES: dict[type, Any] = {
    SecretRef: SecretRef("env", "ANOTHER"),
    Trust: Trust(fingerprint="sha256:00"),
    Credential: Credential("another", "x"),
    Certificate: Certificate("another"),
    Connection: Connection("jump", "jump.example.com", Transport.SSH),
}
OPTIONAL = {
    "password": SecretRef,
    "private_key": SecretRef,
    "passphrase": SecretRef,
    "root_password": SecretRef,
    "key": SecretRef,
    "credential": Credential,
    "certificate": Certificate,
    "powershell": Connection,
    "jump": Connection,
}


def variants(part: Any) -> Iterator[tuple[str, Any]]:
    """For each field of a dataclass one copy in which it differs."""
    for field in fields(part):
        value = getattr(part, field.name)
        if field.name == "name":
            continue
        if value is None:
            yield field.name, replace(part, **{field.name: SAMPLES[OPTIONAL[field.name]]})
        elif is_dataclass(value) and not isinstance(value, SecretRef):
            sample = SAMPLES.get(type(value))
            changed = sample if sample and sample != value else next(item for _, item in variants(value))
            yield field.name, replace(part, **{field.name: changed})
        else:
            yield field.name, replace(part, **{field.name: SAMPLES.get(type(value)) or other(value)})


def named(old: Inventory, new: Inventory) -> list[str]:
    return [f"{change.address} {item.path}" for change in access_changes(old, new) for item in change.fields]


def test_every_setting_of_the_server_the_logins_and_the_connections_shows(inventory: Inventory) -> None:
    access = inventory.access
    parts: list[tuple[str, Any, Any]] = [
        ("access.server", access.server, lambda part: replace(access, server=part)),
        (
            "access.credentials.admin",
            access.credentials["admin"],
            lambda part: replace(access, credentials={"admin": part}),
        ),
        ("access.connections.px", access.connections["px"], lambda part: replace(access, connections={"px": part})),
    ]
    for where, part, build in parts:
        for name, changed in variants(part):
            found = named(inventory, replace(inventory, access=build(changed)))
            assert found, (where, name)
            assert all(item.startswith(f"{where} {name}") for item in found), (where, name, found)


@pytest.mark.parametrize(
    ("part", "where"),
    [
        ({"commands": {"vault": ("vault", "get", "--other")}}, "access.commands vault"),
        ({"commands": {}}, "access.commands vault"),
        ({"certificates": {"c": Certificate("c", pfx="c.pfx")}}, "access.certificates.c pfx"),
        ({"packages": {"px": Package("a.msi", "00")}}, "access.packages.px sha256"),
    ],
)
def test_commands_certificates_and_packages_show(inventory: Inventory, part: dict[str, Any], where: str) -> None:
    assert where in named(inventory, replace(inventory, access=replace(inventory.access, **part)))


def test_another_secret_in_the_properties_of_an_installer_is_a_change_that_does_not_show_it(
    inventory: Inventory,
) -> None:
    before, after = (
        replace(inventory, access=replace(inventory.access, packages={"px": Package("a.msi", "00", "", properties)}))
        for properties in ({"SVC_PASSWORD": "hunter2", "A": "1"}, {"SVC_PASSWORD": "hunter3", "A": "1"})
    )
    (change,) = access_changes(before, after)
    (item,) = change.fields
    assert (item.path, item.before, item.after) == ("properties", *[{"A": "1", "SVC_PASSWORD": MASK}] * 2)


@pytest.mark.parametrize("file", ["own/linux/a.sh", "ca.pem", "hosts"])
def test_the_content_of_files_shows(inventory: Inventory, tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_text("curl example.com\n")
    assert named(inventory, load_text(tmp_path, BODY)) == [f"access.files {file}"]


def test_other_playbooks_show(inventory: Inventory, tmp_path: Path) -> None:
    (tmp_path / "evil").mkdir()
    assert "access.playbooks evil" in named(inventory, load_text(tmp_path, BODY.replace("[own]", "[own, evil]")))


def test_what_is_not_of_the_access_does_not_show(inventory: Inventory, tmp_path: Path) -> None:
    assert named(inventory, load_text(tmp_path, BODY.replace("type: domain", "type: domain, port: 9999"))) == []


def test_they_come_first_in_a_difference_and_are_warned_of(inventory: Inventory) -> None:
    moved = replace(
        inventory, access=replace(inventory.access, server=replace(inventory.access.server, address="192.0.2.1"))
    )
    plan = difference(inventory, moved)
    assert [change.address for change in plan.changes] == ["access.server"]
    (warning,) = plan.problems
    assert not warning.is_error
    assert warning.detail == "server: address (none) -> 192.0.2.1."
    assert (warning.position and warning.position.line) == 3


def test_everything_is_new_without_an_older_inventory(inventory: Inventory) -> None:
    plan = difference(nothing(inventory), inventory)
    found = [change for change in plan.changes if change.address.startswith("access.")]
    assert {change.action for change in found} == {Action.CREATE}
    assert {"access.server", "access.credentials.admin", "access.connections.px", "access.commands"} <= {
        change.address for change in found
    }
    assert list(plan.changes[: len(found)]) == found


def test_what_is_taken_away_is_shown_without_a_warning(inventory: Inventory) -> None:
    changes = access_changes(inventory, replace(inventory, access=replace(inventory.access, commands={})))
    assert [change.action for change in changes] == [Action.DELETE]
    assert list(access_warnings(changes)) == []


def test_many_changes_of_one_section_are_one_warning(inventory: Inventory) -> None:
    many = {f"px-{number}": Connection(f"px-{number}", "x.example.com", Transport.SSH) for number in range(9)}
    changed = replace(inventory, access=replace(inventory.access, connections={**inventory.access.connections, **many}))
    (warning,) = access_warnings(access_changes(inventory, changed))
    assert warning.detail.count("host (none) -> x.example.com") == 5
    assert warning.detail.endswith("; and 4 more.")


def test_an_access_is_what_the_model_says() -> None:
    """A section that is added to the access has to be shown here too."""
    assert {field.name for field in fields(Access)} == {
        "server",
        "connections",
        "credentials",
        "certificates",
        "root",
        "commands",
        "packages",
        "vault",
    }
    assert is_dataclass(Server)


def test_a_part_is_shown_setting_by_setting_and_a_secret_as_its_reference(inventory: Inventory) -> None:
    access = inventory.access
    server = replace(access.server, trust=Trust(fingerprint="sha256:00"))
    admin = replace(access.credentials["admin"], password=SecretRef("env", "ANOTHER"))
    new = replace(inventory, access=replace(access, server=server, credentials={"admin": admin}))
    found = {item.path: item.after for change in access_changes(inventory, new) for item in change.fields}
    assert found == {"trust.fingerprint": "sha256:00", "password": "secret://env/ANOTHER"}
