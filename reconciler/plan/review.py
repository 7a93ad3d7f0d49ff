"""What a review adds to the JSON form of a plan: the commits behind its causes, and which changes the review caused."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from reconciler.kinds import KINDS, Mode
from reconciler.model.address import kind_of, name_of
from reconciler.model.inventory import Inventory, Resource

Data = Mapping[str, Any]
Commits = Callable[[str, Collection[int]], Mapping[int, str]]
"""The commit of each line of a file that is committed."""


def lines_of(document: Data) -> dict[str, set[int]]:
    """The lines of the inventory that a plan names, by file."""
    found: dict[str, set[int]] = {}
    for cause in _causes(document):
        if cause["position"]:
            found.setdefault(cause["position"]["file"], set()).add(cause["position"]["line"])
    return found


def with_commits(document: Data, commits: Commits) -> dict[str, Any]:
    """The same plan, each cause with the `commit` of its line if that is committed."""
    known = {file: commits(file, lines) for file, lines in sorted(lines_of(document).items())}

    def with_commit(cause: Data | None) -> Data | None:
        place = cause and cause["position"]
        commit = known.get(place["file"], {}).get(place["line"], "") if place else ""
        return {**cause, "commit": commit} if cause and commit else cause

    changes = [
        {
            **change,
            "cause": with_commit(change["cause"]),
            "fields": [{**item, "cause": with_commit(item["cause"])} for item in change["fields"]],
        }
        for change in document["changes"]
    ]
    return {**document, "changes": changes}


def _causes(document: Data) -> Iterator[Data]:
    for change in document["changes"]:
        yield change["cause"]
        yield from (item["cause"] for item in change["fields"] if item["cause"])


def touched(old: Inventory | None, new: Inventory) -> frozenset[str]:
    """Addresses that `new` declares differently from `old`, or does not declare anymore. Everything if `old` is None or
    is for another server."""
    if old is None or old.access.server != new.access.server or old.name != new.name:
        return frozenset({*(old.resources if old else ()), *new.resources, "*"})
    logins = {
        name
        for name in {*old.access.credentials, *new.access.credentials}
        if old.access.credentials.get(name) != new.access.credentials.get(name)
    }
    every = {*old.resources, *new.resources}
    return frozenset(where for where in every if _differs(old.resources.get(where), new.resources.get(where), logins))


def _differs(old: Resource | None, new: Resource | None, logins: Collection[str]) -> bool:
    if old is None or new is None:
        return True
    secret = (field.name for field in KINDS[new.kind].fields if field.mode is Mode.WRITE_ONLY)
    return old.fields != new.fields or any(new.fields.get(name) in logins for name in secret)


def with_base(document: Data, base: Data, addresses: Collection[str]) -> dict[str, Any]:
    """The same plan, each change with `introduced`: whether the review that started at `base` (`{revision, commit}`)
    caused it. `addresses` are those that the review touched; a change that follows from one of them is included."""
    by_key = {change["key"]: change for change in document["changes"]}
    known: dict[str, bool] = {}

    def introduced(key: str) -> bool:
        if key not in known:
            change = by_key[key]
            known[key] = _is_touched(change["address"], addresses) or (
                change["cause"]["reason"] == "chain"
                and any(introduced(other) for other in change["depends_on"] if other in by_key)
            )
        return known[key]

    changes = [{**change, "introduced": introduced(change["key"])} for change in document["changes"]]
    return {**document, "base": dict(base), "changes": changes}


def _is_touched(where: str, addresses: Collection[str]) -> bool:
    seen_as = f"proxy.{name_of(where)}" if kind_of(where) == "host" else where
    return "*" in addresses or seen_as in addresses
