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


def cases() -> Iterator[Any]:
    for field, document in documents():
        for number, case in enumerate(document["cases"]):
            for rest in case["rest"]:
                kind = KINDS[document["kind"]]
                yield pytest.param(
                    kind, field, rest, case, id=f"{document['kind']}.{document['field']}-{number}-v{rest}"
                )


def listed(key: str) -> Iterator[Any]:
    for field, document in documents():
        for number, item in enumerate(document.get(key, [])):
            yield pytest.param(field, item, id=f"{document['kind']}.{document['field']}-{number}")


@pytest.mark.parametrize(("kind", "field", "rest", "case"), list(cases()))
def test_case(kind: Kind, field: Field, rest: int, case: dict[str, Any]) -> None:
    world = context(rest, case.get("owner", "corp"))
    if "raw" in case:
        wanted = UNKNOWN if case.get("unknown") else field.as_shown(case["value"], world)
        assert field.from_api(typed(kind, rest, case["raw"]), world) == wanted
    if "body" in case:
        assert field.to_api(case["value"], world) == case["body"]
    if "value" in case and field.normalize is not None and "body" in case:
        assert field.normalize(case["value"]) == case["value"], "a value of a case is in its normal form"


@pytest.mark.parametrize(("field", "pair"), list(listed("normal")))
def test_one_spelling_of_equal_values(field: Field, pair: list[Any]) -> None:
    assert field.normalize is not None
    assert field.normalize(pair[0]) == pair[1]
    assert field.normalize(pair[1]) == pair[1]


@pytest.mark.parametrize(("field", "value"), list(listed("refused")))
def test_what_is_no_value_is_refused_with_a_sentence(field: Field, value: Any) -> None:
    assert field.normalize is not None
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
