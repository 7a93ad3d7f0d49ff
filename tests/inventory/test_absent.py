"""A proxy with `state: absent` is to be removed: it has no resource, and is known with what the removal needs."""

from __future__ import annotations

from pathlib import Path

from tests.inventory.writing import load_text

BODY = """
proxies:
  px-1: {host: px-1.example.com, type: domain, credentials: admin}
  px-2: {host: px-2.example.com, type: domain, credentials: admin, state: absent}
  px-3: {host: px-3.example.com, type: domain, credentials: admin, state: present}
"""


def test_absent_proxies_are_apart_from_the_declared_ones(tmp_path: Path) -> None:
    found = load_text(tmp_path, BODY)
    assert [*found.resources] == ["proxy.px-1", "proxy.px-3"]
    assert [*found.removed] == ["proxy.px-2"]
    (gone,) = found.removed.values()
    assert (gone.fields["host"], gone.fields["credentials"]) == ("px-2.example.com", "admin")
    assert str(gone.position).endswith(":8:3")


def test_an_inventory_without_proxies_removes_none(tmp_path: Path) -> None:
    assert load_text(tmp_path, "").removed == {}
