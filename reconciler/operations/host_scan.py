"""The hosts of proxies, as they show themselves before any login."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from reconciler.model.connection import Connection, Transport
from reconciler.model.errors import ReconcileError, RemoteError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.importing.hosts import HostScan
    from reconciler.model.live import Live
    from reconciler.operations.session import Session

_THROUGH_A_JUMP_HOST: Final = "a jump host leads to it, which needs a login"


def scan_hosts(session: Session, live: Live, known: Mapping[str, Connection]) -> dict[str, HostScan]:
    """What each host of a proxy shows, by its normal name. `known` are connections of an inventory. Sends no
    account and no password."""
    from reconciler.importing.logins import LINUX, class_of
    from reconciler.kinds.hosts import ascii_host
    from reconciler.kinds.proxy_matching import normal
    from reconciler.observe.workers import workers
    from reconciler.waits import result

    declared = {normal(connection.host): connection for connection in known.values()}
    wanted: dict[str, Connection] = {}
    for found in live.resources.values():
        if found.kind == "proxy" and not found.proxy.is_local:
            host = ascii_host(str(found.fields["host"]))
            transport = Transport.SSH if class_of(found) == LINUX else Transport.WINRM
            wanted[normal(host)] = declared.get(normal(host)) or Connection(host, host, transport)
    with session.runtime.waiting(f"Scanning {len(wanted)} hosts"), workers(session.parallel, "scan") as pool:
        scans = {host: pool.submit(_scan, session, connection) for host, connection in sorted(wanted.items())}
        return {host: result(scan) for host, scan in scans.items()}


def _scan(session: Session, connection: Connection) -> HostScan:
    from reconciler.clients.host_scan import scan
    from reconciler.importing.hosts import HostScan

    name = "SSH" if connection.transport is Transport.SSH else "WinRM"
    if connection.jump is not None:
        return HostScan(name, error=_THROUGH_A_JUMP_HOST)
    try:
        found = scan(_placed(session, replace(connection, credential=None, certificate=None)), session.access.root)
    except RemoteError as error:
        return HostScan(name, error=error.reason)
    except ReconcileError as error:  # the lab has no such host
        return HostScan(name, error=str(error))
    pins = (*connection.trust.host_keys, *filter(None, (connection.trust.fingerprint,)))
    other = bool(pins and found.fingerprint) and not {found.host_key, found.fingerprint} & {*pins}
    return HostScan(name, found.address, found.listener, found.host_key, found.fingerprint, other_pin=other)


def _placed(session: Session, connection: Connection) -> Connection:
    """The connection, to the lab if the session is in it."""
    if session.lab is None:
        return connection
    access = replace(session.inventory.access, connections={connection.name: connection})
    return session.lab.redirect(access).connections[connection.name]
