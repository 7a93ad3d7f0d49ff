"""Any text of a server comes back from the written YAML as it was, for our reader and for readers of YAML 1.1."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.importing.keys import label
from reconciler.importing.yaml_text import LINE, flow, lines
from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.document import parse
from reconciler.inventory.source import Source

ODD: Final = (
    "no", "Off", "y", "null", "~", "1e3", "007", "0x1F", "0o17", "1_000", "12:30:45", "2026-01-31", "3.", ".5", ".inf",
    "=", "a: b", "a #b", "#x", "- x", "-", "?", "? x", "!tag", "&a", "*a", "%x", "@x", "`x", "{a}", "[a]", "a, b", "a,",
    "'", '"',
    "it's", "\\", "C:\\x", " x", "x ", "x:", ": x", "|", ">", "---", "...", "\U0001f600", "\u202e", "\u2028",
    "\x85", "\ufeff", "\x07", "\t", "a\nb", "\u0130", "x" * 300, "10 minutes", "https://s3.example.net:9000/a",
    "../pki/x",
)  # fmt: skip


def read(text: str) -> Any:
    report = Diagnostics()
    source = Source("x.yml", Path("x.yml"), text.encode())
    value = parse(source, report.marks.add(source), report)
    assert not report.has_errors, report.diagnostics()
    return value


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_as_keys_and_values(text: str) -> None:
    data = {"names": {text: {"name": text, "list": [text, 1, True]}}}
    written = "\n".join(line for key, value in data.items() for line in lines(key, value))
    assert read(written) == data
    assert yaml.safe_load(written) == data


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_any_text(text: str) -> None:
    written = f"key: {flow({'a': text, 'b': [text]})}\n"
    assert read(written) == {"key": {"a": text, "b": [text]}}
    assert yaml.safe_load(written) == {"key": {"a": text, "b": [text]}}


@given(st.text(max_size=400))
def test_keys_are_names_that_the_schema_takes(text: str) -> None:
    key = label(text)
    assert len(key) <= 250
    assert key == key.strip()
    assert all(char.isprintable() for char in key)


def test_long_entries_are_blocks() -> None:
    value = {"items": ["mailbox"] * 30, "nested": {"short": 1}}
    written = list(lines("job", value))
    assert all(len(line) <= LINE for line in written)
    assert read("\n".join(written)) == {"job": value}


def test_a_value_that_fits_below_its_key() -> None:
    value = {"name": "x" * 50, "organization": "y" * 40}
    written = list(lines("z" * 20, value, "  "))
    assert len(written) == 2
    assert read("jobs:\n" + "\n".join(written)) == {"jobs": {"z" * 20: value}}
