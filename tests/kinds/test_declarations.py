"""What is declared of every kind and field, as a table that reviewers read: a line that changes changes plans.

After a change that is meant: python -m tests.kinds.test_declarations
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from reconciler.kinds import KINDS, Field, Kind
from reconciler.kinds.item_types import ITEM_TYPES, ItemType
from reconciler.kinds.rules import RULES

FILE = Path(__file__).parent / "declarations.txt"


def lines() -> Iterator[str]:
    for kind in sorted(KINDS.values(), key=lambda kind: kind.rank):
        yield from _kind(kind)
    yield from map(_item, ITEM_TYPES)
    for rule in RULES:
        yield f"rule {rule.code}: {rule.severity.value}"


def _kind(kind: Kind) -> Iterator[str]:
    words = [word for word in ("singleton", "reference") if getattr(kind, word)]
    words += [f"certain={kind.certain}"] if kind.certain else []
    versions = f"v{kind.since}-v{kind.until}"
    yield " ".join([f"{kind.name}: {kind.section} /{kind.collection} {versions} rank={kind.rank}", *words])
    yield from (f"  alike in {' or '.join(group)}" for group in kind.likeness)
    yield from (f"  volatile {name}" for name in sorted(kind.volatile))
    yield from (f"  added {name}: {schema.type or schema.ref or 'object'}" for name, schema in kind.added)
    yield from (f"  {_field(field)}" for field in kind.fields)


def _field(field: Field) -> str:
    words = [word for word in ("on_put", "severe", "starts_jobs", "optional", "addressed") if getattr(field, word)]
    words += [f"{name}={getattr(field, name)}" for name in ("gathered", "through") if getattr(field, name)]
    words += [
        f"{name}={getattr(field, name)}" for name in ("initial", "product_default") if getattr(field, name) is not None
    ]
    lists = {"refers": field.refers, "sent_with": field.sent_with, "implies": field.implies}
    words += [f"{name}={','.join(values)}" for name, values in lists.items() if values]
    return " ".join([field.name, field.mode.value, f"v{field.since}-v{field.until}", field.api or "-", *words])


def _item(item: ItemType) -> str:
    lists = {"flags": [f"{word}:{api}" for word, api in item.flags.items()], "default": item.default}
    lists |= {"names": item.names, "sent": item.sent}
    words = [f"{name}={','.join(values)}" for name, values in lists.items() if values]
    words += [
        f"{name}={found}" for name in ("holder", "collection", "query", "listed") if (found := getattr(item, name))
    ]
    return " ".join([f"item {item.word}: {item.section} {item.api}", *words])


def test_the_declarations_are_those_of_the_table() -> None:
    assert list(lines()) == FILE.read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    FILE.write_text("".join(f"{line}\n" for line in lines()), encoding="utf-8")
