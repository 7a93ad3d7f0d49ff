"""One request on its way through the server, as the handlers see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.lab.server.answer import invalid
from reconciler.lab.server.api import Api, Item
from reconciler.lab.server.faults import Faults
from reconciler.lab.server.options import Options
from reconciler.lab.server.routes import Route
from reconciler.lab.server.shape import FLAG, IDENT, INT32, Place, Shape


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in. Header names are in lower case, `path` has no leading slash and no query."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Rows:
    """A collection: what is in it and how one item is shown."""

    items: Sequence[Any]
    show: Callable[[Any], Any]


@dataclass(slots=True)
class Call:
    """`raw` is the JSON of the body (None where it is empty); `user` who is logged in."""

    api: Api
    rest: int
    route: Route
    params: Mapping[str, str]
    request: Request
    options: Options
    faults: Faults
    raw: Any = None
    user: str = ""

    def find(self, collection: str, param: str, what: str) -> Item:
        return self.api.find(collection, self.params[param], what)

    def items(self, collection: str) -> dict[str, Item]:
        return self.api.items(collection)

    def body(self, shape: Shape) -> dict[str, Any]:
        """The body as `shape` reads it."""
        if self.raw is None:
            raise invalid("The request body is required.")
        return shape.read(self.raw, self.place(""))

    def array(self, shape: Shape) -> list[dict[str, Any]]:
        """A body that is an array of objects."""
        if not isinstance(self.raw, list):
            raise invalid("The request body must be an array.")
        return [shape.read(item, self.place(f"[{index}]")) for index, item in enumerate(self.raw)]

    def place(self, where: str) -> Place:
        return Place(self.rest, where, self.faults.has("strict"))

    def text(self, name: str) -> str:
        return self.request.query.get(name.lower(), "")

    def flag(self, name: str, default: bool) -> bool:
        value = self.text(name)
        return FLAG.read(value, Place(self.rest, name)) if value else default

    def whole(self, name: str, default: int) -> int:
        value = self.text(name)
        return INT32.read(value, Place(self.rest, name)) if value else default

    def ident(self, name: str) -> str:
        """A UUID of the query; empty where it is not given. An empty one is refused like any other text that is none
        (`format: uuid` of the API documents)."""
        value = self.request.query.get(name.lower())
        return "" if value is None else IDENT.read(value, Place(self.rest, name))

    def href(self, path: str) -> str:
        """A link: absolute up to v5, relative from v6 on."""
        base = f"https://{self.request.headers.get('host', '')}" if self.rest <= 5 else ""
        return f"{base}/v{self.rest}/{path}"

    def links(self, /, **paths: str) -> dict[str, dict[str, str]]:
        return {name: {"href": self.href(path)} for name, path in paths.items()}
