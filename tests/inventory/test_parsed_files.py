"""What several inventories include stands once in memory, with its right places in each of them."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from reconciler.inventory import load, parsed_files
from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.source import Source
from reconciler.model.inventory import Resource

_SHARED = "version: 1\nproxies:\n  px-1: {host: px-1.example.net, type: domain, credentials: admin}\n"


def _root(text: str, number: int = 0) -> tuple[object, Diagnostics]:
    report = Diagnostics()
    for place in range(number + 1):
        source = Source(f"{place}.yml", Path(f"{place}.yml"), text.encode())
        report.marks.add(source)
    return parsed_files.parse_once(source, number, report), report


def test_the_same_file_is_one_object() -> None:
    (one, _first), (other, _second) = _root(_SHARED), _root(_SHARED)
    assert one is other


@pytest.mark.parametrize(("text", "number"), [(_SHARED + "# more\n", 0), (_SHARED, 1)])
def test_another_text_and_another_number_are_not(text: str, number: int) -> None:
    (one, _first), (other, _second) = _root(_SHARED), _root(text, number)
    assert one == other
    assert one is not other


def test_each_inventory_reports_what_is_wrong_with_the_file() -> None:
    wrong = _SHARED + "proxies: {}\n"
    reports = [_root(wrong)[1] for _ in range(2)]
    assert [[item.code for item in report.diagnostics()] for report in reports] == [["duplicate-key"]] * 2


def test_nothing_is_kept_without_an_inventory() -> None:
    found = _root(_SHARED)
    assert found[1].count == 0
    count = len(parsed_files._kept)
    del found
    gc.collect()
    assert len(parsed_files._kept) < count


def test_places_are_those_of_each_inventory(tmp_path: Path) -> None:
    (tmp_path / "shared.yml").write_text(_SHARED, "utf-8")
    proxies: list[Resource] = []
    for name in ("a", "b"):
        file = tmp_path / f"{name}.yml"
        file.write_text(
            f"version: 1\nname: {name}\ninclude: [shared.yml]\n"
            f"server: {{host: {name}.example.com, credentials: admin}}\n"
            "credentials: {admin: {username: admin, password: secret://env/NONE}}\n",
            "utf-8",
        )
        inventory, found = load(file)
        assert inventory is not None, found
        proxies += inventory.of_kind("proxy")
    places = [(str(item.positions["host"]), str(item.positions["credentials"])) for item in proxies]
    assert places == [("shared.yml:3:10", "shared.yml:3:48")] * 2
