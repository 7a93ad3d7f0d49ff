"""The route table: what is declared about an operation, and how a request finds its operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.lab.server.call import Call

Handler = Callable[["Call"], Any]
_KEPT = 5000
"""How many paths a router remembers."""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `path` is the template below `/vN/`, in spec spelling.

    `status` maps the REST versions that have it to the status of success. A handler that gives a collection answers a
    page in the versions of `pages` and an array in the others. A `slow` handler talks to hosts: it takes the lock of
    the state itself, where it needs it. An `anonymous` one needs no token.
    """

    method: str
    path: str
    handler: Handler
    status: Mapping[int, int]
    pages: tuple[int, ...] = ()
    slow: bool = False
    anonymous: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """`route` is None where the path exists with other methods only (`allowed`)."""

    route: Route | None
    params: Mapping[str, str]
    allowed: tuple[str, ...] = ()


class Router:
    """Finds routes. Letter case of paths is not significant; a literal segment wins over a parameter, whatever the
    method."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._by_length: dict[tuple[int, int], list[tuple[tuple[str, ...], Route]]] = {}
        for route in self.routes:
            segments = tuple(route.path.split("/"))
            for version in route.status:
                self._by_length.setdefault((version, len(segments)), []).append((segments, route))
        self._found: dict[tuple[int, str, str], Found] = {}
        for entries in self._by_length.values():
            entries.sort(key=lambda entry: [segment.startswith("{") for segment in entry[0]])

    def find(self, version: int, method: str, path: str) -> Found:
        """Raises LookupError where no route has this path in this version."""
        key = (version, method, path)
        found = self._found.get(key)
        if found is None:
            found = self._search(*key)
            if len(self._found) < _KEPT:
                self._found[key] = found
        return found

    def _search(self, version: int, method: str, path: str) -> Found:
        wanted = path.split("/")
        allowed: list[str] = []
        first: list[str] = []
        for segments, route in self._by_length.get((version, len(wanted)), ()):
            params = match(segments, wanted)
            names = [segment for segment in segments if not segment.startswith("{")]
            if params is None or (first and names != first):
                continue
            first = names
            if route.method == method:
                return Found(route, params)
            allowed.append(route.method)
        if not allowed:
            raise LookupError(path)
        return Found(None, {}, tuple(sorted(allowed)))


def match(template: tuple[str, ...], path: list[str]) -> dict[str, str] | None:
    """Values of the parameters of a template, None where the path is another one."""
    params: dict[str, str] = {}
    for segment, value in zip(template, path, strict=True):
        if segment.startswith("{"):
            if not value:
                return None
            params[segment[1:-1]] = value
        elif segment.lower() != value.lower():
            return None
    return params
