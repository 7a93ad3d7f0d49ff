"""What a stream can show: colours, characters beyond ASCII, and the text of others.

Names and messages come from servers, hosts and inventories. `clean` makes one of them safe, `for_log` a whole output;
`model.value.json_text` does the same for JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from reconciler.model.secret import MASK
from reconciler.model.value import COMMAND
from reconciler.render.wrapping import width_of

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

_LOOKS = re.compile(r"(\x1b\[[0-9;]*m|[\n\t])")
_LINE_COMMAND = re.compile(r"^((?:[ \t]|\x1b\[[0-9;]*m)*):(?=:)", re.MULTILINE)
_ASCII = str.maketrans({"│": "|", "•": "*", "…": "~", "–": "-", "—": "-", "→": ">"})


@dataclass(frozen=True, slots=True)
class Style:
    """How to write. Colour never carries meaning alone, so a text without it says the same. `detail` is one of
    `DETAILS`. `folder` is that of the inventory as the reader would write it, with a slash at its end: an editor can
    open the place that a diagnostic names. `columns` are those of the terminal; 0 if there is none."""

    colour: bool = False
    unicode: bool = True
    detail: str = "normal"
    folder: str = ""
    columns: int = 0

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

    It is one line afterwards: it cannot move the cursor, hide a line, reverse the order of characters or begin a line.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def for_log(text: str) -> str:
    """An output for people, as a terminal and the log of a pipeline may show it.

    What pipelines take for commands is broken up with a blank: `::` at the start of a line (GitHub), and `##vso[` or
    `##[` anywhere (Azure Pipelines, GitHub, TeamCity). GitHub can also be made to stop reading commands, but it reads
    standard output and standard error at the same time, so the end of one would be the end of the other.
    """
    plain = text
    if not text.replace("\n", "").replace("\t", "").isprintable():
        parts = _LOOKS.split(text)  # colours and line ends at odd places
        plain = "".join(part if place % 2 else clean(part) for place, part in enumerate(parts))
    plain = COMMAND.sub("# #", plain) if "##" in plain else plain
    return _LINE_COMMAND.sub(r"\1: ", plain) if "::" in plain else plain


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
    return Style(
        colour=wants_colour(flag, environment, terminal), unicode=_can_encode(stream), columns=width_of(stream)
    )


def _can_encode(stream: TextIO) -> bool:
    try:
        ("│" + MASK).encode(stream.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True
