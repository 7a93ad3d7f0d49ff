"""The plan: what would be done, as data. Renderers read its JSON form; `apply` executes its steps and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from reconciler.model.diagnostic import Diagnostic
from reconciler.model.live import ServerInfo
from reconciler.model.position import Position
from reconciler.model.step import Step


class Action(StrEnum):
    """What a change does to its address."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    TAKEOVER = "takeover"
    UPGRADE = "upgrade"
    ADOPT = "adopt"
    RUN = "run"


class Reason(StrEnum):
    """Why a field differs: the declaration changed, the live state drifted, or a default of the tool applies."""

    INVENTORY = "inventory"
    DRIFT = "drift"
    DEFAULT = "default"
    CHAIN = "chain"


@dataclass(frozen=True, slots=True)
class Cause:
    """`reason`, where it was said, and one sentence for people."""

    reason: Reason
    detail: str = ""
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field. `before` and `after` are JSON data; a secret shows the mask, an unknown `before` is not observable."""

    path: str
    before: Any
    after: Any
    secret: bool = False
    unknown: bool = False
    cause: Cause | None = None


class ChangeKey(str):
    """`action:address`: names a change inside its plan, since one address may be both changed and run."""

    __slots__ = ("action", "address")

    action: str
    address: str

    def __new__(cls, action: str, address: str) -> Self:
        key = super().__new__(cls, f"{action}:{address}")
        key.action, key.address = str(action), address
        return key

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.action, self.address)

    @classmethod
    def parse(cls, text: str) -> Self:
        """A key of a plan's JSON form."""
        action, _, address = text.partition(":")
        return cls(action, address)


@dataclass(frozen=True, slots=True)
class Change:
    """One action on one address. `blocked` is the reason why it cannot be done now; then it has no steps.

    `precondition` is a fingerprint of what was observed, checked again before a saved plan is applied. `disrupts`
    names the organizations that a proxy does not serve while this runs.
    """

    address: str
    action: Action
    fields: tuple[FieldChange, ...]
    cause: Cause
    steps: tuple[Step, ...] = ()
    depends_on: tuple[str, ...] = ()
    disrupts: tuple[str, ...] = ()
    precondition: str = ""
    blocked: str = ""

    @property
    def key(self) -> ChangeKey:
        return ChangeKey(self.action.value, self.address)


class ReportLevel(StrEnum):
    """How much a report wants to be read. None of them stops anything."""

    INFO = "info"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Report:
    """Something to know that changes nothing: left alone because it is not ours, two planes that disagree, …

    `detail` is one sentence, `fix` what a person can do. A `warning` is likely to hurt, an `info` is for the record.
    """

    address: str
    code: str
    detail: str
    position: Position | None = None
    level: ReportLevel = ReportLevel.INFO
    fix: str = ""


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A declared field that could not be observed, and why."""

    address: str
    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A guard that does not hold. `addresses` are the changes that it is about, empty for all of them. `waiver` is the
    reason of its waiver (`--waive CODE=REASON`); it is kept with the plan and with the run.
    """

    code: str
    detail: str
    addresses: tuple[str, ...] = ()
    waiver: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a reviewer needs. `problems` are diagnostics of single hosts: the rest is planned all the same.

    `batches` are the keys of the changes that disrupt a proxy, in groups that are done one after the other; `batch` is
    what their sizes were asked to be. `not_selected` are the keys of changes that the selection leaves out;
    `not_approved` those that are needed now, and that an approved plan does not have, or not so; `asleep` those that
    wait for a proxy whose host is off on purpose."""

    inventory: str
    inventory_digest: str
    server: ServerInfo
    changes: tuple[Change, ...]
    reports: tuple[Report, ...] = ()
    unknown: tuple[UnknownField, ...] = ()
    problems: tuple[Diagnostic, ...] = ()
    unchanged: int = 0
    requests: Mapping[str, int] = field(default_factory=dict)
    lab: bool = False
    refusals: tuple[Refusal, ...] = ()
    batch: str = ""
    batches: tuple[tuple[str, ...], ...] = ()
    not_selected: tuple[ChangeKey, ...] = ()
    not_approved: tuple[ChangeKey, ...] = ()
    asleep: tuple[ChangeKey, ...] = ()

    @property
    def is_empty(self) -> bool:
        """The one predicate behind text, JSON and exit code: there is nothing to do."""
        return not self.changes

    @property
    def can_apply(self) -> bool:
        return any(not change.blocked for change in self.changes)

    @property
    def is_refused(self) -> bool:
        """A guard refused and was not waived: the plan may be read and never applied."""
        return any(not refusal.waiver for refusal in self.refusals)

    @property
    def has_errors(self) -> bool:
        return any(problem.is_error for problem in self.problems) or any(c.blocked for c in self.changes)

    def counts(self) -> dict[str, int]:
        """Changes by action, in the order of `Action`, with `blocked` and `unknown` at the end."""
        counts = {action.value: 0 for action in Action}
        for change in self.changes:
            counts[change.action.value] += 1
        counts["blocked"] = sum(1 for change in self.changes if change.blocked)
        counts["unknown"] = len(self.unknown)
        return counts
