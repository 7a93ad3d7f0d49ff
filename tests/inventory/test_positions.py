"""Every object and every field knows where it was said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.document import parse
from reconciler.inventory.schema_errors import place_of, report_schema_errors
from reconciler.inventory.source import Source, unprintable
from reconciler.model.address import Address
from reconciler.model.inventory import WHOLE, Inventory
from tests.inventory.writing import HEAD, RETENTION, load_text, sound, write

BODY = f"""\
defaults:
  proxy: {{port: 9193, service: {{version: server}}}}
groups:
  dmz:
    type: workgroup
    credentials: admin
proxies:
  px-1:
    host: a.example.com
    group: dmz
    service:
      install: push
  px-2: {{host: b.example.com, type: domain, credentials: admin}}
  px-3: {{host: c.example.com, type: domain, credentials: admin, pool: cloud}}
pools:
  cloud: {{}}
repositories:
  disk:
    {RETENTION}
    proxy: px-2
    path: 'D:\\disk'
"""


def _places(inventory: Inventory, name: str) -> dict[str, tuple[int, int]]:
    resource = inventory.resources[Address(name)]
    assert set(resource.positions) - {WHOLE} <= set(resource.fields)
    assert len(resource.positions) == len(list(resource.positions))
    return {field: (place.line, place.column) for field, place in resource.positions.items() if field}


def test_fields_of_the_object_its_group_and_the_defaults(tmp_path: Path) -> None:
    inventory = load_text(tmp_path, BODY)
    proxy = inventory.resources[Address("proxy.px-1")]
    assert str(proxy.position) == "inventory.yml:12:3"
    assert _places(inventory, "proxy.px-1") == {
        "host": (13, 5),
        "type": (9, 5),
        "credentials": (10, 5),
        "port": (6, 11),
        "service.install": (16, 7),
        "service.version": (6, 33),
    }


def test_what_the_tool_says_has_no_place(tmp_path: Path) -> None:
    proxy = load_text(tmp_path, BODY).resources[Address("proxy.px-2")]
    assert proxy.fields["os"] == "windows"
    assert "os" not in proxy.positions
    assert proxy.positions.get("os") is None


def test_gathered_fields_have_the_place_of_their_source(tmp_path: Path) -> None:
    inventory = load_text(tmp_path, BODY)
    assert _places(inventory, "repository.disk") == {
        "name": (22, 3),
        "owner": (24, 5),
        "path": (25, 5),
        "retention.type": (23, 17),
        "retention.keep": (23, 35),
    }
    assert _places(inventory, "pool.cloud") == {"name": (20, 3), "members": (20, 3)}


def test_places_name_the_file(tmp_path: Path) -> None:
    included = "version: 1\nproxies:\n  px-2: {host: b.example.com, type: domain, credentials: admin}\n"
    body = "include: [sites/*.yml]\nproxies:\n  px-1: {host: a.example.com, type: domain, credentials: admin}\n"
    path = write(tmp_path, {"inventory.yml": HEAD + body, "sites/london.yml": included})
    resources = sound(path).resources
    assert str(resources[Address("proxy.px-1")].positions["host"]) == "inventory.yml:7:10"
    assert str(resources[Address("proxy.px-2")].position) == "sites/london.yml:3:3"
    assert str(resources[Address("proxy.px-2")].positions["credentials"]) == "sites/london.yml:3:45"


def test_an_alias_points_to_where_it_was_said(tmp_path: Path) -> None:
    body = """\
proxies:
  px-1: {host: a.example.com, type: domain, credentials: admin, service: &s {version: 8.5.0.1014}}
  px-2: {host: b.example.com, type: domain, credentials: admin, service: *s}
