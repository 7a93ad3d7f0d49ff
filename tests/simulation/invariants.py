"""What holds after every event, whatever happened."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tests.simulation.scheduler import scheduler
from tests.simulation.world import LONGEST, SECRETS, Run, World

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

MILD = ("status", "reset")


def _soon(fault: dict[str, Any]) -> bool:
    """Whether a read that meets this fault succeeds when it is repeated."""
    few = fault["times"] < 2 and fault.get("retry_after", 0) <= 5
    return bool(few and fault["path"] != "token" and fault["status"] != 500)


class Broken(AssertionError):
    """Something that must always hold does not."""


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
        self._seen_lost = 0
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
        lost = (state.get("coverage") or {}).get("lost", [])
        if len(lost) > self._seen_lost:
            self._seen_lost = len(lost)
            if self.is_excused:
                return
            raise Broken(f"an organization lost its last working proxy: {lost[-1]}")

    def _check_ended(self, run: Run) -> None:
        self._check_said(run)
        self._check_plan(run)
        self._check_job_runs(run)
        if run.was_killed or not run.writes_left or self.world.disk_full:
            return
        if run.signalled and run.ended == "killed":
            self._check_drains(run)
        if run.began <= self.troubled:
            return
        locks = self.world.rows(f"SELECT id FROM locks WHERE process LIKE '%{run.name} 1'")  # noqa: S608
        if locks:
            raise Broken(f"{run.name} has ended, and left its lock")
        if run.plan is not None:
            self._check_drains(run)
        rightly = run.signalled or run.reader_lost or run.is_resumed or run.ended in ("code 0", "code 4", "code 6")
        if not rightly:
            raise Broken(f"{run.name} had no reason to fail, and ends with {run.ended}")

    def _check_said(self, run: Run) -> None:
        most = 1 + self.world.crashes - run.crashes_before  # a session that the server cut off is started again
        double = {path: count for path, count in run.starts.items() if count > most}
        if double:
            raise Broken(f"{run.name} started jobs twice: {double}")
        text = "".join(run.said)
        if "This is a bug" in text or "Traceback" in text:
            raise Broken(f"{run.name} reports a bug: {text[-2000:]}")
        unfollowed = [line for line in text.splitlines() if "the job goes on at the server" in line]
        if any("HTTP 401" not in line for line in unfollowed):  # a login that is refused again and again does not pass
            raise Broken(f"{run.name} no longer follows a job, and the server was never away for long")
        journal = self.world.journal.read_bytes() if self.world.journal.exists() else b""
        for name, secret in SECRETS.items():
            if secret in text or secret.encode() in journal:
                raise Broken(f"{run.name} shows the secret {name}")

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
        started = {change.address for change in run.plan.changes if change.action.value == "run"}
        wanted = self.world.wanted
        for name, job in wanted["jobs"].items():
            proxy = wanted["repositories"][job["repository"]].get("proxy")
            if f"proxy.{proxy}" in changed and f"job.{name}" not in started:
                raise Broken(f"{run.name} deploys {proxy}, and does not start job {name} that goes through it")

    def _check_plan(self, run: Run) -> None:
        """Nothing is done that the plan did not show."""
        planned = {change.address.partition(".")[0] for change in run.plan.changes} if run.plan else set()
        for method, path, status in run.writes:
            part = path.split("/")[1].lower()
            kind = KINDS.get(part, ("", ""))[0]
            if kind and kind not in planned and not path.lower().endswith("checksshconnectionconfig"):
                raise Broken(f"{run.name} sent {method} {path} ({status}), and its plan has no {kind}")
