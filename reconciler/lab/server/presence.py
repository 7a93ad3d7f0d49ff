"""Which proxies answer, and with which build: asked in parallel, believed for a moment, awaited while answers come."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from threading import Lock

from reconciler import timing
from reconciler.lab.server.work import Background

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """What is needed to ask one proxy."""

    proxy: str
    host: str
    port: int
    domain: bool


class Presence:
    """A cache of `probe`, which gives the build of the proxy service or None where it does not answer.

    Once no proxy has answered for the deadline, those that are left count as offline until their answers come; none is
    asked twice at the same time. So silent hosts cost the deadline, and many proxies or a busy machine none.
    """

    def __init__(self, probe: Callable[[Target], str | None], work: Background) -> None:
        self._probe = probe
        self._work = work
        self._lock = Lock()
        self._seen: dict[str, tuple[float, str | None]] = {}
        self._asking: dict[str, tuple[float, Future[None]]] = {}

    def version(self, proxy: str) -> str | None:
        """The build that the proxy last answered with; None where it is offline or was never asked."""
        with self._lock:
            return self._seen.get(proxy, (0.0, None))[1]

    def put(self, proxy: str, version: str | None) -> None:
        with self._lock:
            self._seen[proxy] = (timing.monotonic(), version)

    def forget(self, proxy: str) -> None:
        with self._lock:
            self._seen.pop(proxy, None)

    def refresh(self, targets: Sequence[Target], *, ttl: float, deadline: float) -> None:
        """Ask those whose last answer is older than `ttl` seconds; wait until none has answered for `deadline` seconds.

        A probe that another caller has just started is awaited as well, unless it is already late.
        """
        now = timing.monotonic()
        asked: dict[str, Future[None]] = {}
        awaited = []
        with self._lock:
            for target in targets:
                at, _ = self._seen.get(target.proxy, (float("-inf"), None))
                if now - at < ttl:
                    continue
                if target.proxy not in self._asking:
                    self._asking[target.proxy] = (now, self._work.pool.submit(self._ask, target))
                since, future = self._asking[target.proxy]
                asked[target.proxy] = future
                if now - since < deadline:
                    awaited.append(future)
        answered, left = set(awaited), set(awaited)
        while answered and left:
            answered, left = wait(left, timeout=deadline, return_when=FIRST_COMPLETED)
        with self._lock:  # what they last answered is older than all of this
            for proxy, future in asked.items():
                if self._asking.get(proxy, (0.0, None))[1] is future:
                    self._seen[proxy] = (float("-inf"), None)

    def _ask(self, target: Target) -> None:
        version = None
        try:
            version = self._probe(target)
        except Exception as error:  # the hosts promise None: anything else is a bug to be seen
            log.exception("asking proxy %s failed", target.host)
            self._work.bugs.append(error)
        finally:
            with self._lock:
                self._seen[target.proxy] = (timing.monotonic(), version)
                self._asking.pop(target.proxy, None)
