"""Lists of known drift: every error of one is reported at once, with its place."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from reconciler.inventory.known_drift import load_known
from reconciler.model.diagnostic import Diagnosed

GOOD = """\
version: 1
known:
  - {address: proxy.px-1, field: throttle, owner: storage, reason: moving, expires: 2027-01-31}
  - {address: job.*, owner: storage, reason: moving, expires: "2027-02-28"}
"""


def test_a_list_is_read_with_its_places(tmp_path: Path) -> None:
    file = tmp_path / "known.yml"
    file.write_text(GOOD, encoding="utf-8")
    first, second = load_known(file, tmp_path)
    assert (first.field, second.field) == ("throttle", "*")
    assert (first.expires, second.expires) == (date(2027, 1, 31), date(2027, 2, 28))
    assert str(second.position) == "known.yml:4:5"
    assert [str(item.position) for item in load_known(file, tmp_path / "sites")] == [
        "../known.yml:3:5",
        "../known.yml:4:5",
    ]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", None),
        ("version: 1\n", [1]),
        ("version: 2\nknown: []\n", [1]),
        (GOOD.replace("owner: storage, ", "", 1), [3]),
        (GOOD.replace("2027-01-31", "2027-02-31"), [3]),
        (GOOD.replace("2027-01-31", "soon").replace("job.*", "''"), [3, 4]),
        (GOOD.replace("field:", "feild:"), [3]),
        ("known: [\n", None),
        ("- a\n", [1]),
        (GOOD.replace("reason: moving", "reason: [a]", 1), [3]),
        (GOOD.replace("job.*", "'*'"), [4]),
        (GOOD.replace("owner: storage, ", "", 1).replace("job.*", "'*'"), [3, 4]),
        (GOOD.replace("version: 1", "version: 2").replace("2027-01-31", "2027-02-31"), [1, 3]),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, places: list[int] | None) -> None:
    file = tmp_path / "known.yml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(Diagnosed) as problem:
        load_known(file, tmp_path)
    found = problem.value.diagnostics
    assert found
    if places:
        assert [item.position.line for item in found if item.position] == places


@pytest.mark.parametrize(("name", "what"), [("absent.yml", "does not exist"), ("folder", "is a folder")])
def test_a_list_that_is_not_there(tmp_path: Path, name: str, what: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(Diagnosed) as problem:
        load_known(tmp_path / name, tmp_path)
    (found,) = problem.value.diagnostics
    assert (found.code, found.summary) == ("known-drift", "File not found")
    assert found.detail == f"{tmp_path / name} {what}."


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"version: 1\0\n"])
def test_a_list_that_is_no_text(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "known.yml"
    file.write_bytes(content)
    with pytest.raises(Diagnosed) as caught:
        load_known(file, tmp_path)
    assert [item.code for item in caught.value.diagnostics] == ["not-text"]


def test_what_the_parser_refuses_does_not_hide_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "known.yml"
    file.write_text("version: 1\nknown:\n  - {address: !x proxy.a, owner: Jo, reason: r, expires: soon}\nmore: 1\n")
    with pytest.raises(Diagnosed) as caught:
        load_known(file, tmp_path)
    said = " ".join(item.detail for item in caught.value.diagnostics)
    assert "A tag (!) cannot be used here" in said
    assert "'soon' does not match" in said
    assert "'more' was unexpected" in said
