"""What steps work with: the writer, sessions on hosts, the ids of existing objects, and the one wait of an apply, which
no outage, restart of the server or renewed login ends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar

from reconciler import timing
from reconciler.apply.coalescing import Batcher
from reconciler.apply.first_reads import FirstReads
from reconciler.clients.session_pool import Sessions
from reconciler.kinds import KINDS
from reconciler.kinds.naming import Naming
from reconciler.kinds.states import proxy_state
from reconciler.model.address import address
from reconciler.model.errors import BadAnswer, DeadlineExceeded, Refused, RemoteError, Unreachable, retry_after

if TYPE_CHECKING:
    from reconciler.clients.host_session import HostSession
    from reconciler.clients.vbo import Reader, Writer
    from reconciler.model.connection import Access, Connection, ConnectionContext
    from reconciler.model.live import Live, LiveResource
    from reconciler.model.state import ProxyState
    from reconciler.requirements import Playbook

T = TypeVar("T")

Reporter = Callable[[str], None]
"""Takes a line of news from inside a step."""
_FIRST: Final = 0.05
_GROWTH: Final = 1.5
"""Seconds of the first pause, and by how much each next one is longer."""
_SERVER_ERROR: Final = 500


def _is_outage(error: RemoteError) -> bool:
    """Whether the server may answer later: it is away, restarts, or a gateway or a broken part answers for it."""
    failing = isinstance(error, Refused) and error.status >= _SERVER_ERROR
    return error.retryable or failing or isinstance(error, BadAnswer)


@dataclass(slots=True)
class ApplyContext:
    """`owner` is the name of the inventory; `naming` knows ids and learns new ones. A step that moves a repository
    holds `moving`, one that looks for its encryption key `encrypting`. `playbooks` have the change scripts, those of
    users included. `begun` are the marks of what an earlier apply began without a result (`plan/interrupted.py`).
    `permit` is called before anything is changed, and raises JournalError if that must not be."""

    owner: str
    live: Live
    access: Access
    connection_context: ConnectionContext
    reader: Reader
    writer: Writer
    playbooks: Mapping[str, Playbook] = field(default_factory=dict)
    sleep: Callable[[float], None] = timing.sleep
    clock: Callable[[], float] = timing.monotonic
    stop: Event = field(default_factory=Event)
    moving: Lock = field(default_factory=Lock)
    encrypting: Lock = field(default_factory=Lock)
    first_reads: FirstReads = field(default_factory=FirstReads)
    begun: Collection[str] = ()
    permit: Callable[[], None] = lambda: None
    naming: Naming = field(init=False)
    batcher: Batcher = field(init=False)
    sessions: Sessions = field(init=False)

    def __post_init__(self) -> None:
        self.batcher = Batcher(self.sleep)
        self.sessions = Sessions(self.connection_context)
        self.naming = Naming(self.reader.rest, self.access, self.connection_context.resolver, self.owner)
        for resource in self.live.resources.values():
            if resource.id:
                self.naming.learn(resource.kind, resource.name, resource.id)
        self.naming.refer(self.live.references)

    def live_of(self, kind: str, name: str) -> LiveResource | None:
        found = self.live.resources.get(address(kind, name))
        others = self.live.resources.values() if found is None or (found.kind, found.name) != (kind, name) else [found]
        return next((each for each in others if each.kind == kind and each.name == name), None)

    def path_of(self, kind: str, name: str) -> str:
        """`Proxies/{id}` of an object that exists; the collection itself for a singleton."""
        described = KINDS[kind]
        return (
            described.collection if described.singleton else f"{described.collection}/{self.naming.id_of(kind, name)}"
        )

    def proxy(self, name: str) -> ProxyState:
        """The state of a proxy, read from the server now."""
        return proxy_state(self.reader.get(self.path_of("proxy", name)), self.reader.rest)

    @contextmanager
    def host(self, name: str) -> Iterator[HostSession]:
        """A session on the host of a proxy, through a worker if there are any. Raises RemoteError."""
        connection = self.connection(name)
        workers = self.connection_context.workers_for(connection)
        if workers is None:
            with self.sessions.lend(connection) as session:
                self.permit()
                yield session
        else:
            self.permit()
            with workers.session(connection, self.connection_context) as session:
                yield session

    def connection(self, host: str) -> Connection:
        """Raises Unreachable."""
        found = self.access.connections.get(host)
        if found is None:
            raise _no_connection(host)
        return found

    @contextmanager
    def server_host(self) -> Iterator[HostSession]:
        """A session on the machine of the management server, which this process reaches itself, as its REST API.
        Raises RemoteError."""
        connection = self.access.server.powershell
        if connection is None:
            raise _no_connection(self.access.server.host)
        with self.sessions.lend(connection) as session:
            self.permit()
            yield session

    def wait(
        self,
        peer: str,
        what: str,
        poll: Callable[[], Any],
        *,
        seconds: float,
        longest: float = 3.0,
        report: Reporter | None = None,
    ) -> Any:
        """Call `poll` until it returns something true, with growing pauses. It may be called again after any error that
        passes. Raises DeadlineExceeded after `seconds`, and the error of an outage that lasts longer than
        `deadlines.outage`."""
        outage = _Outage(self, report)
        end, pause = self.clock() + seconds, _FIRST
        while True:
            asked = 0.0
            try:
                found = poll()
            except RemoteError as error:
                outage.goes_on(error)
                found, asked = None, retry_after(error)
            else:
                outage.ends()
            if found:
                return found
            now = self.clock()
            if now >= end and not outage.lasts:
                raise DeadlineExceeded(peer, what, f"no result within {seconds:.0f} s")
            left = longest if outage.lasts else max(0.0, end - now)
            self.sleep(max(min(pause, longest, left), outage.within(asked)))
            pause *= _GROWTH

    def patiently(self, read: Callable[[], T], report: Reporter | None = None) -> T:
        """The result of `read`, also after an outage of the server."""
        found: tuple[T] = self.wait("the server", "reading", lambda: (read(),), seconds=0, report=report)
        return found[0]


@contextmanager
def outcome_of(lost: RemoteError) -> Iterator[None]:
    """Reads inside find out what became of a request whose response is lost. If one fails it remains unknown: raises
    `lost`."""
    try:
        yield
    except RemoteError as error:
        raise lost from (error if error is not lost else None)


class _Outage:
    """The time in which the server does not answer. Reports its begin and its end."""

    def __init__(self, context: ApplyContext, report: Reporter | None) -> None:
        self._context = context
        self._report: Reporter = report or _no_report
        self._limit = context.access.server.deadlines.outage
        self._began: float | None = None

    @property
    def lasts(self) -> bool:
        return self._began is not None

    def goes_on(self, error: RemoteError) -> None:
        """Raises `error` if it does not pass, or has lasted too long."""
        if not _is_outage(error):
            raise error
        if self._began is None:
            self._began = self._context.clock()
            self._report(f"{error}; waiting up to {self._limit:.0f} s for the server")
        if self._context.clock() - self._began >= self._limit:
            raise error

    def ends(self) -> None:
        if self._began is not None:
            self._report(f"the server answers again, after {self._context.clock() - self._began:.0f} s")
        self._began = None

    def within(self, seconds: float) -> float:
        """`seconds`, at most to the end of the limit."""
        began = self._context.clock() if self._began is None else self._began
        return max(0.0, min(seconds, began + self._limit - self._context.clock()))


def _no_connection(host: str) -> Unreachable:
    return Unreachable(host, "connecting", "the inventory has no connection for this host")


def _no_report(_: str) -> None:
    """For waits of which nothing is reported."""
