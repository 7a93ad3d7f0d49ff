"""Reads what only PowerShell on the management server reports: its certificate, which proxies are out of date, and up
to v7 which repositories are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from reconciler.kinds import KINDS
from reconciler.kinds.naming import Naming
from reconciler.model.address import Address, address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import RemoteError, SecretError
from reconciler.model.live import LiveResource
from reconciler.model.state import ProxyState
from reconciler.model.value import UNKNOWN
from reconciler.observe.probe import host_problem
from reconciler.package_data import shipped_script

if TYPE_CHECKING:
    from reconciler.clients.vbo import Reader
    from reconciler.model.connection import Access, ConnectionContext
    from reconciler.model.inventory import Inventory

_STATES_SINCE: Final = 8
"""The REST version since which repositories show their state."""

Resources = dict[Address, LiveResource]


def read_security(
    inventory: Inventory, access: Access, context: ConnectionContext
) -> tuple[Resources, tuple[Diagnostic, ...]]:
    """The certificate that workgroup proxies trust, if the inventory declares one."""
    if not inventory.of_kind("certificate"):
        return {}, ()
    kind = KINDS["certificate"]
    naming = Naming(0, access)

    def decoded(raw: Mapping[str, Any]) -> dict[str, Any]:
        return {field.name: field.decode(raw, naming) if field.decode else UNKNOWN for field in kind.fields}

    fields, problems = _ask("server/security-settings.ps1", access, context, decoded)
    if fields is None:
        return {}, problems
    return {address("certificate"): LiveResource("certificate", "", "certificate", fields)}, problems


def read_versions(
    resources: Resources, reader: Reader, inventory: Inventory, access: Access, context: ConnectionContext
) -> tuple[Resources, tuple[Diagnostic, ...]]:
    """Add `outdated` to the proxies that may be: by version in v8, by the server's own word before that. Up to v7 the
    same for repositories, whose state REST does not show.

    A version lower than the server's is only a candidate: private fixes differ in the last part. Where PowerShell can
    be reached the server's word decides.
    """
    remote = (found for found in inventory.of_kind("proxy") if not found.is_local)
    declared = [found for found in remote if found.address in resources]
    candidates = [found for found in declared if _may_be_behind(resources[found.address].proxy, reader)]
    stores = [found.address for found in inventory.of_kind("repository") if found.address in resources]
    hidden = stores if reader.rest < _STATES_SINCE else []
    if not (candidates or hidden) or access.server.powershell is None:
        return resources, ()
    outdated, problems = _ask("server/version.ps1", access, context, outdated_of)
    if outdated is None:
        return resources, problems
    for found in declared:
        live = resources[found.address]
        state = replace(live.proxy, outdated=outdated.get((live.proxy.host or "").lower()))
        resources[found.address] = replace(live, state=state)
    for where in hidden:
        store = resources[where]
        resources[where] = replace(store, state=replace(store.repository, is_outdated=outdated.get(store.id.lower())))
    return resources, problems


def outdated_of(answer: Mapping[str, Any]) -> dict[str, bool | None]:
    """By the host of a proxy and the id of a repository."""
    words = {str(item["host"]).lower(): item["outdated"] for item in answer.get("proxies", ())}
    words |= {str(item["id"]).lower(): item["outdated"] for item in answer.get("repositories", ())}
    return {name: word if isinstance(word, bool) else None for name, word in words.items()}


def _may_be_behind(proxy: ProxyState, reader: Reader) -> bool:
    if reader.rest < 8:
        return not proxy.is_local
    return proxy.version is not None and proxy.version != reader.build


def _ask(
    name: str, access: Access, context: ConnectionContext, read: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> tuple[dict[str, Any] | None, tuple[Diagnostic, ...]]:
    """What `read` finds in the answer of a script; None with the problem if the script or its answer fails."""
    connection = access.server.powershell
    if connection is None:
        return None, (
            Diagnostic(
                code="no-powershell",
                summary="PowerShell on the server is not reachable",
                detail="The server certificate is declared, REST cannot read it, and `server.powershell` is not set.",
                fix="Declare `server.powershell: {credentials: NAME}`, a WinRM login to the management server.",
                address="certificate",
            ),
        )
    from reconciler.clients.host_session import open_host
    from reconciler.clients.script_output import interpreting

    try:
        with open_host(connection, context) as host:
            answer = host.execute(shipped_script(name), {}, deadline=connection.deadlines.call)
        with interpreting(connection.peer, name):
            return read(answer), ()
    except (RemoteError, SecretError) as error:
        return None, (host_problem(error, connection),)
