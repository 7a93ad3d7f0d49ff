"""What commands do, without the commands: observe, plan, apply, and the same from a saved plan."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.apply import ApplyContext, Result, apply
from reconciler.clients.vbo import Reader, Session, Writer
from reconciler.kinds.naming import Naming
from reconciler.model.connection import ConnectionContext
from reconciler.model.event import ChangeStarted, Event, Listener, Outcome
from reconciler.model.inventory import Inventory
from reconciler.model.live import Live, ServerInfo
from reconciler.model.plan import Plan
from reconciler.model.recall import Recall
from reconciler.model.steps import EnterMaintenance
from reconciler.observe.server import read_server
from reconciler.plan import make_plan
from reconciler.plan.document import change_to_json
from reconciler.plan.maintenance import DRAINED, mark_of
from reconciler.plan.recheck import Recheck, recheck
from reconciler.requirements import NO_REQUIREMENTS
from tests.promises.server import HOST, Killed, LabServer, Secrets


@dataclass(frozen=True)
class Planned:
    """A plan and what it was made from."""

    inventory: Inventory
    live: Live
    plan: Plan

    @property
    def saved(self) -> list[dict[str, Any]]:
        """The changes as a plan file has them."""
        found: list[dict[str, Any]] = json.loads(json.dumps([change_to_json(change) for change in self.plan.changes]))
        return found

    def naming(self) -> Naming:
        names = Naming(self.live.server.rest, self.inventory.access)
        for found in self.live.resources.values():
            names.learn(found.kind, found.name, found.id)
        return names


def planned(session: Session, inventory: Inventory, recall: Recall | None = None) -> Planned:
    resources, gaps = read_server(Reader(session), inventory, Naming(session.rest, inventory.access))
    info = ServerInfo(HOST, session.rest, session.build, session.installation)
    live = Live(info, dict(sorted(resources.items())), {}, {}, gaps=gaps)
    plan = make_plan(inventory, live, recall or Recall(), access=inventory.access, playbooks=NO_REQUIREMENTS)
    return Planned(inventory, live, plan)


def applied(session: Session, what: Planned, plan: Plan | None = None, listeners: Sequence[Listener] = ()) -> Result:
    context = ApplyContext(
        owner=what.inventory.name,
        live=what.live,
        access=what.inventory.access,
        connection_context=ConnectionContext(Secrets(), "/nowhere"),
        reader=Reader(session),
        writer=Writer(session),
        sleep=lambda seconds: None,
    )
    return apply(plan or what.plan, context, parallel=1, listeners=listeners)


def failures(result: Result) -> list[str]:
    """The changes that failed, and why."""
    return [f"{end.key}: {end.detail}" for end in result.outcomes.values() if end.outcome is Outcome.FAILED]


def resumed(server: LabServer, session: Session, what: Planned, lives: int) -> list[str]:
    """Apply, and die with the request that writes for the `lives`th time. The keys of the changes that had begun."""
    begun: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, ChangeStarted):
            begun.append(event.key)

    server.transport.lives = lives
    try:
        applied(session, what, listeners=[listen])
    except Killed:
        pass
    finally:
        server.transport.lives = None
    return begun


def checked(session: Session, what: Planned, begun: Collection[str] | None = None) -> tuple[Planned, Recheck]:
    """The saved plan of `what` against the server as it is now; with `begun`, as the run that resumes it."""
    now = planned(session, what.inventory, _drained(what.plan) if begun else None)
    return now, recheck(what.saved, now.plan, begun or (), resumed=begun is not None)


def _drained(plan: Plan) -> Recall:
    """What the journal holds of the proxies that a run has put into maintenance mode."""
    steps = [step for change in plan.changes for step in change.steps if isinstance(step, EnterMaintenance)]
    return Recall(applied={mark_of(step.name): {DRAINED: "by an apply"} for step in steps})