"""
    resources = load_text(tmp_path, body).resources
    places = {str(resources[Address(f"proxy.px-{n}")].positions["service.version"]) for n in (1, 2)}
    assert places == {"inventory.yml:6:78"}


def test_columns_count_characters(tmp_path: Path) -> None:
    body = 'proxies: {px-1: {description: "Zürich 😀", host: a.example.com, type: domain, credentials: admin}}\n'
    proxy = load_text(tmp_path, body).resources[Address("proxy.px-1")]
    assert str(proxy.positions["host"]) == "inventory.yml:5:43"


def test_byte_order_marks_and_line_ends_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yml"
    body = "proxies:\n  px-1: {host: a.example.com, type: domain, credentials: admin}\n"
    path.write_bytes(b"\xef\xbb\xbf" + (HEAD + body).replace("\n", "\r\n").encode())
    assert str(sound(path).resources[Address("proxy.px-1")].position) == "inventory.yml:6:3"


_LINES = st.sampled_from(
    [
        "  a: x",
        "  b: 'Zürich\t😀'",
        "# 😀",
        "",
        "  c: [1, {d: é}]",
        '  e: "x',
        '    y"',
        "  f: |",
        "    z",
        "g:",
        "  h:\tj",
    ]
)
_BREAKS = st.sampled_from(["\n", "\r\n", "\r", "\x85", "\u2028", "\u2029"])


@given(st.lists(st.tuples(_LINES, _BREAKS), max_size=12), st.booleans())
def test_lines_and_columns_are_those_of_libyaml(lines: list[tuple[str, str]], marked: bool) -> None:
    text = "root:\n" + "".join(part for line in lines for part in line)
    raw = text.encode("utf-8-sig" if marked else "utf-8")
    source = Source("a.yml", Path("a.yml"), raw)
    try:
        for event in yaml.parse(raw, Loader=yaml.CSafeLoader):
            mark: Any = event.start_mark
            assert source.line_and_column(mark.index) == (mark.line, mark.column)
            assert source.start_of(mark.line) + mark.column == mark.index
    except yaml.MarkedYAMLError as error:
        for found in filter(None, (error.problem_mark, error.context_mark)):
            assert source.line_and_column(found.index) == (found.line, found.column)


def test_a_line_is_shown_without_the_byte_order_mark() -> None:
    source = Source("a.yml", Path("a.yml"), b"\xef\xbb\xbfa: 1\r\nb: 2\x00\n")
    assert [source.line(number) for number in range(4)] == ["a: 1", "b: 2\ufffd", "", ""]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ([], (1, 1)),
        (["a"], (2, 3)),
        (["a", "b"], (2, 6)),
        (["a", "b", 1], (2, 10)),
        (["a", "b", 2], (2, 6)),
        (["a", "b", "x"], (2, 6)),
        (["a", "x"], (2, 3)),
        (["a", 0], (2, 3)),
        (["a", "c", "d", "e"], (3, 10)),
        (["x", "b", 1], (1, 1)),
    ],
)
def test_what_is_not_there_has_the_place_of_what_is_around_it(path: list[str | int], place: tuple[int, int]) -> None:
    report = Diagnostics()
    source = Source("a.yml", Path("a.yml"), b"a:\n  b: [1, 2]\n  c: {d: x}\n")
    root = parse(source, report.marks.add(source), report)
    found = report.marks.position(place_of(path, root, 0, report))
    assert (found.line, found.column) == place


def test_a_violation_of_a_schema_names_the_item_from_one() -> None:
    report = Diagnostics()
    source = Source("a.yml", Path("a.yml"), b"a: [{b: 1}, {b: x}]\n")
    root = parse(source, report.marks.add(source), report)
    schema = {"properties": {"a": {"items": {"properties": {"b": {"type": "integer"}}}}}}
    report_schema_errors(schema, root, 0, report)
    assert [(item.detail, str(item.position)) for item in report.diagnostics()] == [
        ("a.2.b: 'x' is not of type 'integer'.", "a.yml:1:17")
    ]


def test_a_character_that_is_not_found_again_is_refused_all_the_same() -> None:
    found = unprintable(Source("a.yml", Path("a.yml"), b"a: b\n"))
    assert (found.code, found.detail) == ("not-text", "a.yml holds a character that YAML does not allow.")
