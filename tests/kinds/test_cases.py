"""The fields of every kind, from case files: what the server shows, what the inventory says, what is sent.

`cases/KIND.FIELD.json` holds `cases`: for the versions in `rest`, `raw` (part of an object of the API) has to decode to
`value`, or to UNKNOWN where `unknown` stands, and `value` has to encode to `body` (part of a request). `normal` holds
pairs of spelling and normal form, `refused` what is not a value at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.kinds import KINDS, Field, Kind, Mode
from reconciler.kinds.typed import typed
from reconciler.model.value import UNKNOWN

from .context import context

FILES = sorted((Path(__file__).parent / "cases").glob("*.json"))


def documents() -> Iterator[tuple[Field, dict[str, Any]]]:
    for file in FILES:
        document = json.loads(file.read_text(encoding="utf-8"))
        assert file.stem == f"{document['kind']}.{document['field']}"
        yield KINDS[document["kind"]].field(document["field"]), document


def listed(key: str) -> list[Any]:
    """The items of each file that has any."""
    return [
        pytest.param(field, document[key], id=f"{document['kind']}.{document['field']}")
        for field, document in documents()
        if document.get(key)
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_cases(file: Path) -> None:
    document = json.loads(file.read_text(encoding="utf-8"))
    kind = KINDS[document["kind"]]
    for number, case in enumerate(document["cases"]):
        for rest in case["rest"]:
            _judge(kind, kind.field(document["field"]), rest, case, f"case {number} in v{rest}")


def _judge(kind: Kind, field: Field, rest: int, case: dict[str, Any], where: str) -> None:
    world = context(rest, case.get("owner", "corp"))
    if "raw" in case:
        wanted = UNKNOWN if case.get("unknown") else field.as_shown(case["value"], world)
        assert field.from_api(typed(kind, rest, case["raw"]), world) == wanted, where
    if "body" in case:
        assert field.to_api(case["value"], world) == case["body"], where
    if "value" in case and field.normalize is not None and "body" in case:
        assert field.normalize(case["value"]) == case["value"], f"{where}: a value is in its normal form"


@pytest.mark.parametrize(("field", "pairs"), listed("normal"))
def test_one_spelling_of_equal_values(field: Field, pairs: list[list[Any]]) -> None:
    assert field.normalize is not None
    for spelling, normal in pairs:
        assert field.normalize(spelling) == normal
        assert field.normalize(normal) == normal


@pytest.mark.parametrize(("field", "values"), listed("refused"))
def test_what_is_no_value_is_refused_with_a_sentence(field: Field, values: list[Any]) -> None:
    assert field.normalize is not None
    for value in values:
        with pytest.raises(ValueError, match=r"\w+ \w+"):
            field.normalize(value)


def test_every_field_has_a_case_for_reading_and_for_sending_in_every_version_that_has_it() -> None:
    covered: dict[tuple[str, str], set[tuple[int, str]]] = {}
    for field, document in documents():
        seen = covered.setdefault((document["kind"], field.name), set())
        for case in document["cases"]:
            seen |= {(rest, way) for rest in case["rest"] for way in ("raw", "body") if way in case}
    missing = [
        f"{kind.name}.{field.name} v{rest} {way}"
        for kind in KINDS.values()
        for field in kind.fields
        for rest in (5, 6, 7, 8)
        for way in ("raw", "body")
        if kind.in_version(rest) and field.in_version(rest) and field.mode is not Mode.LOCAL
        if (rest, way) not in covered.get((kind.name, field.name), set())
    ]
    assert missing == []
