"""Adopts objects: the mark of the inventory goes to the end of their description, and nothing else changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.objects import fail_if_more, put, read_whole, whole_body
from reconciler.apply.steps.registry import StepFailed, runs, verifies
from reconciler.kinds import KINDS
from reconciler.kinds.codec import marked, owner_of, without_mark
from reconciler.kinds.put_requests import side_effects
from reconciler.model.errors import Refused
from reconciler.model.steps import AdoptObject

_REFUSED = (
    "The server refuses to save a value that it has itself. Nothing is changed. Correct the value in the console, or "
    "declare the field and apply; then adopt again."
)
_ONLY = {"description": ""}
"""What an adoption changes."""


@runs(AdoptObject)
def adopt(context: ApplyContext, step: AdoptObject, report: Reporter) -> str | None:
    """PUT the object as it was read, with the mark. The mark must still be the one that the plan saw, so that no other
    inventory loses an object. An object that has the mark already is done: the step is idempotent."""
    kind, path = KINDS[step.kind], _path(step)
    raw = read_whole(context, kind, path)
    if not kind.is_marked:
        return "recorded in the journal: objects of this kind have no description"
    changed = {} if owner_of(raw) == context.owner else {"description": _text(context, step, raw)}
    body = whole_body(context, kind, raw, changed)
    with context.first_reads.attempt(step, path, raw) as before:
        if changed:
            with _with_the_way_out():
                after = put(context, kind, path, body, report, lambda seen: owner_of(seen) == context.owner)
        else:
            after = read_whole(context, kind, path)
        if owner_of(after) != context.owner:
            raise StepFailed("the server accepted the description, and does not show the mark")
        fail_if_more(side_effects(kind, before, after, _ONLY))
    return None


@contextmanager
def _with_the_way_out() -> Iterator[None]:
    """All values but the mark are those that the server showed; without them, a PUT may reset what it does not say."""
    try:
        yield
    except Refused as error:
        if error.status == HTTPStatus.BAD_REQUEST:
            error.hint = _REFUSED
        raise


@verifies(AdoptObject)
def effects_of_adoption(context: ApplyContext, step: AdoptObject, before: Mapping[str, Any]) -> list[str]:
    kind = KINDS[step.kind]
    return side_effects(kind, before, read_whole(context, kind, _path(step)), _ONLY)


def _path(step: AdoptObject) -> str:
    return f"{KINDS[step.kind].collection}/{step.id}"


def _text(context: ApplyContext, step: AdoptObject, raw: Mapping[str, Any]) -> str:
    if owner_of(raw) != step.owner:
        raise StepFailed(f"{step.kind} {step.name} belongs to {owner_of(raw) or 'no inventory'} now; not adopted")
    text = raw.get("description")
    if not isinstance(text, str) and (text is not None or step.described):
        raise StepFailed("nothing was sent: the server does not show the description now")
    return marked(without_mark(text or ""), context.owner)
