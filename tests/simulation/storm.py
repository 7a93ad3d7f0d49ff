"""Events happen to a world."""

from __future__ import annotations

import re
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from reconciler import timing
from reconciler.cli import interrupts
from tests.simulation.events import Event
from tests.simulation.hosts import LAB
from tests.simulation.invariants import Broken, Invariants
from tests.simulation.scheduler import Killed, scheduler
from tests.simulation.world import ADMIN, BUILDS, LONGEST, OTHERS, SECRETS, Hand, Run, World


class Storm(Invariants):
    """A world to which events happen. After each of them everything must hold that always holds."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.taken: Counter[str] = Counter()
        self._made = 0
        self._knows_passwords = True
        """An older journal may know of no password: then it is not known whether the server has an old one."""
        self._latest = 0.0
        """How far ahead the clock was at most."""

    def happen(self, event: Event) -> None:
        """Raises Broken."""
        timing.sleep(event.pause)
        action: Callable[..., None] = getattr(self, "on_" + re.sub(r"\W", "_", event.name))
        self.world.note(f"-- {event}")
        self.taken[event.name] += 1
        action(**event.params)
        self.check()

    def _pick(self, section: str, a: int) -> Any:
        found = self.world.wanted.get(section) or {}
        names = sorted(found)
        return found[names[a % len(names)]] if names else {}

    def on_throttle(self, a: int, to: int) -> None:
        self._pick("proxies", a)["throttle"] = f"{to} Mbps"
        self.world.write()

    def on_describe(self, a: int, to: str) -> None:
        self._pick("proxies", a)["description"] = to
        self.world.write()

    def on_keep(self, a: int, to: str) -> None:
        self._pick("repositories", a)["retention"] = {"type": "item-level", "keep": to}
        self.world.write()

    def on_schedule(self, a: int, to: int) -> None:
        self._pick("jobs", a)["schedule"] = {"daily": f"{to:02}:30"}
        self.world.write()

    def on_mail(self, a: int, to: str) -> None:
        del a
        self.world.wanted["smtp"]["to"] = [f"{to}@example.com"]
        self.world.write()

    def on_credentials(self, a: int, to: str) -> None:
        """The server deploys a proxy again for another login: of one proxy, or of all that process an organization."""
        changed = self._pick("proxies", a)
        every = self.world.wanted["proxies"].items()
        group = sorted(self.world.wanted["proxies"])[a % len(self.world.wanted["proxies"])].rpartition("-")[0]
        found = [proxy for name, proxy in every if name.rpartition("-")[0] == group]
        login = OTHERS[changed["credentials"]]
        for proxy in found if to == "organization" else [changed]:
            proxy["credentials"] = login
        self.world.write()

    def on_another_repository(self, a: int, to: int) -> None:
        """Always the same for a number: a repository on a disk cannot move."""
        del a
        own = sorted(name for name, proxy in self.world.wanted["proxies"].items() if "pool" not in proxy)
        if own:
            found = {"proxy": own[to % len(own)], "path": f"E:\\more-{to}"}
            found["retention"] = {"type": "item-level", "keep": "1 year"}
            self.world.wanted.setdefault("repositories", {}).setdefault(f"more-{to}", found)
            self.world.write()

    def on_no_other_repository(self, a: int, to: int) -> None:
        del a
        self.world.wanted.get("repositories", {}).pop(f"more-{to}", None)
        self.world.write()

    def on_apply(self, wait: int, resume: bool) -> None:
        if len(self.running()) < 2:
            run = self.world.begin_apply("--lock-wait", str(wait), *(("--resume", "last") if resume else ()))
            run.is_resumed = resume

    def _run(self, a: int) -> Run | None:
        running = self.running()
        return running[a % len(running)] if running else None

    def _wait_for_a_drain(self, *, late: bool) -> None:
        """What goes wrong while a proxy is drained or installed is what hurts most."""
        end = scheduler.now + 60.0
        installing = self.world.random.random() < 0.5
        while late and self.running() and scheduler.now < end:
            if self.drained() or (installing and self.world.fleet.busy):
                timing.sleep(self.world.random.uniform(0.0, 0.5))
                return
            timing.sleep(1.0)  # less than a drain or an installation takes

    def on_signal(self, a: int, to: str, again: float, *, late: bool) -> None:
        self._wait_for_a_drain(late=late)
        run = self._run(a)
        if run is not None:
            self._signal(run, to)
        if run is not None and again >= 0:
            timing.sleep(again)
            if not run.is_over:
                self._signal(run, to)

    def on_stands_still(self, a: int, to: int, *, late: bool) -> None:
        """Its machine is stopped, and goes on later: its lock may have expired meanwhile."""
        self._wait_for_a_drain(late=late)
        run = self._run(a)
        if run is not None:
            self.trouble()
            run.stood_still = True
            run.process.stands_until = scheduler.now + to

    def _signal(self, run: Run, to: str) -> None:
        run.signalled = True
        number = signal.Signals[to]
        if number not in interrupts._CODES:
            self._kill(run)
            return
        processes = scheduler.current.processes
        processes.append(run.process)
        try:
            run.console.interrupts._take(number, None)
        except KeyboardInterrupt as error:
            if run.task is not None:
                scheduler.interrupt(run.task, error)
        except Killed:  # it left at once
            pass
        finally:
            processes.pop()
        if run.process.is_dead:
            self._kill(run)

    def on_kill(self, a: int, *, late: bool) -> None:
        self._wait_for_a_drain(late=late)
        run = self._run(a)
        if run is not None:
            self._kill(run)
            run.was_killed = True

    def _kill(self, run: Run) -> None:
        scheduler.kill(run.process)
        if not run.is_over:
            run.end("killed")

    def on_kill_at_a_write(self, a: int, to: int) -> None:
        run = self._run(a)
        if run is not None:
            run.writes_left = to

    def on_the_reader_goes_away(self, a: int, to: str, *, late: bool) -> None:
        self._wait_for_a_drain(late=late)
        run = self._run(a)
        if run is not None:
            run.readers_lost |= {"out", "err"} if to == "both" else {to}

    def on_journal(self, a: int, to: str) -> None:
        """A copy of the journal is made, and later comes back. What it alone knew is lost, so there is none of that."""
        del a
        kept = self.world.folder / "kept.db"
        self.check()
        if self.running() or self._is_under_way():
            return
        if to == "kept" and self.world.journal.exists():
            shutil.copy(self.world.journal, kept)
        elif to == "comes back" and kept.exists():
            shutil.copy(kept, self.world.journal)
            self._knows_passwords = False
            self.world.note("the journal is older")

    def _is_under_way(self) -> bool:
        """Whether an apply left something that the next one knows of from the journal. That includes a host that is
        still at work: where an apply was killed its service may appear when the server does not know of it any more,
        and may then be another server's, for all that can be read."""
        self._drop_what_was_started()
        state = self.world.state
        registered = {item["hostName"] for item in state["proxies"].values()}
        installed = {host.name for host in self.world.hosts.values() if host.state["proxy"]}
        return bool(
            self.world.fleet.busy or self.drained() or self.due or installed ^ registered - {self.world.server_host}
        )

    def on_hand_changes_ours(self, a: int, to: int) -> None:
        host = self._pick("proxies", a)["host"]
        self._by_hand(lambda hand: self._put(hand, host, {"throttlingValue": to}))

    def _put(self, hand: Hand, host: str, body: dict[str, Any]) -> None:
        """A server may take the default for what a body leaves out: a user keeps the threads that another one has set,
        also of a proxy that is offline, which does not show them."""
        found = [item["id"] for item in hand.listed("Proxies") if item["hostName"] == host]
        if found:
            kept = {"threadsNumber": self.world.state["proxies"][found[0].lower()]["threadsNumber"]}
            hand.request("PUT", f"Proxies/{found[0]}", kept | body)

    def on_hand_adds(self, a: int) -> None:
        del a
        self._made += 1
        name = f"foreign-{self._made}"

        def add(hand: Hand) -> None:
            local = [item["id"] for item in hand.listed("Proxies") if item["hostName"] == self.world.server_host]
            body = {"name": name, "proxyId": local[0], "path": f"F:\\{name}", "retentionType": "ItemLevel"}
            body |= {"retentionPeriodType": "Yearly", "yearlyRetentionPeriod": "Year1"}
            body |= {"retentionFrequencyType": "Daily", "dailyTime": "08:00:00", "dailyType": "Everyday"}
            hand.request("POST", "BackupRepositories", body)

        self._by_hand(add)
        for item in list(self.world.state["repositories"].values()):
            if item["name"] == name:
                keys = ("id", "name", "path", "proxyId", "description", "yearlyRetentionPeriod")
                self.world.foreign[name] = {key: item.get(key) for key in keys}

    def on_hand_removes_a_job(self, a: int) -> None:
        """It may be the last one that goes through a working proxy, also in the plan of an apply that has begun."""
        jobs = self.world.state["jobs"]
        if jobs:
            self.trouble()
            ident = sorted(jobs)[a % len(jobs)]
            organization = self.world.state["organizations"][jobs[ident]["organizationId"]]["name"]
            self._by_hand(lambda hand: hand.request("DELETE", f"Jobs/{ident}"))
            for run in self.running():
                run.served_before -= {organization}
            self._seen_lost = len((self.world.state.get("coverage") or {}).get("lost", []))

    def on_hand_sets_what_is_not_declared(self, a: int, to: int) -> None:
        """While no apply runs: one that has read before would rightly write what it read."""
        if self.running():
            return
        host = self._pick("proxies", a)["host"]
        self._by_hand(lambda hand: self._put(hand, host, {"threadsNumber": to}))
        for ident, item in self.world.state["proxies"].items():
            if item["hostName"] == host:
                self.undeclared[ident] = item["threadsNumber"]

    def _by_hand(self, work: Callable[[Hand], None]) -> None:
        """A hand meets the faults as well, and gives up."""
        self.trouble()
        try:
            work(Hand(self.world))
        except (httpx.HTTPError, ValueError, KeyError, IndexError):
            self.world.note("the hand gives up")

    def on_wire(self, fault: dict[str, Any]) -> None:
        self.world.state["faults"].append(dict(fault))

    def on_host(self, a: int, to: str) -> None:
        """A host dies, unless an organization might lose its last working proxy: the storm would have done it."""
        host = self.world.hosts[self._pick("proxies", a)["host"]]
        self.trouble()
        if to != "on":
            if self.running() or min(self._working().values(), default=0) < 2:
                return
            others = [found for found in self.world.hosts.values() if found.power != "on"]
            if others:
                return
        host.switch(to)

    def _working(self) -> dict[str, int]:
        seen = self.world.state.get("coverage") or {}
        return {name: item["now"] for name, item in seen.get("organizations", {}).items()}

    def on_login(self, a: int, to: str) -> None:
        self.trouble()
        self.world.hosts[self._pick("proxies", a)["host"]].refuses_logins = to == "refused"

    def on_slow(self, a: int, to: int) -> None:
        self.trouble()
        self.world.hosts[self._pick("proxies", a)["host"]].seconds = float(to)

    def on_server_restarts(self, a: int, to: int, *, late: bool) -> None:
        del a
        self._wait_for_a_drain(late=late)
        self._restart(float(to))

    def on_server_is_upgraded(self, a: int, to: int, *, late: bool) -> None:
        del a
        self._wait_for_a_drain(late=late)
        build = self.world.state["build"]
        builds = [build for rest, builds in sorted(BUILDS.items()) if rest >= self.world.rest for build in builds]
        if build != builds[-1] and self.world.is_serving:
            how = "by build" if to % 3 else "none"  # or proxies alone are out of date afterwards
            self.world.state["options"]["repository_upgrades"] = how
            self._restart(float(to), builds[builds.index(build) + 1])

    def _restart(self, seconds: float, build: str = "") -> None:
        if not self.world.is_serving:
            return
        self.world.server_crashes()

        def start() -> None:
            timing.sleep(seconds)
            self.world.server_starts(build)
            self.world.note("the server is up")

        scheduler.spawn("server", start, LAB)

    def on_password(self, a: int, to: str) -> None:
        """The password of the login to the server is changed there, and later it is the declared one again."""
        del a
        self.trouble()
        self._set_password(SECRETS["VBO_PASSWORD"] if to == "right" else "another")

    def _set_password(self, password: str) -> None:
        with self.world.document.lock:
            self.world.state["administrators"][ADMIN] = password

    def on_rotated(self, a: int, to: str) -> None:
        """The account of the server itself stays: its password is that of REST as well (`on_password`)."""
        self.trouble()
        if to == "declared":
            self.world.declare_accounts()
            return
        used = {proxy["credentials"] for proxy in self.world.wanted["proxies"].values()}
        accounts = {str(self.world.wanted["credentials"][login]["username"]) for login in used} - {ADMIN}
        if accounts:
            self.world.rotate(sorted(accounts)[a % len(accounts)], declared=to == "both")

    def on_disk(self, a: int, to: str) -> None:
        del a
        self.trouble()
        self.world.disk_full = to == "full"

    def on_clock_jumps(self, to: int) -> None:
        self.trouble()
        scheduler.skew += to
        self._latest = max(self._latest, scheduler.skew)

    def on_time_passes(self, to: int) -> None:
        timing.sleep(float(to))

    # peace

    def on_calm(self) -> None:
        """The troubles end: it converges, at the second try at the latest, since the first may find work half done."""
        self.world.disk_full = False
        self._set_password(SECRETS["VBO_PASSWORD"])
        self.world.declare_accounts()
        scheduler.skew = self._latest  # else a lease that a clock ahead has granted lasts
        with self.world.document.lock:
            self.world.state["faults"].clear()
        for host in self.world.hosts.values():
            host.refuses_logins, host.seconds = False, 0.05
            if host.power != "on":
                host.switch("on")
        began = scheduler.now
        while self.running() or not self.world.is_serving:
            timing.sleep(5.0)
            if scheduler.now - began > LONGEST:
                raise Broken(f"an apply does not end: {[run.name for run in self.running()]}")
        self.check()
        timing.sleep(130.0)  # the lease of a killed run, and the sessions of jobs
        ended = self.applied()
        if ended != "code 0":
            timing.sleep(130.0)
            ended = self.applied(*self._waivers())
        if ended != "code 0":
            raise Broken(f"it does not converge: {ended}")
        plan = self.world.runs[-1].plan
        after = self.applied() if plan and not plan.is_empty else ended
        plan = self.world.runs[-1].plan
        left = [change.key for change in plan.changes if change.action.value != "run"] if plan else ["no plan"]
        if left or after != "code 0":
            raise Broken(f"it has converged, and then {after}: {', '.join(left)}")
        if drained := self.drained():
            raise Broken(f"it has converged, and is drained: {', '.join(drained)}")
        old = self._old_passwords() if self._knows_passwords else []
        if old:
            raise Broken(f"it has converged, and the server has an old password for: {', '.join(old)}")
        self.check_file(self.world.runs[-1].name)

    def _old_passwords(self) -> list[str]:
        """The domain proxies whose stored account their hosts do not accept."""
        found = []
        for item in self.world.state["proxies"].values():
            account = item.get("account") or {}
            host = self.world.hosts[item["hostName"].lower()]
            if item["type"] == "Domain" and account and not host.accepts(account["username"], account["password"]):
                found.append(item["hostName"])
        return found

    def _waivers(self) -> Sequence[str]:
        """An apply that was cut may leave an organization one proxy, which a new build is to go on: a user decides."""
        plan = self.world.runs[-1].plan
        refused = [refusal.code for refusal in plan.refusals] if plan else []
        if refused and set(refused) == {"coverage"}:
            self.is_excused = True
            return ("--waive", "coverage=nothing is backed up now")
        return ()

    def applied(self, *options: str) -> str:
        run = self.world.begin_apply("--lock-wait", "300", *options)
        if not run.over.wait(LONGEST):
            raise Broken(f"{run.name} does not end")
        self.check()
        return run.ended
