"""/Jobs (facts, 6.1 and 6.2); their items are in `job_items`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.lab.server import runner
from reconciler.lab.server.answer import CREATE, DONE, READ, conflict, invalid, only
from reconciler.lab.server.api import Item
from reconciler.lab.server.call import Call, Rows
from reconciler.lab.server.job_items import settle
from reconciler.lab.server.job_model import JOB, SCHEDULE_DEFAULTS, START, show_job
from reconciler.lab.server.job_rules import check_job
from reconciler.lab.server.routes import Handler, Route
from reconciler.lab.server.sessions import show_session
from reconciler.lab.server.shape import require

WHAT = "Backup job"
START_STATUS = {6: 204, 7: 204, 8: 200}


def many(call: Call) -> Rows:
    """Filters from v8 on: organizationId and repositoryId."""
    names = ("organizationId", "repositoryId") if call.rest >= 8 else ()
    filters = {name: call.ident(name) for name in names}
    found = [
        job
        for job in call.items("jobs").values()
        if all(not wanted or job[name] == wanted for name, wanted in filters.items())
    ]
    return Rows(found, lambda job: show_job(call, job))


def of_organization(call: Call) -> Rows:
    organization = call.find("organizations", "organizationId", "Organization")
    found = [job for job in call.items("jobs").values() if job["organizationId"] == organization["id"]]
    return Rows(found, lambda job: show_job(call, job))


def one(call: Call) -> Any:
    return show_job(call, call.find("jobs", "jobId", WHAT))


def add_to_organization(call: Call) -> Any:
    organization = call.find("organizations", "organizationId", "Organization")
    return create(call, call.body(JOB) | {"organizationId": organization["id"]})


def add(call: Call) -> Any:
    body = call.body(JOB)
    require(body, ["backupType", "organizationId", "repositoryId"])
    return create(call, body)


def create(call: Call, body: dict[str, Any]) -> Any:
    require(body, ["name", "repositoryId"])
    job: Item = {
        "id": call.api.new_id(),
        **NEW,
        "backupType": "SelectedItems" if body.get("selectedItems") else "EntireOrganization",
        "schedulePolicy": {},
        "lastRun": None,
        "nextRun": None,  # the lab has no scheduler
        "lastBackup": None,
        "lastStatus": None,
        "eTag": 1,
        "full_in": [],
    } | {name: value for name, value in body.items() if name != "runNow"}
    job["schedulePolicy"] = SCHEDULE_DEFAULTS | job["schedulePolicy"]
    settle(call, job)
    check_job(call.api, job)
    call.items("jobs")[job["id"]] = job
    if body.get("runNow"):
        runner.start(call.api, job, full=False)
    return show_job(call, job)


NEW: dict[str, Any] = {"description": "", "isEnabled": True, "selectedItems": [], "excludedItems": []}
"""What a new job has where the request does not say it."""


def edit(call: Call) -> None:
    """Properties that are not sent stay as they are, or with `put_jobs: replace` become what they are in a new job."""
    job = call.find("jobs", "jobId", WHAT)
    body = call.body(JOB)
    body.pop("organizationId", None)
    run_now = body.pop("runNow", False)
    replaced = call.options.put_jobs == "replace"
    kept = job | (NEW if replaced else {})
    changed = kept | body
    policy = SCHEDULE_DEFAULTS if replaced else job["schedulePolicy"]
    changed["schedulePolicy"] = policy | body.get("schedulePolicy", {})
    if replaced and "backupType" not in body:
        changed["backupType"] = "EntireOrganization"
    settle(call, changed)
    check_job(call.api, changed)
    job |= changed | {"eTag": job["eTag"] + 1}
    if run_now:
        runner.start(call.api, job, full=False)


def remove(call: Call) -> None:
    job = call.find("jobs", "jobId", WHAT)
    if runner.current(call.api, job["id"]):
        raise conflict(f"Backup job '{job['name']}' is running.")
    if any(item["backupJobId"] == job["id"] for item in call.items("copy_jobs").values()):
        raise conflict(f"Backup job '{job['name']}' has a backup copy job.")
    del call.items("jobs")[job["id"]]


def enable(call: Call) -> None:
    switch(call, enabled=True)


def disable(call: Call) -> None:
    switch(call, enabled=False)


def switch(call: Call, *, enabled: bool) -> None:
    job = call.find("jobs", "jobId", WHAT)
    job |= {"isEnabled": enabled, "eTag": job["eTag"] + 1}


def start(call: Call) -> Any:
    """A disabled job can be started by hand as well."""
    job = call.find("jobs", "jobId", WHAT)
    full = bool(call.body(START).get("full")) if call.raw is not None or call.rest >= 6 else False
    return show_session(call, runner.start(call.api, job, full=full))


def stop(call: Call) -> None:
    job = call.find("jobs", "jobId", WHAT)
    session = runner.current(call.api, job["id"])
    if session is None:
        raise conflict(f"Backup job '{job['name']}' is not running.")
    runner.stop(call.api, job, session)


ACTIONS: dict[str, Handler] = {"start": start, "stop": stop, "enable": enable, "disable": disable}


def action(call: Call) -> None:
    """v5: one endpoint, and the name of the only property says what to do."""
    body = {str(name).lower(): value for name, value in call.raw.items()} if isinstance(call.raw, dict) else {}
    word = next(iter(body), "")
    if len(body) != 1 or word not in ACTIONS:
        raise invalid("The action must be start, stop, enable or disable.")
    ACTIONS[word](replace(call, raw=body[word]))


ROUTES = (
    Route("GET", "Jobs", many, READ, pages=(8,)),
    Route("POST", "Jobs", add, only(CREATE, 8)),
    Route("GET", "Organizations/{organizationId}/Jobs", of_organization, only(READ, 5, 6, 7)),
    Route("POST", "Organizations/{organizationId}/Jobs", add_to_organization, only(CREATE, 5, 6, 7)),
    Route("GET", "Jobs/{jobId}", one, READ),
    Route("PUT", "Jobs/{jobId}", edit, DONE),
    Route("DELETE", "Jobs/{jobId}", remove, DONE),
    Route("POST", "Jobs/{jobId}/action", action, only(READ, 5)),
    Route("POST", "Jobs/{jobId}/start", start, START_STATUS),
    Route("POST", "Jobs/{jobId}/stop", stop, only(DONE, 6, 7, 8)),
    Route("POST", "Jobs/{jobId}/enable", enable, only(DONE, 6, 7, 8)),
    Route("POST", "Jobs/{jobId}/disable", disable, only(DONE, 6, 7, 8)),
)
