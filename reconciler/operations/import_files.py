"""The files of an import: what there is, a place to check new ones, and writing them."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.operations.private_files import link_in, write_private

if TYPE_CHECKING:
    from reconciler.importing.compose import Existing
    from reconciler.model.address import Address
    from reconciler.model.inventory import Inventory, Resource
    from reconciler.operations.import_source import Source
    from reconciler.operations.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Target:
    """Where an import writes: `existing` is the inventory of an earlier one, with its `inventory`; without one `base`
    are the sections that a new one takes over."""

    base: Mapping[str, Any] = field(default_factory=dict)
    existing: Existing | None = None
    inventory: Inventory | None = None

    @property
    def declared(self) -> Mapping[Address, Resource]:
        return self.inventory.resources if self.inventory is not None else {}

    def known(self, source: Inventory, name: str) -> Inventory:
        """What is declared before this import."""
        return self.inventory or replace(source, name=name, resources={}, removed={}, groups={})


def target_of(folder: Path | None, name: str, source: Source, runtime: Runtime, *, lab: bool) -> Target:
    """Raises Diagnosed if a file is in the way that no import wrote, or if the inventory there has errors."""
    from reconciler.importing.base import base_sections
    from reconciler.importing.compose import Existing
    from reconciler.importing.files import main_file
    from reconciler.inventory.raw_document import raw_document
    from reconciler.operations.inventory_loader import load_inventory

    main = main_file(name)
    if folder is not None:
        _check_ours(folder, main)
    if folder is None or not (folder / main).exists():
        return Target(base_sections(source.root, source.home, folder.absolute() if folder else source.home))
    inventory = load_inventory(folder / main, runtime, lab=lab)
    _, root = raw_document(folder / main)
    files = {file: (folder / file).read_bytes().decode() for file in (main, *inventory.files)}
    return Target(existing=Existing(files, main, root, inventory.resources), inventory=inventory)


def _check_ours(folder: Path, main: str) -> None:
    from reconciler.importing.files import MADE_HERE
    from reconciler.importing.report import REPORT, VARIABLES

    check_writable(folder)
    for name in (main, VARIABLES, REPORT):
        file = folder / name
        if link := link_in(file):
            raise OSError(errno.ELOOP, "a symbolic link, which is not written through", str(link))
        if file.exists() and MADE_HERE.removeprefix("# ") not in file.read_text("utf-8", "replace").partition("\n")[0]:
            raise Diagnosed([_in_the_way(file)])


def check_writable(folder: Path) -> None:
    """Whether files can be made there, before anything is asked of a person or a server. Raises OSError."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(place))
    if not there.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(there))
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(there))


def _in_the_way(file: Path) -> Diagnostic:
    return Diagnostic(
        "file-exists",
        "A file is in the way",
        f"{file} exists, and import does not change files that it did not write.",
        "Name another folder: --out FOLDER",
    )


@contextmanager
def staging() -> Iterator[Path]:
    """A folder for files that are not checked yet."""
    folder = Path(tempfile.mkdtemp(prefix="vbo-reconcile-import-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check(folder: Path, files: Mapping[str, str], name: str) -> tuple[Inventory | None, list[Diagnostic]]:
    """The inventory in the files, and what `validate` says of it."""
    from reconciler.importing.files import main_file
    from reconciler.inventory import load

    for file, text in files.items():
        write_private(folder / file, text.encode())
    return load(folder / main_file(name), look_at_files=False)


def save(folder: Path, target: Target, files: Mapping[str, str]) -> None:
    """Write what is new or changed. A folder that did not exist appears with all of its files, or not at all; in one
    that did, each file does, those that the main one includes before it."""
    if not folder.exists():
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.absolute().parent, prefix=f".{folder.name}."))
        try:
            _write(made, files)
            made.rename(folder)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        return
    before = target.existing.files if target.existing is not None else {}
    main = target.existing.main if target.existing is not None else ""
    changed = {name: text for name, text in files.items() if before.get(name) != text}
    _check_changed(folder, changed)
    _write(folder, dict(sorted(changed.items(), key=lambda item: item[0] == main)))


def _check_changed(folder: Path, changed: Mapping[str, str]) -> None:
    from reconciler.importing.files import MADE_HERE

    for name, text in changed.items():
        if link := link_in(folder / name):
            raise OSError(errno.ELOOP, "a symbolic link, which is not written through", str(link))
        if MADE_HERE.removeprefix("# ") not in text.partition("\n")[0]:
            raise Diagnosed([_in_the_way(folder / name)])


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        if not (folder / name).exists() or (folder / name).read_bytes() != text.encode():
            write_private(folder / name, text.encode())
