"""What holds after every event, whatever happened."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

from reconciler.model.plan import Action
from reconciler.model.steps import RunJob
from tests.simulation.scheduler import scheduler
from tests.simulation.world import ACCOUNTS, ADMIN, LONGEST, SECRETS, Run, World

KINDS = {
    "proxies": ("proxy", "hostName"),
    "proxypools": ("pool", "name"),
    "backuprepositories": ("repository", "name"),
    "jobs": ("job", "name"),
    "vboemailsettings": ("smtp", ""),
}
COLLECTIONS = {"proxies": "proxies", "proxypools": "pools", "backuprepositories": "repositories", "jobs": "jobs"}


NEW_WAYS = ("create", "replace", "takeover", "upgrade")
"""Actions on a proxy after which data takes another way."""

_SECRETS = [secret.encode() for secret in SECRETS.values()]
MILD = ("status", "reset")


def _soon(fault: dict[str, Any]) -> bool:
    """Whether a read that meets this fault succeeds when it is repeated."""
    few = fault["times"] < 2 and fault.get("retry_after", 0) <= 5
    return bool(few and fault["path"] != "token" and fault["status"] != 500)


class Broken(AssertionError):
    """Something that must always hold does not."""


_READER_LOST = "code 141"


class Invariants:
    """Whether everything holds in a world. `check` raises Broken."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.troubled = 0.0
        """When an apply last had a reason to fail."""
        self.is_excused = False
        """A user has allowed an organization to be without a working proxy."""
        self.undeclared: dict[str, Any] = {}
        """What another user has set: threads of proxies, by id."""
        self.due: dict[str, Run] = {}
        """The jobs that are to be started by the next apply, by id, and the run that left them."""
        self._seen_lost = 0
        self._checked = 0.0
        self._read_mails = 0
        self._judged: set[str] = set()

    def running(self) -> list[Run]:
        return [run for run in self.world.runs if not run.is_over]

    def trouble(self) -> None:
        self.troubled = scheduler.now

    def is_hard(self) -> bool:
        """Whether an apply may rightly fail now. A read that fails now and then is not a reason."""
        world, faults = self.world, self.world.state["faults"]
        mild = all(fault["method"] == "GET" and fault["kind"] in MILD and _soon(fault) for fault in faults)
        hosts = world.hosts.values()
        return (
            not (mild and len(faults) < 2)
            or world.disk_full
            or not world.is_serving
            or world.state["administrators"][ADMIN] != SECRETS["VBO_PASSWORD"]
            or any(world.secrets[ACCOUNTS[account]] != secret for account, secret in world.accounts.items())
            or any(run.stood_still for run in self.running())
            or (world.fleet.busy and any(run.ended.startswith("left") for run in world.runs))
            or any(host.power != "on" or host.refuses_logins or host.seconds > 5 for host in hosts)
        )

    def check(self) -> None:
        if self.is_hard():
            self.trouble()
        if scheduler.failure is not None:
            raise scheduler.failure
        world = self.world
        if world.server.bugs:
            raise Broken(f"the lab failed: {world.server.bugs[0]!r}")
        self._check_state()
        for run in world.runs:
            self._check_writes(run)
            if run.is_over and run.name not in self._judged:
                self._judged.add(run.name)
                self._check_ended(run)
            elif not run.is_over and scheduler.now - run.began > LONGEST:
                raise Broken(f"{run.name} runs for more than {LONGEST / 3600:.0f} h")

    def _check_state(self) -> None:
        state = self.world.state
        for collection, key in (("proxies", "hostName"), ("repositories", "name"), ("jobs", "name"), ("pools", "name")):
            names = Counter(str(item[key]) for item in state.get(collection, {}).values())
            double = [name for name, count in names.items() if count > 1]
            if double:
                raise Broken(f"{collection} exist twice: {double}")
        for name, was in self.world.foreign.items():
            found = state["repositories"].get(was["id"], {})
            if {key: found.get(key) for key in was} != was:
                raise Broken(f"{name}, of another user, was changed: {was} is {found}")
        for ident, count in self.undeclared.items():
            item = state["proxies"].get(ident)
            if item is not None and item["threadsNumber"] != count:
                raise Broken(f"threadsNumber of {item['hostName']} was {count}, is not declared, and changed")
        self._check_coverage((state.get("coverage") or {}).get("lost", []))

    def _check_coverage(self, lost: list[dict[str, Any]]) -> None:
        """An organization whose first job is made by a run that was under way had nothing to lose. What a run that
        stood still had begun to send before its lock expired cannot be called back."""
        new, self._seen_lost = lost[self._seen_lost :], len(lost)
        under_way = [run for run in self.world.runs if not run.is_over or run.ended_at >= self._checked]
        self._checked = scheduler.now
        is_excused = self.is_excused or any(run.stood_still for run in under_way)
        for item in new:
            if not is_excused and all(item["organization"] in run.served_before for run in under_way):
                raise Broken(f"an organization lost its last working proxy: {item}")

    def _check_ended(self, run: Run) -> None:
        self._check_said(run)
        self._check_secrets(run)
        self._check_job_runs(run)
        self._check_journal(run)
        self._drop_what_was_started()
        self._remember_due(run)
        if run.was_killed or not run.writes_left or self.world.disk_full or run.stood_still:
            return
        if run.ended == "code 0" and run.plan is not None and not run.is_resumed:
            self._check_starts(run)
        if run.signalled and run.ended == "killed":
            self._check_drains(run)
        if run.readers_lost and run.ended == _READER_LOST and self.world.is_serving:
            self._check_drains(run)
        if run.began <= self.troubled:
            return
        locks = self.world.rows(f"SELECT id FROM locks WHERE process LIKE '%{run.name} 1'")  # noqa: S608
        if locks:
            raise Broken(f"{run.name} has ended, and left its lock")
        if run.plan is not None:
            self._check_drains(run)
        rightly = run.signalled or run.readers_lost or run.is_resumed or run.ended in ("code 0", "code 4", "code 6")
        if not rightly:
            raise Broken(f"{run.name} had no reason to fail, and ends with {run.ended}")

    def _check_said(self, run: Run) -> None:
        text = "".join(run.said)
        if "This is a bug" in text or "Traceback" in text:
            raise Broken(f"{run.name} reports a bug: {text[-2000:]}")
        unfollowed = [line for line in text.splitlines() if "the job goes on at the server" in line]
        refused = (
            "HTTP 401",
            "log in as",
        )  # a login that is refused again and again does not pass: a user must see to it
        if not all(any(word in line for word in refused) for line in unfollowed):
            raise Broken(f"{run.name} no longer follows a job, and the server was never away for long")

    def _check_secrets(self, run: Run) -> None:
        """In no output, no mail and no file."""
        new, self._read_mails = self.world.mails[self._read_mails :], len(self.world.mails)
        shown = {"its output": "".join(run.said).encode(), "a mail": b"".join(new)}
        for folder, _, files in os.walk(self.world.folder):
            shown |= {file: Path(folder, file).read_bytes() for file in files}
        for where, content in shown.items():
            for secret in _SECRETS:
                if secret in content:
                    raise Broken(f"{run.name} shows the secret {secret.decode()} in {where}")

    def _check_journal(self, run: Run) -> None:
        """The journal is whole, and says of the run what became of it, if it could be written."""
        is_cut = not run.ended.startswith("code") or self.world.disk_full
        if is_cut:
            self.check_file(run.name)
        if run.began <= self.troubled or run.ended != "code 0":
            return
        # Without its lock, a run that could not write its end is shown as killed.
        began = self.world.rows("SELECT id FROM runs WHERE state = 'running' AND lock_id IN (SELECT id FROM locks)")
        others = [other for other in self.world.runs if not other.is_over or not other.ended.startswith("code")]
        if len(began) > len(others):
            raise Broken(f"{run.name} ends with code 0, and {len(began)} runs are running in the journal")

    def _remember_due(self, run: Run) -> None:
        """What a run wrote needs the jobs of its plan to run: those that it did not start are due. It recorded them
        before the first request that writes. A session that it only follows may be older."""
        wrote = any(not path.lower().endswith("checksshconnectionconfig") for _, path, _ in run.writes)
        if run.plan is None or run.is_resumed or not wrote:
            return
        jobs = {item["name"]: ident for ident, item in self.world.state["jobs"].items()}
        for change in run.plan.changes:
            name = change.address.partition(".")[2]
            starts = any(isinstance(step, RunJob) and not step.follow for step in change.steps)
            if starts and not change.blocked and name in jobs:
                self.due.setdefault(jobs[name], run)

    def check_file(self, run: str) -> None:
        if self.world.rows("PRAGMA quick_check") not in ([], [("ok",)]):
            raise Broken(f"the journal is broken after {run}")

    def _check_starts(self, run: Run) -> None:
        """An apply that is done has started the jobs that were due."""
        self._drop_what_was_started()
        jobs = self.world.state["jobs"]
        sleeping = {key.address for key in run.plan.asleep} if run.plan else set()
        forgotten = [
            f"{jobs[ident]['name']} ({other.name})"
            for ident, other in self.due.items()
            if other.ended_at < run.began and f"job.{jobs[ident]['name']}" not in sleeping
        ]
        if forgotten:
            raise Broken(f"{run.name} is done, and has not started jobs that were due: {', '.join(forgotten)}")

    def _drop_what_was_started(self) -> None:
        """A request may fail and work all the same."""
        state = self.world.state
        for ident, run in list(self.due.items()):
            sessions = state.get("sessions", {}).items()
            was_started = any(item["jobId"] == ident and key not in run.sessions_before for key, item in sessions)
            if was_started or ident not in state["jobs"]:
                del self.due[ident]

    def drained(self) -> list[str]:
        """The proxies in maintenance mode."""
        found = self.world.state["proxies"].values()
        return [item["hostName"] for item in found if item["maintenanceModeState"] != "Disabled"]

    def _check_drains(self, run: Run) -> None:
        """A run clears the maintenance mode that it set."""
        found = self.world.state["proxies"].items()
        drained = [
            item["hostName"]
            for ident, item in found
            if item["maintenanceModeState"] != "Disabled" and self.world.drains.get(ident.lower()) is run
        ]
        if drained:
            raise Broken(f"{run.name} has ended ({run.ended}), and left maintenance mode on: {', '.join(drained)}")

    def _check_job_runs(self, run: Run) -> None:
        """What moves data anew is followed by the jobs that go through it."""
        if run.plan is None or run.is_resumed:
            return
        changed = {change.address for change in run.plan.changes if change.action.value in NEW_WAYS}
        started = {change.address for change in run.plan.changes if change.action is Action.RUN}
        wanted = self.world.wanted
        for name, job in wanted["jobs"].items():
            proxy = wanted["repositories"][job["repository"]].get("proxy")
            if f"proxy.{proxy}" in changed and f"job.{name}" not in started:
                raise Broken(f"{run.name} deploys {proxy}, and does not start job {name} that goes through it")

    def _check_writes(self, run: Run) -> None:
        """Nothing is done twice, and nothing that the plan did not show."""
        if run.seen_writes == len(run.writes):
            return
        most = 1 + self.world.crashes - run.crashes_before  # a session that the server cut off is started again
        double = {path: count for path, count in run.starts.items() if count > most}
        if double:
            raise Broken(f"{run.name} started jobs twice: {double}")
        planned = {change.address.partition(".")[0] for change in run.plan.changes} if run.plan else set()
        new, run.seen_writes = run.writes[run.seen_writes :], len(run.writes)
        for method, path, status in new:
            part = path.split("/")[1].lower()
            kind = KINDS.get(part, ("", ""))[0]
            if kind and kind not in planned and not path.lower().endswith("checksshconnectionconfig"):
                raise Broken(f"{run.name} sent {method} {path} ({status}), and its plan has no {kind}")
