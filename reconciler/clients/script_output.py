"""What a script sent back: one JSON document, or an account of what went wrong. Pure, and without secrets."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from reconciler.model.errors import BadAnswer, ScriptFailed
from reconciler.model.secret import Secret, mask_secrets

OUTPUT_LIMIT: Final = 16 * 1024 * 1024
"""Bytes that one script may print. The largest honest answer is a few kilobytes."""

_CLIXML = re.compile(r"#< CLIXML\s*(<Objs.*?</Objs>)", re.DOTALL)
_ERROR = re.compile(r'<S S="Error">(.*?)</S>', re.DOTALL)
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_LONGEST = 600


def reveal(params: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """`params` with the secrets revealed, and the secrets. Called at the moment of sending."""
    found: list[str] = []

    def plain(value: Any) -> Any:
        if isinstance(value, Secret):
            found.append(value.reveal())
            return found[-1]
        if isinstance(value, Mapping):
            return {str(key): plain(item) for key, item in value.items()}
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [plain(item) for item in value]
        return value

    return {key: plain(value) for key, value in params.items()}, found


def document(peer: str, what: str, stdout: bytes, secrets: Sequence[str]) -> Any:
    """The JSON document that a script printed. Raises BadAnswer for anything else."""
    text = stdout.decode("utf-8-sig", "replace").strip()
    try:
        return json.loads(text)
    except ValueError as error:
        encoding = json.detect_encoding(stdout[:4])
        if len(stdout) > 3 and not encoding.startswith("utf-8"):
            hint = "Something on the host changes how PowerShell writes; what is asked for is UTF-8."
            raise BadAnswer(peer, what, f"it printed {encoding.upper()} where UTF-8 belongs", hint=hint) from error
        start = shorten(mask_secrets(text, secrets), 120)
        reason = f"it printed {start!r} where one JSON document belongs" if start else "it printed nothing"
        if stdout[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in stdout[:2]:
            reason = "it printed UTF-16 where one JSON document in UTF-8 belongs"
        hint = "A login script that prints, or a shell that is not POSIX, can be the cause."
        raise BadAnswer(peer, what, reason, hint=hint) from error


def script_failed(peer: str, what: str, code: int, stderr: bytes, secrets: Sequence[str]) -> ScriptFailed:
    """The error for a script that ended with `code`; its reason is what the script itself said on standard error."""
    text = mask_secrets(stderr.decode("utf-8-sig", "replace"), secrets)
    reason = _said(text) or _clixml(text) or text.strip()
    return ScriptFailed(peer, what, shorten(reason) or f"it ended with exit code {code}", exit_code=code)


def _said(text: str) -> str:
    """The message in the last line that is a JSON object with one."""
    for line in reversed(text.splitlines()):
        if not line.lstrip().startswith("{"):
            continue
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict) and isinstance(told.get("message"), str):
            return str(told["message"])
    return ""


def _clixml(text: str) -> str:
    """The error text inside PowerShell's serialised streams; progress and warnings in them are no failure."""
    found = "".join(part for block in _CLIXML.findall(text) for part in _ERROR.findall(block))
    return html.unescape(_ESCAPED.sub(lambda match: chr(int(match[1], 16)), found))


def shorten(text: str, longest: int = _LONGEST) -> str:
    """One line of at most `longest` characters."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
