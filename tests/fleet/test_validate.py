"""`validate` over a fleet: each inventory, the fleet itself, and one exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import call
from tests.fleet.writing import inventory, write_fleet


def test_each_inventory_is_checked_and_the_worst_decides(tmp_path: Path) -> None:
    file = write_fleet(tmp_path, "inventories: [sites/*.yml]\n", {"sites/paris.yml": "version: 1\nname: paris\n"})
    ended = call("validate", str(file))
    assert ended.code == 1
    assert "london (london.yml)\n\nValid: london declares nothing.\n\nparis (paris.yml)" in ended.out
    assert ended.out.endswith(
        "Fleet corp: 3 servers\n  london  valid: nothing\n  paris   not valid: 1 error\n  rome    valid: nothing\n"
    )


def test_only_the_selected_inventories_are_checked(tmp_path: Path) -> None:
    file = write_fleet(tmp_path, "inventories: [sites/*.yml]\n", {"sites/paris.yml": "version: 1\n"})
    ended = call("validate", str(file), "--server", "london", "--server", "r*", "--format", "json")
    found = json.loads(ended.out)
    assert (ended.code, found["fleet"], found["status"]) == (0, "corp", "ok")
    assert {name: member["inventory"] for name, member in found["members"].items()} == {
        "london": "london",
        "rome": "rome",
    }


def test_a_server_is_selected_of_a_fleet_only(tmp_path: Path) -> None:
    write_fleet(tmp_path, "inventories: [sites/*.yml]\n")
    ended = call("validate", str(tmp_path / "sites" / "rome.yml"), "--server", "rome")
    assert (ended.code, "--server selects inventories of a fleet" in ended.err) == (64, True)


def test_two_inventories_of_one_server_are_a_warning_and_with_one_mark_an_error(tmp_path: Path) -> None:
    same = inventory("london").replace("name: london", "name: other")
    file = write_fleet(tmp_path, "inventories: [sites/*.yml]\n", {"sites/paris.yml": same})
    ended = call("validate", str(file), "--format", "json")
    (warning,) = json.loads(ended.out)["diagnostics"]
    assert (ended.code, warning["severity"], warning["position"]["line"]) == (0, "warning", 3)
    (tmp_path / "sites" / "paris.yml").write_text(inventory("london"), "utf-8")
    ended = call("validate", str(file))
    assert (ended.code, "Each would delete what the other declares." in ended.err) == (1, True)
    assert call("validate", str(file), "--server", "rome").code == 0


def test_an_inventory_includes_what_is_below_the_folder_of_the_fleet(tmp_path: Path) -> None:
    site = "version: 1\nname: paris\ninclude: [../shared.yml]\nserver: {host: vbo.example.com, credentials: admin}\n"
    shared = "version: 1\ncredentials: {admin: {username: svc, password: secret://env/P}}\n"
    file = write_fleet(tmp_path, "inventories: [sites/*.yml]\n", {"sites/paris.yml": site, "shared.yml": shared})
    assert call("validate", str(file)).code == 0
    assert call("validate", str(tmp_path / "sites" / "paris.yml")).code == 1


def test_the_lists_of_known_drift_are_checked_and_named_as_seen_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = "inventories: [sites/*.yml]\ndefaults: {known: known.yml}\n"
    write_fleet(tmp_path, fleet, {"known.yml": "version: 1\nknown: [{}]\n", "sites/paris.yml": "version: 1\n"})
    monkeypatch.chdir(tmp_path)
    ended = call("validate", "fleet.yml", "--server", "rome")
    assert (ended.code, "  known.yml:2:9\n" in ended.out) == (1, True)
    one = call("drift", "--lab", "sites/paris.yml", "--known", "known.yml")
    assert (one.code, "  known.yml:2:9\n" in one.err, "  sites/paris.yml:1:1\n" in one.err) == (1, True, True)


def test_what_is_wrong_in_a_shared_file_is_named_as_seen_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = "version: 1\nname: paris\ninclude: [../shared.yml]\nserver: {host: vbo.example.com, credentials: admin}\n"
    shared = "version: 1\ncredentials: {admin: {username: svc, passwort: secret://env/P}}\n"
    write_fleet(tmp_path, "inventories: [sites/*.yml]\n", {"sites/paris.yml": site, "shared.yml": shared})
    monkeypatch.chdir(tmp_path)
    ended = call("validate", "fleet.yml", "--server", "paris")
    assert (ended.code, "  shared.yml:2:" in ended.out) == (1, True)


def test_the_webhook_of_a_fleet_is_one_of_its_secrets(tmp_path: Path) -> None:
    file = write_fleet(tmp_path, "inventories: [sites/rome.yml]\ndefaults: {notify_url: secret://env/NO_WEBHOOK}\n")
    assert call("validate", str(file)).code == 0
    ended = call("validate", str(file), "--secrets")
    assert (ended.code, "`notify_url` is secret://env/NO_WEBHOOK: the environment" in ended.out) == (1, True)
