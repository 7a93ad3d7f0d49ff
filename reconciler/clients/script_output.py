"""The output of a script on a host: one JSON document, or an error. Pure; secrets are masked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from xml.sax.saxutils import unescape

from reconciler.clients import foreign_json
from reconciler.model.errors import BadAnswer, ScriptFailed
from reconciler.model.secret import Secret, mask_secrets

OUTPUT_LIMIT: Final = 4 * 1024 * 1024
"""Bytes that one script may print. The largest document of a shipped script is a few kilobytes."""

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_LONGEST = 600


def reveal(params: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """`params` with the secrets revealed, and the list of secrets. Called when the parameters are sent."""
    found: list[str] = []

    def plain(value: Any) -> Any:
        if isinstance(value, str | int):
            return value
        if isinstance(value, Secret):
            found.append(value.reveal())
            return found[-1]
        if isinstance(value, Mapping):
            return {str(key): plain(item) for key, item in value.items()}
        if isinstance(value, Sequence):
            return [plain(item) for item in value]
        return value

    return {key: plain(value) for key, value in params.items()}, found


def document(peer: str, what: str, stdout: bytes, secrets: Sequence[str]) -> Any:
    """The JSON document that a script printed. Raises BadAnswer for anything else."""
    text = stdout.decode("utf-8-sig", "replace").strip()
    try:
        return foreign_json.parse(text)
    except ValueError as error:
        encoding = json.detect_encoding(stdout[:4])
        if len(stdout) > 3 and not encoding.startswith("utf-8"):
            hint = "A setting of the host changes the output encoding of PowerShell."
            raise BadAnswer(peer, what, f"it printed {encoding.upper()} instead of UTF-8", hint=hint) from error
        start = shorten(mask_secrets(text, secrets), 120)
        reason = f"it printed {start!r} instead of one JSON document" if start else "it printed nothing"
        if stdout[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in stdout[:2]:
            reason = "it printed UTF-16 instead of one JSON document in UTF-8"
        hint = "Possible causes: a script that prints something else, or a program that it calls."
        raise BadAnswer(peer, what, reason, hint=hint) from error


def script_failed(peer: str, what: str, code: int, stderr: bytes, secrets: Sequence[str]) -> ScriptFailed:
    """The error for a script with exit code `code`; the reason is the message on its standard error."""
    text = mask_secrets(stderr.decode("utf-8-sig", "replace"), secrets)
    reason = _message(text) or _clixml(text) or text.strip()
    return ScriptFailed(peer, what, shorten(reason) or f"it ended with exit code {code}", exit_code=code)


def _message(text: str) -> str:
    """The message in the last line that is a JSON object with one."""
    for line in reversed(text.splitlines()):
        if not line.lstrip().startswith("{"):
            continue
        try:
            found = foreign_json.parse(line)
        except ValueError:
            continue
        if isinstance(found, dict) and isinstance(found.get("message"), str):
            return str(found["message"])
    return ""


def _clixml(text: str) -> str:
    """The error text in PowerShell's serialized streams; progress and warnings in them are not failures."""
    parts = text.partition("#< CLIXML")[2].split('<S S="Error">')[1:]
    found = "".join(part.partition("</S>")[0] for part in parts if "</S>" in part)
    plain = unescape(found, {"&quot;": '"', "&apos;": "'"})
    return foreign_json.without_half_pairs(_ESCAPED.sub(lambda match: chr(int(match[1], 16)), plain))


@contextmanager
def interpreting(peer: str, script: str) -> Iterator[None]:
    """Around code that reads a document: what it raises for one of another shape is a BadAnswer of this host."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        hint = "Is the script of the playbook the one of this version, and does nothing else print on the host?"
        reason = "its parts are not those that the script documents"
        raise BadAnswer(peer, f"reading the answer of {script}", reason, hint=hint) from error


def shorten(text: str, longest: int = _LONGEST) -> str:
    """One line of at most `longest` characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
