"""/CopyJobs (v6 to v8). What v5 has of them is not known, so the lab has none there.

A job has one copy job, and stays as long as it has one. The lab copies nothing: a session of a copy job succeeds at
once. How the server names a copy job since v8 is not documented.
"""

from __future__ import annotations

from typing import Any

from reconciler.lab.server import runner
from reconciler.lab.server.answer import CREATE, DONE, READ, conflict, invalid, missing, only
from reconciler.lab.server.api import Item
from reconciler.lab.server.call import Call, Rows
from reconciler.lab.server.job_model import COPY_DEFAULTS, COPY_JOB, show_copy_job, show_job
from reconciler.lab.server.routes import Route
from reconciler.lab.server.sessions import show_session
from reconciler.lab.server.shape import require

WHAT = "Backup copy job"
VERSIONS = (6, 7, 8)
START_STATUS = {6: 204, 7: 204, 8: 200}


def many(call: Call) -> Rows:
    """Filters: repositoryId, from v8 on organizationId too."""
    names = ("organizationId", "repositoryId") if call.rest >= 8 else ("repositoryId",)
    filters = {name: call.ident(name) for name in names}
    found = [
        item
        for item in call.items("copy_jobs").values()
        if all(not wanted or item[name] == wanted for name, wanted in filters.items())
    ]
    return Rows(found, lambda item: show_copy_job(call, item))


def one(call: Call) -> Any:
    return show_copy_job(call, call.find("copy_jobs", "id", WHAT))


def backup_job(call: Call) -> Any:
    return show_job(call, call.api.find("jobs", call.find("copy_jobs", "id", WHAT)["backupJobId"], "Backup job"))


def of_job(call: Call) -> Any:
    job = call.find("jobs", "jobId", "Backup job")
    for item in call.items("copy_jobs").values():
        if item["backupJobId"] == job["id"]:
            return show_copy_job(call, item)
    raise missing(WHAT, f"of backup job {job['name']}")


def add(call: Call) -> Any:
    body = body_of(call)
    require(body, ["backupJobId", "repositoryId", *(["organizationId"] if call.rest >= 8 else [])])
    job = call.api.find("jobs", body["backupJobId"], "Backup job")
    item: Item = {
        "id": call.api.new_id(),
        "name": f"{job['name']} (copy)",
        "organizationId": job["organizationId"],
        "isEnabled": True,
        **dict.fromkeys(("lastRun", "nextRun", "lastBackup", "lastStatus")),
        "eTag": 1,
        **body,
        "schedulePolicy": COPY_DEFAULTS | body.get("schedulePolicy", {}),
    }
    check(call, item)
    call.items("copy_jobs")[item["id"]] = item
    return show_copy_job(call, item)


def body_of(call: Call) -> dict[str, Any]:
    """Since v8 a request has no name."""
    body = call.body(COPY_JOB)
    return {key: value for key, value in body.items() if key != "name" or call.rest < 8}


def check(call: Call, item: Item) -> None:
    """Raises `ApiError` if the copy job (new or changed) cannot be saved."""
    repository = call.api.find("repositories", item["repositoryId"], "Backup repository")
    job = call.api.find("jobs", item["backupJobId"], "Backup job")
    if item["organizationId"] != job["organizationId"]:
        raise invalid(f"Backup job '{job['name']}' is one of another organization.")
    if not repository["objectStorageId"] or repository["id"] == job["repositoryId"]:
        raise invalid(f"Backup repository '{repository['name']}' cannot be the target of a backup copy job.")
    for other in call.items("copy_jobs").values():
        if other["backupJobId"] == job["id"] and other["id"] != item["id"]:
            raise conflict(f"Backup job '{job['name']}' has backup copy job '{other['name']}' already.")


def edit(call: Call) -> None:
    """Properties that are not sent stay as they are, or with `put_copy_jobs: replace` become what they are in a new
    copy job."""
    item = call.find("copy_jobs", "id", WHAT)
    body = body_of(call)
    replaced = call.options.put_copy_jobs == "replace"
    policy = COPY_DEFAULTS if replaced else item["schedulePolicy"]
    changed = item | ({"isEnabled": True} if replaced else {}) | body
    changed["schedulePolicy"] = policy | body.get("schedulePolicy", {})
    check(call, changed)
    item |= changed | {"eTag": item["eTag"] + 1}


def remove(call: Call) -> None:
    del call.items("copy_jobs")[call.find("copy_jobs", "id", WHAT)["id"]]


def enable(call: Call) -> None:
    switch(call, enabled=True)


def disable(call: Call) -> None:
    switch(call, enabled=False)


def switch(call: Call, *, enabled: bool) -> None:
    item = call.find("copy_jobs", "id", WHAT)
    item |= {"isEnabled": enabled, "eTag": item["eTag"] + 1}


def start(call: Call) -> Any:
    return show_session(call, runner.copied(call.api, call.find("copy_jobs", "id", WHAT)))


def stop(call: Call) -> None:
    """Its sessions end before they can be stopped, so there is none."""
    call.find("copy_jobs", "id", WHAT)


ROUTES = (
    Route("GET", "CopyJobs", many, only(READ, *VERSIONS), pages=(8,)),
    Route("POST", "CopyJobs", add, only(CREATE, *VERSIONS)),
    Route("GET", "CopyJobs/{id}", one, only(READ, *VERSIONS)),
    Route("PUT", "CopyJobs/{id}", edit, only(DONE, *VERSIONS)),
    Route("DELETE", "CopyJobs/{id}", remove, only(DONE, *VERSIONS)),
    Route("GET", "CopyJobs/{id}/BackupJob", backup_job, only(READ, *VERSIONS)),
    Route("POST", "CopyJobs/{id}/enable", enable, only(DONE, *VERSIONS)),
    Route("POST", "CopyJobs/{id}/disable", disable, only(DONE, *VERSIONS)),
    Route("POST", "CopyJobs/{id}/start", start, START_STATUS),
    Route("POST", "CopyJobs/{id}/stop", stop, only(DONE, *VERSIONS)),
    Route("GET", "Jobs/{jobId}/CopyJob", of_job, only(READ, *VERSIONS)),
)
