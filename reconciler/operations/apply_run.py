"""`apply`: plan, ask for approval, change, verify."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.model.diagnostic import Diagnosed, Diagnostic, Severity
from reconciler.model.errors import ReconcileError
from reconciler.operations.errors import ApprovalRequired, InvalidOption
from reconciler.operations.events import Abandoned, Executed, Finished, Planned, Verified, Warned
from reconciler.operations.execution import Execution, RolloutOptions, execute, recorder_of
from reconciler.operations.inventory_loader import load_inventory
from reconciler.operations.plan_file import inventory_of, is_plan, read_saved_plan
from reconciler.operations.request import PlanRequest, Selection, adopts
from reconciler.operations.runtime import Runtime
from reconciler.operations.status import Status

if TYPE_CHECKING:
    from reconciler.apply import AppliedStateRecorder
    from reconciler.model.inventory import Inventory
    from reconciler.operations.locked_run import LockedRun
    from reconciler.operations.session import PlanResult, Session
    from reconciler.plan.saved import SavedPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOptions:
    """`inventory` is the inventory of a saved plan, by default where the plan recorded it. `require_signature` is a
    file of allowed signers: a saved plan that none of them signed is refused. `resume` is the id of a run that did not
    finish, `last` for the latest. `lock_wait` is how many seconds to wait for another run. `notify_url` is a webhook,
    or a secret reference to its address. `parallelism` is how many hosts are read, and changes made, at a time. The
    rest is as in `PlanRequest`. Waivers of a saved plan hold only if its signature is required; otherwise they are
    given again.
    """

    lab: bool = False
    selection: Selection = field(default_factory=Selection)
    waivers: Mapping[str, str] = field(default_factory=dict)
    require_complete: bool = False
    batch: str = ""
    adopt: bool = False
    rollout: RolloutOptions = field(default_factory=RolloutOptions)
    inventory: Path | None = None
    require_signature: Path | None = None
    resume: str | None = None
    lock_wait: float = 0.0
    notify_url: str | None = None
    parallelism: int = 16


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """`planned` is what there was to do. `run` is the id in the journal; it and `execution` are empty if nothing was
    executed. `after` is the plan made for verification, None if the run did not come to its end."""

    planned: PlanResult
    status: Status
    run: str = ""
    execution: Execution | None = None
    after: PlanResult | None = None


Approve = Callable[["PlanResult"], bool]
Confirm = Callable[[Sequence[str]], bool]


def _always(_proxies: Sequence[str]) -> bool:
    return True


def apply(
    path: Path | str,
    options: ApplyOptions | None = None,
    runtime: Runtime | None = None,
    *,
    approve: Approve | None = None,
    rescan: Confirm = _always,
) -> ApplyResult:
    """Make the live state as the inventory at `path` declares, or carry out the saved plan at `path`.

    `approve` is called with the plan of an inventory and returns whether to apply it. A saved plan was approved
    before: it is compared with the live state, changes that no longer fit are refused, and nothing is asked.

    `rescan` is called before the plan of an inventory is made, with the proxies of which the server and their hosts do
    not agree, and returns whether the server is asked to rescan them: the only request that precedes `approve`.

    Returns how it ended, also if changes failed. Before anything is changed it raises ApprovalRequired (an inventory
    without `approve`), Diagnosed, InvalidOption, RemoteError, SecretError, LockHeld, JournalError or LabError, and
    RemoteError also if the verification cannot read the server.
    """
    from reconciler.operations.locked_run import lock_server
    from reconciler.operations.resume import resumed
    from reconciler.operations.session import open_session

    asked, runtime = options or ApplyOptions(), runtime or Runtime()
    saved = _saved_plan(Path(path), asked, runtime)
    if saved is not None:
        inventory = inventory_of(saved, asked.inventory, runtime, lab=asked.lab)
    else:
        inventory = load_inventory(Path(path), runtime, lab=asked.lab)
        if approve is None:
            raise ApprovalRequired("`apply` needs an approval of its plan before it changes anything.")
    request = _request(asked, saved)
    with (
        open_session(inventory, runtime, lab=asked.lab, parallel=asked.parallelism) as session,
        lock_server(session, runtime, "apply", wait=asked.lock_wait) as run,
    ):
        if asked.resume:
            request = resumed(request, session, asked.resume)
        runtime.report(f"Reading {session.access.server.host} and its hosts ({len(session.access.connections)}) ...")
        doing = _Apply(session, run, request, asked, runtime, _always if saved else rescan)
        return doing.carry_out(None if saved else approve)


def apply_approved(
    inventory: Inventory,
    approved: Sequence[Mapping[str, Any]],
    runtime: Runtime,
    *,
    operation: str,
    lab: bool,
    parallelism: int,
) -> ApplyResult:
    """Make those of the `approved` changes that still fit, as if they were a saved plan, and stop at the first that
    fails. The server is not asked to rescan a proxy. Raises what `apply` does."""
    from reconciler.operations.locked_run import lock_server
    from reconciler.operations.session import open_session

    asked = ApplyOptions(lab=lab, rollout=RolloutOptions(max_failures=1), parallelism=parallelism)
    with (
        open_session(inventory, runtime, lab=lab, parallel=parallelism) as session,
        lock_server(session, runtime, operation) as run,
    ):
        request = PlanRequest(approved=approved)
        return _Apply(session, run, request, asked, runtime, lambda _proxies: False).carry_out(None)


def _saved_plan(path: Path, asked: ApplyOptions, runtime: Runtime) -> SavedPlan | None:
    """The saved plan at `path`; None for an inventory."""
    if not is_plan(path):
        if asked.require_signature or (asked.inventory and asked.inventory.absolute() != path.absolute()):
            raise InvalidOption("--inventory and --require-signature are for a saved plan; this is an inventory.")
        return None
    saved, signer = read_saved_plan(path, runtime.clock(), asked.require_signature)
    _check_place(saved, asked)
    if signer:
        runtime.report(f"{path.name} is signed by {signer}.")
    elif missing := {code: reason for code, reason in saved.waivers.items() if code not in asked.waivers}:
        runtime.listen(Warned(_not_waived(missing)))
    return saved


def _not_waived(waivers: Mapping[str, str]) -> Diagnostic:
    again = " ".join(f"--waive {shlex.quote(f'{code}={reason}')}" for code, reason in waivers.items())
    detail = f"The plan file waives {', '.join(waivers)}. Without a signature anyone may have written that."
    fix = f"Require a signature (--require-signature ALLOWED_SIGNERS), or waive again:\n  {again}"
    return Diagnostic("plan-waivers", "Waivers of the plan file are not used", detail, fix, severity=Severity.WARNING)


def _request(asked: ApplyOptions, saved: SavedPlan | None) -> PlanRequest:
    """A saved plan brings its batches, and its waivers if it is signed."""
    signed = saved is not None and asked.require_signature is not None
    return PlanRequest(
        waivers={**(saved.waivers if saved and signed else {}), **asked.waivers},
        require_complete=asked.require_complete,
        selection=Selection(runs=saved.starts_jobs) if saved else asked.selection,
        approved=saved.document["changes"] if saved else None,
        batch=asked.batch or (str(saved.document.get("batch", "")) if saved else ""),
        batches=saved.batches if saved and not asked.batch else None,
        adopt=asked.adopt or (saved is not None and adopts(saved.document["changes"])),
    )


def _check_place(saved: SavedPlan, asked: ApplyOptions) -> None:
    """A saved plan is applied as a whole, and where it was made: in the lab or not."""
    if asked.resume or asked.selection or asked.adopt:
        options = "--resume, --adopt, --target, --exclude and --no-run"
        raise InvalidOption(f"A saved plan is applied as it is: omit {options}.")
    if bool(saved.document["lab"]) == asked.lab:
        return
    made = "in the lab" if saved.document["lab"] else "for the real server"
    detail = f"It was made {made}, and is to be applied {'in the lab' if asked.lab else 'outside of it'}."
    fix = "Omit --lab, or plan again with it." if asked.lab else "Add --lab, or plan again without it."
    raise Diagnosed([Diagnostic("plan-foreign", "Plan for another environment", detail, fix)])


class _Apply:
    """One apply under its lock."""

    def __init__(
        self,
        session: Session,
        run: LockedRun,
        request: PlanRequest,
        asked: ApplyOptions,
        runtime: Runtime,
        rescan: Confirm,
    ) -> None:
        self.session = session
        self.run = run
        self.request = request
        self.asked = asked
        self.runtime = runtime
        self.rescan = rescan

    def carry_out(self, approve: Approve | None) -> ApplyResult:
        planned = self._plan()
        plan = planned.plan
        self.runtime.listen(Planned(planned, self._document(planned)))
        if plan.is_refused and not plan.is_empty:
            self.runtime.report("Refused: nothing was changed. The guards above do not hold.")
            return self._finish(ApplyResult(planned, Status.REFUSED))
        if not plan.can_apply:
            self._settle(recorder_of(self.session, planned, self.run.lock), planned)
            return self._finish(
                ApplyResult(planned, _or_stale(planned, Status.ERROR if plan.has_errors else Status.OK))
            )
        if approve is not None and not approve(planned):
            self.runtime.report("Nothing was changed.")
            return self._finish(ApplyResult(planned, Status.REFUSED))
        return self._change(planned)

    def _plan(self) -> PlanResult:
        """What there is to do. After an outage the server reports a proxy offline until it rescans it, and refuses to
        change it: if the host knows better, the server is asked to rescan it first."""
        from reconciler.plan.disagreements import RESCANNED

        planned = self.session.plan(self.request)
        if self.request.adopt:
            return planned
        late = {report.address for report in planned.whole.reports if report.code in RESCANNED}
        proxies = [proxy.name for proxy in self.session.inventory.of_kind("proxy") if proxy.address in late]
        if not proxies or not self.rescan(proxies):
            return planned
        self.runtime.report(f"Rescanning proxies whose hosts and server do not agree: {', '.join(proxies)} ...")
        self.session.rescan(planned.live, proxies)
        return self.session.plan(self.request, since=dict(self.session.reader.requests))

    def _change(self, planned: PlanResult) -> ApplyResult:
        recorder = recorder_of(self.session, planned, self.run.lock)
        done = execute(
            self.session,
            planned.plan,
            planned.live,
            self.runtime,
            run=self.run,
            recorder=recorder,
            rollout=self.asked.rollout,
            resumes=self.request.resumes,
        )
        self.runtime.listen(Executed(done))
        if not done.is_complete:
            result = self._finish(ApplyResult(planned, done.status, self.run.run, done))
            if done.result.abandoned:  # a user who interrupts twice does not wait for a webhook
                self.run.release()
                self.runtime.listen(Abandoned())
            else:
                self._notify(planned, done, done.status)
            return result
        after = self._verify(planned, done)
        self._settle(recorder, after)
        left = Status.PARTIAL if after.differs else Status.OK
        status = _or_stale(planned, max(done.status, left))
        result = self._finish(ApplyResult(planned, status, self.run.run, done, after))
        self._notify(planned, done, status)
        return result

    def _settle(self, recorder: AppliedStateRecorder, found: PlanResult) -> None:
        with self.runtime.waiting("Writing into the journal"):
            recorder.settle(found.whole, found.live)

    def _verify(self, planned: PlanResult, done: Execution) -> PlanResult:
        """Observe and plan again."""
        self.runtime.report("Verifying ...")
        try:
            after = self.session.plan(self.request, since=dict(self.session.reader.requests), verifies=True)
        except ReconcileError:
            self._notify(planned, done, Status.ERROR)
            raise
        self.runtime.listen(Verified(after, self._document(after) if after.differs else None))
        return after

    def _document(self, planned: PlanResult) -> dict[str, object]:
        from reconciler.operations.plan_document import plan_document

        return plan_document(planned.plan, self.session.inventory, self.runtime)

    def _finish(self, result: ApplyResult) -> ApplyResult:
        self.runtime.listen(Finished(result))
        return result

    def _notify(self, planned: PlanResult, done: Execution, status: Status) -> None:
        from reconciler.operations.webhook import notify, run_message

        if self.asked.notify_url:
            message = run_message(self.run, planned.plan, done.result, status)
            notify(self.asked.notify_url, self.session, message, self.runtime)


def _or_stale(planned: PlanResult, status: Status) -> Status:
    """STALE if approved changes were refused, unless something worse happened."""
    refused = planned.checked is not None and bool(planned.checked.stale)
    return Status.STALE if refused and status is Status.OK else status
