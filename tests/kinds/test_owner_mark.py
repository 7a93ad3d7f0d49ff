"""The owner's mark at the end of a description, in descriptions of any length. No clock: see the size."""

from __future__ import annotations

from typing import Any, cast

import pytest

from reconciler.kinds.codec import decode_description, marked, owner_of

SIZE = 3_000_000
"""The square of it are more steps than the time limit of the suite allows."""


@pytest.mark.parametrize(
    ("text", "owner", "shown"),
    [
        ("", "", ""),
        ("by hand", "", "by hand"),
        ("by hand  ", "", "by hand  "),
        ("[vbo-reconcile:corp]", "corp", ""),
        ("text [vbo-reconcile:corp]\r\n ", "corp", "text"),
        ("text [vbo-reconcile:corp] more", "", "text [vbo-reconcile:corp] more"),
        ("[vbo-reconcile:one] [vbo-reconcile:two]", "two", "[vbo-reconcile:one]"),
        ("[vbo-reconcile:]", "", "[vbo-reconcile:]"),
        ("[vbo-reconcile:two words]", "", "[vbo-reconcile:two words]"),
        ("[vbo-reconcile:a]b]", "", "[vbo-reconcile:a]b]"),
        ("[vbo-reconcile:corp", "", "[vbo-reconcile:corp"),
        (" " * SIZE + ".", "", " " * SIZE + "."),
        ("[vbo-reconcile:" * SIZE, "", "[vbo-reconcile:" * SIZE),
        ("a" + " " * SIZE + "[vbo-reconcile:corp]", "corp", "a" + " " * (SIZE - 1)),
    ],
    ids=lambda value: f"{value[:50]} {len(value)}",
)
def test_the_mark_is_read_in_one_pass(text: str, owner: str, shown: str) -> None:
    assert owner_of({"description": text}) == owner
    assert decode_description({"description": text}, cast("Any", None)) == shown


@pytest.mark.parametrize(
    "text", ["", "by hand", "by hand  ", "   ", "\tby hand\r\n", "[vbo-reconcile:other]", "x" * 500]
)
def test_what_a_person_wrote_is_read_as_it_was(text: str) -> None:
    raw = {"description": marked(text, "corp")}
    assert (owner_of(raw), decode_description(raw, cast("Any", None))) == ("corp", text)
