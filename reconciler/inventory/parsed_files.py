"""Files that several inventories of a fleet include stand once in memory, and are parsed once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

from reconciler.inventory.diagnostics import Diagnostics
from reconciler.inventory.document import parse
from reconciler.inventory.source import Source
from reconciler.inventory.source_map import Place


@dataclass(frozen=True, slots=True, weakref_slot=True)
class _Parsed:
    """The data of a file and its places, which hold the number of the file. They are not changed."""

    raw: bytes
    root: Any
    tables: dict[int, list[Place]]


_kept: WeakValueDictionary[tuple[int, bytes], _Parsed] = WeakValueDictionary()
"""By number and content. The inventories keep what is theirs."""
_parsing = Lock()
"""Inventories are read side by side: the first one parses, the others wait for it."""


def parse_once(source: Source, number: int, report: Diagnostics) -> Any:
    """As `document.parse`. Only data about which there is nothing to report is shared."""
    key = number, hashlib.sha256(source.raw).digest()
    with _parsing:
        found = _kept.get(key)
        if found is None:
            before = report.count
            found = _parsed(source, number, report)
            if report.count == before and not report.blurred:
                _kept[key] = found
    source.raw = found.raw
    report.marks.tables |= found.tables
    report.marks.keep(found)
    return found.root


def _parsed(source: Source, number: int, report: Diagnostics) -> _Parsed:
    tables: dict[int, list[Place]] = {}
    return _Parsed(source.raw, parse(source, number, report, tables), tables)
