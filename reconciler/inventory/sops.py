"""Values in files that SOPS encrypted: `secret://sops/FILE#KEY`.

The program `sops` opens them, once a run for each file, with the keys that it finds itself: age, PGP, or those of a key
service. What it prints is kept in memory only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from reconciler.inventory.secret_command import BY_HAND, CommandFailed, run
from reconciler.model.errors import SecretError
from reconciler.model.secret import SecretRef
from reconciler.model.sentences import CREATE_FILE, listed, quoted
from reconciler.presence import is_file

_REASONS: Final[Mapping[int, str]] = {
    2: "sops cannot read the file",
    51: "the file was changed after sops encrypted it (its MAC does not match)",
    52: "the file has no MAC: sops did not encrypt it, or it was damaged",
    128: "no key of this machine opens the file; for age set SOPS_AGE_KEY_FILE or SOPS_AGE_KEY",
}
"""By exit code: https://github.com/getsops/sops/blob/main/cmd/sops/codes/codes.go"""


class SopsFiles:
    """`root` is the folder that relative paths start from, `deadline` in seconds. Raises SecretError."""

    def __init__(self, root: Path, deadline: float) -> None:
        self._root = root
        self._deadline = deadline
        self._opened: dict[str, Any] = {}

    def read(self, reference: SecretRef) -> str:
        """The value of one key: a dotted path, or a key of the document that has dots itself."""
        name, _, key = reference.path.partition("#")
        if name not in self._opened:
            self._opened[name] = self._open(reference, name)
        found = _at(self._opened[name], key)
        if found is None:
            raise SecretError(f"{reference}: {_missing(self._opened[name], key)}")
        if isinstance(found, bool) or not isinstance(found, str | int):
            raise SecretError(f"{reference}: what is there is not text")
        return str(found)

    def _open(self, reference: SecretRef, name: str) -> Any:
        if not is_file(self._root / name):
            raise SecretError(f"{reference}: the file does not exist", hint=CREATE_FILE)
        file = str((self._root / name).absolute())
        try:
            return json.loads(run(["sops", "--decrypt", "--output-type", "json", file], self._root, self._deadline))
        except CommandFailed as error:
            reason = _REASONS.get(error.status)
            raise SecretError(f"{reference}: {reason or error}", hint="" if reason else BY_HAND) from None
        except ValueError:
            raise SecretError(f"{reference}: sops did not print JSON") from None


def _at(document: Any, key: str) -> Any:
    """None where there is nothing. Without a key the only value, such as that of a binary file."""
    if not key:
        return next(iter(document.values())) if isinstance(document, dict) and len(document) == 1 else None
    if isinstance(document, dict) and key in document:
        return document[key]
    found = document
    for part in key.split("."):
        if isinstance(found, list) and part.isdecimal():
            found = found[int(part)] if int(part) < len(found) else None
        else:
            found = found.get(part) if isinstance(found, dict) else None
    return found


def _missing(document: Any, key: str) -> str:
    """Names of keys are not encrypted in such a file."""
    names = [f"#{name}" for name in sorted(document)] if isinstance(document, dict) else []
    there = f"the file has {listed(names)}" if names else "the file has no keys"
    return f"the key {quoted(key)} does not exist; {there}" if key else f"say which key is meant, {there}"
