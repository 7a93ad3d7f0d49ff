"""Whatever the bytes are: diagnostics or an inventory, and never an exception."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.inventory import load
from reconciler.inventory.schema import schema
from reconciler.model.inventory import WHOLE
from reconciler.model.secret import MASK

ROOT = Path(__file__).parents[2]
SEEDS = [
    *(path.read_bytes() for path in sorted((ROOT / "inventories").glob("*.yml"))),
    *(path.read_bytes() for path in sorted((Path(__file__).parent / "cases").glob("*/inventory.yml"))),
]
SNIPPETS = (
    *(b"{", b"}", b"[", b"]", b": ", b"\n", b"  ", b"\t", b"- ", b"'", b'"', b"#", b"&a ", b"*a", b"!", b"|\n", b"? "),
    *(
        b"null",
        b"true",
        b"0",
        b"-1",
        b"1e9",
        b"secret://",
        b"\xff",
        b"\x00",
        b"\xc3\xa9",
        b"{}",
        b"[]",
        b"<<: ",
        b"---\n",
    ),
    *(b"proxies:", b"jobs:", b"include: [x.yml]\n", b"defaults:", b"mapping:", b"group: x", b"{organization}", b"..."),
)
FAST = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _check(folder: Path, raw: bytes) -> None:
    path = folder / "inventory.yml"
    path.write_bytes(raw)
    inventory, diagnostics = load(path)
    assert (inventory is None) == any(item.is_error for item in diagnostics)
    for item in diagnostics:
        assert item.summary
        assert item.detail
        assert item.position is None or (item.position.line >= 1 and item.position.column >= 1)
        assert all(char.isprintable() or char == "\t" for char in item.source)
        assert MASK in item.source or len(item.source) <= 1000
    if inventory is not None:
        for resource in inventory.resources.values():
            assert resource.position is not None
            assert set(resource.positions) - {WHOLE} <= set(resource.fields)


@FAST
@given(raw=st.binary(max_size=400))
def test_random_bytes(tmp_path: Path, raw: bytes) -> None:
    _check(tmp_path, raw)


@FAST
@given(text=st.text(alphabet="{}[]:,-?&*!|>'\"%@`# \n\tab01", max_size=200))
def test_random_yaml_like_text(tmp_path: Path, text: str) -> None:
    _check(tmp_path, b"version: 1\n" + text.encode())


@FAST
@given(chance=st.randoms(use_true_random=False), seed=st.sampled_from(SEEDS), rounds=st.integers(1, 6))
def test_mutated_inventories(tmp_path: Path, chance: random.Random, seed: bytes, rounds: int) -> None:
    raw = bytearray(seed)
    for _ in range(rounds):
        at, length = chance.randrange(len(raw) + 1), chance.randrange(12)
        action = chance.randrange(4)
        if action == 0:
            raw[at : at + length] = b""
        elif action == 1:
            raw[at:at] = chance.choice(SNIPPETS)
        elif action == 2:
            start = chance.randrange(len(raw) + 1)
            raw[at:at] = raw[start : start + 40]
        else:
            lines = bytes(raw).splitlines(keepends=True)
            chance.shuffle(lines[: chance.randrange(1, 5)])
            del lines[chance.randrange(len(lines) or 1) :][:1]
            raw = bytearray(b"".join(lines))
    _check(tmp_path, bytes(raw))


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
SECTIONS = st.sampled_from([*schema()["properties"]])
KEYS = st.sampled_from(sorted({name for node in schema()["$defs"].values() for name in node.get("properties", ())}))
VALUES = st.recursive(
    JSON_LIKE,
    lambda inner: st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.matrix
@FAST
@given(document=st.dictionaries(SECTIONS, VALUES, max_size=6))
def test_documents_of_the_wrong_shape(tmp_path: Path, document: dict[str, object]) -> None:
    _check(tmp_path, json.dumps({"version": 1, **document}).encode())


@pytest.mark.parametrize("opening", [b"[", b"{a: ", b"- ", b"? ", b"a: &a [", b"!!map {", b"'", b'"\\', b"*a", b"#"])
@pytest.mark.parametrize("count", [10, 1000, 100_000])
def test_the_same_over_and_over(tmp_path: Path, opening: bytes, count: int) -> None:
    _check(tmp_path, opening * count)
