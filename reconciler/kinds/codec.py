"""Values in the inventory's words to values in the product's words, and back. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.kinds.field import Context, Decode, Encode, Raw

_MARK = "[vbo-reconcile:"


def owner_of(raw: Raw) -> str:
    """The name of the inventory that created an object, from the mark at the end of its description."""
    text = raw.get("description")
    return _split_mark(text)[1] if isinstance(text, str) else ""


def _split_mark(text: str) -> tuple[str, str]:
    """A description without its mark, and the name in the mark, which is empty without one. `marked` is the reverse:
    what a person wrote keeps its blanks at the end."""
    before, found, name = text.rstrip().rpartition(_MARK)
    owner = name.removesuffix("]")
    if not found or owner == name or not owner or "]" in owner or owner.split() != [owner]:
        return text, ""
    return before.removesuffix(" "), owner


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
