"""The command line of `watch`: what is refused before anything is observed."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.render.summary import LAB
from tests.cli.running import call


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("htp:/x", "does not begin with https://"),
        ("http://hooks.example.com/x", "does not begin with https://"),
        ("slak=https://hooks.example.com/x", "does not begin with https://"),
        ("teams=https://[::1/x", "is not a URL"),
        ("secret://nope", "is not of the form secret://SCHEME/PATH"),
    ],
)
def test_a_webhook_that_nothing_can_be_sent_to_is_refused_at_the_start(value: str, why: str) -> None:
    ended = call("watch", "x.yml", "--once", "--notify-url", value)
    assert (ended.code, ended.out) == (64, "")
    assert why in ended.err


def test_in_the_lab_it_says_so(tmp_path: Path) -> None:
    inventory = tmp_path / "corp.yml"
    inventory.write_text("version: 1\nname: corp\n", encoding="utf-8")
    environment = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    ended = call("watch", str(inventory), "--once", "--lab", environment=environment)
    assert LAB in ended.err
    assert "corp: cannot be observed" in ended.err
