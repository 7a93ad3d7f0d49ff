"""Values as the lines of fixes write them: YAML reads them back as they are."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from reconciler.inventory.spelling import flow

PLAIN = ["a", "a b", "px-1.example.com", "10.0.0.1", "a:b", "D-1", "D:\\VBO"]
QUOTED = ["", "a:", "a: b", "a ", " a", "1", "1.5", "null", "22:00", "[a", "a, b", "# a", "*", "it's"]


@pytest.mark.parametrize("value", [*PLAIN, *QUOTED, 1, True, None, ["a", "b:"], {"a": "b:", "c": [1]}])
def test_what_is_written_is_read_back(value: Any) -> None:
    assert yaml.safe_load(f"key: {flow(value)}") == {"key": value}
    assert yaml.safe_load(f"[{flow(value)}]") == [value]


@pytest.mark.parametrize("value", [*PLAIN, *QUOTED])
def test_only_what_needs_quotes_has_them(value: str) -> None:
    assert (flow(value) == value) is (value in PLAIN)
