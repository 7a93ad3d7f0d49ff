"""Small inventories for tests, as text in a temporary folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reconciler.inventory import load
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inventory import Inventory

HEAD = """\
version: 1
name: corp
server: {host: vbo.example.com, credentials: admin}
credentials: {admin: {username: svc, password: secret://env/P}}
"""
RETENTION = "retention: {type: item-level, keep: 3 years}"


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """The files below `folder`; returns the first of them."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder / next(iter(files))


def load_text(folder: Path, body: str, head: str = HEAD, **more: str) -> Inventory:
    """The inventory of `head` and `body`, which must be without errors."""
    return sound(write(folder, {"inventory.yml": head + body, **more}))


def sound(path: Path) -> Inventory:
    inventory, diagnostics = load(path)
    assert inventory is not None, diagnostics
    return inventory


def codes(path: Path) -> list[str]:
    return [item.code for item in findings(path)]


def findings(path: Path) -> list[Diagnostic]:
    return load(path)[1]
