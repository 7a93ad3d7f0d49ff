"""What becomes of the backups when a plan deletes, replaces or moves something: what the product documents, or that it
does not; and the steps where a change is blocked. Sections are of the product facts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from reconciler.kinds.graph import Graph
from reconciler.kinds.storage_settings import PLACE, PREFIX
from reconciler.model.address import Address, kind_of
from reconciler.model.live import Live
from reconciler.model.plan import Action, Change, Plan, Report, ReportLevel
from reconciler.model.steps import DeleteObject

CODE: Final = "backups"

_OLD_REST: Final = 7
"""The last version whose REST API does not move repositories."""
_PLACE: Final = {"path", f"{PREFIX}name", *PLACE}


def with_backups(plan: Plan, live: Live) -> Plan:
    """`plan` with a report for each change that deletes, replaces or moves."""
    graph = Graph.of(live.resources)
    found = [item for change in plan.changes for item in _reports(change, live, graph)]
    return replace(plan, reports=(*plan.reports, *found)) if found else plan


def _reports(change: Change, live: Live, graph: Graph) -> Iterator[Report]:
    about = _KINDS.get(kind_of(change.address))
    text = about(change, live) if about is not None else ""
    if text:
        level = ReportLevel.WARNING if change.blocked else ReportLevel.INFO
        fix = _numbered(_steps(change, live, graph)) if change.blocked else ""
        yield Report(change.address, CODE, text, change.cause.position, level, fix)


def _job(change: Change, _live: Live) -> str:
    """Facts 3 and 4.2. Only for a job that goes with its organization is it documented that its backups stay."""
    before, after = _sides(change)
    source = before.get("repository")
    if change.action is Action.DELETE:
        return (
            f"the backups of a job stay in {_named(source, 'its repository')} when its organization is deleted; "
            "for the deletion of the job alone this is not documented. No command here deletes backups"
        )
    if change.action is not Action.UPDATE:
        return ""
    if "repository" in after:
        target = _named(after["repository"], "the new repository")
        return (
            f"the backups stay in {_named(source, 'the earlier repository')}, and the next run is a full backup "
            f"into {target}"
        )
    if "organization" in after:
        return "the backups of the earlier organization stay in the repository"
    return ""


def _copy_job(change: Change, _live: Live) -> str:
    if change.action is not Action.DELETE:
        return ""
    where = _named(_sides(change)[0].get("repository"), "its repository")
    return f"what becomes of the copies in {where} is not documented. No command here deletes backups"


def _repository(change: Change, live: Live) -> str:
    """Facts 4.2, 4.3 and 5.2."""
    before, after = _sides(change)
    found = live.resources.get(Address(change.address))
    place = _place({**(found.fields if found is not None else {}), **before})
    if change.action is Action.DELETE:
        return f"the backups stay {place}: only the repository on the server is deleted"
    if change.action is Action.REPLACE or (change.action is Action.UPDATE and _PLACE & set(after)):
        return f"the backups stay {place}; in an empty new place the next runs are full backups"
    if change.action is Action.UPDATE and "owner" in after:
        return f"the backups stay {place} and are not copied: {after['owner']} works with them after the move"
    return ""


def _proxy(change: Change, _live: Live) -> str:
    """Facts 2.6 and 2.7."""
    if change.action not in (Action.DELETE, Action.REPLACE):
        return ""
    again = ", and added again" if change.action is Action.REPLACE else ""
    if any(isinstance(step, DeleteObject) and step.force for step in change.steps):
        return "the server cannot reach the host: its service stays there, and so do backups and logs"
    return f"the service is uninstalled from the host{again}; backups and logs on the host stay"


def _pool(change: Change, _live: Live) -> str:
    return "its members stay on the server, and no backups are in a pool" if change.action is Action.DELETE else ""


_KINDS: Final[Mapping[str, Callable[[Change, Live], str]]] = {
    "copy_job": _copy_job,
    "job": _job,
    "pool": _pool,
    "proxy": _proxy,
    "repository": _repository,
}


def _sides(change: Change) -> tuple[dict[str, Any], dict[str, Any]]:
    fields = change.fields
    return {item.path: item.before for item in fields}, {item.path: item.after for item in fields}


def _named(repository: Any, otherwise: str) -> str:
    return f"repository.{repository}" if isinstance(repository, str) and repository else otherwise


def _place(fields: Mapping[str, Any]) -> str:
    name, bucket, path = (fields.get(key) for key in (f"{PREFIX}name", f"{PREFIX}bucket", "path"))
    if isinstance(bucket, str) and bucket:
        return f"in object storage (bucket {bucket})"
    if isinstance(name, str) and name:
        return f"in object storage ({name})"
    return f"on disk ({path})" if isinstance(path, str) and path else "where they are"


def _steps(change: Change, live: Live, graph: Graph) -> Sequence[str]:
    """The way to the wanted state where the plan cannot take it."""
    kind, after = kind_of(change.address), _sides(change)[1]
    if kind == "repository" and change.action is Action.UPDATE and "owner" in after:
        return _moving(change, live)
    if kind == "repository" and change.action is Action.REPLACE:
        return [
            "Declare another repository with the new place",
            "Set `repository` of the jobs to it, and apply: they begin with a full backup",
            f"Delete {change.address} when its backups are not needed any more",
        ]
    if change.action in (Action.DELETE, Action.REPLACE):
        users = [str(user) for user in graph.users(change.address)]
        return [*_released(users), "Plan again: the change is not blocked any more"] if users else []
    return []


def _released(users: list[str]) -> Iterator[str]:
    named = ", ".join(sorted(users))
    if any(kind_of(user) == "repository" for user in users):
        yield f"Move to another proxy or pool, or delete, what uses it: {named}"
        yield "Run their jobs, and check that the sessions succeed"
    else:
        yield f"Delete, or point to another repository, what uses it: {named}"


def _moving(change: Change, live: Live) -> list[str]:
    name, owner = change.address, _sides(change)[1]["owner"]
    found = live.resources.get(Address(name))
    on_disk = found is not None and bool(found.fields.get("path")) and not found.fields.get(f"{PREFIX}bucket")
    if live.server.rest <= _OLD_REST and not on_disk:
        return [
            f"Delete {name}: the backups stay in object storage",
            f"Declare it again on {owner}, and point its jobs to it",
        ]
    if on_disk:
        return [
            f"Declare another repository on {owner}",
            "Set `repository` of the jobs to it, and apply: they begin with a full backup",
            "Copy earlier backups, if they are needed, with Move-VBOEntityData on the server",
            f"Delete {name} when its backups are not needed any more",
        ]
    return ["Bring both proxies online", "Plan and apply again"]


def _numbered(steps: Sequence[str]) -> str:
    return " ".join(f"{number}. {text}." for number, text in enumerate(steps, 1))
