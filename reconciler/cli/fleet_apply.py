"""`apply` over a fleet: batches of servers, one approval for each, and interrupts that reach all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Condition
from typing import TYPE_CHECKING, Any

import click

from reconciler import waits
from reconciler.cli.console import Console
from reconciler.cli.fleet import FleetRun, Prepared, given_options
from reconciler.cli.options import Output
from reconciler.cli.stops import Stops
from reconciler.operations.errors import ApprovalRequired
from reconciler.operations.status import Status

if TYPE_CHECKING:
    from reconciler.operations import ApplyResult, PlanResult
    from reconciler.operations.fleet import Fleet, Member, MemberResult

ApplyOne = Callable[..., "ApplyResult"]
"""Called with a console, a path, outputs and options."""


class Gate:
    """Where inventories that have changes wait for the approval of all."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._waiting = 0
        self._decision: bool | None = None
        self._changed = Condition()

    def approve(self, _planned: PlanResult) -> bool:
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._decision is not None)
            return bool(self._decision)

    def ended(self) -> None:
        """One inventory ended, with or without an approval."""
        with self._changed:
            self._left -= 1
            self._changed.notify_all()

    def wait(self) -> int:
        """Wait until every inventory waits or has ended. Returns how many wait."""
        with self._changed:
            waits.until(self._changed, lambda: self._waiting >= self._left)
            return self._waiting if self._left else 0

    def decide(self, *, yes: bool) -> None:
        with self._changed:
            self._decision = yes
            self._changed.notify_all()


@dataclass(slots=True)
class FleetApply:
    """`batch` are the sizes of `--server-batch`, empty for all servers at once."""

    console: Console
    fleet: Fleet
    outputs: Sequence[Output]
    batch: str
    auto_approve: bool
    stops: Stops
    gate: Gate | None = None

    def carry_out(self, servers: Sequence[str], apply_one: ApplyOne, options: dict[str, Any]) -> Status:
        """Apply each inventory. Raises ApprovalRequired without a terminal to ask on."""
        if not (self.auto_approve or self.console.can_ask):
            raise ApprovalRequired("`apply` needs an approval of its plans before it changes anything.")
        given = given_options()
        run = FleetRun(self.console, self.fleet, self.outputs, _summary, given, self.stops)

        def one(block: Console, member: Member, asked: Sequence[Output]) -> ApplyResult:
            more = {**options, **run.settings(member, **options)}
            return apply_one(block, member.path, asked, approve=self._approve, rescan=self._rescan, **more)

        status = run.carry_out(servers, one, rollout=self._roll_out)
        return Status.INTERRUPTED if self.stops.count else status

    def _approve(self, planned: PlanResult) -> bool:
        if self.stops.count:
            return False
        return self.gate.approve(planned) if self.gate is not None else True

    def _rescan(self, _proxies: Sequence[str]) -> bool:
        """No question is asked before the plans are shown."""
        return self.auto_approve

    def _roll_out(self, prepared: Prepared) -> list[MemberResult[Any]]:
        from reconciler.operations.fleet import MemberResult, server_batches

        results: list[MemberResult[Any]] = []
        batches = server_batches(prepared.members, self.batch, prepared.hosts)
        for number, batch in enumerate(batches, 1):
            if number > 1:
                self.console.report(f"Batch {number} of {len(batches)} ...")
            done = [result for turn in batch for result in self._turn(prepared, turn)]
            results += done
            failed = [result.member.name for result in done if result.status is not Status.OK]
            if self.stops.count or (failed and number < len(batches)):
                self._say_stopped(failed)
                break
        begun = {result.member.name for result in results}
        return results + [MemberResult(member) for member in prepared.members if member.name not in begun]

    def _say_stopped(self, failed: Sequence[str]) -> None:
        if not self.stops.count:
            self.console.report(f"A batch failed ({', '.join(failed)}): the servers of later batches are not started.")

    def _turn(self, prepared: Prepared, turn: Sequence[Member]) -> list[MemberResult[Any]]:
        """Servers that are applied side by side."""
        if self.stops.count:
            return []
        if self.auto_approve:
            with self.console.interrupts.redirected(self.stops.request):
                return prepared.call(turn)
        self.gate = gate = Gate(len(turn))
        running = prepared.begin(turn, gate.ended)
        try:
            if count := gate.wait():
                prepared.show(turn)
                what = "1 server" if count == 1 else f"{count} servers"
                gate.decide(yes=self.console.ask(f"Apply these changes to {what}?"))
        except BaseException:
            self.stops.request()
            gate.decide(yes=False)
            waits.result(running)
            raise
        with self.console.interrupts.redirected(self.stops.request):
            return waits.result(running)


def _summary(result: ApplyResult) -> str:
    from reconciler.plan import plan_to_json
    from reconciler.render import results, summary

    if result.execution is None:
        words = {Status.REFUSED: "refused", Status.OK: "no changes"}
        return words.get(result.status) or summary.verdict(plan_to_json(result.planned.plan))
    return results.verdict(list(result.execution.result.outcomes.values()))


def apply_fleet(
    console: Console,
    path: Path,
    outputs: Sequence[Output],
    servers: Sequence[str],
    apply_one: ApplyOne,
    *,
    server_batch: str,
    auto_approve: bool,
    **options: Any,
) -> Status | None:
    """Apply the fleet at PATH; None if it is an inventory or a plan."""
    from reconciler.cli.fleet_path import fleet_at

    fleet = fleet_at(path, servers)
    if fleet is None:
        if server_batch:
            raise click.UsageError("--server-batch is for a fleet; this is not one.")
        return None
    for name in ("resume", "inventory", "require_signature"):
        if options[name]:
            option = name.replace("_", "-")
            raise click.UsageError(f"--{option} is for one inventory: give its path, or a saved plan of it.")
    console.working = True
    asks = FleetApply(console, fleet, outputs, server_batch, auto_approve, Stops(console.interrupts))
    return asks.carry_out(servers, apply_one, options)
