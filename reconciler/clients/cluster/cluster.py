"""The connection to a Dask cluster, and visits to hosts through its workers: repeated where they only read, made once
where they change something."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import wait
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, cast

from reconciler import randomness, timing
from reconciler.clients.cluster.errand import Ahead, Answer, Declined, Errand, Once
from reconciler.clients.cluster.files import Turns, take
from reconciler.clients.cluster.packing import Parcel, pack
from reconciler.clients.cluster.roster import Roster, Worker, sites_of
from reconciler.clients.cluster.sealing import seal
from reconciler.clients.cluster.session import WorkerSession
from reconciler.clients.cluster.unfit import Unfit
from reconciler.clients.cluster.worker import Greeting, greet, visit
from reconciler.model.errors import ConnectionLost, ReconcileError, Refused, Unreachable

if TYPE_CHECKING:
    from distributed import Client

    from reconciler.clients.cluster.errand import Visit
    from reconciler.clients.cluster.files import Kept, Piece
    from reconciler.clients.cluster.session import Call, Give
    from reconciler.model.connection import Connection, ConnectionContext
    from reconciler.model.errors import RemoteError

log = logging.getLogger(__name__)
_TURN: Final = 1.0
"""Seconds between two looks at whether the worker of a visit is still there."""
_TRIES: Final = 4
"""Workers that one visit may lose: a host that ends them must not end all."""
_BEGINS: Final = 30.0
"""Seconds in which a worker begins a change, or declines it. So what is still queued there when this process ends does
not begin later."""
_PROMPT: Final = 0.1
"""Seconds of an answer that says well enough what time it is on a worker."""
_LOOKS: Final = 4
"""How often a worker is asked for one: at first it has to import what answers."""
_HINT: Final = "Start workers again; `dask worker` and its nanny log why they ended."
_RERUN: Final = "Look at its log, start it again if it ended, and run the command again."


class _WorkerLost(Exception):
    """The worker ended, or another process has its address."""


class _WorkerUnfit(Exception):
    """The worker has not begun."""

    def __init__(self, why: Unfit) -> None:
        super().__init__(why.reason)
        self.why = why


class Cluster:
    """Workers that are connected to a scheduler. Used by many threads at once; each waits for its visit."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name
        self._run_id = randomness.uuid()
        self._loop: asyncio.AbstractEventLoop = cast("Any", client.loop).asyncio_loop
        self._roster = Roster()
        self._refreshing = Lock()
        self._looking = Lock()
        self._turns = Turns()
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

    def greetings(self) -> dict[str, Greeting | Exception]:
        """What each worker says of itself, by address, or why it cannot. Those that end meanwhile are left out."""
        found: dict[str, Greeting | Exception] = self._client.run(greet, on_error="return")
        return {address: item for address, item in found.items() if not isinstance(item, OSError)}

    def refresh(self) -> None:
        """Learn which workers there are, and their keys."""
        known = self._client.scheduler_info(n_workers=-1)["workers"]
        greeted = asyncio.run_coroutine_threadsafe(self._greeted(known), self._loop).result()
        workers = []
        for (address, about), found in zip(known.items(), greeted, strict=True):
            if found is not None:
                greeting, ahead = found
                sites = sites_of(about.get("resources") or {})
                workers.append(Worker(address, str(about["name"]), sites, greeting.public, ahead))
        self._roster.replace(workers)

    async def _greeted(self, addresses: Iterable[str]) -> list[tuple[Greeting, timedelta] | None]:
        return await asyncio.gather(*map(self._clocked, addresses))

    async def _clocked(self, address: str) -> tuple[Greeting, timedelta] | None:
        """What a worker says of itself, and how far this machine is ahead of it; None if it does not answer. Each is
        asked for itself: one that has ended may be waited for long. The quickest answer has the smallest error."""
        best: tuple[float, Greeting, timedelta] | None = None
        for _ in range(_LOOKS):
            before, begun = timing.epoch(), timing.monotonic()
            asked = await self._client.run(greet, workers=[address], on_error="return", asynchronous=True)
            took, found = timing.monotonic() - begun, asked.get(address)
            if not isinstance(found, Greeting):
                return None
            if best is None or took < best[0]:
                best = took, found, timedelta(seconds=before + took / 2 - found.epoch)
            if took < _PROMPT:
                break
        return best[1:] if best else None

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

        def ask(worker: Worker) -> Answer:
            timed = replace(question, clock=Ahead(clock + worker.ahead))
            return self._ask(worker, self._errand(function, parcel, timed, worker), "visiting it")

        return _judged(context, parcel, lambda: self._somewhere(parcel.connection, ask)).value()

    def session(self, connection: Connection, context: ConnectionContext) -> WorkerSession:
        """See `HostWorkers.session`."""
        return WorkerSession(self, connection, context)

    def change(
        self,
        function: Callable[[Connection, ConnectionContext, Any], Any],
        connection: Connection,
        context: ConnectionContext,
        prepare: Callable[[Give], Call],
        params: Mapping[str, Any] | None = None,
    ) -> Any:
        """See `session.Workers.change`."""
        parcel = pack(connection, context, params)

        def ask(worker: Worker) -> Answer:
            call = prepare(lambda piece: self._give(worker, piece))
            once = Once(randomness.uuid(), self._now(worker) + _BEGINS)
            try:
                return self._ask(worker, self._errand(function, parcel, call, worker, once), call.what)
            except _WorkerLost as error:
                reason = f"the worker {worker.name} ended meanwhile"
                raise ConnectionLost(connection.peer, call.what, reason, hint=_HINT) from error

        def until_begun() -> Answer:
            while True:
                answer = self._somewhere(parcel.connection, ask)
                if answer.declined is not Declined.LATE:
                    return answer
                log.warning("no worker began %s within %g s; asking again", connection.peer, _BEGINS)

        return _judged(context, parcel, until_begun).value()

    def _somewhere(self, connection: Connection, ask: Callable[[Worker], Answer]) -> Answer:
        """On a worker of the site, or on another one if `ask` raises _WorkerLost or _WorkerUnfit."""
        unfit: dict[Worker, Unfit] = {}
        for _ in range(_TRIES):
            worker = self._roster.take(connection.site, unfit)
            if worker is None:
                break
            try:
                return ask(worker)
            except _WorkerUnfit as error:
                log.warning("the worker %s cannot keep files: %s", worker.name, error.why.reason)
                unfit[worker] = error.why
            except _WorkerLost:
                log.warning("the worker %s ended during a visit to %s", worker.name, connection.peer)
                with self.scheduler(connection.peer, "choosing a worker", Unreachable):
                    self._look_again(worker)
            finally:
                self._roster.give(worker)
        if unfit:
            last, why = unfit.popitem()
            raise Refused(connection.peer, f"keeping files on the worker {last.name}", why.reason, hint=why.hint)
        if worker is None:
            where = f"the site {connection.site}" if connection.site else "the cluster"
            raise Unreachable(connection.peer, "choosing a worker", f"no worker of {where} is left", hint=_HINT)
        raise ConnectionLost(connection.peer, "visiting it", f"{_TRIES} workers ended meanwhile", hint=_HINT)

    def _give(self, worker: Worker, piece: Piece) -> Kept:
        """Raises _WorkerLost and _WorkerUnfit."""
        with self._turns.of(worker.public, piece.sha256):
            kept: Kept | Unfit = self._run(worker, take, piece)
        if isinstance(kept, Unfit):
            raise _WorkerUnfit(kept)
        return kept

    def _now(self, worker: Worker) -> float:
        """The monotonic clock of the worker. Raises _WorkerLost if it was restarted, so that nothing is sent to it."""
        greeting: Greeting = self._run(worker, greet)
        if greeting.public != worker.public:
            raise _WorkerLost
        return greeting.monotonic

    def _run(self, worker: Worker, function: Callable[..., Any], *arguments: Any) -> Any:
        """Raises _WorkerLost."""
        return self._call(worker, function, *arguments, peer="the cluster", what=f"asking the worker {worker.name}")

    def _call(
        self,
        worker: Worker,
        function: Callable[..., Any],
        *arguments: Any,
        peer: str,
        what: str,
        kind: type[RemoteError] = Unreachable,
    ) -> Any:
        """What `function` returns on the worker, at once and not as a task: a task takes three times as many messages.
        Raises _WorkerLost; for an errand that runs once it may have begun."""
        with self.scheduler(peer, what, kind):
            asked = self._client.run(
                function, *arguments, workers=[worker.address], on_error="return", asynchronous=True
            )
            running = asyncio.run_coroutine_threadsafe(asked, self._loop)
            try:
                while not wait([running], _TURN).done:
                    if self._closed:
                        raise ConnectionLost(peer, what, "the run has ended")
                    if worker.address not in self._addresses():
                        raise _WorkerLost
            finally:
                running.cancel()
            found = running.result()[worker.address]
        if isinstance(found, OSError):  # what runs on a worker raises none
            raise _WorkerLost from found
        if isinstance(found, Exception):
            raise found
        return found

    @contextmanager
    def scheduler(self, peer: str, what: str, kind: type[RemoteError]) -> Iterator[None]:
        """Its connection may end at any time. What Dask raises after that has no separate class: it becomes `kind`."""
        from distributed import CancelledError

        try:
            yield
        except (_WorkerLost, ReconcileError):
            raise
        except Exception as error:
            if isinstance(error, (CancelledError, OSError)) or self._client.status != "running":
                reason = f"the connection to the scheduler {self._name} is lost"
                raise kind(peer, what, reason, hint=_RERUN) from error
            raise

    def _errand(
        self, function: Visit, parcel: Parcel, question: Any, worker: Worker, once: Once | None = None
    ) -> Errand:
        sealed = seal(parcel.confidential(), worker.public)
        return Errand(function, parcel.connection, question, parcel.files, sealed, self._run_id, once)

    def _ask(self, worker: Worker, errand: Errand, what: str) -> Answer:
        """Raises _WorkerLost, when an errand that runs once may have begun, and _WorkerUnfit, when it has not."""
        answer: Answer = self._call(worker, visit, errand, peer=errand.connection.peer, what=what, kind=ConnectionLost)
        if isinstance(answer.declined, Unfit):
            raise _WorkerUnfit(answer.declined)
        if answer.declined in (Declined.OTHER_KEY, Declined.BEGUN):
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


def _judged(context: ConnectionContext, parcel: Parcel, ask: Callable[[], Answer]) -> Answer:
    """The answer, and the gate knows what became of the password. Raises AuthenticationFailed if another host refused
    it."""
    connection, login = parcel.connection, parcel.connection.credential
    if login is None or login.password is None:
        return ask()
    password = parcel.secrets.get(str(login.password), str(login.password))
    with context.logins.attempt(connection.peer, "logging in", login.username, password) as attempt:
        answer = ask()
        if answer.accepted is True:
            attempt.accept()
        elif answer.accepted is False:
            attempt.refuse()
    return answer
