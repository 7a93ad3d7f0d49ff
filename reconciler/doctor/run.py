"""Runs all checks concurrently, and compares the answers of the server with those of the hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from reconciler.doctor.check import Check, Level, ordered
from reconciler.doctor.hosts import HostChecks, check_clock, check_host, check_requirements, compared
from reconciler.doctor.local import check_certificate, check_credential, check_known_host, check_package
from reconciler.doctor.ports import are_used, is_port, proven
from reconciler.doctor.server import ServerChecks, check_powershell, check_rest
from reconciler.model.waiting import Awaited, Waiting, reading
from reconciler.observe.workers import workers
from reconciler.plan.disagreements import disagreements
from reconciler.waits import result

if TYPE_CHECKING:
    from reconciler.model.connection import Access, ConnectionContext
    from reconciler.model.inventory import Inventory, Resource
    from reconciler.model.state import ProxyState
    from reconciler.requirements import Playbook


@dataclass(frozen=True, slots=True)
class CheckContext:
    """What checks work with; nothing in it can write. `now` is when the run of checks began. Both times are aware."""

    inventory: Inventory
    access: Access
    connection_context: ConnectionContext
    playbooks: Mapping[str, Playbook]
    clock: Callable[[], datetime]
    now: datetime


def check_up(
    context: CheckContext, *, parallel: int, listen: Callable[[Waiting], None] = lambda _: None
) -> list[Check]:
    """All checks, worst first, `parallel` at a time. A check that fails does not stop the others. `listen` receives
    what has not answered yet."""
    access = context.access
    proxies = {proxy.name: proxy for proxy in context.inventory.of_kind("proxy")}
    reached = [name for name in sorted(access.connections) if name in proxies]
    width = context.connection_context.width
    with Awaited(*reading(access.server.host, reached), listen) as awaited, workers(parallel * width, "doctor") as pool:
        rest = pool.submit(check_rest, context)
        rows: list[Future[list[Check]]] = [pool.submit(check_powershell, context)]
        hosts = {name: pool.submit(check_host, context, proxies[name], access.connections[name]) for name in reached}
        awaited.watch("the server", rest)
        for name, future in hosts.items():
            awaited.watch(name, future)
        rows += [_submit(pool, check_credential(context, item)) for item in access.credentials.values()]
        rows += [_submit(pool, check_certificate(context, item)) for item in access.certificates.values()]
        packages = {(item.source, item.sha256): item for item in access.packages.values()}
        rows += [_submit(pool, check_package(context, item)) for item in packages.values()]
        rows += [_submit(pool, check_known_host(context, item)) for item in access.connections.values()]
        waiting: tuple[Future[Any], ...] = (rest, *hosts.values(), *rows)
        for each in waiting:
            result(each)
    server = rest.result()
    listening = {f"host.{name}": _listens(future.result()) for name, future in hosts.items()}
    tried = [check for row in rows for check in row.result()]
    tried += [check for host in hosts.values() for check in host.result().ports if are_used(check, server.build)]
    found = (proven(check, listening.get(check.subject)) for check in tried)
    off = {f"host.{name}" for name, future in hosts.items() if future.result().asleep}
    awake = (check for check in found if check is not None and not (check.subject in off and is_port(check)))
    checks = [*server.checks, *awake]
    for name, proxy in sorted(proxies.items()):
        checks += _proxy(context, proxy, hosts[name].result() if name in hosts else None, server)
    return ordered(dict.fromkeys(checks))  # several hosts may share a jump host


def _listens(host: HostChecks) -> bool | None:
    listening = (host.facts.get("service") or {}).get("listening")
    return listening if isinstance(listening, bool) else None


def _submit(pool: ThreadPoolExecutor, checks: Iterable[Check]) -> Future[list[Check]]:
    return pool.submit(lambda: list(checks))


def _proxy(context: CheckContext, proxy: Resource, host: HostChecks | None, server: ServerChecks) -> list[Check]:
    """The checks of a host, of its proxy on the server, and of both compared."""
    existing = server.resources.get(str(proxy.address))
    rows = []
    if server.resources:
        asleep = host is not None and host.asleep
        rows.append(_status(proxy, existing.proxy if existing is not None else None, asleep=asleep))
    if proxy.is_local:
        return rows
    if host is None:
        found = "not checked: `connection.enabled` is off"
        return [*rows, Check(f"host.{proxy.name}", "connection", Level.UNKNOWN, found)]
    rows += host.checks
    if host.facts:
        facts = compared(host.facts, server.clock_ahead)
        rows.append(check_clock(f"host.{proxy.name}", facts))
        rows += check_requirements(context, proxy, facts, server.build, exists=existing is not None)
    if host.facts and existing is not None:
        rows += [
            Check(item.address, item.code, Level.WARNING, item.detail, item.fix)
            for item in disagreements(proxy, existing, host.facts)
        ]
    return list(_without_duplicates(rows))


def _without_duplicates(rows: list[Check]) -> Iterator[Check]:
    """Without passed checks that fail under the same name: the clock is reported, and is also a requirement."""
    wrong = {(row.subject, row.name) for row in rows if row.level is not Level.OK}
    return (row for row in rows if row.level is not Level.OK or (row.subject, row.name) not in wrong)


def _status(proxy: Resource, state: ProxyState | None, *, asleep: bool) -> Check:
    if state is None:
        return Check(proxy.address, "status", Level.OK, "not registered yet: `vbo-reconcile apply` adds it")
    if state.is_online:
        return Check(proxy.address, "status", Level.OK, "Online")
    if not state.is_offline:
        return Check(proxy.address, "status", Level.UNKNOWN, "the server does not report it")
    if asleep:
        return Check(proxy.address, "status", Level.OK, "Offline and asleep")
    fix = "Fix what is reported of its host, then rescan the proxy in the console of the server."
    return Check(proxy.address, "status", Level.ERROR, "the server reports it as Offline", fix)
