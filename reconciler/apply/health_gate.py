"""Looking at the live proxies while a plan is applied: who works now, and whether what was changed is well.

The schedule asks: before it starts anything that disrupts a proxy, and after each batch of such changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

from reconciler.apply.context import ApplyContext
from reconciler.model.build import build_number
from reconciler.model.errors import DeadlineExceeded, RemoteError
from reconciler.model.plan import Action, Change
from reconciler.plan.batches import come_back
from reconciler.plan.coverage import Coverage

_PATIENCE: Final = 10.0
"""Seconds in which a proxy that was changed may be seen badly before it counts."""


class Look(Protocol):
    """What the schedule asks for."""

    def coverage(self, known: Coverage) -> Coverage | None:
        """`known` with what is live now; None where the server does not say."""
        ...

    def unhealthy(self, changes: Sequence[Change]) -> dict[str, str]:
        """What is wrong after these changes were done, by key; nothing where all is well."""
        ...


class Gate:
    """Looks through REST: one request for all proxies, whatever their number."""

    def __init__(self, site: ApplyContext) -> None:
        self._site = site

    def coverage(self, known: Coverage) -> Coverage | None:
        try:
            return known.observed(self._proxies(), self._site.reader.build)
        except RemoteError:
            return None

    def unhealthy(self, changes: Sequence[Change]) -> dict[str, str]:
        """Every proxy that was changed is Online, with the version wanted where the server shows one, and is not in
        maintenance any more."""
        asked = {change.key: name for change in changes for name in come_back([change]) if name}
        found: dict[str, str] = {}
        if not asked:
            return found
        refresh(self._site, asked.values())

        def well() -> bool:
            found.clear()
            proxies = self._proxies()
            for change in changes:
                problem = _problem(change, proxies.get(asked.get(change.key, ""))) if change.key in asked else ""
                found.update({change.key: problem} if problem else {})
            return not found

        try:
            self._site.wait("the server", "looking at what was changed", well, seconds=_PATIENCE)
        except DeadlineExceeded:
            return dict(found)
        except RemoteError as error:
            return dict.fromkeys(asked, f"the server does not say how it is ({error.reason})")
        return {}

    def _proxies(self) -> dict[str, Mapping[str, Any]]:
        name_of = self._site.naming.name_of
        return {name_of("proxy", str(raw.get("id"))): raw for raw in self._site.reader.list("Proxies")}


def refresh(site: ApplyContext, names: Iterable[str]) -> None:
    """Let the server look at proxies anew: what it shows of them may be a while old. Where it does not want to, what it
    shows must do."""
    with suppress(RemoteError):
        idents = [{"id": site.naming.id_of("proxy", name)} for name in sorted(set(names))]
        site.writer.act("Proxies", "Rescan", {"proxies": idents})


def _problem(change: Change, raw: Mapping[str, Any] | None) -> str:
    if raw is None:
        return "the server does not list it"
    if raw.get("status") != "Online":
        return f"it is {raw.get('status')}"
    if raw.get("maintenanceModeState") in ("Enabling", "Enabled") and _gives_back(change):
        return "it is still in maintenance"
    wanted = [str(item.after) for item in change.fields if item.path == "service.version"]
    have = str(raw.get("version") or "")
    if change.action is Action.UPGRADE and wanted and have and build_number(have) < build_number(wanted[0]):
        return f"it has version {have}, not {wanted[0]}"
    return ""


def _gives_back(change: Change) -> bool:
    return any(step.verb == "maintenance.off" for step in change.steps)
