"""/Jobs/{id}/SelectedItems and ExcludedItems (facts, 6.1): the same operations for both."""

from __future__ import annotations

from typing import Any

from reconciler.lab.server.answer import DONE, READ, conflict, invalid, missing
from reconciler.lab.server.api import Item
from reconciler.lab.server.call import Call, Rows
from reconciler.lab.server.item_model import HOLDERS, ITEM, completed, shown
from reconciler.lab.server.job_rules import check_job
from reconciler.lab.server.routes import Route

LISTS = ("selectedItems", "excludedItems")


def settle(call: Call, job: Item) -> None:
    """Items get ids; a job of the entire organization has no selected ones."""
    if job["backupType"] == "EntireOrganization":
        job["selectedItems"] = []
    for name in LISTS:
        job[name] = [settled(call, item) for item in job[name]]


def settled(call: Call, item: Item) -> Item:
    """With an id, and with what the organization knows of its object."""
    item = completed({"id": call.api.new_id()} | item)
    holder = HOLDERS.get(item.get("type", ""), "")
    known = call.items("directory").get(str(item.get(holder, {}).get("id", "")).lower())
    inner = ("organizationId", "collection")
    return item | ({holder: {name: value for name, value in known.items() if name not in inner}} if known else {})


def show_item(call: Call, item: Item) -> dict[str, Any]:
    return ITEM.show(shown(item, call.rest), enums(call))


def enums(call: Call) -> int:
    """The version whose spelling of enumerations is shown: the words of v5 may be switched to those of v6."""
    return 6 if call.rest == 5 and call.options.v5_enums == "pascal" else call.rest


def items_of(call: Call) -> tuple[Item, str]:
    name = "selectedItems" if "selecteditems" in call.request.path.lower() else "excludedItems"
    return call.find("jobs", "jobId", "Backup job"), name


def list_items(call: Call) -> Rows:
    job, name = items_of(call)
    return Rows(job[name], lambda item: show_item(call, item))


def one_item(call: Call) -> Any:
    job, name = items_of(call)
    return show_item(call, find_item(call, job[name]))


def find_item(call: Call, items: list[Item]) -> Item:
    for item in items:
        if item["id"] == call.params["itemId"].lower():
            return item
    raise missing("Item", call.params["itemId"])


def save_items(call: Call, job: Item, name: str, items: list[Item]) -> None:
    changed = job | {name: items}
    check_job(call.api, changed)
    job |= {name: items, "eTag": job["eTag"] + 1}


def add_items(call: Call) -> None:
    job, name = items_of(call)
    if name == "selectedItems" and job["backupType"] == "EntireOrganization":
        raise conflict("The backup job backs up the entire organization.")
    save_items(call, job, name, job[name] + [settled(call, item) for item in call.array(ITEM)])


def edit_item(call: Call) -> None:
    """Flags that are not sent stay as they are, or with `put_jobs: replace` become false."""
    job, name = items_of(call)
    found = find_item(call, job[name])
    body = call.body(ITEM)
    if found["type"] == "Team" and "chats" in body:
        body["teamsChats"] = body.pop("chats")
    changed = {"id": found["id"]} | body if call.options.put_jobs == "replace" else found | body
    save_items(call, job, name, [settled(call, changed) if item is found else item for item in job[name]])


def remove_items(call: Call) -> None:
    """The ids are in the query, or from v8 on in the body."""
    job, name = items_of(call)
    wanted = call.text("ids").split(",") if call.text("ids") else call.raw
    if not isinstance(wanted, list) or not wanted:
        raise invalid("The parameter ids is required.")
    idents = {str(ident).strip().lower() for ident in wanted}
    unknown = idents - {item["id"] for item in job[name]}
    if unknown:
        raise missing("Item", min(unknown))
    save_items(call, job, name, [item for item in job[name] if item["id"] not in idents])


ROUTES = tuple(
    route
    for name in ("SelectedItems", "ExcludedItems")
    for route in (
        Route("GET", f"Jobs/{{jobId}}/{name}", list_items, READ, pages=(8,)),
        Route("POST", f"Jobs/{{jobId}}/{name}", add_items, DONE),
        Route("DELETE", f"Jobs/{{jobId}}/{name}", remove_items, DONE),
        Route("GET", f"Jobs/{{jobId}}/{name}/{{itemId}}", one_item, READ),
        Route("PUT", f"Jobs/{{jobId}}/{name}/{{itemId}}", edit_item, DONE),
    )
)
