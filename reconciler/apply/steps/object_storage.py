"""Changes object storage that is a separate object: REST up to v7."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.objects import changed_fields, encoded, fail_if_more, implied
from reconciler.apply.steps.registry import StepFailed, runs, verifies
from reconciler.kinds import KINDS
from reconciler.kinds.object_storage import OBJECT_STORAGE
from reconciler.kinds.put_requests import put_body, side_effects
from reconciler.kinds.storage_settings import LINKED
from reconciler.model.steps import ChangeObjectStorage


@runs(ChangeObjectStorage)
def change(context: ApplyContext, step: ChangeObjectStorage, report: Reporter) -> str | None:
    """PUT the object storage repository that a repository links to, and compare what it is afterwards with what the
    first attempt read."""
    repository = KINDS["repository"]
    path = _path(context, step.name)
    raw = context.reader.get(path)
    fields = changed_fields(repository, step.fields, step.changed, {LINKED: raw}, context.naming)
    changed = encoded(repository, fields, context.naming)
    body = put_body(OBJECT_STORAGE, context.reader.rest, raw, changed)
    with context.first_reads.attempt(step, path, raw) as before:
        context.writer.replace(path, body)
        after = context.reader.get(path)
        fail_if_more(side_effects(OBJECT_STORAGE, before, after, changed, implied(repository, fields)))
    return None


@verifies(ChangeObjectStorage)
def effects_of_change(context: ApplyContext, step: ChangeObjectStorage, before: Mapping[str, Any]) -> list[str]:
    repository = KINDS["repository"]
    fields = {name: value for name, value in step.fields.items() if name in step.changed}
    changed = encoded(repository, fields, context.naming)
    after = context.reader.get(_path(context, step.name))
    return side_effects(OBJECT_STORAGE, before, after, changed, implied(repository, fields))


def _path(context: ApplyContext, repository: str) -> str:
    ident = context.reader.get(context.path_of("repository", repository)).get("objectStorageId")
    if not isinstance(ident, str):
        raise StepFailed("nothing was sent: the server does not show its object storage now")
    return f"{OBJECT_STORAGE.collection}/{ident}"
