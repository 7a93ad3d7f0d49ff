"""Commands over a fleet: a block for each inventory, a summary, and one exit code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import click

from reconciler.cli.blocks import Block, open_block
from reconciler.cli.console import Console
from reconciler.cli.options import Output, deliver
from reconciler.model.diagnostic import Diagnosed
from reconciler.operations.status import Status

if TYPE_CHECKING:
    from reconciler.model.diagnostic import Diagnostic
    from reconciler.operations.fleet import Conflict, Fleet, Member, MemberResult


class Ended(Protocol):
    """What an operation for one inventory returns."""

    @property
    def status(self) -> Status: ...


One = Callable[[Console, "Member", Sequence[Output]], Ended]
"""A command for one inventory, on the console of its block."""


def fleet_at(path: Path, servers: Sequence[str]) -> Fleet | None:
    """The fleet at PATH; None for an inventory. Raises Diagnosed for what is wrong with it."""
    from reconciler.operations.fleet import is_fleet, read_fleet

    if is_fleet(path):
        return read_fleet(path)
    if servers:
        raise click.UsageError("--server selects inventories of a fleet; this is an inventory.")
    return None


@dataclass(frozen=True, slots=True)
class FleetRun:
    """One command over the selected inventories of a fleet. `says` is what the summary says of a result."""

    console: Console
    fleet: Fleet
    outputs: Sequence[Output]
    says: Callable[[Any], str]

    def carry_out(self, servers: Sequence[str], one: One, *, connects: bool = True) -> Status:
        """Call `one` for each inventory, side by side, and print what they print in the order of the fleet. One that
        `connects` is not called for inventories that would delete each other's objects."""
        from reconciler.operations.fleet import each

        members = self.fleet.select(servers)
        found = self._conflicts(members)
        refused = {name: item.diagnostic for item in found for name in item.names if item.diagnostic.is_error}
        about = [*self.fleet.warnings, *(item.diagnostic for item in found)]
        self.console.problems([item for item in about if not (connects and item.is_error)])
        blocks, printed = self._blocks(members), _InOrder(self, members)

        def operation(member: Member) -> Ended:
            if connects and member.name in refused:
                raise Diagnosed([refused[member.name]])
            block = blocks[member.name]
            return one(block.console, member, block.outputs(self.outputs))

        def ended(result: MemberResult[Ended]) -> None:
            self._explain(result, blocks[result.member.name])
            printed.put(result.member, blocks[result.member.name])

        results = each(members, operation, ended=ended)
        return self.finish(results, blocks, about)

    def _conflicts(self, members: Sequence[Member]) -> list[Conflict]:
        from reconciler.operations.fleet import server_conflicts

        chosen = {member.name for member in members}
        found = server_conflicts(self.fleet, self.console.world.include_root)
        return [item for item in found if chosen & {*item.names}]

    def _blocks(self, members: Sequence[Member]) -> dict[str, Block]:
        width, lock = max(len(member.name) for member in members), Lock()
        return {
            member.name: open_block(self.console, member.name, member.path, self.fleet.folder, width=width, lock=lock)
            for member in members
        }

    def _explain(self, result: MemberResult[Ended], block: Block) -> None:
        """The error of an inventory, as its result too for programs."""
        from reconciler.cli.boundary import error_diagnostics
        from reconciler.render.document import document, findings

        if result.error is not None:
            found = error_diagnostics(result.error, self.console.environment)
            block.console.fail(found)
            block.texts.setdefault("json", document(findings(found)))

    def show(self, member: Member, block: Block) -> None:
        """Print what a block holds, below its name."""
        if self.console.machine:
            return
        text = block.take()
        heading = self.console.out_style.paint(f"{member.name} ({member.path.name})", "bold")
        self.console.result(f"{heading}\n\n{text.strip(chr(10))}\n\n" if text.strip() else "", own=True)

    def finish(
        self, results: Sequence[MemberResult[Ended]], blocks: Mapping[str, Block], about: Sequence[Diagnostic]
    ) -> Status:
        """The summary, in every format. `about` is what is wrong with the fleet itself."""
        from reconciler.operations.fleet import worst
        from reconciler.render.fleet import FleetText, fleet_text

        broken = [Status.ERROR] if any(item.is_error for item in about) else []
        status = worst([*broken, *(result.status for result in results)])
        rows = [(result.member.name, result.status, self._said(result)) for result in results]
        whole = FleetText(self.fleet.name, status, rows, {name: block.texts for name, block in blocks.items()}, about)
        deliver(self.console, self.outputs, lambda name, style: fleet_text(whole, name, style))
        return status

    def _said(self, result: MemberResult[Ended]) -> str:
        from reconciler.cli.boundary import error_diagnostics

        if result.result is not None:
            return self.says(result.result)
        if result.error is None:
            return "not started"
        first, *others = error_diagnostics(result.error, self.console.environment)
        more = f", and {len(others)} more" if others else ""
        return f"{first.summary}{more}"


class _InOrder:
    """Prints blocks in the order of the fleet: each as soon as those before it have ended."""

    def __init__(self, run: FleetRun, members: Sequence[Member]) -> None:
        self._run = run
        self._waiting = list(members)
        self._ready: dict[str, Block] = {}

    def put(self, member: Member, block: Block) -> None:
        self._ready[member.name] = block
        while self._waiting and self._waiting[0].name in self._ready:
            first = self._waiting.pop(0)
            self._run.show(first, self._ready.pop(first.name))
