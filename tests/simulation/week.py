"""A week of `watch --apply` over three servers, in simulated time: 500 cycles, one each 20 minutes.

The command line of the program runs, on a fleet, against the servers and hosts of the simulation. Users drift them in
the console, edit inventories and apply; hosts and servers go away and come back; servers are upgraded; the watch is
killed and started again, its disk is full, its receiver is down. After each cycle the metrics are compared with the
state of the lab, and at the end the notices that the receiver got with each other.
"""

from __future__ import annotations

import gc
import signal
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx

from reconciler import randomness, timing
from reconciler.cli.boundary import run as call
from reconciler.model.errors import Unavailable
from reconciler.model.inventory import Window
from reconciler.plan.guards.windows import is_open
from reconciler.watching.metrics import exposition
from reconciler.watching.watcher import Watcher
from tests.simulation import truth
from tests.simulation.hosts import LAB
from tests.simulation.invariants import Broken
from tests.simulation.scheduler import EPOCH, Killed, Process, scheduler
from tests.simulation.storm import Storm
from tests.simulation.world import LONGEST, SECRETS, Hand, Run, World, connected

SITES: Final = ("corp", "emea", "apac")
INTERVAL: Final = 1200
WINDOW: Final = Window("20:00", 10)
_ACTIONS: Final = ("update", "upgrade", "run")
_OBJECTS: Final = ("proxy", "smtp", "job", "repository")
"""Jobs and proxies that are missing, and hosts, are left to people; so is retention."""
_RULES: Final = [
    {"actions": list(_ACTIONS), "addresses": ["proxy.*", "smtp", "job.*", "repository.*"]}
    | {"windows": [{"allow": WINDOW.allow, "for": f"{WINDOW.hours}h"}]},
]
_HOOK: Final = "https://hooks.example.com/"
_LONGEST_FLAP: Final = 8 * 3600.0
"""Seconds without an event at the end, at most: longer than a finding flaps."""
_EVENTS: Final = {
    "drifts": 0.12,
    "flaps": 0.006,
    "loses_a_job": 0.01,
    "is_applied": 0.04,
    "is_edited": 0.03,
    "loses_a_host": 0.03,
    "is_down": 0.015,
    "restarts": 0.02,
    "is_upgraded": 0.006,
    "has_another_password": 0.006,
    "refuses_writes": 0.03,
}
"""How often each happens to a server between two cycles."""


@dataclass
class Site:
    """A server, its hosts and users. `events` counts what happened to it; `back` says after which cycle it is well."""

    storm: Storm
    events: int = 0
    down: int = 0
    wrong_password: int = 0
    flapping: int = 0
    hosts: dict[str, int] = field(default_factory=dict)

    @property
    def world(self) -> World:
        return self.storm.world


