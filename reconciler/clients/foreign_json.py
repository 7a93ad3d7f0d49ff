"""JSON of others: hosts, the server and gateways in front of it. What the rest of the program gets is safe to process.

The standard parser accepts more than JSON, and raises RecursionError for text that is nested deeply.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

DEPTH: Final = 64
"""The deepest answer of the API has 8 levels."""


def parse(data: bytes | str) -> Any:
    """The value, with U+FFFD for half of a surrogate pair, which is not text. Raises ValueError for what is not JSON,
    NaN and Infinity, numbers beyond the range of a float or of 4,300 digits, and more than DEPTH levels."""
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data), "surrogatepass")
    try:
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError(f"it is nested more than {DEPTH} levels deep") from error
    if text.count("{") + text.count("[") > DEPTH:
        _check_depth(value)
    has_halves = "\\ud" in text or "\\uD" in text
    return _text(value) if has_halves else value


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number is too large")
    return value


_DECODER: Final = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(DEPTH + 1):
        level = [item for parent in level for item in _children(parent) if type(item) in (dict, list)]
        if not level:
            return
    raise ValueError(f"it is nested more than {DEPTH} levels deep")


def _children(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _text(value: Any) -> Any:
    if isinstance(value, dict):
        return {_text(key): _text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_text(item) for item in value]
    return without_half_pairs(value) if isinstance(value, str) else value


def without_half_pairs(text: str) -> str:
    """Surrogate pairs joined, and U+FFFD for halves of them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
