"""One observation of a server for `watch`: where the live state is not as declared, and what else is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.model.errors import ReconcileError
from reconciler.operations.inventory_loader import load_with_known
from reconciler.operations.runtime import Runtime

if TYPE_CHECKING:
    from reconciler.model.inventory import Inventory
    from reconciler.model.live import Live
    from reconciler.model.plan import Plan
    from reconciler.operations.session import Session


@dataclass(frozen=True, slots=True)
class Observation:
    """`plan` is what an apply would do. `drift` has all differences as JSON, also those that are known drift; `pending`
    is the same without them. `certificates` are the ends of their validity, by name."""

    inventory: Inventory
    live: Live
    plan: Plan
    drift: Mapping[str, Any]
    pending: Mapping[str, Any]
    certificates: Mapping[str, datetime]


def observe_drift(
    path: Path, runtime: Runtime, *, lab: bool = False, known: Path | None = None, parallelism: int = 16
) -> Observation:
    """Observe the server of the inventory at `path` and its hosts. Writes nothing. Raises what `drift` does."""
    from reconciler.operations.session import open_session
    from reconciler.plan import plan_to_json
    from reconciler.plan.document import DRIFT
    from reconciler.plan.drift import drift_of, with_severity
    from reconciler.plan.topology import illustrated

    inventory, accepted = load_with_known(path, known, runtime, lab=lab)
    with open_session(inventory, runtime, lab=lab, parallel=parallelism) as session:
        made = session.plan()
        ends = _certificate_ends(session)
        today = session.clock().date()
    return Observation(
        inventory=inventory,
        live=made.live,
        plan=made.plan,
        drift=with_severity(plan_to_json(drift_of(made.plan, [], today), DRIFT)),
        pending=illustrated(with_severity(plan_to_json(drift_of(made.plan, accepted, today), DRIFT)), inventory),
        certificates=ends,
    )


def _certificate_ends(session: Session) -> dict[str, datetime]:
    """A certificate that cannot be read is reported by the plan where it matters."""
    from reconciler.inventory.certificates import end_of

    ends = {}
    for name, certificate in sorted(session.access.certificates.items()):
        try:
            ends[name] = end_of(certificate, session.context)
        except (ReconcileError, OSError):
            continue
    return ends
