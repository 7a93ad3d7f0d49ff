"""What a new inventory takes over from the one that names the server: the server, logins, certificates."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

SECTIONS: Final = ("server", "credentials", "jump_hosts", "certificates", "secrets", "playbooks")
_FILES: Final = frozenset(("ca_file", "cert", "certificate_file", "keytab", "known_hosts", "pfx", "playbooks"))
"""Keys whose values are files relative to the folder of the inventory."""


def base_sections(root: Mapping[str, Any], home: Path, folder: Path) -> dict[str, Any]:
    """The sections of a document in `home`, for one in `folder`."""
    found = {name: root[name] for name in SECTIONS if name in root}
    moved = found if home == folder else _moved(found, os.path.relpath(home, folder))
    return {"server": {}, "credentials": {}, **moved}


def _moved(value: Any, way: str, key: str = "") -> Any:
    """The same with paths that lead back to where the files are."""
    if isinstance(value, Mapping):
        return {name: _moved(part, way, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_moved(part, way, key) for part in value]
    if isinstance(value, str) and key in _FILES and not Path(value).is_absolute():
        return os.path.normpath(f"{way}/{value}")
    if isinstance(value, str) and value.startswith(("secret://file/", "secret://sops/")):
        scheme, path = value[:14], value[14:]
        return value if Path(path).is_absolute() else f"{scheme}{os.path.normpath(f'{way}/{path}')}"
    return value
