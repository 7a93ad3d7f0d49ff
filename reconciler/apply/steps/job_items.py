"""Adds, changes and removes items of jobs, one at a time, in the collections that hold them.

Every step reads the job before and after: nothing but its item may differ. A step that finds its item as wanted sends
nothing, so a run that was interrupted can be continued.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from reconciler.apply.context import ApplyContext, Reporter, outcome_of
from reconciler.apply.steps.objects import fail_if_more, read_whole
from reconciler.apply.steps.registry import StepFailed, runs, verifies
from reconciler.kinds import KINDS
from reconciler.kinds.field import Raw
from reconciler.kinds.item_types import BY_API, matching
from reconciler.kinds.job_items import Item, item_body, item_services, items_of
from reconciler.kinds.put_requests import item_put_body, side_effects
from reconciler.model.errors import BadAnswer, ConnectionLost, DeadlineExceeded, Unavailable
from reconciler.model.steps import AddJobItem, ChangeJobItem, RemoveJobItem

_LISTS: Final = {False: ("selectedItems", "SelectedItems"), True: ("excludedItems", "ExcludedItems")}
"""By `exclude`: the property of a job, and the collection below it."""


@dataclass(frozen=True, slots=True)
class _Target:
    """The item of a step, and where it is on the server."""

    context: ApplyContext
    step: AddJobItem

    @property
    def item(self) -> Item:
        return items_of(list(self.step.item))[0]

    @property
    def job(self) -> str:
        return self.context.path_of("job", self.step.name)

    @property
    def collection(self) -> str:
        return f"{self.job}/{_LISTS[self.step.exclude][1]}"

    def read(self) -> dict[str, Any]:
        return read_whole(self.context, KINDS["job"], self.job)

    @property
    def key(self) -> str:
        return f"{self.collection}: {self.item.title}"

    def attempt(self, job: Raw) -> AbstractContextManager[Raw]:
        """Gives the job as the first attempt read it."""
        return self.context.first_reads.attempt(self.step, self.key, job)

    def listed(self, job: Raw) -> list[Raw]:
        return list(job[_LISTS[self.step.exclude][0]])

    def find(self, job: Raw) -> Raw | None:
        """The item in what was read. Raises StepFailed if it may be several."""
        same = [raw for raw in self.listed(job) if BY_API.get(str(raw.get("type")).lower()) is self.item.type]
        holder = self.item.type.holder
        if holder:
            objects = [raw[holder] for raw in same if isinstance(raw.get(holder), Mapping)]
            ident = self.item.object.get("id") if self.item.object else ""
            meant = matching(self.item.type, str(ident or self.item.name), objects)
            same = [raw for raw in same if any(raw.get(holder) is seen for seen in meant)]
        if len(same) > 1:
            raise StepFailed(f"nothing was sent: the job has several items that {self.item.title} may mean")
        return same[0] if same else None

    def path(self, raw: Raw) -> str:
        if not raw.get("id"):
            raise StepFailed(f"nothing was sent: the server does not show the id of the item {self.item.title}")
        return f"{self.collection}/{quote(str(raw['id']), safe='')}"

    @property
    def services(self) -> dict[str, Any]:
        return item_services(self.item, self.context.reader.rest)

    def is_wanted(self, raw: Raw) -> bool:
        """Whether an item has the services of the step, as far as the server shows them."""
        return all(raw.get(name) in (None, value) for name, value in self.services.items())

    def effects(self, before: Raw, after: Raw) -> list[str]:
        """What differs besides the item."""
        name = _LISTS[self.step.exclude][0]
        earlier, later = ({**job, name: self.others(job)} for job in (before, after))
        return side_effects(KINDS["job"], earlier, later, {})

    def others(self, job: Raw) -> list[Raw]:
        """The other items. Of an object only its id counts: the server may read its properties from Microsoft anew."""
        mine = self.find(job)
        return [_by_id(raw) for raw in self.listed(job) if raw is not mine]


def _by_id(raw: Raw) -> Raw:
    kind = BY_API.get(str(raw.get("type")).lower())
    seen = raw.get(kind.holder) if kind and kind.holder else None
    return {**raw, kind.holder: {"id": seen["id"]}} if kind and isinstance(seen, Mapping) and seen.get("id") else raw


@runs(AddJobItem)
def add(context: ApplyContext, step: AddJobItem, report: Reporter) -> str | None:
    """POST the item. If the response is lost, read whether it was added before the step fails."""
    target = _Target(context, step)
    before = target.read()
    if (found := target.find(before)) is not None:
        return _there_already(target, found)
    if not step.exclude and str(before.get("backupType")).lower() != "selecteditems":
        raise StepFailed("nothing was sent: the job backs up the entire organization now")
    body = [item_body(target.item, context.reader.rest)]
    with target.attempt(before):
        try:
            context.writer.create(target.collection, body, query=_query(context))
        except (BadAnswer, ConnectionLost, DeadlineExceeded, Unavailable) as error:
            with outcome_of(error):
                if target.find(target.read()) is None:
                    raise
            report("the response was lost, but it was added")
        after = target.read()
        added = target.find(after)
        if added is None or not target.is_wanted(added):
            raise StepFailed(f"the server does not show {target.item} after it was added")
        fail_if_more(target.effects(before, after))
    return None


def _there_already(target: _Target, found: Raw) -> str:
    if not target.is_wanted(found):
        raise StepFailed(f"nothing was sent: {target.item.title} was added meanwhile, with other services")
    return "it is there already"


@runs(ChangeJobItem)
def change(context: ApplyContext, step: ChangeJobItem, report: Reporter) -> str | None:
    """PUT the item as it was read, with other services."""
    target = _Target(context, step)
    before = target.read()
    with target.attempt(before) as first:
        found = target.find(before)
        if found is None:
            raise StepFailed(f"nothing was sent: the job does not have {target.item.title} any more")
        if not target.is_wanted(found):
            path = target.path(found)
            template = f"Jobs/{{jobId}}/{_LISTS[step.exclude][1]}/{{itemId}}"
            body = item_put_body(template, context.reader.rest, found, target.services)
            context.writer.replace(path, body, query=_query(context))
        after = target.read()
        changed = target.find(after)
        if changed is None or not target.is_wanted(changed):
            raise StepFailed(f"the server does not show {target.item} after it was changed")
        fail_if_more(target.effects(first, after))
    return None


@runs(RemoveJobItem)
def remove(context: ApplyContext, step: RemoveJobItem, report: Reporter) -> str | None:
    """DELETE the item, unless it is the last one: what a job without items backs up is not documented."""
    target = _Target(context, step)
    before = target.read()
    with target.attempt(before) as first:
        found = target.find(before)
        if found is not None:
            if not step.exclude and len(target.listed(before)) < 2:
                raise StepFailed("nothing was sent: it is the last item of the job")
            if not found.get("id"):
                raise StepFailed(f"nothing was sent: the server does not show the id of the item {target.item.title}")
            context.writer.delete(target.collection, query={"ids": str(found["id"])})
        after = target.read()
        if target.find(after) is not None:
            raise StepFailed(f"the server still shows {target.item.title} after it was removed")
        fail_if_more(target.effects(first, after))
    return None if target.find(first) is not None else "it did not exist any more"


@verifies(AddJobItem, ChangeJobItem, RemoveJobItem)
def effects_of_item(context: ApplyContext, step: AddJobItem, before: Raw) -> list[str]:
    target = _Target(context, step)
    return target.effects(before, target.read())


def _query(context: ApplyContext) -> dict[str, str] | None:
    """From v8 on: leave the properties of the other objects as they are."""
    return {"skipItemUpdate": "true"} if context.reader.rest >= 8 else None
