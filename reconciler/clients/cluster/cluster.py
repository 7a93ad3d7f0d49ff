"""The connection to a Dask cluster, and visits to hosts through its workers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Final

from reconciler import randomness, timing
from reconciler.clients.cluster.errand import Ahead, Answer, Errand
from reconciler.clients.cluster.packing import Parcel, pack
from reconciler.clients.cluster.roster import Roster, Worker, sites_of
from reconciler.clients.cluster.sealing import seal
from reconciler.clients.cluster.worker import Greeting, carry_out, greet
from reconciler.model.errors import ConnectionLost, Unreachable

if TYPE_CHECKING:
    from distributed import Client, Future

    from reconciler.model.connection import Connection, ConnectionContext
    from reconciler.model.login_gate import Attempt

log = logging.getLogger(__name__)
_TURN: Final = 1.0
"""Seconds between two looks at whether the worker of a visit is still there."""
_TRIES: Final = 4
"""Workers that one visit may lose: a host that ends them must not end all."""
_HINT: Final = "Start workers again; `dask worker` and its nanny log why they ended."


class _WorkerLost(Exception):
    """The worker ended, or another process has its address."""


class Cluster:
    """Workers that are connected to a scheduler. Used by many threads at once; each waits for its visit."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name
        self._roster = Roster()
        self._refreshing = Lock()
        self._looking = Lock()
        self._closed = False
        self._alive: tuple[float, frozenset[str]] = (0.0, frozenset())

    @property
    def width(self) -> int:
        return max(1, len(self._roster))

    def missing(self, sites: Iterable[str]) -> list[str]:
        """The sites that no worker is at."""
        return sorted({site for site in sites if not self._roster.of_site(site)})

    def takes(self, connection: Connection) -> bool:
        """Not with what only this user has: the SSH agent, and tickets of Kerberos."""
        login = connection.credential
        tickets = login is not None and login.auth == "kerberos" and login.password is None and not login.keytab
        is_own = login is not None and (login.agent or tickets)
        return not is_own and (connection.jump is None or self.takes(connection.jump))

    def greetings(self) -> dict[str, Greeting]:
        """What each worker says of itself, by address. Those that end meanwhile are left out."""
        found = self._client.run(greet, on_error="ignore")
        return {address: item for address, item in found.items() if isinstance(item, Greeting)}

    def refresh(self) -> None:
        """Learn which workers there are, and their keys."""
        before = timing.epoch()
        greetings = self.greetings()
        middle = (before + timing.epoch()) / 2
        known = self._client.scheduler_info(n_workers=-1)["workers"]
        workers = []
        for address, greeting in greetings.items():
            about = known.get(address, {})
            ahead = timedelta(seconds=middle - greeting.epoch)
            sites = sites_of(about.get("resources") or {})
            workers.append(Worker(address, str(about.get("name", address)), sites, greeting.public, ahead))
        self._roster.replace(workers)

    def visit(
        self,
        function: Callable[[Connection, ConnectionContext, Any], Any],
        connection: Connection,
        context: ConnectionContext,
        question: Any,
    ) -> Any:
        """See `HostWorkers.visit`."""
        parcel = pack(connection, context)
        clock = question.clock() - timing.utc_now()
        login = connection.credential
        if login is None or login.password is None:
            return self._somewhere(function, parcel, question, clock).value()
        password = parcel.secrets.get(str(login.password), str(login.password))
        with context.logins.attempt(connection.peer, "logging in", login.username, password) as attempt:
            answer = self._somewhere(function, parcel, question, clock)
            _judge(attempt, answer)
        return answer.value()

    def _somewhere(self, function: Any, parcel: Parcel, question: Any, clock: timedelta) -> Answer:
        """On a worker of the site, or on another one if that dies."""
        connection = parcel.connection
        for _ in range(_TRIES):
            worker = self._roster.take(connection.site)
            if worker is None:
                where = f"the site {connection.site}" if connection.site else "the cluster"
                raise Unreachable(connection.peer, "choosing a worker", f"no worker of {where} is left", hint=_HINT)
            timed = replace(question, clock=Ahead(clock + worker.ahead))
            sealed = seal(parcel.confidential(), worker.public)
            try:
                return self._ask(worker, Errand(function, connection, timed, parcel.files, sealed))
            except _WorkerLost:
                log.warning("the worker %s ended during a visit to %s", worker.name, connection.peer)
                self._look_again(worker)
            finally:
                self._roster.give(worker)
        raise ConnectionLost(connection.peer, "visiting it", f"{_TRIES} workers ended meanwhile", hint=_HINT)

    def _ask(self, worker: Worker, errand: Errand) -> Answer:
        """Raises _WorkerLost."""
        from distributed import CancelledError, KilledWorker

        peer = errand.connection.peer
        done = Event()
        key = f"vbo-reconcile-{randomness.uuid()}"
        future: Future[Answer] = self._client.submit(
            carry_out, errand, key=key, pure=False, retries=0, workers=[worker.address], allow_other_workers=False
        )
        future.add_done_callback(lambda _: done.set())
        try:
            while not done.wait(_TURN):
                if self._closed:
                    raise ConnectionLost(peer, "visiting it", "the run has ended")
                if worker.address not in self._addresses():
                    raise _WorkerLost
            answer = future.result()
        except KilledWorker as error:
            raise _WorkerLost from error
        except (CancelledError, OSError) as error:
            reason = f"the connection to the scheduler {self._name} is lost"
            raise ConnectionLost(peer, "visiting it", reason, hint="Run the command again.") from error
        finally:
            future.release()
        if not isinstance(answer, Answer) or answer.other_key:
            raise _WorkerLost
        return answer

    def _addresses(self) -> frozenset[str]:
        """Of the workers that the scheduler knows. Those who wait ask once for all."""
        with self._refreshing:
            asked, found = self._alive
            if timing.monotonic() - asked >= _TURN:
                found = frozenset(self._client.nthreads())
                self._alive = (timing.monotonic(), found)
            return found

    def _look_again(self, lost: Worker) -> None:
        """One of those who lost the same worker looks for the rest of them."""
        with self._looking:
            if self._roster.has(lost):
                self.refresh()

    def close(self) -> None:
        """End the connection. Visits that still wait end with ConnectionLost."""
        self._closed = True
        with suppress(OSError, TimeoutError):
            self._client.close(timeout=5)


def _judge(attempt: Attempt, answer: Answer) -> None:
    if answer.accepted is True:
        attempt.accept()
    elif answer.accepted is False:
        attempt.refuse()
