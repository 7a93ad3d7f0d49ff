"""The files that are shipped with the package: schemas, playbooks and example inventories."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from reconciler.model.script import Script


def package_data(folder: str, name: str = "") -> Path:
    """A folder of shipped files (`schemas`, `playbooks`, `inventories`), or one file in it: inside the package when it
    is installed, beside it in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "_data" / folder
    return (installed if installed.is_dir() else package.parent / folder) / name


def playbooks_folder() -> Path:
    return package_data("playbooks")


@cache
def shipped_script(name: str) -> Script:
    """A shipped script by its path below `playbooks/`. Raises KeyError for any other."""
    folder = playbooks_folder()
    if name not in {path.relative_to(folder).as_posix() for path in folder.glob("*/*.*")}:
        raise KeyError(f"the playbooks have no script {name}")
    return Script(name, (folder / name).read_bytes().decode("ascii"))
