"""`validate`, `plan`, `drift` and `diff`, called from Python in the lab."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.model.diagnostic import Diagnosed
from reconciler.operations import (
    DiffOptions,
    DriftOptions,
    InvalidOption,
    PlanOptions,
    Selection,
    Status,
    diff,
    drift,
    plan,
    validate,
)
from tests.operations.conftest import Estate


def test_validation_counts_objects(estate: Estate) -> None:
    found = validate(estate.file)
    assert found.status is Status.OK
    assert found.inventory
    assert (found.inventory.name, found.objects["proxy"], found.diagnostics) == ("small", 1, ())


def test_validation_of_a_broken_inventory_has_no_objects(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("version: [", encoding="utf-8")
    found = validate(tmp_path / "a.yml")
    assert (found.status, found.inventory, found.objects) == (Status.ERROR, None, {})
    assert found.diagnostics[0].is_error


def test_a_plan_of_what_is_declared_is_empty(estate: Estate) -> None:
    made = plan(estate.file, PlanOptions(lab=True), estate.runtime)
    assert made.status is Status.OK
    assert made.plan.is_empty
    assert made.document["lab"] is True
    assert estate.notices == ["InventoryLoaded"]


def test_a_plan_shows_a_change_and_writes_nothing(changed: Estate) -> None:
    made = plan(changed.file, PlanOptions(lab=True), changed.runtime)
    assert made.status is Status.PENDING
    (change,) = [item for item in made.plan.changes if item.action.value == "update"]
    assert (change.address, [field.path for field in change.fields]) == ("proxy.px-1", ["throttle"])
    assert {item["address"] for item in made.document["changes"]} >= {"proxy.px-1"}
    assert plan(changed.file, PlanOptions(lab=True), changed.runtime).status is Status.PENDING


@pytest.mark.parametrize("secret", ["exec/steal", "exec/steal.sh", "env/NOT_SET", "file/absent", "keyring/vbo/admin"])
def test_the_lab_needs_no_secret_and_runs_no_program_for_one(estate: Estate, secret: str) -> None:
    program = estate.folder / "steal.sh"
    program.write_text(f"#!/bin/sh\ntouch {estate.folder}/ran\necho real\n", encoding="ascii")
    program.chmod(0o700)
    estate.replace("name: small\n", f"name: small\nsecrets: {{exec: {{steal: [{program}]}}}}\n")
    estate.replace("secret://env/VBO_PASSWORD", f"secret://{secret}")
    assert plan(estate.file, PlanOptions(lab=True), estate.runtime).plan.problems == ()
    assert not (estate.folder / "ran").exists()


def test_a_selection_leaves_the_rest_out(changed: Estate) -> None:
    options = PlanOptions(lab=True, selection=Selection(excludes=("proxy.px-1",)))
    assert [item.address for item in plan(changed.file, options, changed.runtime).plan.changes] == []


def test_a_selection_of_nothing_raises(estate: Estate) -> None:
    with pytest.raises(Diagnosed) as raised:
        plan(estate.file, PlanOptions(lab=True, selection=Selection(("proxy.px-2",))), estate.runtime)
    assert raised.value.diagnostics[0].code == "no-target"
    assert "proxy.px-1" in raised.value.diagnostics[0].fix


def test_a_saved_plan_expires(changed: Estate) -> None:
    file = changed.folder / "plan.json"
    made = plan(changed.file, PlanOptions(lab=True, save_to=file, expires_after=2), changed.runtime)
    assert made.expires
    assert json.loads(file.read_text("utf-8"))["expires"] == made.expires.isoformat(timespec="seconds")
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_inventory_with_errors_raises(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("version: 7\n", encoding="utf-8")
    with pytest.raises(Diagnosed):
        plan(tmp_path / "a.yml")


def test_drift_is_accepted_until_it_expires(changed: Estate) -> None:
    known = changed.folder / "known.yml"
    entry = "{address: proxy.px-1, field: throttle, owner: Network, reason: new line, expires: 2999-01-31}"
    known.write_text(f"version: 1\nknown:\n  - {entry}\n", encoding="utf-8")
    assert drift(changed.file, DriftOptions(lab=True), changed.runtime).status is Status.PENDING
    accepted = drift(changed.file, DriftOptions(lab=True, known=known), changed.runtime)
    assert (accepted.status, accepted.document["mode"]) == (Status.OK, "drift")


def test_diff_compares_two_files_offline(applied: Estate, changed: Estate) -> None:
    made = diff(changed.file, DiffOptions(old=applied.file), changed.runtime)
    assert made.status is Status.PENDING
    assert made.document["requests"] == {}
    assert diff(applied.file, DiffOptions(old=applied.file), applied.runtime).status is Status.OK


@pytest.mark.parametrize("options", [DiffOptions(), DiffOptions(old=Path("a.yml"), base="main")])
def test_diff_needs_exactly_one_older_inventory(options: DiffOptions) -> None:
    with pytest.raises(InvalidOption):
        diff("b.yml", options)
