"""Lines of an inventory as they may be shown: whatever may be a secret in plain text is masked.

A line is shown to explain a mistake, and the mistake may be that very secret. The line may not even be valid YAML, so
this works on text: too much masked does no harm.
"""

from __future__ import annotations

import re

from reconciler.model.secret import MASK

_PAIR = re.compile(r"""(?<![\w.-])(?P<word>[\w.-]+)["']?\s*:(?!//)\s*""")
_TELLING = ("pas", "ps", "pw", "secret", "key", "token", "phrase")
_HARMLESS = frozenset({"host_keys", "keytab", "secrets"})  # a keytab is named by its path
_KEY_TEXT = re.compile(r"-----BEGIN|^\s*[A-Za-z0-9+/]{40,}={0,2}\s*$")


def masked(line: str) -> str:
    """`password: hunter2` as `password: ••••••`, to the end of the line; references (`secret://…`) stay."""
    if _KEY_TEXT.search(line):
        return MASK
    for found in _PAIR.finditer(line):
        value, word = line[found.end() :], found["word"].lower()
        is_secret = word not in _HARMLESS and any(part in word for part in _TELLING)
        if value and is_secret and not value.lstrip("\"'").startswith("secret://"):
            return f"{line[: found.end()]}{MASK}"
    return line
