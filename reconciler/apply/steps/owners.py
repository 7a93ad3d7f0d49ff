"""Changes of owners: members of pools, and the proxy or pool of a repository (REST v8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.lost_answers import Outcome
from reconciler.apply.steps.registry import StepFailed, runs
from reconciler.kinds.states import move_status
from reconciler.model.address import kind_of, name_of
from reconciler.model.errors import BadAnswer, ConnectionLost, DeadlineExceeded, Unavailable
from reconciler.model.state import MoveStatus
from reconciler.model.steps import ChangePoolMembers, MoveRepository


@runs(ChangePoolMembers)
def change_members(context: ApplyContext, step: ChangePoolMembers, report: Reporter) -> str | None:
    """Join first, then leave: a pool keeps at least one member. Members that are right already are not sent."""
    path = f"{context.path_of('pool', step.name)}/proxies"
    members = {str(member.get("id")) for member in context.reader.list(path)}
    join = {context.naming.id_of("proxy", name) for name in step.join} - members
    leave = {context.naming.id_of("proxy", name) for name in step.leave} & members
    if join:
        context.writer.create(path, [{"proxyId": ident} for ident in sorted(join)])
    if leave:
        context.writer.delete(path, [{"proxyId": ident} for ident in sorted(leave)])
    return None


@runs(MoveRepository)
def move_repository(context: ApplyContext, step: MoveRepository, report: Reporter) -> str | None:
    """Change the owner and follow the session to its end. Running sessions of the old owner are waited for.

    One repository at a time, since many such sessions together overload the server (facts, 4.3). A session that an
    earlier run started, or whose answer was lost, is followed instead of a new one.
    """
    kind, name = kind_of(step.to), name_of(step.to)
    target = context.naming.id_of(kind, name)
    path = context.path_of("repository", step.name)
    with _alone(context):
        if _owner(context.reader.get(path)) == target:
            return "it is there already"
        session = _running_session(context, step.name, target) or _start(context, step.name, kind, target, report)
        if not session:
            return "the response was lost, but it was moved"

        def poll() -> Mapping[str, Any] | None:
            found = context.reader.get(f"RepositoryOwnerChangeSessions/{session}")
            report(move_status(found).lower())
            return found if move_status(found).has_ended else None

        seconds = context.access.server.deadlines.long
        end = context.wait(step.name, "moving the repository", poll, seconds=seconds, report=report)
    if move_status(end) is not MoveStatus.SUCCEEDED:
        raise StepFailed(f"the repository was not moved: {end.get('details') or 'the server reports no reason'}")
    return None


@contextmanager
def _alone(context: ApplyContext) -> Iterator[None]:
    """Hold the lock for moves. An interrupt ends the wait, since nothing is sent yet."""
    while not context.moving.acquire(timeout=0.2):
        if context.stop.is_set():
            raise StepFailed("the run was interrupted while another repository was moving")
    try:
        yield
    finally:
        context.moving.release()


def _owner(repository: Mapping[str, Any]) -> str:
    return str(repository.get("proxyPoolId") or repository.get("proxyId") or "")


def _running_session(context: ApplyContext, name: str, target: str) -> str:
    """The id of the session that moves this repository to `target`; empty if there is none."""
    ident = context.naming.id_of("repository", name)
    for session in context.reader.list("RepositoryOwnerChangeSessions"):
        if (
            move_status(session).is_active
            and session.get("toOwnerId") == target
            and ident in (session.get("repositoryIds") or ())
        ):
            return str(session["id"])
    return ""


def _start(context: ApplyContext, name: str, kind: str, target: str, report: Reporter) -> str:
    """The id of the new session; empty if the response was lost and the move has succeeded by now."""
    query = {"poolId" if kind == "pool" else "proxyId": target}
    outcome = Outcome(context, report, long=True)

    def look() -> str | None:
        found = _running_session(context, name, target)
        return found if found or _owner(context.reader.get(context.path_of("repository", name))) == target else None

    try:
        session = context.writer.act(context.path_of("repository", name), "changeOwner", query=query, long=True)
    except (BadAnswer, ConnectionLost, DeadlineExceeded, Unavailable) as error:
        session_id = outcome.after(error, look)
        if session_id is None:
            raise
        return session_id
    return str(session["id"])
