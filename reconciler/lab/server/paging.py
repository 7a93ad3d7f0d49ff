"""Collections: arrays, or pages with offset, limit, a pinned set and links (facts, 1.4)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from reconciler.lab.server.answer import invalid
from reconciler.lab.server.call import Call, Rows

DEFAULT_LIMIT = 30


def collection(call: Call, rows: Rows) -> Any:
    """The body of a collection, in the form that the version has it."""
    if call.rest in call.route.pages:
        return page(call, rows)
    return [rows.show(item) for item in rows.items]


def page(call: Call, rows: Rows) -> dict[str, Any]:
    limit, offset = call.whole("limit", DEFAULT_LIMIT), call.whole("offset", 0)
    if limit < 1 or offset < 0:
        raise invalid("The limit must be positive and the offset must not be negative.")
    limit = min(limit, call.options.page_cap)
    ident = call.text("setId")
    items = call.api.kept_set(ident) if ident else None
    if items is None:
        items = list(rows.items)
        ident = call.api.keep_set(items) if len(items) > limit else call.api.new_id()
    body = {
        "offset": offset,
        "limit": limit,
        "setId": ident,
        "results": [rows.show(item) for item in items[offset : offset + limit]],
        "_links": links(call, ident, offset, limit, len(items)),
    }
    return body | ({"totalCount": len(items)} if call.rest <= 7 else {})


def links(call: Call, ident: str, offset: int, limit: int, total: int) -> dict[str, dict[str, str]]:
    path = call.request.path.partition("/")[2]
    others = {name: value for name, value in call.request.query.items() if name not in ("limit", "offset", "setid")}

    def at(position: int) -> str:
        return f"{path}?{urlencode(others | {'limit': limit, 'offset': position, 'setId': ident})}"

    found = {"self": at(offset), "first": at(0)}
    if offset > 0:
        found["prev"] = at(max(0, offset - limit))
    if offset + limit < total:
        found["next"] = at(offset + limit)
    return call.links(**found)
