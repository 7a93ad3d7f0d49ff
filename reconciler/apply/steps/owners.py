"""Who owns what: members of pools, and the proxy or pool behind a repository (REST v8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from reconciler.apply.context import ApplyContext, Tell
from reconciler.apply.steps.failure import StepFailed
from reconciler.model.errors import BadAnswer, ConnectionLost, DeadlineExceeded, Unavailable


def change_members(site: ApplyContext, params: Mapping[str, Any], tell: Tell) -> str | None:
    """Join first, then leave: a pool keeps at least one member. Who is in or out already is not asked for again."""
    path = f"{site.path_of('pool', params['name'])}/proxies"
    members = {str(member.get("id")) for member in site.reader.list(path)}
    join = {site.naming.id_of("proxy", name) for name in params["join"]} - members
    leave = {site.naming.id_of("proxy", name) for name in params["leave"]} & members
    if join:
        site.writer.create(path, [{"proxyId": ident} for ident in sorted(join)])
    if leave:
        site.writer.delete(path, [{"proxyId": ident} for ident in sorted(leave)])
    return None


def move_repository(site: ApplyContext, params: Mapping[str, Any], tell: Tell) -> str | None:
    """Change the owner and follow the session to its end. Running sessions of the old owner are waited for.

    One repository at a time, since many such sessions together overload the server (facts, 4.3). A session that an
    earlier run started, or whose answer was lost, is followed instead of a new one.
    """
    kind, name = params["to"].split(".", 1)
    target = site.naming.id_of(kind, name)
    path = site.path_of("repository", params["name"])
    with _alone(site):
        if _owner(site.reader.get(path)) == target:
            return "it was there already"
        session = _under_way(site, params["name"], target) or _start(site, params["name"], kind, target)
        if not session:
            return "the answer was lost, but it was moved"

        def look() -> Mapping[str, Any] | None:
            state = site.reader.get(f"RepositoryOwnerChangeSessions/{session}")
            tell(f"{str(state.get('status', '')).lower()}")
            return state if state.get("status") in ("Succeeded", "Failed") else None

        end = site.wait(params["name"], "moving the repository", look, seconds=site.access.server.deadlines.long)
    if end.get("status") != "Succeeded":
        raise StepFailed(f"the repository was not moved: {end.get('details') or 'the server gives no reason'}")
    return None


@contextmanager
def _alone(site: ApplyContext) -> Iterator[None]:
    """Wait for a turn. An interrupt ends the wait: nothing was asked for yet."""
    while not site.moving.acquire(timeout=0.2):
        if site.stop.is_set():
            raise StepFailed("the run was interrupted while another repository was moving")
    try:
        yield
    finally:
        site.moving.release()


def _owner(repository: Mapping[str, Any]) -> str:
    return str(repository.get("proxyPoolId") or repository.get("proxyId") or "")


def _under_way(site: ApplyContext, name: str, target: str) -> str:
    """The id of the session that moves this repository there, empty where there is none."""
    ident = site.naming.id_of("repository", name)
    for session in site.reader.list("RepositoryOwnerChangeSessions"):
        running = session.get("status") in ("Waiting", "Running")
        if running and session.get("toOwnerId") == target and ident in (session.get("repositoryIds") or ()):
            return str(session["id"])
    return ""


def _start(site: ApplyContext, name: str, kind: str, target: str) -> str:
    """The id of the new session; empty where the answer was lost and the move has ended well by now."""
    query = {"poolId" if kind == "pool" else "proxyId": target}
    try:
        session = site.writer.act(site.path_of("repository", name), "changeOwner", query=query, long=True)
    except (BadAnswer, ConnectionLost, DeadlineExceeded, Unavailable):
        found = _under_way(site, name, target)
        if not found and _owner(site.reader.get(site.path_of("repository", name))) != target:
            raise
        return found
    return str(session["id"])
