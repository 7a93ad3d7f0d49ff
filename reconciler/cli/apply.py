"""`apply`: plan, show, ask, do, look again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import exits
from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, talk_options
from reconciler.cli.notifying import notify_option
from reconciler.cli.options import (
    Output,
    choice_options,
    deliver_json,
    detail_option,
    format_option,
    inventory_argument,
    lab_option,
    lock_wait_option,
    parallelism_option,
    stream_option,
    waiver_option,
)
from reconciler.cli.pace import Pace, batch_option, pace_options
from reconciler.cli.plan import show_plan
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.errors import ReconcileError
from reconciler.operations.inventory_loader import load_inventory
from reconciler.operations.request import PlanRequest, Selection

if TYPE_CHECKING:
    from reconciler.apply import Result
    from reconciler.cli.turn import LockedRun
    from reconciler.journal import JournalError
    from reconciler.model.plan import Plan
    from reconciler.operations.session import PlanResult, Session


@click.command(cls=Command)
@inventory_argument
@lab_option
@choice_options
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="DIR",
    help="Of a saved plan: the folder of its inventory.",
)
@click.option("--resume", metavar="RUN", help="Go on with a run that did not come to its end (`last` for the latest).")
@click.option("--auto-approve", is_flag=True, help="Do not ask.")
@click.option("--require-complete", is_flag=True, help="Refuse a plan with anything in it that could not be observed.")
@batch_option
@pace_options
@waiver_option
@lock_wait_option
@notify_option
@format_option("human", "json", screen_only=["human"])
@detail_option
@stream_option
@parallelism_option
@talk_options
@pass_console
def apply(
    console: Console,
    path: Path,
    selection: Selection,
    pace: Pace,
    outputs: Sequence[Output],
    waivers: Mapping[str, str],
    *,
    lab: bool,
    root: Path | None,
    resume: str | None,
    auto_approve: bool,
    require_complete: bool,
    batch: str,
    lock_wait: float,
    notify_url: str | None,
    parallelism: int,
) -> int:
    """Make the live world as the inventory at PATH says, or do what the saved plan at PATH says.

    Shows the plan and asks, unless --auto-approve is given; without a terminal to ask on it refuses. Then it does the
    changes, starts the jobs concerned, follows them to their result, and looks again. Where a host says that a proxy
    is well which the server calls offline, the server is asked to rescan it before anything is planned.

    A saved plan was approved when it was reviewed, so nothing is asked. The world is looked at again, each change
    that still fits what was observed then is done, and every other one is refused (exit code 5). What is not in the
    file is not done. Neither is, with --resume, what the run that is gone on with did not want.
    """
    from reconciler.cli.resuming import resumed
    from reconciler.cli.saving import check_place, request_of, saved_at
    from reconciler.cli.turn import take_turn
    from reconciler.operations.session import open_session

    saved = saved_at(path, root)
    inventory = saved.inventory if saved else load_inventory(path, console.runtime, lab=lab)
    if saved:
        check_place(saved, lab=lab, whole=not (resume or selection))
    elif not auto_approve and not console.can_ask:
        console.fail([_NOBODY_TO_ASK])
        return exits.REFUSED
    request = request_of(waivers, selection, saved, complete=require_complete, batch=batch)
    with (
        open_session(inventory, console.runtime, lab=lab, parallel=parallelism) as world,
        take_turn(console, world, "apply", wait=lock_wait) as turn,
    ):
        request = resumed(request, world, resume)
        console.say(f"Looking at {world.access.server.host} and its hosts ({len(world.access.connections)}) ...")
        doing = _Apply(console, world, turn, outputs, request, pace, notify_url)
        return doing.carry_out(approved=auto_approve or saved is not None)


_NOBODY_TO_ASK = Diagnostic(
    code="approval",
    summary="Nobody to ask",
    detail="`apply` asks before it changes anything, and there is no terminal to ask on.",
    fix="Look at the plan first, then say that you approve:\n  vbo-reconcile apply PATH --auto-approve",
)


@dataclass(frozen=True, slots=True)
class _Done:
    """What came out of it. `trouble` is what the journal could not take."""

    result: Result
    trouble: JournalError | None
    mails: Sequence[Mapping[str, Any]]


class _Apply:
    """One apply, from the plan to the last word."""

    def __init__(
        self,
        console: Console,
        world: Session,
        turn: LockedRun,
        outputs: Sequence[Output],
        request: PlanRequest,
        pace: Pace,
        notify_url: str | None = None,
    ) -> None:
        self.console = console
        self.world = world
        self.turn = turn
        self.outputs = outputs
        self.request = request
        self.pace = pace
        self.notify_url = notify_url

    def first_look(self) -> PlanResult:
        """What there is to do. After an outage a server calls a proxy offline until it looks again, and refuses to
        change it: it is asked to where the host knows better."""
        from reconciler.plan.consistency import RESCANNED

        sight = self.look()
        late = {report.address for report in sight.whole.reports if report.code in RESCANNED}
        proxies = [proxy.name for proxy in self.world.inventory.of_kind("proxy") if proxy.address in late]
        if not proxies:
            return sight
        self.console.say(f"The server is asked to look again where hosts say otherwise: {', '.join(proxies)} ...")
        self.world.rescan(sight.live, proxies)
        return self.look(dict(self.world.reader.requests))

    def look(self, since: Mapping[str, int] | None = None, *, again: bool = False) -> PlanResult:
        return self.world.plan(self.request, since=since, verifies=again)

    def carry_out(self, *, approved: bool) -> int:
        sight = self.first_look()
        plan = sight.plan
        self._show(plan)
        if sight.checked and not self.console.machine:
            from reconciler.render.recheck import recheck_text

            self.console.result(recheck_text(sight.checked, self.console.out_style))
        if plan.is_refused and not plan.is_empty:
            return self._stop(sight, exits.REFUSED, "Refused: nothing was changed. The guards above do not hold.")
        if not plan.can_apply:
            self._remember(sight).settle(sight.whole)
            return self._stop(sight, _worst(sight, exits.ERROR if plan.has_errors else exits.OK))
        if not approved and not self.console.ask("Shall this be done?"):
            return self._stop(sight, exits.REFUSED, "Nothing was changed.")
        return self._do(sight)

    def _do(self, sight: PlanResult) -> int:
        from reconciler.cli.performing import exit_of, leave_if_asked, mails_of, new_mails, perform, show_results
        from reconciler.cli.turn import end

        mails = mails_of(self.world)
        remember = self._remember(sight)
        run = self.turn.begin(sight.plan, resumes=self.request.resumes)
        remember.begin(sight.plan)
        result = perform(self.console, self.world, sight.live, sight.plan, run, remember, pace=self.pace)
        done = _Done(result, end(run, result), new_mails(mails, mails_of(self.world)))
        show_results(self.console, result, done.mails)
        code = exit_of(result, done.trouble)
        if result.interrupted or done.trouble or result.error:
            self._finish(sight, code, done)
            self._notify(sight, code, done)
            leave_if_asked(self.console, self.turn, result)
            return code
        self.console.say("Looking again ...")
        try:
            after = self.look(dict(self.world.reader.requests), again=True)
        except ReconcileError:
            self._notify(sight, exits.ERROR, done)
            raise
        remember.settle(after.whole)
        code = self._finish(sight, _worst(sight, max(code, self._last_word(after))), done, after)
        self._notify(sight, code, done)
        return code

    def _notify(self, sight: PlanResult, code: int, done: _Done) -> None:
        from reconciler.cli.notifying import message_of, notify

        if not done.result.abandoned:  # else somebody wants to be gone at once
            notify(self.console, self.notify_url, self.world, message_of(self.turn, sight.plan, done.result, code))

    def _remember(self, sight: PlanResult) -> Any:
        from reconciler.apply import Remember

        return Remember(self.world.inventory, sight.live, sight.recall, self.world.memory, sight.scope)

    def _last_word(self, after: PlanResult) -> int:
        """Say whether anything still differs. Jobs that every apply starts are no difference."""
        left = [change for change in after.plan.changes if change.action.value != "run"]
        if self.console.machine:
            return exits.PARTIAL if left or after.plan.has_errors else exits.OK
        if not left and not after.plan.has_errors:
            hidden = len(after.plan.unknown)
            fields = "field is" if hidden == 1 else "fields are"
            aside = f"; {hidden} {fields} not observable" if hidden else ""
            where = " (in the lab)" if self.world.lab else ""
            self.console.result(f"\nLooked again{where}: nothing differs from the inventory{aside}.\n")
            return exits.OK
        self.console.result("\nLooked again: this still differs.\n\n")
        self._show(after.plan)
        return exits.PARTIAL

    def _show(self, plan: Plan) -> None:
        show_plan(self.console, plan, self.world.inventory, [] if self.console.machine else [Output("human")])

    def _stop(self, sight: PlanResult, code: int, words: str = "") -> int:
        """End without having done anything."""
        if words:
            self.console.say(words)
        return self._finish(sight, code)

    def _finish(self, sight: PlanResult, code: int, done: _Done | None = None, after: PlanResult | None = None) -> int:
        """Say what went wrong with the journal, and write what programs read."""
        from reconciler.cli.performing import tell_errors
        from reconciler.plan import plan_to_json
        from reconciler.plan.document import diagnostic_to_json
        from reconciler.render.recheck import recheck_json
        from reconciler.render.results import results_json

        found = tell_errors(self.console, done.result.error, done.trouble) if done else []
        told = {
            "plan": plan_to_json(sight.plan),
            "run": self.turn.run if done else None,
            "outcomes": results_json(done.result.outcomes.values()) if done else [],
            "in_flight": dict(done.result.in_flight) if done else {},
            "unhealthy": dict(done.result.unhealthy) if done else {},
            "mails": [dict(mail) for mail in done.mails] if done else [],
            "after": plan_to_json(after.plan) if after else None,
            "diagnostics": [diagnostic_to_json(item) for item in found],
            "recheck": recheck_json(sight.checked) if sight.checked else None,
            "exit_code": code,
        }
        deliver_json(self.console, self.outputs, told)
        return code


def _worst(sight: PlanResult, code: int) -> int:
    """Of a saved plan: stale where changes were refused, unless something worse happened."""
    refused = sight.checked is not None and bool(sight.checked.stale)
    return exits.STALE if refused and code == exits.OK else code
