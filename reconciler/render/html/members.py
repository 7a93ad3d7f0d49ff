"""Objects that are alike: a table with one row for each of them, which has only what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.render.html.tags import Html, join, tag

FEW = 4
"""Objects up to this number are shown one by one, however alike they are."""
NONE = Html("")


def common(rows: Sequence[Mapping[str, Html]]) -> dict[str, Html]:
    """What all rows have, with the same value."""
    first, *others = rows
    return {name: value for name, value in first.items() if all(row.get(name, NONE) == value for row in others)}


def differing(rows: Sequence[Mapping[str, Html]]) -> list[str]:
    """The names whose values are not `common`, in the order in which rows have them."""
    same = common(rows)
    return [name for name in dict.fromkeys(name for row in rows for name in row) if name not in same]


def members(
    title: str,
    names: Sequence[Html],
    rows: Sequence[Mapping[str, Html]],
    ids: Sequence[str | None],
    *,
    kind: str,
) -> Html:
    """A table that is folded to `title`; of rows that do not differ only the names. `ids` are the anchors of its rows,
    where they have one. `kind` stands before each name in an address."""
    columns = differing(rows)
    if not columns and not any(ids):
        return tag("details", tag("summary", title), tag("p", join(names, ", "), class_="names"), class_="members")
    head = tag("tr", tag("th", "Object", scope="col"), *(tag("th", column, scope="col") for column in columns))
    body = (
        tag("tr", tag("th", name, scope="row"), *(tag("td", row.get(column, NONE)) for column in columns), id=ident)
        for name, row, ident in zip(names, rows, ids, strict=True)
    )
    table = tag("table", tag("thead", head), tag("tbody", *body))
    return tag(
        "details", tag("summary", title), tag("div", table, class_="scroll"), class_="members", data_kind=f"{kind}."
    )