class Week:
    """What the process of `watch` is in: see `world.Surroundings`."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = Random(seed)
        self.disk_full = False
        self.log: list[str] = []
        self.sites: dict[str, Site] = {}
        self.runs: list[Run] = []
        self.cycles = 0
        self.received: list[Mapping[str, Any]] = []
        self.hook_is_down = False
        self.taken: Counter[str] = Counter()
        self.checked: Counter[str] = Counter()
        self.broken = ""
        self.open: dict[str, Any] = {}
        """The open findings by server, where there are any."""
        self.kept: dict[str, Counter[str]] = {}
        """What the metrics counted at a server, since the start of the watch that runs."""
        self.seen: dict[str, list[Truth]] = {}
        """What was true before and after the latest observation of a server."""
        for site in SITES:
            (folder / site).mkdir()
            world = World(folder / site, Random(f"{site} of {seed}"), 1, site=site)
            world.log = self.log
            for number, proxy in enumerate(world.wanted["proxies"].values()):
                proxy |= {"description": f"rack {number}", "throttle": "100 Mbps"}
            world.wanted["policy"]["auto"] = _RULES
            world.write()
            self.sites[site] = Site(Storm(world))
        fleet = "".join(f"  {site}: {site}/inventory.yml\n" for site in SITES)
        (folder / "fleet.yml").write_text(f"version: 1\nfleet: {{name: week}}\ninventories:\n{fleet}", encoding="utf-8")

    def at(self, host: str) -> World:
        """A host has its site in its name."""
        return self.sites[host.split(".")[1]].world

    def note(self, text: str) -> None:
        self.log.append(f"{scheduler.now:11.3f} {text.replace(str(self.folder), 'FOLDER')}")

    # the program

    def begins(self) -> None:
        process = Process(f"watch-{len(self.runs) + 1}")
        run = Run(process.name, process, scheduler.now)
        run.console = self.sites[SITES[0]].world.console(run)
        self.runs.append(run)
        self.kept.clear()
        self.note(f"-- {run.name} begins")
        run.task = scheduler.spawn(process.name, lambda: self._watch(run), process)

    def _watch(self, run: Run) -> None:
        how = "killed"
        options = ("--apply", "--interval", str(INTERVAL), "--listen", "none", "--notify-url", _HOOK, "-v")
        try:
            with connected(self, run):
                how = f"code {call(['watch', str(self.folder / 'fleet.yml'), *options], run.console)}"
        except Killed:
            pass
        run.end(how)
        self.note(f"{run.name} ends: {run.ended}")

    def is_killed(self) -> None:
        run = self.runs[-1]
        self.note(f"-- {run.name} is killed")
        self.taken["killed"] += 1
        scheduler.kill(run.process)
        run.end("killed")

    def is_terminated(self) -> None:
        """As by systemd: it ends in order."""
        run = self.runs[-1]
        self.note(f"-- {run.name} is terminated")
        self.taken["terminated"] += 1
        processes = scheduler.current.processes
        processes.append(run.process)
        try:
            run.console.interrupts._take(signal.SIGTERM, None)
        except KeyboardInterrupt as error:
            if run.task is not None:
                scheduler.interrupt(run.task, error)
        except Killed:
            pass
        finally:
            processes.pop()
        if not run.over.wait(3600.0):
            raise Broken(f"{run.name} does not end after SIGTERM")

    def receive(self, message: Mapping[str, Any]) -> None:
        timing.sleep(self.random.uniform(0.01, 0.5))
        if self.hook_is_down:
            raise Unavailable("hooks.example.com", "notifying", "it answered 503")
        self.received.append(message)
        timing.sleep(self.random.uniform(0.01, 0.5))

    # what happens

    def happen(self) -> None:
        """What happens between two cycles."""
        for site in self.sites.values():
            self._recover(site)
            for name, often in _EVENTS.items():
                if self.random.random() < often and self._is_up(site):
                    self._happen(site, name)
            if site.flapping and self._is_up(site):
                site.flapping -= 1
                self._happen(site, "drifts_and_back")
        self.disk_full = self.random.random() < (0.7 if self.disk_full else 0.01)
        self.hook_is_down = self.random.random() < (0.7 if self.hook_is_down else 0.015)
        self.taken["disk is full"] += self.disk_full
        self.taken["hook is down"] += self.hook_is_down

    def _happen(self, site: Site, name: str, *args: Any) -> None:
        self.note(f"-- {site.world.wanted['name']} {name}")
        self.taken[name] += 1
        site.events += 1
        getattr(self, f"_{name}")(site, *args)

    def _is_up(self, site: Site) -> bool:
        return site.world.is_serving and not site.wrong_password

    def _recover(self, site: Site) -> None:
        for host, left in list(site.hosts.items()):
            site.hosts[host] = left - 1
            if left <= 1:
                del site.hosts[host]
                site.events += 1
                site.world.hosts[host].switch("on")
        if site.down:
            site.down -= 1
            if not site.down:
                site.events += 1
                site.world.server_starts()
        if site.wrong_password:
            site.wrong_password -= 1
            if not site.wrong_password:
                site.storm._set_password(SECRETS["VBO_PASSWORD"])

    def _by_hand(self, site: Site, work: Any) -> None:
        with suppress(httpx.HTTPError):
            work(Hand(site.world))

    def _drifts(self, site: Site) -> None:
        """A user changes in the console what the inventory declares."""
        world, pick = site.world, self.random.randrange
        proxy = self.random.choice(sorted(world.wanted["proxies"].values(), key=str))["host"]

        def mail(hand: Hand) -> None:
            found = hand.request("GET", "VboEmailSettings")
            hand.request("PUT", "VboEmailSettings", found | {"to": f"other-{pick(9)}@example.com"})

        def keep(hand: Hand) -> None:
            found = self.random.choice(hand.listed("BackupRepositories"))
            if found["name"] in world.wanted["repositories"]:
                hand.request("PUT", f"BackupRepositories/{found['id']}", found | {"yearlyRetentionPeriod": "Years7"})

        def schedule(hand: Hand) -> None:
            for found in hand.listed("Jobs")[:1]:
                policy = found["schedulePolicy"] | {"dailyTime": f"0{pick(9)}:30:00"}
                hand.request("PUT", f"Jobs/{found['id']}", found | {"schedulePolicy": policy})

        kinds = (
            lambda hand: site.storm._put(hand, proxy, {"throttlingValue": 1 + pick(90)}),
            lambda hand: site.storm._put(hand, proxy, {"description": f"moved {pick(9)}"}),
            mail,
            keep,
            schedule,
        )
        self._by_hand(site, self.random.choice(kinds))

    def _flaps(self, site: Site) -> None:
        site.flapping = 14

    def _drifts_and_back(self, site: Site) -> None:
        """Something outside switches a schedule over and over; outside of the windows it stays so."""

        def turn(hand: Hand) -> None:
            name, wanted = min(site.world.wanted["jobs"].items())
            for found in hand.listed("Jobs"):
                if found["name"] == name:
                    declared = f"{wanted['schedule']['daily']}:00"
                    time = "11:11:00" if site.flapping % 2 else declared
                    body = found | {"schedulePolicy": found["schedulePolicy"] | {"dailyTime": time}}
                    hand.request("PUT", f"Jobs/{found['id']}", body)

        self._by_hand(site, turn)

    def _loses_a_job(self, site: Site) -> None:
        def lose(hand: Hand) -> None:
            for found in hand.listed("Jobs")[:1]:
                hand.request("DELETE", f"Jobs/{found['id']}")

        self._by_hand(site, lose)

    def _is_applied(self, site: Site) -> None:
        site.world.begin_apply("--lock-wait", str(self.random.choice((0, 600))))

    def _is_edited(self, site: Site) -> None:
        if self.random.random() < 0.5:
            site.storm.on_throttle(self.random.randrange(9), self.random.randint(100, 900))
        else:
            site.storm.on_schedule(self.random.randrange(9), self.random.randint(12, 23))

    def _loses_a_host(self, site: Site) -> None:
        host = self.random.choice(sorted(proxy["host"] for proxy in site.world.wanted["proxies"].values()))
        if not site.hosts and not site.storm.running():
            site.hosts[host] = self.random.randint(1, 6)
            site.world.hosts[host].switch(self.random.choice(("off", "off", "hung")))

    def _is_down(self, site: Site) -> None:
        site.down = self.random.randint(1, 5)
        site.world.server_crashes()

    def _restarts(self, site: Site) -> None:
        """While a cycle goes on, or between two of them."""
        site.storm._restart(float(self.random.randint(1, 120)))

    def _is_upgraded(self, site: Site) -> None:
        site.storm.on_server_is_upgraded(0, self.random.randint(1, 60), late=False)

    def _has_another_password(self, site: Site) -> None:
        site.wrong_password = self.random.randint(1, 4)
        site.storm._set_password("another")

    def _refuses_writes(self, site: Site) -> None:
        """The next ones, by any writer."""
        fault = {"kind": "status", "method": "PUT", "path": "*", "times": 3, "status": 500, "when": "before"}
        site.world.state["faults"].append(fault | {"seconds": 0.0})

    # the week

    def run(self, cycles: int) -> None:
        """Raises Broken."""
        for site in self.sites.values():
            if (ended := self._applied(site)) != "code 0":
                raise Broken(f"the first apply ended with {ended}")
        self.begins()
        for number in range(cycles):
            self._await_cycle()
            self.happen()
            if self.random.random() < 0.04:
                timing.sleep(self.random.choice((0.0, 1.0, INTERVAL * 0.95, INTERVAL, INTERVAL * 1.02)))
                self.random.choice((self.is_killed, self.is_killed, self.is_terminated))()
                self.begins()
            if number % 10 == 0:
                gc.collect()  # here and not at any moment: what a collection deletes has effects
        self._calm()

    def _applied(self, site: Site) -> str:
        """How an apply of a person ends."""
        run = site.world.begin_apply("--lock-wait", "900")
        if not run.over.wait(LONGEST):
            raise Broken(f"{run.name} does not end")
        return run.ended

    def _await_cycle(self) -> None:
        before, run = self.cycles, self.runs[-1]
        end = scheduler.now + 8 * 3600.0
        while self.cycles == before:
            if self.broken or run.is_over or scheduler.now > end:
                raise Broken(self.broken or f"{run.name} ended ({run.ended}) or stands still")
            timing.sleep(1.0)

    def _calm(self) -> None:
        """All recovers, a person applies what is left, and longer than a finding flaps nothing happens."""
        self.disk_full = self.hook_is_down = False
        for site in self.sites.values():
            site.down, site.wrong_password = min(site.down, 1), min(site.wrong_password, 1)
            site.hosts = dict.fromkeys(site.hosts, 1)
            self._recover(site)
            site.world.state["faults"].clear()
            while not site.world.is_serving or site.storm.running():
                timing.sleep(60.0)
        timing.sleep(3600.0)
        for site in self.sites.values():
            for _ in range(2):
                ended = self._applied(site)
            site.events += 1
            if ended != "code 0":
                raise Broken(f"{site.world.wanted['name']} does not converge: {ended}")
        end = scheduler.now + _LONGEST_FLAP
        self._await_cycle()
        self.open = {"not": "known"}
        while self.open and scheduler.now < end:
            self._await_cycle()
        self.is_terminated()
        self._check_end()

    # what must hold

    def cycle(self, watcher: Watcher, work: Any) -> None:
        """In the place of `Watcher.cycle`. What is compared is what nothing changed in the meantime."""
        busy = {name for name, site in self.sites.items() if site.storm.running()}
        before = {name: (site.events, site.world.crashes) for name, site in self.sites.items()}
        began = scheduler.epoch()
        work(watcher)
        try:
            shown = Shown(exposition(list(watcher.states.values())).decode())
            for name, site in self.sites.items():
                same = before[name] == (site.events, site.world.crashes) and name not in busy
                if same and site.world.is_serving and not self.disk_full:
                    self._check(site, name, watcher, shown)
                    self.checked["exact"] += 1
                elif same and not self.disk_full:
                    self._check_down(name, shown, began)
                    self.checked["down"] += 1
                else:
                    self.checked["changed meanwhile"] += 1
                self.kept[name] = shown.findings(name, ("drift", "outdated"))
            self.open = {name: state.open for name, state in watcher.states.items() if state.open}
        except Broken as error:
            self.broken = self.broken or f"cycle {self.cycles}: {error}"
        self.cycles += 1

    def look(self, name: str, work: Callable[[], Any]) -> Any:
        """In the place of `Watcher._look`."""
        world = self.sites[name].world
        before = Truth.of(world)
        found = work()
        self.seen[name] = [before, Truth.of(world)]
        return found

    def _check(self, site: Site, name: str, watcher: Watcher, shown: Shown) -> None:
        if site.wrong_password:
            self._check_down(name, shown, 0.0)
            return
        shown.expect("observation_success", 1, server=name)
        shown.expect("journal_up", 1, server=name)
        away, world = truth.away(site.world), site.world
        shown.expect("hosts", len(world.wanted["proxies"]), server=name)
        shown.expect("hosts_unreachable", len(away), server=name)
        shown.expect("server_info", 1, server=name, host=world.server_host, rest="v8", build=world.state["build"])
        before, after = self.seen[name]
        for job, result in before.results.items():
            if after.results.get(job) == result:
                shown.expect("job_last_result", 1, server=name, job=job, result=result)
        for each in (before, after):
            if not (problem := self._wrong_findings(name, watcher, shown, each.differences, away)):
                break
        else:
            raise Broken(problem)
        self._check_journal(name, shown)

    def _wrong_findings(
        self, name: str, watcher: Watcher, shown: Shown, differences: frozenset[truth.Difference], away: set[str]
    ) -> str:
        """What is wrong with the findings, apart from what a host that is away hides."""
        hidden = {f"proxy.{proxy}" for proxy in away}
        tracked = [item for item in watcher.states[name].open if item.finding.kind.value in ("drift", "outdated")]
        seen = {(item.finding.address, item.finding.subject) for item in tracked if item.present}
        visible = {item for item in differences if item[0] not in hidden}
        if {item for item in seen if item[0] not in hidden} != visible:
            return f"{name}: {sorted(seen)} and not {sorted(visible)}, hidden: {sorted(hidden)}"
        if hidden:
            return ""
        gone = [item for item in tracked if not item.present]
        if any(item.state.value != "flapping" for item in gone):
            return f"{name}: open, and neither there nor flapping"
        counted = Counter(_kind(where) for where, _ in differences) + Counter(_kind(i.finding.address) for i in gone)
        found = shown.findings(name, ("drift", "outdated"))
        return "" if found == counted else f"{name}: the metric counts {dict(found)}, and there are {dict(counted)}"

    def _check_down(self, name: str, shown: Shown, began: float) -> None:
        shown.expect("observation_success", 0, server=name)
        if shown.value("observation_last_attempt_timestamp_seconds", server=name) < began - 1:
            raise Broken(f"{name}: the time of the last attempt is older than the cycle")
        if not shown.findings(name, ("problem",))["server"]:
            raise Broken(f"{name}: is down, and nothing reports it")
        if (counted := shown.findings(name, ("drift", "outdated"))) != self.kept.get(name, counted):
            raise Broken(f"{name}: is down, and what was open was {self.kept[name]} and is {counted}")

    def _check_journal(self, name: str, shown: Shown) -> None:
        world = self.sites[name].world
        query = "SELECT operation, state, count(*) FROM runs WHERE inventory = ? GROUP BY 1, 2"
        for operation, state, number in world.rows(query, name):
            if state != "running":
                shown.expect("runs", number, server=name, operation=operation, state=state)
                continue
            labels = {"server": name, "operation": operation}  # a row of a run that was killed keeps its state
            found = [shown.value("runs", **labels, state=each) for each in ("running", "killed")]
            if sum(max(0, count) for count in found) != number:
                raise Broken(f"{name}: {found} runs are running or killed, and not {number}")
        query = "SELECT count(*) FROM notices WHERE sent IS NULL AND server = ?"
        shown.expect("notices_pending", world.rows(query, name)[0][0], server=name)

    def _check_end(self) -> None:
        self._check_notices()
        self._check_policy()

    def _check_notices(self) -> None:
        """A receiver drops an id that it has seen: it comes again if the watch is killed before it is recorded."""
        by_id: dict[str, Mapping[str, Any]] = {}
        for message in self.received:
            if by_id.setdefault(message["id"], message) != message:
                raise Broken(f"the notice {message['id']} came with two contents")
        again = len(self.received) - len(by_id)
        if again > self.taken["killed"] + self.taken["disk is full"]:
            raise Broken(f"{again} notices came again")
        changes: dict[str, Counter[str]] = defaultdict(Counter)
        for message in by_id.values():
            for item in message["transitions"]:
                changes[item["incident"]][item["change"]] += 1
        for incident, counted in changes.items():
            if counted["opened"] + counted["flapping"] != 1 or counted["resolved"] != 1:
                raise Broken(f"the incident {incident}: {dict(counted)}")
        self.checked["incidents"] = len(changes)
        self.checked["notices"] = len(by_id)
        self.checked["notices that came again"] = again

    def _check_policy(self) -> None:
        """What the watch did is within the rules and began in the window, and nothing was written but in its runs."""
        world = self.sites[SITES[0]].world
        query = (
            "SELECT c.action, c.address, c.state, c.started, r.started FROM changes c JOIN runs r ON r.id = c.run"
            " WHERE r.operation = 'watch' AND c.started IS NOT NULL"
        )
        for action, address, state, started, began in world.rows(query):
            kind = _kind(address)
            if action not in _ACTIONS or kind not in _OBJECTS or (kind == "repository" and action != "upgrade"):
                raise Broken(f"the watch did {action} of {address}")
            if not is_open(WINDOW, datetime.fromisoformat(began)):
                raise Broken(f"the watch did {action} of {address} at {started}, which is outside of the window")
            self.checked[f"automatic changes {state}"] += 1
        for name, site in self.sites.items():
            query = "SELECT started, ended FROM runs WHERE operation = 'watch' AND inventory = ?"
            runs = [(_seconds(began), _seconds(ended) if ended else None) for began, ended in world.rows(query, name)]
            for at, run, method, path in site.world.written:
                if run.startswith("watch-") and not any(
                    began <= at + 1e-3 and (ended is None or at <= ended + 1e-3) for began, ended in runs
                ):
                    raise Broken(f"{run} sent {method} {path} at {at:.3f}, and no run is in the journal")


class Shown:
    """What `/metrics` shows."""

    def __init__(self, text: str) -> None:
        from prometheus_client.parser import text_string_to_metric_families

        self._values = {
            (sample.name.removeprefix("vbo_reconcile_"), frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        return self._values.get((name, frozenset(labels.items())), -1.0)

    def expect(self, name: str, wanted: float, **labels: str) -> None:
        if (found := self.value(name, **labels)) != wanted:
            raise Broken(f"{name} {labels} is {found}, not {wanted}")

    def findings(self, server: str, kinds: Sequence[str]) -> Counter[str]:
        found: Counter[str] = Counter()
        for (name, labels), value in self._values.items():
            named = dict(labels)
            if name == "findings" and named["server"] == server and named["kind"] in kinds:
                found[named["object"]] += int(value)
        return found


@dataclass(frozen=True)
class Truth:
    """What differs at a server at a moment, and the results of its jobs."""

    differences: frozenset[truth.Difference]
    results: dict[str, str]

    @classmethod
    def of(cls, world: World) -> Truth:
        return cls(frozenset(truth.differences(world)), truth.results(world))


def _seconds(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp() - EPOCH


def _kind(address: str) -> str:
    return address.partition(".")[0]


@contextmanager
def _heard(week: Week) -> Iterator[None]:
    """The watcher's cycles and notices go through the week."""
    from reconciler.clients.http import webhook

    cycle, look, post = Watcher.cycle, Watcher._look, webhook.post
    patched: Any = Watcher
    patched.cycle = lambda watcher: week.cycle(watcher, cycle)
    patched._look = lambda watcher, server: week.look(server.name, lambda: look(watcher, server))
    webhook.post = lambda _address, message, **_: week.receive(message)
    try:
        yield
    finally:
        patched.cycle, patched._look, webhook.post = cycle, look, post


def run_week(folder: Path, seed: int, cycles: int) -> tuple[Week, str]:
    """The week, and what broke; empty if everything held."""
    scheduler.reset(seed)
    with timing.replaced(scheduler), randomness.replaced(Random(seed)):
        week = Week(folder, seed)
        broken = ""
        try:
            with _heard(week):
                week.run(cycles)
        except AssertionError as error:
            broken = f"{type(error).__name__}: {error}"
        for run in (*week.runs, *(run for site in week.sites.values() for run in site.storm.running())):
            scheduler.kill(run.process)
        for site in week.sites.values():
            scheduler.kill(site.world.process)
        scheduler.kill(LAB)
        LAB.is_dead = False
    return week, broken
