"""Secrets as types: a reference that may be shown, and a value that never is."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, quote_plus

MASK = "••••••"
SCHEMES = ("env", "exec", "file", "keyring", "sops", "vault")
_NUMBERED = frozenset("<>&'+`")
"""What .NET's JSON escapes as `\\u0026`."""
_WORDS = ("password", "passphrase", "privatekey", "secret", "token")


class Secret:
    """A secret value. Printing, formatting and pickling never give it away; `reveal()` does, at the moment of use."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not written anywhere")


def is_secret(name: str) -> bool:
    """Whether the property of the API with this name holds a secret (`userPassword`, …)."""
    return any(word in name.lower() for word in _WORDS)


def without_secrets(value: Any) -> Any:
    """JSON data with every secret property masked, at any depth."""
    if isinstance(value, Mapping):
        return {name: MASK if is_secret(name) else without_secrets(part) for name, part in value.items()}
    return [without_secrets(part) for part in value] if isinstance(value, list) else value


def mask_secrets(text: str, secrets: Iterable[str]) -> str:
    """`text` with every secret replaced by MASK, also as JSON, XML and URLs escape it, and line by line (a private
    key)."""
    forms = {form for secret in secrets if secret for form in _forms(secret)}
    for form in sorted(forms, key=lambda form: (-len(form), form)):  # the longest first: one may be part of another
        text = text.replace(form, MASK)
    return text


def _forms(secret: str) -> set[str]:
    lines = [line for line in secret.splitlines() if len(line) > 8]
    return {form for text in (secret, *lines) for form in (text, *_escaped(text))}


def _escaped(text: str) -> Iterator[str]:
    """As different writers escape it: .NET writes some characters of JSON as numbers, and some URLs in lower case."""
    written = (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
    yield from written
    for form in written:
        numbered = "".join(f"\\u{ord(char):04x}" if char in _NUMBERED else char for char in form)
        yield from (numbered, re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found.group()[2:].upper(), numbered))
    yield from (html.escape(text), html.escape(text, quote=False))
    for form in (
        quote(text, safe="", errors="replace"),
        quote(text, errors="replace"),
        quote_plus(text, errors="replace"),
    ):
        yield from (form, re.sub(r"%[0-9A-F]{2}", lambda found: found.group().lower(), form))


@dataclass(frozen=True, slots=True, order=True)
class SecretRef:
    """`secret://scheme/path`: where a secret is found. The reference is not secret and may stand in a plan."""

    scheme: str
    path: str

    @classmethod
    def parse(cls, text: str) -> SecretRef:
        """`secret://env/NAME` to a reference. Raises ValueError for anything else."""
        head, separator, rest = text.partition("://")
        scheme, slash, path = rest.partition("/")
        if head != "secret" or not separator or not slash or not scheme or not path:
            raise ValueError(f"{text!r} is not of the form secret://SCHEME/PATH")
        return cls(scheme, path)

    def __str__(self) -> str:
        return f"secret://{self.scheme}/{self.path}"


class SecretResolver(Protocol):
    """Turns references into values, at the moment of use."""

    def resolve(self, reference: SecretRef) -> Secret:
        """The value. Raises SecretError, whose message names the reference and what to do."""
        ...
