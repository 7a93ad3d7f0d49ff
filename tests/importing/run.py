"""Imports of a lab server without wires: the product from the session on, with files in a folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconciler.clients import vbo
from reconciler.inventory import load
from reconciler.journal import Journal
from reconciler.model.connection import ConnectionContext
from reconciler.operations.import_files import save, target_of
from reconciler.operations.import_source import source_of
from reconciler.operations.importing import ImportOptions, ImportResult, import_from
from reconciler.operations.runtime import Runtime
from reconciler.operations.session import Session
from tests.promises.server import ADMIN, HOST, Secrets

NAME = "corp"
Run = Callable[..., ImportResult]


def base(rest: int, **server: Any) -> dict[str, Any]:
    """An inventory that names a server and declares nothing."""
    return {
        "version": 1,
        "name": NAME,
        "server": {"host": HOST, "rest": f"v{rest}", "credentials": "vbo-admin", **server},
        "credentials": {"vbo-admin": {"username": ADMIN, "password": "secret://env/VBO_PASSWORD"}},
    }


@contextmanager
def importing(connected: vbo.Session, folder: Path) -> Iterator[Run]:
    """A function that imports into `folder`, which it begins anew the first time."""
    source = folder.with_suffix(".base.yml")
    source.write_text(json.dumps(base(connected.rest)), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    inventory, _ = load(source, look_at_files=False)
    assert inventory is not None
    with Journal.open(str(folder.with_suffix(".journal.db"))) as journal:

        def run(**more: Any) -> ImportResult:
            options = ImportOptions(folder=folder, **more)
            target = target_of(folder, NAME, source_of(source, NAME, Runtime(), lab=True), Runtime(), lab=True)
            session = Session(
                inventory=target.known(inventory, NAME),
                access=inventory.access,
                context=ConnectionContext(Secrets(), "/nowhere"),
                rest=connected,
                reader=vbo.RecordedReader(connected),
                playbooks={},
                journal=journal,
                lab=None,
                parallel=1,
                runtime=Runtime(clock=lambda: datetime(2026, 3, 1, tzinfo=UTC)),
            )
            made = import_from(session, target, options, inventory)
            save(folder, target, made.files)
            return made

        yield run


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of all files below a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def findings(folder: Path) -> list[str]:
    """What `validate` says of what was imported."""
    _, found = load(folder / f"{NAME}.yml", look_at_files=False)
    return [f"{item.summary}: {item.detail}" for item in found]
