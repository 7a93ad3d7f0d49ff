"""The accounts of a Linux host: files below its root, as on a real one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reconciler.lab.hosts.accounts import matches, salted
from reconciler.lab.hosts.linux.root import SHADOW, SUDOERS
from reconciler.lab.pki import write_private


class LinuxAccounts:
    """Logins with a password (salted hashes in a file that only the lab can read) or a key (`authorized_keys`)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def adopt(self, user: str, *, password: str = "", key: str = "", sudo: str | None = None) -> None:
        """Let the account exist with this password and public key, where they are given; others stay as they are.

        `sudo` is `ALL` (asks for the password), `NOPASSWD: ALL`, empty for none, or None to leave it as it is.
        """
        if not user or any(char in user for char in ":/\n "):
            raise ValueError(f"{user!r} cannot be the name of a Linux account")
        folder = self.home(user) / ".ssh"
        folder.mkdir(parents=True, exist_ok=True)
        if password and not matches(self._shadow().get(user, ""), password):
            self._write(SHADOW, self._shadow() | {user: salted(password)}, ":")
        if key:
            (folder / "authorized_keys").write_text(f"{key}\n", encoding="ascii")
        rules = self._table(SUDOERS, " ALL=(ALL) ")
        if sudo is not None and user != "root" and rules.get(user, "") != sudo:
            rules[user] = sudo
            self._write(SUDOERS, {name: rule for name, rule in rules.items() if rule}, " ALL=(ALL) ")

    def home(self, user: str) -> Path:
        return self._root / ("root" if user == "root" else f"home/{user}")

    def accepts(self, user: str, password: str) -> bool:
        kept = self._shadow().get(user, "")
        return bool(kept) and matches(kept, password)

    def keys(self, user: str) -> Sequence[str]:
        if "/" in user:
            return ()
        try:
            return (self.home(user) / ".ssh/authorized_keys").read_text(encoding="ascii").splitlines()
        except OSError:
            return ()

    def _shadow(self) -> dict[str, str]:
        return self._table(SHADOW, ":")

    def _table(self, name: str, separator: str) -> dict[str, str]:
        lines = (self._root / name).read_text(encoding="utf-8").splitlines()
        return {user: rest for user, _, rest in (line.partition(separator) for line in lines)}

    def _write(self, name: str, table: dict[str, str], separator: str) -> None:
        text = "".join(f"{user}{separator}{rest}\n" for user, rest in sorted(table.items()))
        write_private(self._root / name, text.encode())
