"""Addresses: `kind.name`, or just the kind where there is one of it (`smtp`, `certificate`)."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any, NewType

Address = NewType("Address", str)


def address(kind: str, name: str = "") -> Address:
    """The address of the object `name` of `kind`; for a singleton the name is left out."""
    value: Any = f"{kind}.{name}" if name else kind  # many are made, and Address() costs a call
    found: Address = value
    return found


def kind_of(value: str) -> str:
    return value.partition(".")[0]


def name_of(value: str) -> str:
    """The name in an address; empty for a singleton. Names may hold dots (`organization.contoso.example.com`)."""
    return value.partition(".")[2]


def fits(value: str, pattern: str) -> bool:
    """Whether an address, or a name, is meant by a glob. What is called `daily [old]` may also be named just so."""
    return value == pattern or fnmatchcase(value, pattern)
