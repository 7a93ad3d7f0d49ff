"""What all resources share: the state, the hosts, the clock, ids, background work."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from reconciler.lab.fleet import Fleet, MailSettings
from reconciler.lab.server.answer import missing
from reconciler.lab.server.options import Options
from reconciler.lab.server.presence import Presence, Target
from reconciler.lab.server.work import Background
from reconciler.lab.state import Document
from reconciler.model.version import version_numbers

Item = dict[str, Any]
KEPT_SETS = 16


def stamp(moment: datetime) -> str:
    """A date and time as the API writes it: UTC with a Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Api:
    """The context of every handler.

    `state` is the document: change it while holding `lock` only. Collections in it are maps from id to item, in the
    order of creation.
    """

    def __init__(
        self, document: Document, fleet: Fleet, *, clock: Callable[[], datetime], new_id: Callable[[], str]
    ) -> None:
        self.document = document
        self.lock = document.lock
        self.fleet = fleet
        self.clock = clock
        self.new_id = new_id
        self.work = Background()
        self.presence = Presence(self._probe, self.work)
        self.send_test: Callable[[MailSettings], None] | None = None
        self.installing: set[str] = set()
        self.witness: Callable[[str], None] = _unseen
        self.away: Callable[[Item, str], AbstractContextManager[None]] = _not_away
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.verbs: Counter[str] = Counter()
        self._count_lock = Lock()
        self._sets: OrderedDict[str, list[Any]] = OrderedDict()

    @property
    def state(self) -> dict[str, Any]:
        return self.document.data

    @property
    def options(self) -> Options:
        return Options.of(self.document.data)

    @property
    def host(self) -> str:
        return str(self.state["host"])

    @property
    def build(self) -> str:
        return str(self.state["build"])

    @property
    def certificate(self) -> str:
        return str(self.state["certificate"])

    def now(self) -> str:
        return stamp(self.clock())

    def items(self, collection: str) -> dict[str, Item]:
        found: dict[str, Item] = self.state.setdefault(collection, {})
        return found

    def find(self, collection: str, ident: str, what: str) -> Item:
        """The item with this id, in any letter case. Raises `ApiError` where there is none."""
        item = self.items(collection).get(ident.lower())
        if item is None:
            raise missing(what, ident)
        return item

    def save(self, event: str = "a change on the server") -> None:
        self.witness(event)
        self.document.save()

    def count(self, method: str, template: str, status: int, *, login: bool = False) -> None:
        with self._count_lock:
            self.requests[method, template, status] += 1
            self.verbs["LOGIN" if login else method] += 1

    def keep_set(self, rows: list[Any]) -> str:
        """Remember the rows of a collection, so that later pages come from the same set."""
        ident = self.new_id()
        self._sets[ident] = rows
        while len(self._sets) > KEPT_SETS:
            self._sets.popitem(last=False)
        return ident

    def kept_set(self, ident: str) -> list[Any] | None:
        return self._sets.get(ident)

    # Which proxies answer

    def _probe(self, target: Target) -> str | None:
        return self.fleet.version_of(
            target.host, target.port, domain=target.domain, certificate=self.certificate, server=self.host
        )

    def look(self, proxies: Iterable[str] | None = None, *, now: bool = False) -> None:
        """Ask the proxies (all, or these ids) which build they run. Do not hold the lock. `now` believes no earlier
        answer and waits longer."""
        options = self.options
        with self.lock:
            wanted = None if proxies is None else set(proxies)
            targets = [
                Target(item["id"], item["hostName"], item["port"], item["type"] == "Domain")
                for item in self.items("proxies").values()
                if item["type"] != "Local" and (wanted is None or item["id"] in wanted)
            ]
        ttl = 0.0 if now else options.presence_seconds
        self.presence.refresh(targets, ttl=ttl, deadline=options.presence_deadline * (10 if now else 1))
        with self.lock:
            for target in targets:
                item = self.items("proxies").get(target.proxy)
                version = self.presence.version(target.proxy)
                if item is not None and version is not None:
                    item["version"] = version

    def online(self, proxy: Mapping[str, Any]) -> bool:
        return proxy["type"] == "Local" or self.presence.version(proxy["id"]) is not None

    def outdated(self, proxy: Mapping[str, Any]) -> bool:
        """The product's hidden IsOutdated: the last known build is lower than the server's."""
        if proxy["type"] == "Local":
            return False
        return version_numbers(proxy.get("version") or "0") < version_numbers(self.build)


def _unseen(_event: str) -> None:
    """Until there is a witness."""


def _not_away(_item: Item, _event: str) -> AbstractContextManager[None]:
    return nullcontext()
