"""Job sessions as they run: queued, given to the proxy of the repository, ended, perhaps retried (facts, 6.4).

The proxy does the work and mails the result; the server only sends it the current mail settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.lab.fleet import DeployError, MailSettings, SessionOrder, SessionResult
from reconciler.lab.server import email
from reconciler.lab.server.answer import conflict
from reconciler.lab.server.api import Api, Item
from reconciler.lab.server.job_rules import owners
from reconciler.lab.server.pool_rules import at_work

ACTIVE = ("Queued", "Running")
KEPT = 1000
POLL_SECONDS = 0.2
BYTES_PER_OBJECT = 48 * 2**20
LOG_TYPES = ("Running", "Warning", "Error", "Success", "Stop")


def current(api: Api, job: str) -> Item | None:
    """The session of a job that has not ended."""
    for session in api.items("sessions").values():
        if session["jobId"] == job and session["status"] in ACTIVE:
            return session
    return None


def start(api: Api, job: Item, *, full: bool, main: Item | None = None) -> Item:
    """Queue a session and let it run. Hold the lock. `main` is the session that this one retries."""
    if current(api, job["id"]):
        raise conflict(f"Backup job '{job['name']}' is already running.")
    repository = api.find("repositories", job["repositoryId"], "Backup repository")
    if repository["isMigrationLocked"]:
        raise conflict(f"The owner of backup repository '{repository['name']}' is being changed.")
    whole = full or repository["id"] not in job["full_in"]
    session = queued(api, job, repository, "Backup") | {
        "mainSessionId": main["mainSessionId"] or main["id"] if main else None,
        "retryCount": main["retryCount"] + 1 if main else 0,
        "jobSessionConfigType": "Full" if whole else "Incremental",
    }
    keep(api, job, session)
    api.work.spawn(run, api, job, session, repository)
    return session


def copied(api: Api, job: Item) -> Item:
    """The session of a copy job, which ends at once: the lab copies nothing. Hold the lock."""
    repository = api.find("repositories", job["repositoryId"], "Backup repository")
    session = queued(api, job, repository, "Copy")
    keep(api, job, session)
    note(api, session, "Success", "Copied.")
    session |= {"status": "Success", "endTime": api.now()}
    job |= {"lastStatus": "Success", "lastBackup": session["endTime"], "eTag": job["eTag"] + 1}
    return session


def queued(api: Api, job: Item, repository: Item, kind: str) -> Item:
    return {
        "id": api.new_id(),
        "jobId": job["id"],
        "organizationId": job["organizationId"],
        "repositoryId": repository["id"],
        "mainSessionId": None,
        "details": None,
        "creationTime": api.now(),
        "endTime": None,
        "retryCount": 0,
        "jobWillBeRetried": False,
        "progress": 0,
        "jobType": kind,
        "jobSessionConfigType": "Incremental",
        "status": "Queued",
        "statistics": statistics(0),
        "eTag": 1,
        "proxyId": None,
        "proxyPoolId": repository["proxyPoolId"],
        "log": [],
    }


def keep(api: Api, job: Item, session: Item) -> None:
    api.items("sessions")[session["id"]] = session
    prune(api)
    job |= {"lastStatus": "Queued", "lastRun": session["creationTime"]}


def statistics(processed: int) -> Item:
    rate = {"processingRateBytesPS": 8 * 2**20, "readRateBytesPS": 6 * 2**20, "writeRateBytesPS": 6 * 2**20}
    return {
        **(rate if processed else dict.fromkeys(rate, 0)),
        "processingRateItemsPS": processed,
        "transferredDataBytes": processed * BYTES_PER_OBJECT,
        "processedObjects": processed,
        "bottleneck": "Source" if processed else "NA",
    }


def prune(api: Api) -> None:
    sessions = api.items("sessions")
    ended = [ident for ident, session in sessions.items() if session["status"] not in ACTIVE]
    for ident in ended[: max(0, len(sessions) - KEPT)]:
        del sessions[ident]


def note(api: Api, session: Item, kind: str, message: str) -> None:
    at, known = api.now(), kind if kind in LOG_TYPES else "Success"
    session["log"].append(
        {
            "id": api.new_id(),
            "usn": len(session["log"]) + 1,
            "type": known,
            "message": message,
            "creationTime": at,
            "endTime": at,
        }
    )
    session["eTag"] += 1


def run(api: Api, job: Item, session: Item, repository: Item) -> None:
    """The life of one session, in a separate thread."""
    proxy = wait_for_proxy(api, job, session, repository)
    if proxy is None:
        return
    with api.lock:
        if session["status"] != "Queued":
            return
        session |= {"status": "Running", "proxyId": proxy["id"]}
        job["lastStatus"] = "Running"
        note(api, session, "Running", f"Job started on backup proxy server {proxy['hostName']}.")
        order = order_of(api, job, session)
        api.save()
    try:
        result = api.fleet.run(
            proxy["hostName"],
            proxy["port"],
            order,
            domain=proxy["type"] in ("Domain", "Local"),
            certificate=api.certificate,
            server=api.host,
        )
    except DeployError as error:
        result = SessionResult("Failed", 0, [("Error", str(error))])
    end(api, job, session, result)


def wait_for_proxy(api: Api, job: Item, session: Item, repository: Item) -> Item | None:
    """The proxy that is to run the session; None where there will be none, or the session was stopped."""
    while True:
        with api.lock:
            idents = [proxy["id"] for proxy in owners(api, repository)]
        api.look(idents, now=True)
        with api.lock:
            if session["status"] != "Queued":
                return None
            proxy, problem, policy = choose(api, repository)
        if proxy is not None:
            return proxy
        if policy == "fail":
            end(api, job, session, SessionResult("Failed", 0, [("Error", problem)]))
            return None
        if api.work.wait(POLL_SECONDS):
            return None


def states_of(api: Api, repository: Item) -> Item:
    """A repository with the states of the switch `repository_states`."""
    return {**repository, **api.options.repository_states.get(repository["name"], {})}


def standing_still(api: Api, repository: Item) -> str:
    """Why no job runs on a repository, whatever its proxies do."""
    state = states_of(api, repository)
    words = {"isOutdated": "out of date", "isOutOfOrder": "invalid", "isOutOfSync": "out of sync"}
    found = [word for flag, word in words.items() if state.get(flag)]
    return f"Backup repository '{repository['name']}' is {found[0]}." if found else ""


def choose(api: Api, repository: Item) -> tuple[Item | None, str, str]:
    """A proxy of the repository that can work; else why not, and what is to become of the session. A pool works on
    with members that are out of date; a single proxy does not."""
    if problem := standing_still(api, repository):
        return None, problem, "fail"
    active = at_work(api, owners(api, repository))
    online = [proxy for proxy in active if api.online(proxy)]
    able = [proxy for proxy in online if proxy["proxyPoolId"] or not api.outdated(proxy)]
    if able:
        return min(able, key=lambda proxy: load(api, proxy["id"])), "", ""
    names = ", ".join(proxy["hostName"] for proxy in online or active) or "none"
    if online:
        return None, f"Backup proxy server is out of date: {names}.", api.options.outdated_jobs
    return None, f"Backup proxy server is offline: {names}.", api.options.offline_jobs


def load(api: Api, proxy: str) -> int:
    return sum(s["proxyId"] == proxy and s["status"] == "Running" for s in api.items("sessions").values())


def order_of(api: Api, job: Item, session: Item) -> SessionOrder:
    organization = api.items("organizations")[job["organizationId"]]
    return SessionOrder(
        session=session["id"],
        job=job["name"],
        organization=organization["name"],
        objects=organization["objects"],
        full=session["jobSessionConfigType"] == "Full",
        mail=quieted(api, email.mail_settings(api), last=not retries_left(job, session)),
        trouble=str(api.state.get("trouble", {}).get(job["name"], "")),
    )


def quieted(api: Api, mail: MailSettings | None, *, last: bool) -> MailSettings | None:
    """With supressUntilLastRetry, only the last retry reports a failure."""
    if mail is None or last or not api.state["email"]["supressUntilLastRetry"]:
        return mail
    return replace(mail, notify=[word for word in mail.notify if word != "failure"])


def retries_left(job: Item, session: Item) -> bool:
    policy = job["schedulePolicy"]
    return bool(policy["retryEnabled"] and session["retryCount"] < policy["retryNumber"])


def end(api: Api, job: Item, session: Item, result: SessionResult) -> None:
    with api.lock:
        if session["status"] not in ACTIVE:
            return  # stopped meanwhile
        for kind, message in result.log:
            note(api, session, kind, message)
        worked = result.status in ("Success", "Warning")
        again = result.status == "Failed" and retries_left(job, session)
        session |= {
            "status": result.status,
            "endTime": api.now(),
            "progress": result.processed,
            "statistics": statistics(result.processed),
            "jobWillBeRetried": again,
            "details": None if worked else last_message(result.log),
        }
        job |= {"lastStatus": result.status, "eTag": job["eTag"] + 1}
        if worked:
            keep_backup(api, job, session)
        api.save()
    if again:
        api.work.spawn(retry, api, job, session)


def last_message(log: Sequence[tuple[str, str]]) -> str | None:
    return log[-1][1] if log else None


def keep_backup(api: Api, job: Item, session: Item) -> None:
    repository, organization = session["repositoryId"], session["organizationId"]
    usage = api.state.setdefault("usage", {}).setdefault(repository, {})
    usage[organization] = {"objects": session["progress"], "bytes": session["progress"] * BYTES_PER_OBJECT}
    job["lastBackup"] = session["endTime"]
    if repository not in job["full_in"]:
        job["full_in"].append(repository)


def retry(api: Api, job: Item, session: Item) -> None:
    if api.work.wait(job["schedulePolicy"]["retryWaitInterval"] * api.options.minute):
        return
    with api.lock:
        if job["id"] in api.items("jobs") and not current(api, job["id"]):
            start(api, job, full=False, main=session)
            api.save()


def stop(api: Api, job: Item, session: Item) -> None:
    """Hold the lock. What the proxy still does is not looked at any more."""
    note(api, session, "Stop", "The job was stopped.")
    session |= {"status": "Stopped", "endTime": api.now(), "details": "The job was stopped."}
    job |= {"lastStatus": "Stopped", "eTag": job["eTag"] + 1}


def interrupted(api: Api) -> None:
    """After a start of the server: sessions that the last one left behind have failed."""
    for session in api.items("sessions").values():
        if session["status"] in ACTIVE:
            note(api, session, "Error", "The service was restarted.")
            session |= {"status": "Failed", "endTime": api.now(), "details": "The service was restarted."}
            job = api.items("jobs").get(session["jobId"])
            if job is not None:
                job["lastStatus"] = "Failed"
