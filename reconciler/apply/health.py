"""The health of live proxies while a plan is applied: which of them work, and which fail verification after a change.

The schedule asks before it starts a change that disrupts a proxy, and after each batch of such changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final, Protocol

from reconciler.apply.context import ApplyContext
from reconciler.journal import JournalError
from reconciler.kinds.states import proxy_state
from reconciler.model.errors import DeadlineExceeded, RemoteError
from reconciler.model.plan import Action, Change, ChangeKey
from reconciler.model.state import ProxyState
from reconciler.model.steps import ClearMaintenance
from reconciler.model.version import build_number
from reconciler.plan.batches import come_back
from reconciler.plan.organization_coverage import Coverage

_RESCANS_MANY: Final = 6
"""The first REST version with a request to rescan several proxies."""

_GRACE: Final = 10.0
"""Seconds after a change in which a proxy may still be unhealthy."""


class HealthCheck(Protocol):
    """What the schedule needs to know about live proxies."""

    def coverage(self, known: Coverage) -> Coverage | None:
        """`known` with the live state of now; None if the server does not report it."""
        ...

    def unhealthy(self, changes: Sequence[Change]) -> dict[ChangeKey, str]:
        """The problems after these changes were done, by key; empty if everything is healthy."""
        ...


class ServerHealth:
    """Asks the management server: one request for all proxies."""

    def __init__(self, context: ApplyContext) -> None:
        self._context = context

    def coverage(self, known: Coverage) -> Coverage | None:
        try:
            return known.observed(self._proxies(), self._context.reader.build)
        except RemoteError:
            return None

    def unhealthy(self, changes: Sequence[Change]) -> dict[ChangeKey, str]:
        """Every changed proxy must be Online, have the wanted version if the server shows one, and be out of
        maintenance mode."""
        asked = {change.key: name for change in changes for name in come_back([change]) if name}
        found: dict[ChangeKey, str] = {}
        if not asked:
            return found
        refresh(self._context, asked.values())

        def healthy() -> bool:
            found.clear()
            proxies = self._proxies()
            for change in changes:
                problem = _problem(change, proxies.get(asked.get(change.key, ""))) if change.key in asked else ""
                found.update({change.key: problem} if problem else {})
            return not found

        try:
            self._context.wait("the server", "verifying what was changed", healthy, seconds=_GRACE)
        except DeadlineExceeded:
            return dict(found)
        except RemoteError as error:
            return dict.fromkeys(asked, f"the server does not report its state ({error.reason})")
        return {}

    def _proxies(self) -> dict[str, ProxyState]:
        name_of, reader = self._context.naming.name_of, self._context.reader
        return {name_of("proxy", str(raw.get("id"))): proxy_state(raw, reader.rest) for raw in reader.list("Proxies")}


def refresh(context: ApplyContext, names: Iterable[str]) -> None:
    """Make the server rescan proxies: the state that it shows may be out of date. If it refuses, that state is used."""
    idents = [context.naming.id_of("proxy", name) for name in sorted(set(names))]
    if context.reader.rest < _RESCANS_MANY:
        for ident in idents:
            with suppress(RemoteError, JournalError):
                context.writer.act(f"Proxies/{ident}", "Rescan")
        return
    with suppress(RemoteError, JournalError):
        context.writer.act("Proxies", "Rescan", {"proxies": [{"id": ident} for ident in idents]})


def _problem(change: Change, proxy: ProxyState | None) -> str:
    if proxy is None:
        return "the server does not list it"
    if not proxy.is_online:
        return f"it is {proxy.shown}"
    if proxy.in_maintenance and _clears_maintenance(change):
        return "it is still in maintenance mode"
    wanted = [str(item.after) for item in change.fields if item.path == "service.version"]
    if change.action is Action.UPGRADE and wanted and proxy.build and proxy.build < build_number(wanted[0]):
        return f"it has version {proxy.version}, not {wanted[0]}"
    return ""


def _clears_maintenance(change: Change) -> bool:
    return any(isinstance(step, ClearMaintenance) for step in change.steps)
