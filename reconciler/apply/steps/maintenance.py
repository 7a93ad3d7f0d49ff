"""Drains a proxy before it is disrupted, and verifies it afterwards: maintenance mode of pool members (REST v8), and
the end of running sessions on other proxies.

Every step looks before it acts, so that it can be repeated and can close what another one left half done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.health import refresh
from reconciler.apply.steps.deployment import ssh_settings
from reconciler.apply.steps.lost_answers import Outcome
from reconciler.apply.steps.registry import StepFailed, runs
from reconciler.kinds import proxy
from reconciler.kinds.states import job_state
from reconciler.model.errors import BadAnswer, Conflict, ConnectionLost, DeadlineExceeded, Unavailable
from reconciler.model.state import Maintenance, ProxyState, SessionStatus
from reconciler.model.steps import ClearMaintenance, EnterMaintenance, VerifyProxy, WaitForSessions
from reconciler.model.version import build_number

_UNSURE = (BadAnswer, Conflict, ConnectionLost, DeadlineExceeded, Unavailable)
"""After these errors the work may be done: the state must be read."""


@runs(EnterMaintenance)
def enter(context: ApplyContext, step: EnterMaintenance, report: Reporter) -> str | None:
    """Wait until the state is Enabled: running sessions have ended, and no new ones start."""
    if context.proxy(step.name).maintenance is Maintenance.DISABLED:
        _switch(context, step, "enable", report, unless=Maintenance.DISABLED)
    ended = _drained(context, step, lambda: context.proxy(step.name).maintenance is Maintenance.ENABLED, report)
    if not ended:
        _late(step, f"{step.name} is not in maintenance mode", report)
    return None


@runs(ClearMaintenance)
def clear(context: ApplyContext, step: ClearMaintenance, report: Reporter) -> str | None:
    """Not stopped by an interrupt: a proxy must not stay in maintenance mode."""

    def cleared() -> bool:
        return context.proxy(step.name).maintenance is Maintenance.DISABLED

    if not cleared():
        _switch(context, step, "disable", report, unless=Maintenance.ENABLED)
    seconds = context.access.server.deadlines.call
    context.wait(step.name, "waiting for the end of maintenance", cleared, seconds=seconds, report=report)
    return None


@runs(WaitForSessions)
def wait_for_sessions(context: ApplyContext, step: WaitForSessions, report: Reporter) -> str | None:
    """Wait until the proxy runs no session. The schedules of its jobs may start one right afterwards."""
    last = -1

    def idle() -> bool:
        nonlocal last
        running = _running(context, step.name)
        if running != last and running:
            report(f"{running} {'session' if running == 1 else 'sessions'} still running")
        last = running
        return not running

    if not _drained(context, step, idle, report):
        _late(step, f"{last} {'session' if last == 1 else 'sessions'} of {step.name} still running", report)
    return None


@runs(VerifyProxy)
def verify(context: ApplyContext, step: VerifyProxy, report: Reporter) -> str | None:
    """The proxy must be Online, and have the wanted version if the server shows one (v8). In maintenance mode its
    service is disabled, so that Offline means nothing; it is verified again after that."""
    refresh(context, [step.name])
    wanted = build_number(step.version)
    seen = ProxyState()

    def works() -> bool:
        nonlocal seen
        seen = context.proxy(step.name)
        if not seen.is_online:
            return seen.maintenance is Maintenance.ENABLED
        return context.reader.rest < 8 or seen.build >= wanted

    try:
        seconds = context.access.server.deadlines.call
        context.wait(step.name, "verifying the proxy", works, seconds=seconds, report=report)
    except DeadlineExceeded as error:
        version = f", {seen.version}" if seen.version else ""
        raise StepFailed(f"{step.name} failed verification: it is {seen.shown}{version}") from error
    return None


def _switch(
    context: ApplyContext,
    step: EnterMaintenance | ClearMaintenance,
    word: str,
    report: Reporter,
    *,
    unless: Maintenance,
) -> None:
    """Send the request; if the response is unclear, read whether it was done."""
    body, outcome = _login(context, step), Outcome(context, report, long=True)
    try:
        context.writer.act(context.path_of("proxy", step.name), f"maintenance/{word}", body, long=True)
    except _UNSURE as error:
        if not outcome.after(error, lambda: context.proxy(step.name).maintenance is not unless or None):
            raise


def _login(context: ApplyContext, step: EnterMaintenance | ClearMaintenance) -> dict[str, Any]:
    """The login of the host, which both requests need: user name and password, or SSH settings for Linux."""
    login = context.access.credentials.get(step.credentials)
    if login is None:
        raise StepFailed(f"maintenance mode needs a login to the host of {step.name}: declare `credentials` for it")
    if step.os == "linux":
        settings = proxy.ssh_settings(login.name, context.naming)
        return {"sshSettings": ssh_settings(context, step.name, str(step.host), settings)}
    return {"username": login.username, "password": context.naming.reveal(login.password)}


def _drained(
    context: ApplyContext, step: EnterMaintenance | WaitForSessions, done: Callable[[], bool], report: Reporter
) -> bool:
    """Wait until `done`, at most for the deadline of the policy. An interrupt ends the wait: nothing is changed yet."""

    def poll() -> bool:
        if context.stop.is_set():
            raise StepFailed(f"the run was interrupted while {step.name} was being drained")
        return done()

    try:
        context.wait(step.name, "draining", poll, seconds=step.deadline, longest=10.0, report=report)
    except DeadlineExceeded:
        return False
    return True


def _late(step: EnterMaintenance | WaitForSessions, what: str, report: Reporter) -> None:
    text = f"{what} after {step.deadline} s"
    if step.then == "fail":
        raise StepFailed(f"{text}, and policy.drain.then is fail")
    report(f"{text}; continuing (policy.drain.then is {step.then})")


def _running(context: ApplyContext, name: str) -> int:
    """How many sessions the proxy runs. Before v8 a session does not name its proxy; the repository of its job does."""
    ident = context.naming.id_of("proxy", name)
    if context.reader.rest >= 8:
        found = context.reader.list("JobSessions", status="Running")
        return sum(1 for session in found if session.get("proxyId") == ident)
    owned = {item.get("id") for item in context.reader.list("BackupRepositories") if item.get("proxyId") == ident}
    jobs = [job for job in context.reader.list("Jobs") if job.get("repositoryId") in owned]
    return sum(1 for job in jobs if job_state(job, context.reader.rest).last is SessionStatus.RUNNING)
