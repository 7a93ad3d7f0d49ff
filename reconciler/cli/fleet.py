"""Commands over a fleet: a block for each inventory, a summary, and one exit code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import click

from reconciler.cli.blocks import Block, open_block
from reconciler.cli.console import Console
from reconciler.cli.options import Output, deliver
from reconciler.model.diagnostic import Diagnosed
from reconciler.model.waiting import Awaited, Waiting
from reconciler.operations.events import ignore
from reconciler.operations.fleet import SIDE_BY_SIDE
from reconciler.operations.status import Status

if TYPE_CHECKING:
    from reconciler.cli.stops import Stops
    from reconciler.model.diagnostic import Diagnostic
    from reconciler.operations.fleet import Fleet, Member, MemberResult


class Ended(Protocol):
    """What an operation for one inventory returns."""

    @property
    def status(self) -> Status: ...


Rollout = Callable[["Prepared"], "list[MemberResult[Ended]]"]
"""Calls a command for inventories when their turn comes."""
One = Callable[[Console, "Member", Sequence[Output]], Ended]
"""A command for one inventory, on the console of its block."""


@dataclass(frozen=True, slots=True)
class FleetRun:
    """One command over the selected inventories of a fleet. `says` is what the summary says of a result."""

    console: Console
    fleet: Fleet
    outputs: Sequence[Output]
    says: Callable[[Any], str]
    given: frozenset[str]
    """Options that the command line sets: see `given_options`."""
    stops: Stops | None = None

    def __post_init__(self) -> None:
        if any(output.name == "html" and output.file is None for output in self.outputs):
            raise click.BadParameter("the page of a fleet has a page for each server: give html=FILE")

    def settings(self, member: Member, **options: Any) -> dict[str, Any]:
        """What the fleet sets for an inventory among the options of the command that the command line does not set."""
        said = {name: getattr(member.settings, name, None) for name in options if name not in self.given}
        return {name: value for name, value in said.items() if value is not None}

    def carry_out(
        self,
        servers: Sequence[str],
        one: One,
        *,
        connects: bool = True,
        rollout: Rollout | None = None,
    ) -> Status:
        """Call `one` for each inventory, side by side, and print what they print in the order of the fleet. One that
        `connects` is not called for inventories that would delete each other's objects. `rollout` decides when which
        one begins."""
        from reconciler.operations.fleet import servers_of

        members = self.fleet.select(servers)
        known = servers_of(self.fleet, self.console.world.include_root)
        chosen = {member.name for member in members}
        found = [item for item in known.conflicts if chosen & {*item.names}]
        refused = {name: item.diagnostic for item in found for name in item.names if item.diagnostic.is_error}
        about = [*self.fleet.warnings, *(item.diagnostic for item in found)]
        self.console.problems([item for item in about if not (connects and item.is_error)])
        blocks, printed = self._blocks(members, known.labs), _InOrder(self, members)

        def operation(member: Member) -> Ended:
            if connects and member.name in refused:
                raise Diagnosed([refused[member.name]])
            block = blocks[member.name]
            return one(block.console, member, block.outputs(self.outputs))

        def ended(result: MemberResult[Ended]) -> None:
            self._explain(result, blocks[result.member.name])
            printed.put(result.member, blocks[result.member.name])

        prepared = Prepared(self, members, known.hosts, blocks, operation, ended)
        results = rollout(prepared) if rollout is not None else prepared.call(members)
        return self.finish(results, blocks, about)

    def _blocks(self, members: Sequence[Member], labs: Mapping[str, str]) -> dict[str, Block]:
        width, lock = max(len(member.name) for member in members), Lock()
        folder = self.fleet.folder

        def opened(member: Member) -> Block:
            lab = labs.get(member.name, "")
            made = open_block(self.console, member.name, member.path, folder, width=width, lock=lock, lab_name=lab)
            made.console.world.executor = self.console.world.executor or member.settings.executor
            if self.stops is not None:
                made.console.interrupts = self.stops.for_member()
            return made

        return {member.name: opened(member) for member in members}

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
        folder = block.console.world.folder
        path = folder.rstrip("/") if folder and member.path.is_dir() else f"{folder}{member.path.name}"
        heading = self.console.out_style.paint(f"{member.name} ({path})", "bold")
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
        whole = FleetText(
            self.fleet.name, status, rows, {name: block.texts for name, block in blocks.items()}, about, self._stem()
        )
        for output in self.outputs:
            if output.name == "html" and output.file is not None:
                self._write_pages(output.file, blocks)
        deliver(self.console, self.outputs, lambda name, style: fleet_text(whole, name, style))
        return status

    def _stem(self) -> str:
        """What the names of pages begin with."""
        return next((out.file.stem for out in self.outputs if out.name == "html" and out.file is not None), "")

    def _write_pages(self, index: Path, blocks: Mapping[str, Block]) -> None:
        """The pages to which the index links."""
        from reconciler.operations.private_files import naming, open_private

        for name, block in blocks.items():
            if page := block.texts.get("html"):
                file = index.with_name(f"{index.stem}-{name}.html")
                with naming(file), open_private(file) as stream:
                    stream.write(page)

    def _said(self, result: MemberResult[Ended]) -> str:
        from reconciler.cli.boundary import error_diagnostics

        if result.result is not None:
            return self.says(result.result)
        if result.error is None:
            return "not started"
        first, *others = error_diagnostics(result.error, self.console.environment)
        more = f", and {len(others)} more" if others else ""
        return f"error: {first.summary}{more}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A command that is ready to be called for inventories. `hosts` are their servers, by name."""

    run: FleetRun
    members: Sequence[Member]
    hosts: Mapping[str, str]
    blocks: Mapping[str, Block]
    operation: Callable[[Member], Ended]
    ended: Callable[[MemberResult[Ended]], None]

    def call(
        self, members: Sequence[Member], *, side_by_side: int = SIDE_BY_SIDE, ended: Callable[[], None] = lambda: None
    ) -> list[MemberResult[Ended]]:
        from reconciler.operations.fleet import each

        def noted(result: MemberResult[Ended]) -> None:
            ended()
            awaited.answered(result.member.name)
            self.ended(result)

        console = self.run.console
        counted = "1 inventory" if len(members) == 1 else f"{len(members)} inventories"
        listen = console.hear if console.can_draw else ignore  # a log has the lines of each inventory
        with Awaited(counted, [member.name for member in members], listen) as awaited:
            results = each(members, self.operation, side_by_side=side_by_side, ended=noted)
        listen(Waiting(""))
        return results

    def begin(self, members: Sequence[Member], ended: Callable[[], None]) -> Future[list[MemberResult[Ended]]]:
        """Call it for all `members` at once, in the background: they wait for each other."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="fleet")
        begun = thread.submit(self.call, members, side_by_side=len(members), ended=ended)
        thread.shutdown(wait=False)
        return begun

    def show(self, members: Sequence[Member]) -> None:
        """Print what the blocks hold so far."""
        for member in members:
            self.run.show(member, self.blocks[member.name])


def given_options() -> frozenset[str]:
    """Options that the command line or the environment sets."""
    context = click.get_current_context()
    sources = (click.core.ParameterSource.COMMANDLINE, click.core.ParameterSource.ENVIRONMENT)
    return frozenset(name for name in context.params if context.get_parameter_source(name) in sources)


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
