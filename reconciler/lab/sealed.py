"""The server's state with its secrets encrypted: a management server has to keep passwords, the lab's as any other.

Passwords of a rehearsal may be real ones. The key is beside the state, so this keeps them out of searches, copies and
backups of single files, but not against a reader of the whole folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cryptography.fernet import Fernet, InvalidToken

from reconciler.lab.pki import write_private
from reconciler.lab.state import Document, StateError

_NAMES: Final = frozenset(
    {
        "accountPassword",
        "password",
        "privateKeyBase64",
        "privateKeyPassphrase",
        "rootPassword",
        "serviceAccountPassword",
        "userPassword",
    }
)
_TABLES: Final = frozenset({"administrators"})
"""Maps whose values are all secret."""
_MARK: Final = "sealed:"


class SealedDocument(Document):
    """A Document whose secrets are in clear in `data` and nowhere else."""

    def __init__(self, path: Path, default: Callable[[], dict[str, Any]]) -> None:
        key = path.with_suffix(".key")
        if not key.exists():
            write_private(key, Fernet.generate_key())
        self._vault = Fernet(key.read_bytes())
        super().__init__(path, default)

    def _load(self) -> dict[str, Any]:
        found = super()._load()
        try:
            opened: dict[str, Any] = _walk(found, self._open)
        except InvalidToken as error:
            raise StateError(f"{self.path}: its key is another one; start over with: lab reset") from error
        return opened

    def save(self) -> None:
        with self.lock:
            text = json.dumps(_walk(self.data, self._seal), ensure_ascii=False)
            write_private(self.path, text.encode())

    def _seal(self, secret: str) -> str:
        return _MARK + self._vault.encrypt(secret.encode()).decode()

    def _open(self, text: str) -> str:
        return self._vault.decrypt(text.removeprefix(_MARK)).decode() if text.startswith(_MARK) else text


def _walk(value: Any, change: Callable[[str], str], *, secret: bool = False) -> Any:
    """A copy of JSON data with its secrets changed."""
    if isinstance(value, dict):
        return {
            key: _walk(item, change, secret=key in _NAMES or (secret and isinstance(item, str)) or key in _TABLES)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_walk(item, change, secret=secret) for item in value]
    return change(value) if secret and isinstance(value, str) and value else value
