"""What steps work with: the writer, sessions on hosts, and the ids of existing objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, TypeVar

from reconciler import timing
from reconciler.apply.coalescing import Batcher
from reconciler.apply.first_reads import FirstReads
from reconciler.apply.waiting import wait
from reconciler.clients.session_pool import Sessions
from reconciler.kinds import KINDS
from reconciler.kinds.naming import Naming
from reconciler.kinds.states import proxy_state
from reconciler.model.errors import Unreachable

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


@dataclass(slots=True)
class ApplyContext:
    """`owner` is the name of the inventory; `naming` knows ids and learns new ones. A step that moves a repository
    holds `moving`, one that looks for its encryption key `encrypting`. `playbooks` have the change scripts, those of
    users included."""

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
        return next(
            (found for found in self.live.resources.values() if found.kind == kind and found.name == name), None
        )

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
    def host(self, connection: Connection | None, name: str) -> Iterator[HostSession]:
        """A session on a host; the one of an earlier step if it is still open. Raises RemoteError."""
        if connection is None:
            raise Unreachable(name, "connecting", "the inventory has no connection for this host")
        with self.sessions.lend(connection) as session:
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
        """Call `poll` until it returns something true: see `waiting`."""
        return wait(self, peer, what, poll, seconds=seconds, longest=longest, report=report)

    def patiently(self, read: Callable[[], T], report: Reporter | None = None) -> T:
        """The result of `read`, also after an outage of the server."""
        found: tuple[T] = self.wait("the server", "reading", lambda: (read(),), seconds=0, report=report)
        return found[0]
