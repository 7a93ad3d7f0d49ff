"""Everything at once, side by side; what depends on two answers comes at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from reconciler.doctor.check import Check, Level, ordered
from reconciler.doctor.hosts import Asked, check_host, judge_host
from reconciler.doctor.local import check_certificate, check_credential, check_known_host, check_package
from reconciler.doctor.server import Seen, check_powershell, check_rest
from reconciler.plan.consistency import disagreements

if TYPE_CHECKING:
    from reconciler.model.connection import Access, ConnectionContext
    from reconciler.model.inventory import Inventory, Resource
    from reconciler.model.state import ProxyState
    from reconciler.requirements import Playbook


@dataclass(frozen=True, slots=True)
class CheckContext:
    """What a check-up works with: nothing in it can write. `now` is when it began, `clock` is asked anew."""

    inventory: Inventory
    access: Access
    context: ConnectionContext
    playbooks: Mapping[str, Playbook]
    clock: Callable[[], datetime]
    now: datetime


def check_up(ground: CheckContext, *, parallel: int) -> list[Check]:
    """Every check, worst first. A check that fails is a row, and stops no other."""
    access = ground.access
    proxies = {proxy.name: proxy for proxy in ground.inventory.of_kind("proxy")}
    reached = [name for name in sorted(access.connections) if name in proxies]
    with ThreadPoolExecutor(max_workers=max(1, parallel), thread_name_prefix="doctor") as pool:
        rest = pool.submit(check_rest, ground)
        rows: list[Future[list[Check]]] = [pool.submit(check_powershell, ground)]
        asked = {name: pool.submit(check_host, ground, proxies[name], access.connections[name]) for name in reached}
        rows += [_submit(pool, check_credential(ground, item)) for item in access.credentials.values()]
        rows += [_submit(pool, check_certificate(ground, item)) for item in access.certificates.values()]
        packages = {(item.source, item.sha256): item for item in access.packages.values()}
        rows += [_submit(pool, check_package(ground, item)) for item in packages.values()]
        rows += [_submit(pool, check_known_host(ground, item)) for item in access.connections.values()]
    seen = rest.result()
    checks = [*seen.checks, *(check for row in rows for check in row.result())]
    for name, proxy in sorted(proxies.items()):
        checks += _proxy(ground, proxy, asked[name].result() if name in asked else None, seen)
    return ordered(dict.fromkeys(checks))  # several hosts may share a jump host


def _submit(pool: ThreadPoolExecutor, checks: Iterable[Check]) -> Future[list[Check]]:
    return pool.submit(lambda: list(checks))


def _proxy(ground: CheckContext, proxy: Resource, asked: Asked | None, seen: Seen) -> list[Check]:
    """The rows of a host, of its proxy on the server, and of both compared."""
    existing = seen.resources.get(str(proxy.address))
    rows = []
    if seen.resources:
        rows.append(_status(proxy, existing.proxy if existing is not None else None))
    if asked is None:
        said = "not looked at: `connection.enabled` is off"
        return [*rows, Check(f"host.{proxy.name}", "connection", Level.UNKNOWN, said)]
    rows += asked.checks
    if asked.facts:
        rows += judge_host(ground, proxy, asked.facts, seen.build, exists=existing is not None)
    if asked.facts and existing is not None:
        rows += [
            Check(item.address, item.code, Level.WARNING, item.detail, item.fix)
            for item in disagreements(proxy, existing, asked.facts)
        ]
    return list(_without_doubles(rows))


def _without_doubles(rows: list[Check]) -> Iterator[Check]:
    """What is wrong by one check is not fine by another of the same name (the clock: told, and then required)."""
    wrong = {(row.subject, row.name) for row in rows if row.level is not Level.OK}
    return (row for row in rows if row.level is not Level.OK or (row.subject, row.name) not in wrong)


def _status(proxy: Resource, state: ProxyState | None) -> Check:
    if state is None:
        return Check(proxy.address, "status", Level.OK, "not registered yet: `vbo-reconcile apply` adds it")
    if state.is_online:
        return Check(proxy.address, "status", Level.OK, "Online")
    if not state.is_offline:
        found = f"the server reports an unknown status: {state.word}" if state.word else "the server does not report it"
        return Check(proxy.address, "status", Level.UNKNOWN, found)
    fix = "See what is said of its host here, then rescan the proxy in the console of the server."
    return Check(proxy.address, "status", Level.ERROR, "Offline, says the server", fix)
