"""Observes the live state of everything in an inventory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from reconciler.kinds.naming import Naming
from reconciler.model.live import Live, ServerInfo
from reconciler.model.waiting import Awaited, Waiting, reading
from reconciler.observe.management import read_security, read_versions
from reconciler.observe.probe import probe_hosts
from reconciler.observe.proxies import names_in
from reconciler.observe.server import read_server
from reconciler.observe.workers import workers
from reconciler.waits import result

if TYPE_CHECKING:
    from reconciler.clients.vbo import Reader
    from reconciler.model.connection import Access, ConnectionContext
    from reconciler.model.inventory import Inventory
    from reconciler.model.recall import Memory
    from reconciler.requirements import Playbook


def observe(
    inventory: Inventory,
    *,
    access: Access,
    context: ConnectionContext,
    reader: Reader,
    playbooks: Mapping[str, Playbook],
    clock: Callable[[], datetime],
    parallel: int = 32,
    since: Mapping[str, int] | None = None,
    memory: Memory | None = None,
    listen: Callable[[Waiting], None] = lambda _: None,
    whole: bool = False,
    digests: bool = True,
) -> Live:
    """The live state of the server and the hosts, in the inventory's terms.

    The hosts are probed while the server is read: one connection and one script for each host, and a number of REST
    requests that does not grow with the number of objects. Raises RemoteError if the server cannot be read; failures of
    single hosts are in `Live.hosts` and `Live.problems`. `since` are request counts that do not belong to this
    observation. `memory` is what the journal holds of this installation and inventory. `listen` receives what has not
    answered yet. `whole` reads what is not declared as if it was. A saved plan needs `digests` of unknown values.
    """
    naming, before = Naming(reader.rest, access), dict(since or {})
    asked = [proxy.name for proxy in inventory.of_kind("proxy") if proxy.name in access.connections]
    with Awaited(*reading(access.server.host, asked), listen) as awaited, workers(parallel, "observe") as pool:
        at = _of_server(clock, reader)
        hosts = probe_hosts(pool, inventory, access=access, context=context, playbooks=playbooks, clock=at)
        for name, future in hosts.items():
            awaited.watch(name, future)
        security = pool.submit(read_security, inventory, access, context)

        def names_of(name: str) -> Sequence[str]:
            return names_in(result(hosts[name])) if name in hosts else ()

        resources, gaps = read_server(reader, inventory, naming, names_of, memory=memory, whole=whole, digests=digests)
        certificate, problems = result(security)
        awaited.answered("the server")
        facts = {name: result(future) for name, future in sorted(hosts.items())}
    resources, more = read_versions({**resources, **certificate}, reader, inventory, access, context)
    return Live(
        server=ServerInfo(access.server.host, reader.rest, reader.build, reader.installation),
        resources=dict(sorted(resources.items())),
        hosts=facts,
        requests={verb: n for verb, count in sorted(reader.requests.items()) if (n := count - before.get(verb, 0))},
        problems=(*problems, *more),
        gaps=gaps,
        references=naming.referred,
        directory=naming.directory,
    )


def _of_server(clock: Callable[[], datetime], reader: Reader) -> Callable[[], datetime]:
    """The clock of the server: a host has to agree with it, not with this machine."""
    ahead = reader.clock_ahead
    return lambda: clock() + ahead
