"""What can go wrong between a client and WinRM, by name.

To add one: a line in `TROUBLES` and, if it mangles answers, one in `_MANGLED`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

SILENCE: Final = "silent"
Mangle = Callable[[bytes, bytes], bytes]
"""(head of an answer without its length, body) to what goes over the wire."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """`verb` is the request that it applies to by default. `before` the work is done or after it."""

    verb: str
    before: bool
    what: str


TROUBLES: Final[Mapping[str, Trouble]] = {
    "drop": Trouble("Command", before=True, what="the connection is closed before the work"),
    "lose": Trouble("Receive", before=False, what="the connection is closed after the work, without an answer"),
    "half": Trouble("Receive", before=False, what="the answer breaks off in the middle"),
    "long": Trouble("Receive", before=False, what="the answer says that it is longer than it is"),
    "short": Trouble("Receive", before=False, what="the answer says that it is shorter than it is"),
    "garbage": Trouble("Receive", before=False, what="the answer is not SOAP"),
    "fault": Trouble("Command", before=True, what="the service answers with a fault"),
    "late": Trouble("Create", before=True, what="the service answers that OperationTimeout is over"),
    "expire": Trouble("Command", before=True, what="the login is forgotten (401)"),
    "busy": Trouble("Create", before=True, what="too much to do (503)"),
    SILENCE: Trouble("Receive", before=False, what="no answer, and the connection stays open"),
}


def _with_length(head: bytes, length: int) -> bytes:
    return head + b"Content-Length: %d\r\n\r\n" % length


_MANGLED: Final[Mapping[str, Mangle]] = {
    "half": lambda head, body: _with_length(head, len(body)) + body[: len(body) // 2],
    "long": lambda head, body: _with_length(head, len(body) + 100) + body,
    "short": lambda head, body: _with_length(head, max(len(body) - 100, 0)) + body,
    "garbage": lambda head, body: _with_length(head, len(body)) + b"x" * len(body),
}


def mangled(trouble: str, head: bytes, body: bytes) -> bytes:
    """An answer as it goes over the wire."""
    mangle = _MANGLED.get(trouble)
    return mangle(head, body) if mangle else _with_length(head, len(body)) + body


def closes(trouble: str) -> bool:
    """Whether the connection is of no use after the answer."""
    return trouble in ("half", "long")
