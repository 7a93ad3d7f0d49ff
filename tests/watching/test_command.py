"""The command line of `watch`: what is refused before anything is observed."""

from __future__ import annotations

import pytest

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
