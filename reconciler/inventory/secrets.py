"""Secret references to values, at the moment of use: environment, file, keyring, commands, and files of SOPS.

No message ever holds a value, nor what a command wrote: only the reference and what to do.
"""

from __future__ import annotations

import os
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import RLock
from typing import Final

from reconciler.installation import install_command
from reconciler.inventory.secret_command import BY_HAND, CommandFailed, run
from reconciler.inventory.sops import SopsFiles
from reconciler.model.errors import SecretError
from reconciler.model.secret import SCHEMES, Secret, SecretRef
from reconciler.model.sentences import CREATE_FILE
from reconciler.presence import is_file

MAX_FILE: Final = 1024 * 1024
DEADLINE: Final = 30.0
"""Seconds that a command may take."""


Source = Callable[[SecretRef], str]
"""Finds the values of one scheme. Raises SecretError."""


class Resolver:
    """Resolves references for one run: each of them once, also from several threads, one after the other.

    `root` is the folder that relative paths start from, `commands` are those of `secret://exec/NAME`; `sources` are for
    schemes that this room does not know. Raises SecretError; a failure is not remembered, so what was mended in the
    meantime works.
    """

    def __init__(
        self,
        root: str,
        commands: Mapping[str, tuple[str, ...]] | None = None,
        *,
        sources: Mapping[str, Source] | None = None,
        environment: Mapping[str, str] | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        self._root = Path(root)
        self._commands = commands or {}
        self._environment = os.environ if environment is None else environment
        self._deadline = deadline
        self._known: dict[SecretRef, Secret] = {}
        self._lock = RLock()
        self._schemes: dict[str, Source] = {
            "env": self._from_environment,
            "exec": self._from_command,
            "file": self._from_file,
            "keyring": self._from_keyring,
            "sops": SopsFiles(self._root, deadline).read,
            **(sources or {}),
        }

    def __repr__(self) -> str:
        return f"Resolver({len(self._known)} known)"

    def resolve(self, reference: SecretRef) -> Secret:
        with self._lock:
            if reference not in self._known:
                find = self._schemes.get(reference.scheme)
                if find is None:
                    known = ", ".join(SCHEMES)
                    raise SecretError(f"{reference}: the scheme {reference.scheme!r} is none of {known}")
                value = find(reference)
                if not value:
                    raise SecretError(
                        f"{reference}: the secret is empty", hint="Put it there, or correct the reference."
                    )
                self._known[reference] = Secret(value)
            return self._known[reference]

    def _from_environment(self, reference: SecretRef) -> str:
        value = self._environment.get(reference.path)
        if value is None:
            hint = "Set it in the environment of this command, or correct the reference."
            raise SecretError(f"{reference}: the environment variable {reference.path} is not set", hint=hint)
        return _text(os.fsencode(value), reference)

    def _from_file(self, reference: SecretRef) -> str:
        path = self._root / reference.path
        try:
            if not path.is_file():
                raise SecretError(f"{reference}: the file does not exist", hint=CREATE_FILE)
            with path.open("rb") as file:
                raw = file.read(MAX_FILE + 1)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "its name cannot be used"
            hint = "Let this user read it, or correct the path."
            raise SecretError(f"{reference}: the file cannot be read: {reason.lower()}", hint=hint) from None
        if len(raw) > MAX_FILE:
            hint = "Correct the path: the file holds the secret and nothing else."
            raise SecretError(f"{reference}: the file is larger than 1 MB, which no secret is", hint=hint)
        return _text(raw, reference)

    def _from_keyring(self, reference: SecretRef) -> str:
        service, separator, user = reference.path.rpartition("/")
        if not separator or not service or not user:
            raise SecretError(f"{reference}: a keyring is asked with secret://keyring/SERVICE/USER")
        try:
            import keyring
        except ImportError:
            hint = f"Install it:\n  {install_command('keyring')}"
            raise SecretError(f"{reference}: the package keyring is not installed", hint=hint) from None
        try:
            value = keyring.get_password(service, user)
        except Exception as error:
            # Backends raise what they like, and may quote what they know: the kind of error has to do.
            raise SecretError(f"{reference}: the keyring cannot be asked ({type(error).__name__})") from error
        if value is None:
            fix = f"store it with: keyring set {service} {user}"
            raise SecretError(f"{reference}: the keyring has no such entry; {fix}")
        return str(value)

    def _from_command(self, reference: SecretRef) -> str:
        try:
            return _text(run(self._command(reference), self._root, self._deadline), reference)
        except CommandFailed as error:
            raise SecretError(f"{reference}: {error}", hint=BY_HAND) from None

    def _command(self, reference: SecretRef) -> list[str]:
        """`NAME` is an entry of `secrets.exec`, `NAME/ARGUMENT` the same with one more argument; else a program."""
        if reference.path in self._commands:
            return list(self._commands[reference.path])
        name, separator, argument = reference.path.partition("/")
        if separator and argument and name in self._commands:
            return [*self._commands[name], argument]
        program = self._root / reference.path
        if is_file(program) and os.access(program, os.X_OK):
            return [str(program)]
        fix = f"add it under `secrets: {{exec: {{{name or 'NAME'}: [program, argument]}}}}`"
        raise SecretError(f"{reference}: the command does not exist; {fix}")


def _text(raw: bytes, reference: SecretRef) -> str:
    """UTF-8, or UTF-16 that says so (PowerShell writes it), without the line end that editors and commands add."""
    try:
        text = raw.decode("utf-16" if raw.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError:
        raise SecretError(f"{reference}: the secret is not UTF-8 text", hint="Write it as UTF-8 text.") from None
    if "\0" in text:
        hint = "Write it as UTF-8 text."
        raise SecretError(f"{reference}: the secret holds a NUL character, which no password can", hint=hint)
    return text.removesuffix("\n").removesuffix("\r")
