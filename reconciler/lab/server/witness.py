"""A witness: how many proxies really work for each organization, counted at every event.

The planner of an upgrade has a model of this; the witness looks at the lab itself: whether the service on the host
listens, who is in maintenance, who is being installed just now, and whom a pool lets work.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

from reconciler.lab.server.api import Api, Item
from reconciler.lab.server.job_rules import owners
from reconciler.lab.server.pool_rules import active, at_work

_KEPT: Final = 100


class Witness:
    """`alive` says whether the proxy service of an item listens on its host. What was seen is in the state, under
    `coverage`: `{events, organizations: {name: {now, least}}, lost: [{at, event, organization, why}]}`. An organization
    counts from the first time that a proxy works for it; `lost` has the events after which none did any more, and `why`
    each of its proxies does not."""

    def __init__(self, api: Api, alive: Callable[[Item], bool]) -> None:
        self._api = api
        self._alive = alive
        self._away: set[str] = set()

    def see(self, event: str) -> None:
        """Something happened: count."""
        with self._api.lock:
            seen = self._api.state.get("coverage") or {"events": 0, "organizations": {}, "lost": []}
            self._api.state["coverage"] = seen
            seen["events"] += 1
            served = self._proxies()
            for name in seen["organizations"].keys() - served.keys():
                seen["organizations"][name]["now"] = 0  # its last job is deleted: nothing is left to lose
            for name, proxies in served.items():
                now = sum(not why for why in proxies.values())
                known = seen["organizations"].get(name)
                if known is None:
                    if now:
                        seen["organizations"][name] = {"now": now, "least": now}
                    continue
                if known["now"] and not now and len(seen["lost"]) < _KEPT:
                    lost = {"at": self._api.now(), "event": event, "organization": name}
                    seen["lost"].append(lost | {"why": dict(sorted(proxies.items()))})
                known |= {"now": now, "least": min(known["least"], now)}

    @contextmanager
    def away(self, item: Item, event: str) -> Iterator[None]:
        """The service of a proxy does not work meanwhile: it is being installed."""
        with self._api.lock:
            self._away.add(item["id"])
        self.see(f"{event} of {item['hostName']} begins")
        try:
            yield
        finally:
            with self._api.lock:
                self._away.discard(item["id"])
            self.see(f"{event} of {item['hostName']} ends")

    def _proxies(self) -> dict[str, dict[str, str]]:
        """The proxies of each organization that has a job, and why each does not work; empty if it does."""
        api = self._api
        found: dict[str, dict[str, str]] = {}
        of_owner: dict[str, dict[str, str]] = {}
        for job in api.items("jobs").values():
            repository: Any = api.items("repositories").get(job["repositoryId"])
            name = api.items("organizations").get(job["organizationId"], {}).get("name")
            if repository is None or name is None:
                continue
            key = str(repository["proxyPoolId"] or repository["proxyId"])
            if key not in of_owner:
                all_of_it = owners(api, repository)
                fit = {item["id"] for item in at_work(api, all_of_it)}
                of_owner[key] = {item["hostName"]: self._why_not(item, fit) for item in all_of_it}
            found.setdefault(name, {}).update(of_owner[key])
        return found

    def _why_not(self, item: Item, fit: Collection[str]) -> str:
        if item["id"] in self._away:
            return "it is being deployed"
        if not active(item):
            return "it is in maintenance mode"
        if item["id"] not in fit:
            return "it waits for members of its pool with an older version"
        return "" if item["type"] == "Local" or self._alive(item) else "its service does not answer"
