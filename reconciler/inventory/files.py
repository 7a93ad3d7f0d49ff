"""Files that an inventory names: whether they are there, and not open to everybody. Their content is not looked at.

Missing files are warnings: a pipeline that validates need not have them. Playbooks are a part of the inventory.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.includes import Includes, outside
from reconciler.inventory.layers import Entries, Entry
from reconciler.inventory.source import printable
from reconciler.inventory.source_map import Map, Place
from reconciler.kinds.packages import is_address
from reconciler.model.diagnostic import Severity
from reconciler.model.sentences import CREATE_FILE, quoted
from reconciler.presence import is_file, is_folder
from reconciler.quoting import shell_line

MAX_RELATED: Final = 5
MAX_DIGESTED: Final = 16 * 1024 * 1024
_FILES: Final = {
    "certificates": ("pfx", "cert"),
    "credentials": ("certificate_file", "keytab"),
    "jump_hosts": ("known_hosts",),
    "proxies": ("connection.ca_file", "connection.known_hosts"),
    "secrets": ("vault.tls.ca_file",),
    "server": ("tls.ca_file", "powershell.ca_file"),
}
_SECRETS: Final = {
    "certificates": ("passphrase", "key"),
    "credentials": ("password", "private_key", "passphrase", "root_password"),
}


Singles = Mapping[str, Entry | None]


def check_files(entries: Entries, singles: Singles, folder: Path, report: Diagnostics) -> None:
    """Warn of files that are missing, and of secrets that others can read."""
    places: dict[str, list[Place]] = {}
    for entry, field, item, name in _named(entries, singles):
        places.setdefault(name, []).append(entry.value_place(field, report.marks, item))
    for name, named in places.items():
        if not is_file(folder / name):
            first, *others = sorted(set(named))
            fix = CREATE_FILE
            detail = f"The file {quoted(name)} does not exist."
            severity = Severity.WARNING
            report.add("missing-file", detail, fix=fix, place=first, severity=severity, related=others[:MAX_RELATED])
    if os.name == "posix":
        _check_secrets(entries, folder, report)


def check_playbooks(root: Map, folder: Path, includes: Includes, report: Diagnostics) -> None:
    """Report folders of playbooks that are outside: their text is shown in errors, and runs on hosts."""
    named = root.get("playbooks", ())
    for index, name in enumerate(named if isinstance(named, list) else ()):
        if isinstance(name, str) and not includes.holds(folder / name):
            detail, fix = outside(name)
            report.add("include", detail, fix=fix, place=report.marks.item(named, index))


def digests(entries: Entries, singles: Singles, playbooks: Sequence[str], folder: Path) -> dict[str, str]:
    """SHA-256 of each file that the inventory names, and of its playbooks; empty for an absent one, `too large` for one
    of more than 16 MB. Packages have separate digests."""
    named = {name for _, field, _, name in _named(entries, singles) if field != "service.package"}
    found = {name: _digest(folder / name) for name in named}
    for playbook in playbooks:
        for file in sorted(_files_of_playbook(folder / playbook)):
            name = printable(file.relative_to(folder / playbook).as_posix())
            found[f"{playbook}/{name}"] = _digest(file)
    return dict(sorted(found.items()))


def outside_of(folder: Path, names: Iterable[str]) -> frozenset[str]:
    """Those that are not below `folder`, after links are followed."""
    inside = Includes(folder)
    return frozenset(name for name in names if not inside.holds(folder / name))


def _files_of_playbook(folder: Path) -> Iterator[Path]:
    for pattern in ("*.yml", "linux/*.sh", "windows/*.ps1") if is_folder(folder) else ():
        yield from folder.glob(pattern)


def _digest(file: Path) -> str:
    try:
        if not file.is_file():
            return ""
        return "too large" if file.stat().st_size > MAX_DIGESTED else hashlib.sha256(file.read_bytes()).hexdigest()
    except (OSError, ValueError):
        return ""


def _named(entries: Entries, singles: Singles) -> Iterator[tuple[Entry, str, int, str]]:
    for section, fields in _FILES.items():
        single = singles.get(section)
        for entry in entries.get(section, {}).values() if single is None else (single,):
            for field in fields:
                value: Any = entry.values.get(field, ())
                for item, name in enumerate([value] if isinstance(value, str) else value):
                    yield entry, field, item, name
    for entry in entries.get("proxies", {}).values():
        package = entry.values.get("service.package")
        for name in (package.get("source", ""), package.get("ca_file", "")) if package else ():
            if name and not is_address(name):
                yield entry, "service.package", -1, name
    for entry, field, path in _references(entries, "sops"):
        yield entry, field, -1, path.partition("#")[0]


def _references(entries: Entries, scheme: str) -> Iterator[tuple[Entry, str, str]]:
    """Each secret with this scheme: its entry, its field, and what follows the scheme."""
    for section, fields in _SECRETS.items():
        for entry in entries.get(section, {}).values():
            for field in fields:
                head, _, path = str(entry.values.get(field, "")).removeprefix("secret://").partition("/")
                if head == scheme:
                    yield entry, field, path


def _check_secrets(entries: Entries, folder: Path, report: Diagnostics) -> None:
    for entry, field, path in _references(entries, "file"):
        if _is_open(folder / path):
            detail = f"All users of this machine can read {quoted(path)}."
            named = f"./{path}" if path.startswith("-") else path
            fix = f"Restrict its permissions:\n  {shell_line(['chmod', '600', named])}"
            place = entry.value_place(field, report.marks)
            report.add("open-secret", detail, fix=fix, place=place, severity=Severity.WARNING)


def _is_open(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except (OSError, ValueError):
        return False
