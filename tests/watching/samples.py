"""Observations made up by tests, and a watcher that gets them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.live import Gap, HostFacts, Live
from reconciler.model.plan import Action, Cause, Change, FieldChange, Plan, Reason, Report, UnknownField
from reconciler.operations.fleet import Member
from reconciler.operations.observing import Observation
from reconciler.operations.runtime import Runtime
from reconciler.plan import plan_to_json
from reconciler.plan.drift import with_severity
from reconciler.watching.watcher import Watcher, WatchOptions
from tests.cli.running import SERVER, inventory

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
DRIFT = Cause(Reason.DRIFT, "it drifted")


def update(where: str, path: str, before: Any = "off", after: Any = "on") -> Change:
    return Change(where, Action.UPDATE, (FieldChange(path, before, after),), DRIFT)


def plan_of(
    changes: Iterable[Change] = (),
    *,
    problems: Iterable[Diagnostic] = (),
    unknown: Iterable[UnknownField] = (),
    reports: Iterable[Report] = (),
) -> Plan:
    return Plan(
        "corp",
        "0",
        SERVER,
        tuple(changes),
        problems=tuple(problems),
        unknown=tuple(unknown),
        reports=tuple(reports),
        lab=True,
    )


def observed(
    plan: Plan,
    *,
    accepted: Iterable[Change] = (),
    hosts: Mapping[str, Diagnostic | None] | None = None,
    gaps: Iterable[Gap] = (),
) -> Observation:
    """`accepted` are changes that are known drift, besides those of the plan."""
    found = {name: HostFacts(name, {}, problem) for name, problem in (hosts or {}).items()}
    whole = plan_of((*plan.changes, *accepted), problems=plan.problems, unknown=plan.unknown, reports=plan.reports)
    return Observation(
        inventory=inventory(),
        live=Live(SERVER, {}, found, {}, gaps=tuple(gaps)),
        plan=plan,
        drift=with_severity(plan_to_json(whole, "drift")),
        pending=with_severity(plan_to_json(plan, "drift")),
        certificates={},
    )


def no_apply(*_: Any, **__: Any) -> None:
    raise AssertionError("nothing is to be applied here")


Answer = Observation | Exception


@dataclass
class World:
    """What the watcher sees: `answers` by server, an observation or an error, or a list of them of which each look
    takes the first; and `sent`, what it sent."""

    folder: Path
    now: datetime = NOON
    answers: dict[str, Answer | list[Answer]] = field(default_factory=dict)
    sent: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    refuse: Callable[[str], Exception | None] = lambda _address: None
    lines: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    def watcher(self, *names: str, applies: Callable[..., Any] = no_apply, **options: Any) -> Watcher:
        servers = [Member(name, self.folder / f"{name}.yml") for name in names]
        for name in names:
            self.answers.setdefault(name, observed(plan_of()))
        chosen = WatchOptions(**options)
        return Watcher(servers, chosen, self.runtime, observe=self._observe, send=self._send, apply=applies)

    @property
    def runtime(self) -> Runtime:
        places = {"HOME": str(self.folder), "XDG_STATE_HOME": str(self.folder / "state")}
        return Runtime(
            environment={**places, **self.environment},
            clock=lambda: self.now,
            listen=lambda notice: self.lines.append(str(getattr(notice, "text", ""))),
        )

    def later(self, **more: float) -> None:
        self.now += timedelta(**more)

    def changes(self) -> list[str]:
        """What receivers were notified of: `opened proxy.px-1 throttle`."""
        return [
            f"{item['change']} {item['address']} {item['subject']}"
            for _, message in self.sent
            for item in message["transitions"]
        ]

    def _observe(self, path: Path, _runtime: Runtime, **_options: Any) -> Observation:
        found = self.answers[path.stem]
        answer = found.pop(0) if isinstance(found, list) else found
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _send(self, address: str, message: Mapping[str, Any], _runtime: Runtime, **_options: Any) -> bool:
        if (error := self.refuse(address)) is not None:
            raise error
        self.sent.append((address, message))
        return True
