"""/JobSessions and their log (facts, 6.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from reconciler.lab.server.answer import READ, missing, only
from reconciler.lab.server.api import Item, stamp
from reconciler.lab.server.call import Call, Rows
from reconciler.lab.server.routes import Route
from reconciler.lab.server.shape import ANYTHING, FLAG, IDENT, INT32, INT64, TEXT, TIME, Choice, Place, Property, Shape

WHAT = "Job session"
SESSION = Shape(
    Property("id", IDENT, "r"),
    Property("jobId", IDENT, "r", since=8),
    Property("repositoryId", IDENT, "r", since=7),
    Property("mainSessionId", IDENT, "r", since=7),
    Property("details", TEXT, "r", null=5),
    Property("creationTime", TIME, "r"),
    Property("endTime", TIME, "r", null=7),
    Property("retryCount", INT32, "r"),
    Property("jobWillBeRetried", FLAG, "r", since=7),
    Property("progress", INT32, "r"),
    Property("jobType", TEXT, "r", since=7),
    Property("jobSessionConfigType", TEXT, "r", since=8),
    Property("status", TEXT, "r"),
    Property("statistics", ANYTHING, "r"),
    Property("eTag", INT64, "r", since=8),
    Property("proxyId", IDENT, "r", since=8, null=8),
    Property("proxyPoolId", IDENT, "r", since=8, null=8),
    Property("_links", ANYTHING, "r"),
)
LOG = Shape(
    Property("id", IDENT, "r"),
    Property("usn", INT64, "r"),
    Property("title", TEXT, "r", until=7),
    Property("type", TEXT, "r", since=8),
    Property("message", TEXT, "r", since=8),
    Property("creationTime", TIME, "r"),
    Property("endTime", TIME, "r"),
    Property("_links", ANYTHING, "r"),
)
TYPES = Choice("Backup", "Copy")
# The filter of v8 says Succeeded where bodies say Success.
STATUSES = Choice("Stopped", "Running", "Succeeded", "Failed", "Warning")
LOG_TYPES = Choice("Running", "Warning", "Error", "Success", "Stop")


def show_session(call: Call, item: Item) -> dict[str, Any]:
    path = f"JobSessions/{item['id']}"
    links = call.links(self=path, log=f"{path}/LogItems", job=f"Jobs/{item['jobId']}")
    return SESSION.show(item | {"_links": links}, call.rest)


def newest_first(call: Call, keep: Callable[[Item], bool]) -> Rows:
    found = [item for item in reversed(call.items("sessions").values()) if keep(item)]
    return Rows(found, lambda item: show_session(call, item))


def many(call: Call) -> Rows:
    """Filters: v6 jobType and endTimeLowerBound, v7 jobId and endTimeUpperBound too, v8 status as well."""
    job = call.ident("jobId") if call.rest >= 7 else ""
    kind = choice(call, TYPES, "jobType")
    low, high = moment(call, "endTimeLowerBound", since=6), moment(call, "endTimeUpperBound", since=7)
    status = choice(call, STATUSES, "status") if call.rest >= 8 else ""
    status = {"Succeeded": "Success"}.get(status, status)

    def keep(item: Item) -> bool:
        at = item["creationTime"] if call.options.sessions_since == "created" else item["endTime"]
        if at is None and (low or high):
            return False
        return (
            job in ("", item["jobId"])
            and kind in ("", item["jobType"])
            and status in ("", item["status"])
            and (not low or at >= low)
            and (not high or at <= high)
        )

    return newest_first(call, keep)


def choice(call: Call, words: Choice, name: str) -> str:
    value = call.text(name)
    return words.read(value, Place(call.rest, name)) if value else ""


def moment(call: Call, name: str, *, since: int) -> str:
    """A time of the query in the form of the state, so that texts can be compared; empty where not given."""
    value = call.text(name).replace(" ", "+")  # a plus that was not escaped
    if not value or call.rest < since:
        return ""
    at = datetime.fromisoformat(TIME.read(value, Place(call.rest, name)))
    return stamp(at if at.tzinfo else at.replace(tzinfo=UTC))


def of_job(call: Call) -> Rows:
    job = call.find("jobs", "jobId", "Backup job")["id"]
    return newest_first(call, lambda item: bool(item["jobId"] == job))


def one(call: Call) -> Any:
    return show_session(call, call.find("sessions", "jobSessionsId", WHAT))


def show_log(call: Call, session: Item, entry: Item) -> dict[str, Any]:
    links = call.links(self=f"JobSessions/{session['id']}/LogItems/{entry['id']}")
    return LOG.show(entry | {"title": entry["message"], "_links": links}, call.rest)


def more_lines(call: Call, session: Item) -> Iterator[Item]:
    at = session["creationTime"]
    for number in range(1, call.options.log_lines + 1):
        line = {
            "id": str(UUID(int=number)),
            "usn": number,
            "type": "Success",
            "message": f"Item {number} is processed.",
        }
        yield line | {"creationTime": at, "endTime": at}


def log_items(call: Call) -> Rows:
    """From v8 on with the filters type and orderAsc."""
    session = call.find("sessions", "sessionId", WHAT)
    found = [*more_lines(call, session), *session["log"]]
    if call.rest >= 8:
        kind = choice(call, LOG_TYPES, "type")
        found = [entry for entry in found if kind in ("", entry["type"])]
        if not call.flag("orderAsc", default=True):
            found.reverse()
    return Rows(found, lambda entry: show_log(call, session, entry))


def log_item(call: Call) -> Any:
    session = call.find("sessions", "sessionId", WHAT)
    for entry in session["log"]:
        if entry["id"] == call.params["logItemId"].lower():
            return show_log(call, session, entry)
    raise missing("Log item", call.params["logItemId"])


ROUTES = (
    Route("GET", "JobSessions", many, READ, pages=(5, 6, 7, 8)),
    Route("GET", "JobSessions/{jobSessionsId}", one, READ),
    Route("GET", "Jobs/{jobId}/JobSessions", of_job, only(READ, 5, 6), pages=(5, 6)),
    Route("GET", "JobSessions/{sessionId}/LogItems", log_items, READ, pages=(5, 6, 7, 8)),
    Route("GET", "JobSessions/{sessionId}/LogItems/{logItemId}", log_item, READ),
)
