"""The files of an import: what there is, a place to check new ones, and writing them."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.operations.private_files import link_in, write_private
from reconciler.user_folders import private_folder

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

    @property
    def texts(self) -> Mapping[str, str]:
        """The files of the earlier import, as they were read."""
        return self.existing.files if self.existing is not None else {}

    def known(self, source: Inventory, name: str) -> Inventory:
        """What is declared before this import."""
        return self.inventory or replace(source, name=name, resources={}, removed={}, groups={})

    def main(self, name: str) -> str:
        """The main file of the inventory `name`, which a person may have renamed."""
        from reconciler.importing.files import main_file

        return self.existing.main if self.existing is not None else main_file(name)


def target_of(
    folder: Path | None, name: str, source: Source, runtime: Runtime, *, lab: bool, layout: str = ""
) -> Target:
    """Raises Diagnosed if a file is in the way that no import wrote, or if the inventory there has errors."""
    from reconciler.importing.base import base_sections
    from reconciler.importing.compose import Existing
    from reconciler.inventory.raw_document import raw_document
    from reconciler.operations.import_source import imported_in
    from reconciler.operations.inventory_loader import load_inventory

    if folder is None:
        return Target(base_sections(source.root, source.home, source.home))
    check_writable(folder)
    there = imported_in(folder)
    if there and name not in there:
        raise Diagnosed([_other_inventory(folder, *there)])
    main = there[name].name if name in there else ""
    _check_ours(folder, main or f"{name}.yml", layout)
    if not main:
        return Target(base_sections(source.root, source.home, folder.absolute()))
    inventory = load_inventory(folder / main, runtime, lab=lab)
    _, root = raw_document(folder / main)
    files = {file: (folder / file).read_bytes().decode() for file in (main, *inventory.files)}
    return Target(existing=Existing(files, main, root, inventory.resources), inventory=inventory)


def _check_ours(folder: Path, main: str, layout: str) -> None:
    from reconciler.importing.files import ONE, is_part
    from reconciler.importing.report import REPORT, VARIABLES

    parts = [] if (folder / main).exists() or layout == ONE else [*folder.glob("*.yml"), *folder.glob("*/*.yml")]
    names = [name for part in parts if is_part(name := str(part.relative_to(folder)))]
    for file in (folder / name for name in (main, VARIABLES, REPORT, *names)):
        if link := link_in(file):
            raise OSError(errno.ELOOP, "a symbolic link, which is not written through", str(link))
        if file.exists() and not _is_made_here(file.read_text("utf-8", "replace")):
            raise Diagnosed([_in_the_way(file)])


def _is_made_here(text: str) -> bool:
    from reconciler.importing.files import MADE_HERE

    return MADE_HERE.removeprefix("# ") in text.partition("\n")[0]


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


def _other_inventory(folder: Path, name: str, *_: str) -> Diagnostic:
    return Diagnostic(
        "file-exists",
        "An inventory is in the way",
        f"{folder} has the inventory `{name}` of an earlier import, and a folder has the files of one.",
        f"Name another folder: --out FOLDER. To add what is new to that inventory: --name {name}",
    )


def _changed_meanwhile(file: Path) -> Diagnostic:
    return Diagnostic(
        "file-changed",
        "A file has changed",
        f"{file} has changed since this import read it. Nothing is written.",
        "Import again.",
    )


@contextmanager
def staging() -> Iterator[Path]:
    """A folder for files that are not checked yet."""
    folder = Path(tempfile.mkdtemp(prefix="vbo-reconcile-import-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check(folder: Path, files: Mapping[str, str], main: str) -> tuple[Inventory | None, list[Diagnostic]]:
    """The inventory in the files, and what `validate` says of it."""
    from reconciler.inventory import load

    for file, text in files.items():
        write_private(folder / file, text.encode())
    return load(folder / main, look_at_files=False)


def save(folder: Path, target: Target, files: Mapping[str, str]) -> None:
    """Write what is new or changed: all of it or, if that fails or is interrupted, nothing. Raises Diagnosed if a file
    is in the way that no import wrote, or that a person changed meanwhile, and OSError."""
    if not folder.exists():
        _make(folder, files)
        return
    changed = {name: text for name, text in files.items() if _bytes(folder / name) != text.encode()}
    _check_changed(folder, target, files, changed)
    if not changed:
        return
    with _staged(folder, changed) as made:
        for file in (folder / name for name in changed):
            private_folder(file.parent)
        _move([(made / name, folder / name) for name in changed])


def _make(folder: Path, files: Mapping[str, str]) -> None:
    """A folder that appears with all of its files."""
    above = [place for place in folder.absolute().parents if not place.exists()]
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _staged(folder.absolute().parent, files) as made:
            made.rename(folder)
    except BaseException:
        for place in above:
            with suppress(OSError):
                place.rmdir()
        raise


@contextmanager
def _staged(folder: Path, files: Mapping[str, str]) -> Iterator[Path]:
    """The files in a temporary folder, on the file system of `folder`, for the time of the context."""
    made = Path(tempfile.mkdtemp(dir=folder, prefix=".vbo-reconcile-import-"))
    try:
        for name, text in files.items():
            write_private(made / name, text.encode())
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _move(files: list[tuple[Path, Path]]) -> None:
    """Rename files, all of them: an interrupt is raised afterwards."""
    interrupt: KeyboardInterrupt | None = None
    while files:
        try:
            staged, file = files[0]
            if staged.exists():
                staged.replace(file)
            files.pop(0)
        except KeyboardInterrupt as error:
            interrupt = error
    if interrupt is not None:
        raise interrupt


def _check_changed(folder: Path, target: Target, files: Mapping[str, str], changed: Mapping[str, str]) -> None:
    from reconciler.importing.files import is_part
    from reconciler.importing.report import REPORT, VARIABLES

    for name in changed:
        file, there = folder / name, _bytes(folder / name)
        if link := link_in(file):
            raise OSError(errno.ELOOP, "a symbolic link, which is not written through", str(link))
        if name in target.texts and there != target.texts[name].encode():
            raise Diagnosed([_changed_meanwhile(file)])
        ours = there is None or _is_made_here(there.decode("utf-8", "replace"))
        if not ours or (there is not None and name not in (*target.texts, REPORT, VARIABLES)):
            raise Diagnosed([_in_the_way(file)])
    if target.existing is None and any(map(is_part, files)):  # which the main file would include
        for file in sorted(folder.glob("jobs/*.yml")):
            if str(file.relative_to(folder)) not in files:
                raise Diagnosed([_in_the_way(file)])


def _bytes(file: Path) -> bytes | None:
    return file.read_bytes() if file.exists() else None
