"""The pages of `watch`: the status of every server, and the drift of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from reconciler.watching.http import HTML, Application, Listening, Page
from reconciler.watching.metrics import CONTENT_TYPE, exposition

if TYPE_CHECKING:
    from reconciler.watching.loop import Loop
    from reconciler.watching.state import ServerState

_PLANS: Final = "/plans/"


def application(loop: Loop, listening: Listening, now: Any) -> Application:
    """What `watch` serves. `now` gives the time."""
    states = loop.watcher.states

    def metrics() -> Page:
        return Page(200, exposition(list(states.values())), CONTENT_TYPE)

    def status() -> Page:
        from reconciler.render.html.status import status_html

        return Page(200, status_html(status_of(states.values(), now())), HTML)

    pages = {"/": status, "/metrics": metrics, "/healthz": loop.healthz, "/readyz": loop.readyz}
    return Application(listening, pages, {"/observe": loop.observe}, lambda path: _plan(states, path))


def _plan(states: Mapping[str, ServerState], path: str) -> Page | None:
    state = states.get(unquote(path.removeprefix(_PLANS))) if path.startswith(_PLANS) else None
    if state is None or state.document is None:
        return None
    from reconciler.render.html.page import plan_html
    from reconciler.render.style import Style

    return Page(200, plan_html(state.document, Style()), HTML)


def status_of(states: Iterable[ServerState], now: datetime) -> dict[str, Any]:
    """The JSON form that the page reads, with times as they are."""
    return {"now": now, "servers": [_server(state) for state in states]}


def _server(state: ServerState) -> dict[str, Any]:
    return {
        "name": state.name,
        "attempted": state.attempted,
        "succeeded": state.succeeded,
        "seconds": state.seconds,
        "error": state.error,
        "journal_error": state.journal_error,
        "facts": asdict(state.facts) if state.facts else None,
        "open": [
            {
                "kind": item.finding.kind.value,
                "address": item.finding.address,
                "subject": item.finding.subject,
                "severity": item.finding.severity,
                "text": item.finding.text,
                "state": item.state.value,
                "since": item.since,
            }
            for item in state.open
        ],
        "runs": [
            {
                "id": run.id,
                "inventory": run.inventory,
                "operation": run.operation,
                "state": run.state.value,
                "started": run.started,
                "user": run.user,
            }
            for run in state.runs
        ],
    }
