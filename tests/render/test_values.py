"""Values on one line."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.render.values import change_text, text_of


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        (True, "true"),
        (587, "587"),
        (1.5, "1.5"),
        ("100 Mbps", "100 Mbps"),
        ("off", "off"),
        ("none", "none"),
        ("", '""'),
        ("587", '"587"'),
        ("1.5", '"1.5"'),
        ("8.5.0.1014", "8.5.0.1014"),
        ("true", '"true"'),
        ("?", '"?"'),
        (" padded ", '" padded "'),
        ("a -> b", '"a -> b"'),
        ("key: value", '"key: value"'),
        ("secret://env/NAME", "secret://env/NAME"),
        (r"D:\VBO\contoso", r"D:\VBO\contoso"),
        ("a, b", "a, b"),
        (["a, b", "c"], '["a, b", c]'),
        ({"daily": "22:00", "days": ["Mon"]}, "{daily: 22:00, days: [Mon]}"),
        ([], "[]"),
        ({}, "{}"),
    ],
)
def test_a_value(value: Any, shown: str) -> None:
    assert text_of(value) == shown


def test_short_lists_are_shown_whole() -> None:
    assert change_text(["a"], ["a", "b"]) == "[a] -> [a, b]"


def test_long_lists_are_shown_by_their_difference() -> None:
    before = [f"proxy-{number:03}" for number in range(50)]
    assert change_text(before, [*before[2:], "new"]) == "+new -proxy-000 -proxy-001 (48 the same)"


def test_a_long_list_in_another_order_is_shown_whole() -> None:
    before = [f"proxy-{number:03}" for number in range(50)]
    assert " -> " in change_text(before, before[::-1])
