"""Changes object storage that is an object of its own: REST up to v7."""

from __future__ import annotations

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.apply.steps.objects import changed_fields, encoded, few
from reconciler.apply.steps.registry import StepFailed, runs
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
    ident = context.reader.get(context.path_of("repository", step.name)).get("objectStorageId")
    if not isinstance(ident, str):
        raise StepFailed("nothing was sent: the server does not show its object storage now")
    path = f"{OBJECT_STORAGE.collection}/{ident}"
    raw = context.reader.get(path)
    before = context.first_reads.setdefault(path, raw)
    fields = changed_fields(repository, step.fields, step.changed, {LINKED: raw}, context.naming)
    changed = encoded(repository, fields, context.naming)
    context.writer.replace(path, put_body(OBJECT_STORAGE, context.reader.rest, raw, changed))
    implied = [api for item in repository.fields if item.name in fields for api in item.implies]
    effects = side_effects(OBJECT_STORAGE, before, context.reader.get(path), changed, implied)
    del context.first_reads[path]
    if effects:
        raise StepFailed(f"the change is made, and more differs than the plan shows: {few(effects)}")
    return None
