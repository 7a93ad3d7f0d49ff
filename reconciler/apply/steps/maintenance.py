"""Draining a proxy before it is disrupted, and giving it back: maintenance mode of pool members (REST v8), the end of
running sessions elsewhere, and the look whether it works again.

Every step looks before it acts, so that it can be repeated and can close what another one left half done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.apply.context import ApplyContext, Tell
from reconciler.apply.health_gate import refresh
from reconciler.apply.steps.deployment import ssh_settings
from reconciler.apply.steps.failure import StepFailed
from reconciler.kinds import proxy
from reconciler.model.build import build_number
from reconciler.model.errors import BadAnswer, Conflict, ConnectionLost, DeadlineExceeded, Unavailable

_UNSURE = (BadAnswer, Conflict, ConnectionLost, DeadlineExceeded, Unavailable)
"""After these the work may have been done: the state tells."""


def enter(site: ApplyContext, params: Mapping[str, Any], tell: Tell) -> str | None:
    """Maintenance on, and wait until the server says Enabled: running sessions end, and no new ones come."""
    if _state(site, params) == "Disabled":
        _switch(site, params, "enable", unless="Disabled")
    ended = _drained(site, params, lambda: _state(site, params) == "Enabled")
    if not ended:
        _late(params, f"{params['name']} is not in maintenance", tell)
    return None


def leave(site: ApplyContext, params: Mapping[str, Any], tell: Tell) -> str | None:
    """Maintenance off. Nobody's interrupt stops this: a proxy is never left behind on purpose."""
    if _state(site, params) != "Disabled":
        _switch(site, params, "disable", unless="Enabled")
    what = "waiting for the end of maintenance"
    seconds = site.access.server.deadlines.call
    site.wait(params["name"], what, lambda: _state(site, params) == "Disabled", seconds=seconds)
    return None


def wait_for_sessions(site: ApplyContext, params: Mapping[str, Any], tell: Tell) -> str | None:
    """Wait until the proxy runs no session. Whether one starts just then is up to the schedules of its jobs."""
    told = -1

    def idle() -> bool:
        nonlocal told
        running = _running(site, params["name"])
        if running != told and running:
            tell(f"{running} {'session' if running == 1 else 'sessions'} still running")
        told = running
        return not running

    if not _drained(site, params, idle):
        _late(params, f"{told} {'session' if told == 1 else 'sessions'} of {params['name']} still running", tell)
    return None


def verify(site: ApplyContext, params: Mapping[str, Any], tell: Tell) -> str | None:
    """The proxy is Online, with the version wanted where the server shows one (v8). In maintenance mode its service is
    disabled, so there Offline tells nothing, and another look follows when it is back."""
    refresh(site, [params["name"]])
    wanted = build_number(str(params.get("version", "")))
    seen: dict[str, Any] = {}

    def works() -> bool:
        seen.update(site.reader.get(site.path_of("proxy", params["name"])))
        if seen.get("status") != "Online":
            return seen.get("maintenanceModeState") == "Enabled"
        return site.reader.rest < 8 or not wanted or build_number(str(seen.get("version") or "")) >= wanted

    try:
        site.wait(params["name"], "seeing that it works", works, seconds=site.access.server.deadlines.call)
    except DeadlineExceeded as error:
        version = f", {seen['version']}" if seen.get("version") else ""
        raise StepFailed(f"{params['name']} does not work again: it is {seen.get('status')}{version}") from error
    return None


def _state(site: ApplyContext, params: Mapping[str, Any]) -> str:
    raw = site.reader.get(site.path_of("proxy", params["name"]))
    return str(raw.get("maintenanceModeState") or "Disabled")


def _switch(site: ApplyContext, params: Mapping[str, Any], word: str, *, unless: str) -> None:
    """Ask for it; where the answer is not clear, the state says whether it was done."""
    body = _login(site, params)
    try:
        site.writer.act(site.path_of("proxy", params["name"]), f"maintenance/{word}", body, long=True)
    except _UNSURE:
        if _state(site, params) == unless:
            raise


def _login(site: ApplyContext, params: Mapping[str, Any]) -> dict[str, Any]:
    """The login of the host, which both directions need: user name and password, or SSH settings for Linux."""
    login = site.access.credentials.get(params["credentials"])
    if login is None:
        raise StepFailed(f"maintenance mode needs a login to the host of {params['name']}; give it `credentials`")
    if params["os"] == "linux":
        settings = proxy.ssh_settings(login.name, site.naming)
        return {"sshSettings": ssh_settings(site, params["name"], params["host"], settings)}
    return {"username": login.username, "password": site.naming.reveal(login.password)}


def _drained(site: ApplyContext, params: Mapping[str, Any], done: Callable[[], bool]) -> bool:
    """Wait until `done`, for the deadline of the policy at most. An interrupt ends it: nothing was changed yet."""

    def look() -> bool:
        if site.stop.is_set():
            raise StepFailed(f"the run was interrupted while {params['name']} was drained")
        return done()

    try:
        site.wait(params["name"], "draining", look, seconds=params["deadline"], longest=10.0)
    except DeadlineExceeded:
        return False
    return True


def _late(params: Mapping[str, Any], what: str, tell: Tell) -> None:
    text = f"{what} after {params['deadline']} s"
    if params["then"] == "fail":
        raise StepFailed(f"{text}, and policy.drain says fail")
    tell(f"{text}; going on, as policy.drain says")


def _running(site: ApplyContext, name: str) -> int:
    """How many sessions the proxy runs. Before v8 a session does not say who runs it; its job does, by repository."""
    ident = site.naming.id_of("proxy", name)
    if site.reader.rest >= 8:
        found = site.reader.list("JobSessions", status="Running")
        return sum(1 for session in found if session.get("proxyId") == ident)
    owned = {item.get("id") for item in site.reader.list("BackupRepositories") if item.get("proxyId") == ident}
    jobs = [job for job in site.reader.list("Jobs") if job.get("repositoryId") in owned]
    return sum(1 for job in jobs if str(job.get("lastStatus", "")).lower() == "running")
