"""Which objects of a server are imported, and why others are not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from reconciler.importing.entries import LiveObjects, Omission
from reconciler.kinds.graph import EDGES, Graph, targets
from reconciler.kinds.smtp import is_signed_in
from reconciler.model.address import Address, fits
from reconciler.model.live import LiveResource
from reconciler.model.value import UNKNOWN

_BUILT_IN: Final = "Default Backup Repository"
"""The repository that the product creates when it is installed."""


def select(
    live: LiveObjects, wanted: Collection[str], unwanted: Collection[str], *, always: Collection[str] = ()
) -> dict[Address, LiveResource]:
    """The objects that a pattern of `wanted` fits with all that they use, or everything without a pattern; but not what
    a pattern of `unwanted` fits, nor what uses that. What comes with the product is left out unless it is in use.
    `always` are chosen in any case."""
    graph = Graph.of(live)
    chosen = _closed(live, wanted, graph.uses) if wanted else set(live)
    chosen -= _closed(live, unwanted, graph.users)
    unused = [where for where in chosen if is_built_in(live[where])]
    for where in sorted(unused, key=lambda where: where.startswith("proxy.")):  # its repository before it
        if not chosen.intersection(graph.users(where)):
            chosen.discard(where)
    return {where: found for where, found in live.items() if where in chosen or where in always}


def _closed(live: LiveObjects, patterns: Iterable[str], more: Callable[[str], Iterable[Address]]) -> set[Address]:
    patterns = list(patterns)
    found = {where for where in live if any(fits(where, pattern) for pattern in patterns)}
    new = found
    while new:
        new = {other for where in new for other in more(where)} - found
        found |= new
    return found


def is_built_in(found: LiveResource) -> bool:
    """The server's own proxy as it was installed, the repository on it, and mail that is not set up."""
    if found.kind == "smtp":
        complete = all(found.fields[name] for name in ("server", "from", "to"))
        return not found.fields["enabled"] and not complete and not is_signed_in(found.fields)
    if found.proxy.is_local:
        return found.fields["throttle"] in ("off", UNKNOWN)
    return found.kind == "repository" and found.fields["name"] == _BUILT_IN


def whole_chains(
    rest: int, chosen: LiveObjects, titles: Mapping[Address, str]
) -> tuple[dict[Address, LiveResource], list[Omission]]:
    """The objects whose references can be written, and the others with the reason. `titles` are what objects are called
    in it."""
    left = dict(chosen)
    omitted: list[Omission] = []
    while True:
        broken = [(where, why) for where, found in left.items() if (why := _missing(rest, found, left, titles))]
        if not broken:
            return left, omitted
        for where, why in broken:
            del left[where]
            omitted.append(Omission(where, "", why))


def _missing(rest: int, found: LiveResource, known: Collection[str], titles: Mapping[Address, str]) -> str:
    """What an object needs and an inventory cannot say; empty if there is nothing."""
    if found.kind == "repository" and UNKNOWN in (found.fields["retention.type"], found.fields["retention.keep"]):
        return "the server does not show its retention"
    if found.kind == "proxy" and found.fields["host"] is UNKNOWN:
        return "the server does not show its host"
    for item in EDGES.get(found.kind, ()):
        if item.through or not item.in_version(rest):
            continue
        named = targets(item, found.fields[item.name])
        if named is None:
            return f"the server does not show its {item.name}"
        for where in named:
            if where not in known:
                return f"it uses {titles.get(where, where)}, which is not imported"
    return ""
