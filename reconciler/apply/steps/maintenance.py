"""Draining a proxy before it is disrupted, and giving it back: maintenance mode of pool members (REST v8), the end of
running sessions elsewhere, and the look whether it works again.

Every step looks before it acts, so that it can be repeated and can close what another one left half done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.health import refresh
from reconciler.apply.steps.deployment import ssh_settings
from reconciler.apply.steps.registry import StepFailed, runs
from reconciler.kinds import proxy
from reconciler.kinds.states import job_state
from reconciler.model.errors import BadAnswer, Conflict, ConnectionLost, DeadlineExceeded, Unavailable
from reconciler.model.state import Maintenance, ProxyState, SessionStatus
from reconciler.model.steps import ClearMaintenance, EnterMaintenance, VerifyProxy, WaitForSessions
from reconciler.model.version import build_number

_UNSURE = (BadAnswer, Conflict, ConnectionLost, DeadlineExceeded, Unavailable)
"""After these the work may have been done: the state tells."""


@runs(EnterMaintenance)
def enter(context: ApplyContext, step: EnterMaintenance, report: Reporter) -> str | None:
    """Maintenance on, and wait until the server says Enabled: running sessions end, and no new ones come."""
    if context.proxy(step.name).maintenance is Maintenance.DISABLED:
        _switch(context, step, "enable", unless=Maintenance.DISABLED)
    ended = _drained(context, step, lambda: context.proxy(step.name).maintenance is Maintenance.ENABLED)
    if not ended:
        _late(step, f"{step.name} is not in maintenance", report)
    return None


@runs(ClearMaintenance)
def clear(context: ApplyContext, step: ClearMaintenance, report: Reporter) -> str | None:
    """Maintenance off. Nobody's interrupt stops this: a proxy is never left behind on purpose."""

    def cleared() -> bool:
        return context.proxy(step.name).maintenance is Maintenance.DISABLED

    if not cleared():
        _switch(context, step, "disable", unless=Maintenance.ENABLED)
    seconds = context.access.server.deadlines.call
    context.wait(step.name, "waiting for the end of maintenance", cleared, seconds=seconds)
    return None


@runs(WaitForSessions)
def wait_for_sessions(context: ApplyContext, step: WaitForSessions, report: Reporter) -> str | None:
    """Wait until the proxy runs no session. Whether one starts just then is up to the schedules of its jobs."""
    told = -1

    def idle() -> bool:
        nonlocal told
        running = _running(context, step.name)
        if running != told and running:
            report(f"{running} {'session' if running == 1 else 'sessions'} still running")
        told = running
        return not running

    if not _drained(context, step, idle):
        _late(step, f"{told} {'session' if told == 1 else 'sessions'} of {step.name} still running", report)
    return None


@runs(VerifyProxy)
def verify(context: ApplyContext, step: VerifyProxy, report: Reporter) -> str | None:
    """The proxy is Online, with the version wanted where the server shows one (v8). In maintenance mode its service is
    disabled, so there Offline tells nothing, and another look follows when it is back."""
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
        context.wait(step.name, "seeing that it works", works, seconds=context.access.server.deadlines.call)
    except DeadlineExceeded as error:
        version = f", {seen.version}" if seen.version else ""
        raise StepFailed(f"{step.name} does not work again: it is {seen.shown}{version}") from error
    return None


def _switch(
    context: ApplyContext, step: EnterMaintenance | ClearMaintenance, word: str, *, unless: Maintenance
) -> None:
    """Ask for it; where the answer is not clear, the state says whether it was done."""
    body = _login(context, step)
    try:
        context.writer.act(context.path_of("proxy", step.name), f"maintenance/{word}", body, long=True)
    except _UNSURE:
        if context.proxy(step.name).maintenance is unless:
            raise


def _login(context: ApplyContext, step: EnterMaintenance | ClearMaintenance) -> dict[str, Any]:
    """The login of the host, which both directions need: user name and password, or SSH settings for Linux."""
    login = context.access.credentials.get(step.credentials)
    if login is None:
        raise StepFailed(f"maintenance mode needs a login to the host of {step.name}; give it `credentials`")
    if step.os == "linux":
        settings = proxy.ssh_settings(login.name, context.naming)
        return {"sshSettings": ssh_settings(context, step.name, str(step.host), settings)}
    return {"username": login.username, "password": context.naming.reveal(login.password)}


def _drained(context: ApplyContext, step: EnterMaintenance | WaitForSessions, done: Callable[[], bool]) -> bool:
    """Wait until `done`, for the deadline of the policy at most. An interrupt ends it: nothing was changed yet."""

    def look() -> bool:
        if context.stop.is_set():
            raise StepFailed(f"the run was interrupted while {step.name} was drained")
        return done()

    try:
        context.wait(step.name, "draining", look, seconds=step.deadline, longest=10.0)
    except DeadlineExceeded:
        return False
    return True


def _late(step: EnterMaintenance | WaitForSessions, what: str, report: Reporter) -> None:
    text = f"{what} after {step.deadline} s"
    if step.then == "fail":
        raise StepFailed(f"{text}, and policy.drain says fail")
    report(f"{text}; going on, as policy.drain says")


def _running(context: ApplyContext, name: str) -> int:
    """How many sessions the proxy runs. Before v8 a session does not say who runs it; its job does, by repository."""
    ident = context.naming.id_of("proxy", name)
    if context.reader.rest >= 8:
        found = context.reader.list("JobSessions", status="Running")
        return sum(1 for session in found if session.get("proxyId") == ident)
    owned = {item.get("id") for item in context.reader.list("BackupRepositories") if item.get("proxyId") == ident}
    jobs = [job for job in context.reader.list("Jobs") if job.get("repositoryId") in owned]
    return sum(1 for job in jobs if job_state(job, context.reader.rest).last is SessionStatus.RUNNING)
