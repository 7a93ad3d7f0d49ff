"""What is sent about changes of state, in the form that a receiver takes: plain JSON, Slack, Teams, or a mail."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from reconciler.model.finding import Transition

Data = Mapping[str, Any]

FORMAT_VERSION: Final = "1.0"
MAIL: Final = "mail"
_MAILED: Final = 200
"""Changes of state that a mail shows."""
_LINES: Final = 20
"""Changes of state that Slack and Teams show; the rest is counted."""
_QUOTE: Final = "'"
"""In the place of a backtick, which would end the code block of Slack."""
_SIGNS: Final = {"opened": "!", "resolved": "=", "acknowledged": "~", "expired": "!", "flapping": "!", "stable": "!"}


@dataclass(frozen=True, slots=True)
class Channel:
    """A webhook: `address` is its URL or a secret reference to it, `form` the form that it takes. Or mail (MAIL):
    `address` are the recipients, separated by commas; without any those of the inventory. `name` identifies the channel
    in the journal, and shows nothing of its address."""

    form: str
    address: str

    @property
    def name(self) -> str:
        return f"{self.form}-{hashlib.sha256(self.address.encode()).hexdigest()[:12]}"


def message(
    notice: str, inventory: str, server: str, at: datetime, transitions: Sequence[Transition], *, lab: bool
) -> dict[str, Any]:
    """The message about `transitions`. A receiver that gets the id `notice` twice got the same message twice."""
    return {
        "format_version": FORMAT_VERSION,
        "id": notice,
        "inventory": inventory,
        "server": server,
        "lab": lab,
        "at": at.isoformat(timespec="seconds"),
        "transitions": [item.to_json() for item in transitions],
    }


def _json(data: Data) -> dict[str, Any]:
    return dict(data)


def _slack(data: Data) -> dict[str, Any]:
    """https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks: `text`, in which & < > are escaped."""
    lines = "\n".join(_lines(data))
    body = f"{_title(data)}\n```\n{lines.replace('`', _QUOTE)}\n```"
    return {"text": body.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}


def _teams(data: Data) -> dict[str, Any]:
    """An Adaptive Card, as a workflow "When a Teams webhook request is received" takes it."""
    title = {"type": "TextBlock", "text": _title(data), "weight": "Bolder", "wrap": True}
    lines = [{"type": "TextBlock", "text": _plain(line), "wrap": True, "spacing": "Small"} for line in _lines(data)]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [title, *lines],
    }
    return {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}],
    }


def _mail(data: Data) -> dict[str, Any]:
    """Subject, text and id of a mail."""
    lines = [_line(item) for item in data["transitions"][:_MAILED]]
    more = len(data["transitions"]) - _MAILED
    text = "\n".join([f"Server {data['server'] or 'unknown'}, {data['at']}", "", *lines, *_more(more)])
    return {"id": data["id"], "subject": f"[vbo-reconcile] {_title(data)}", "text": f"{text}\n"}


FORMS: Final[Mapping[str, Callable[[Data], dict[str, Any]]]] = {
    "json": _json,
    "slack": _slack,
    "teams": _teams,
    MAIL: _mail,
}


def _title(data: Data) -> str:
    counts: dict[str, int] = {}
    for item in data["transitions"]:
        counts[item["change"]] = counts.get(item["change"], 0) + 1
    where = f"{data['inventory']} (lab)" if data["lab"] else data["inventory"]
    return f"{where}: " + ", ".join(f"{number} {change}" for change, number in sorted(counts.items()))


def _lines(data: Data) -> list[str]:
    shown = [_line(item) for item in data["transitions"][:_LINES]]
    more = len(data["transitions"]) - _LINES
    return [*shown, *_more(more)]


def _more(number: int) -> list[str]:
    return [f"and {number} more"] if number > 0 else []


def _line(item: Data) -> str:
    severity = f" ({item['severity']})" if item["change"] != "resolved" else ""
    return f"{_SIGNS[item['change']]} {item['change']} {item['address']} {item['subject']}{severity}: {item['text']}"


def _plain(text: str) -> str:
    """Without the Markdown of a card."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]()#+-.!|>~" else char for char in text)
