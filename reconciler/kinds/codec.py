"""Values in the inventory's words to values in the product's words, and back. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.kinds.field import Context, Decode, Encode, Raw

_MARK = "[vbo-reconcile:"


def owner_of(raw: Raw) -> str:
    """The name of the inventory that created an object, from the mark at the end of its description."""
    text = raw.get("description")
    return _split_mark(text)[1] if isinstance(text, str) else ""


def _split_mark(text: str) -> tuple[str, str]:
    """A description without its mark, and the name in the mark, which is empty without one."""
    before, found, name = text.rstrip().rpartition(_MARK)
    owner = name.removesuffix("]")
    if not found or owner == name or not owner or "]" in owner or owner.split() != [owner]:
        return text, ""
    return before.rstrip(), owner


def without_mark(text: str) -> str:
    """A description without the mark of any inventory."""
    return _split_mark(text)[0]


def encode_description(value: Any, context: Context) -> Mapping[str, Any]:
    """`context.owner` is empty for objects that this inventory did not create: they stay unmarked."""
    return {"description": marked(value, context.owner) if context.owner else value}


def marked(description: Any, owner: str) -> str:
    """A description with the mark of the inventory `owner` at its end."""
    mark = f"{_MARK}{owner}]"
    return f"{description} {mark}" if description else mark


def decode_description(raw: Raw, context: Context) -> Any:
    return without_mark(raw["description"])


def words(api: str, table: Mapping[str, str]) -> tuple[Encode, Decode]:
    """Codec of an enumeration: `table` maps the inventory's words to the product's."""
    back = {theirs: ours for ours, theirs in table.items()}

    def encode(value: Any, context: Context) -> Mapping[str, Any]:
        return {api: table.get(value, value)}

    def decode(raw: Raw, context: Context) -> Any:
        return back[raw[api]]

    return encode, decode


_UNITS = {"mbps": ("Mbps", "Mbps"), "mb/s": ("MB/s", "MBs"), "kb/s": ("KB/s", "KBs")}
_UNIT_OF_API = {api: ours for ours, api in _UNITS.values()}
_RATE = re.compile(r"^\s*(\d+)\s*([A-Za-z/]+)\s*$")


def normalize_rate(value: Any) -> str:
    """`100 mbps` to `100 Mbps`; `off` (or false) stays `off`."""
    if value is False or (isinstance(value, str) and value.strip().lower() == "off"):
        return "off"
    found = _RATE.match(value) if isinstance(value, str) else None
    unit = _UNITS.get(found.group(2).lower()) if found else None
    if not found or not unit or int(found.group(1)) < 1:
        raise ValueError(f"{value!r} is not a rate: write a whole number with Mbps, MB/s or KB/s, or off")
    return f"{int(found.group(1))} {unit[0]}"


def encode_rate(value: Any, context: Context) -> Mapping[str, Any]:
    if value == "off":
        return {"enableNetworkThrottling": False}
    number, unit = value.split(" ", 1)
    return {
        "enableNetworkThrottling": True,
        "throttlingValue": int(number),
        "throttlingUnit": _UNITS[unit.lower()][1],
    }


def decode_rate(raw: Raw, context: Context) -> Any:
    """REST v6 and v7 leave value and unit out where the proxy is offline: then the rate is unknown."""
    if not raw["enableNetworkThrottling"]:
        return "off"
    return f"{raw['throttlingValue']} {_UNIT_OF_API[raw['throttlingUnit']]}"
