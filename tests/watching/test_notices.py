"""The forms in which changes of state are sent."""

from __future__ import annotations

import json
from typing import Any

from reconciler.model.finding import ChangeOfState, Finding, FindingKind, FindingState, TrackedFinding, Transition
from reconciler.watching.notices import FORMS, Channel, message
from tests.watching.samples import NOON


def data(count: int = 1, text: str = "off -> on") -> dict[str, Any]:
    made = []
    for number in range(count):
        finding = Finding(FindingKind.DRIFT, f"proxy.px-{number}", "throttle", "low", text)
        tracked = TrackedFinding(finding, FindingState.OPEN, f"i{number}", NOON, "o1", present=True, changed=NOON)
        made.append(Transition(ChangeOfState.OPENED, tracked, NOON))
    return message("n1", "corp", "vbo01", NOON, made, lab=False)


def test_json_has_everything() -> None:
    sent = FORMS["json"](data())
    assert {name: sent[name] for name in ("id", "inventory", "server", "at")} == {
        "id": "n1",
        "inventory": "corp",
        "server": "vbo01",
        "at": "2026-11-02T12:00:00+00:00",
    }
    (change,) = sent["transitions"]
    assert (change["change"], change["address"], change["incident"]) == ("opened", "proxy.px-0", "i0")


def test_slack_cannot_be_written_to_by_a_text() -> None:
    text = FORMS["slack"](data(text="``` <!channel> & more"))["text"]
    assert text.count("```") == 2
    assert "<!channel>" not in text
    assert text.startswith("corp: 1 opened\n")


def test_teams_gets_a_card_without_markdown() -> None:
    sent = FORMS["teams"](data(text="[click](https://x.example.com)"))
    card = sent["attachments"][0]["content"]
    assert card["body"][0]["text"] == "corp: 1 opened"
    assert "\\[click\\]\\(https" in card["body"][1]["text"]


def test_many_changes_are_counted() -> None:
    for form in ("slack", "teams"):
        assert "and 80 more" in json.dumps(FORMS[form](data(100)))


def test_the_name_of_a_channel_does_not_show_its_address() -> None:
    one, two = (Channel("json", f"https://hooks.example.com/{token}") for token in ("T0K3N", "other"))
    assert one.name != two.name
    assert "T0K3N" not in one.name
