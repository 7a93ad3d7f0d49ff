"""What a stream can show: colours, and characters beyond ASCII."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from reconciler.model.secret import MASK

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "magenta": "35",
    "cyan": "36",
}
DETAILS = ("brief", "normal", "full")
"""How much of a plan is shown: a line for each change; also its fields and causes; also its steps and their order."""

_ASCII = str.maketrans({"│": "|", "•": "*", "…": "~", "–": "-", "—": "-", "→": ">"})


@dataclass(frozen=True, slots=True)
class Style:
    """How to write. Colour never carries meaning alone, so a text without it says the same. `detail` is one of
    `DETAILS`."""

    colour: bool = False
    unicode: bool = True
    detail: str = "normal"

    def paint(self, text: str, *looks: str) -> str:
        """`text` in the looks named (`red`, `bold`, …), or unchanged without colours."""
        if not self.colour or not looks or not text:
            return text
        return f"\x1b[{';'.join(_CODES[look] for look in looks)}m{text}\x1b[0m"

    @property
    def rule(self) -> str:
        """The stroke at the left of a diagnostic."""
        return "│" if self.unicode else "|"

    @property
    def mask(self) -> str:
        return self.plain(MASK)

    def plain(self, text: str) -> str:
        """`text`, with strokes and bullets in ASCII if the stream has no Unicode."""
        return text if self.unicode else text.translate(_ASCII)


def clean(text: str) -> str:
    """`text` with control characters as visible escapes, so that a terminal does not interpret them.

    Names and messages come from servers and hosts; they must not be able to move the cursor or hide a line.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    if named:
        return named
    return f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"\\u{ord(char):04x}"


def wants_colour(flag: str, environment: Mapping[str, str], terminal: bool) -> bool:
    """Whether to colour: the flag (`always`, `never`, `auto`), else NO_COLOR, else FORCE_COLOR or CLICOLOR_FORCE,
    else TERM=dumb, else whether it is a terminal. An empty variable counts as absent (no-color.org), and 0
    forces nothing."""
    if flag != "auto":
        return flag == "always"
    if environment.get("NO_COLOR"):
        return False
    if any(environment.get(name, "") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return terminal and environment.get("TERM") != "dumb"


def style_of(stream: TextIO, flag: str, environment: Mapping[str, str]) -> Style:
    """The style for a stream."""
    terminal = stream.isatty()
    return Style(colour=wants_colour(flag, environment, terminal), unicode=_can_encode(stream))


def _can_encode(stream: TextIO) -> bool:
    try:
        ("│" + MASK).encode(stream.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True
