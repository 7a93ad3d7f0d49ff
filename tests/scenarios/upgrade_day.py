"""The fleet of the upgrade day as an inventory: single Windows proxies of both types, and in v8 pools of Linux proxies
with one, two and more active members, some of whose members sleep. One proxy is dead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Final

import httpx

from tests.scenarios.by_hand import Hand, by_hand
from tests.scenarios.rehearsal import Rehearsal
from tests.scenarios.test_drain import account

DEAD: Final = "px-dead"
_HEAD: Final = """version: 1
name: fleet
server: {{host: vbo01.corp.example.com, credentials: admin, rest: auto, powershell: {{credentials: admin}}}}
credentials:
  admin: {{username: 'CORP\\svc-vbo', password: secret://env/VBO_PASSWORD}}
  local: {{username: Administrator, password: secret://env/LOCAL_PASSWORD}}
  linux: {{username: backup, private_key: secret://file/id_ed25519, sudo: true}}
defaults:
  repository: {{retention: {{type: item-level, keep: 3 years}}}}
  job: {{items: [mailbox], schedule: {{daily: "22:00"}}}}
groups:
  domain: {{type: domain, credentials: admin}}
  dmz: {{type: workgroup, credentials: local}}
  linux: {{os: linux, type: workgroup, credentials: linux}}
policy: {{max_changes: 100%{coverage}}}
"""
_BUCKET: Final = "{{type: s3-compatible, account: minio, endpoint: 'https://s3.example.net', bucket: b, folder: {}}}"


@dataclass(frozen=True, slots=True)
class Fleet:
    """`singles` are Windows proxies with a repository and a job or more each; `pools` are the numbers of active
    members, the first pools have one more member that sleeps. `coverage` is the policy's."""

    singles: int
    pools: tuple[int, ...] = ()
    asleep: int = 0
    jobs_each: int = 1
    stores_each: int = 1
    dead: bool = True
    coverage: int | None = None

    def sleepers(self) -> list[str]:
        """Members of pools; without pools the last of the others."""
        if not self.pools:
            return [f"px-{self.singles - 1 - number}" for number in range(self.asleep)]
        return [f"px-lnx-{pool}-0" for pool in range(self.asleep)]

    def yaml(self) -> str:
        sections: dict[str, list[str]] = {
            name: [] for name in ("proxies", "pools", "repositories", "organizations", "jobs")
        }
        for section, line in self._lines():
            sections[section].append(f"  {line}\n")
        head = _HEAD.format(coverage="" if self.coverage is None else f", coverage: {self.coverage}")
        return head + "".join(f"{name}:\n{''.join(lines)}" for name, lines in sections.items() if lines)

    def _lines(self) -> Iterator[tuple[str, str]]:
        for name in (*(f"px-{number}" for number in range(self.singles)), *((DEAD,) if self.dead else ())):
            group = "dmz" if name.endswith(("1", "3", "5")) else "domain"
            yield "proxies", f"{name}: {{host: {name}.corp.example.com, group: {group}{self._sleep(name)}}}"
            yield from self._behind(name, f"proxy: {name}, path: 'D:\\VBO\\{{}}'")
        for pool, active in enumerate(self.pools):
            yield "pools", f"pool-{pool}: {{description: pool}}"
            for member in range(active + (1 if pool < self.asleep else 0)):
                name = f"px-lnx-{pool}-{member}"
                placed = f"host: {name}.example.net, group: linux, pool: pool-{pool}"
                yield "proxies", f"{name}: {{{placed}{self._sleep(name)}}}"
            yield from self._behind(f"pool-{pool}", f"pool: pool-{pool}, object_storage: {_BUCKET}")

    def _sleep(self, name: str) -> str:
        return ", sleep: allowed" if name in self.sleepers() else ""

    def _behind(self, owner: str, place: str) -> Iterator[tuple[str, str]]:
        """A job to each repository in turn, all of one organization. The path of each disk ends with its name."""
        yield "organizations", f"{owner}.onmicrosoft.com: {{proxies: [{owner}]}}"
        stores = [f"store-{owner}", *(f"store-{owner}-{number}" for number in range(1, self.stores_each))]
        for store in stores:
            yield "repositories", f"{store}: {{{place.format(store)}}}"
        for number in range(self.jobs_each):
            store = stores[number % len(stores)]
            yield "jobs", f"{owner}-{number}: {{organization: {owner}.onmicrosoft.com, repository: {store}}}"


SMALL: Final = {7: Fleet(2), 8: Fleet(1, pools=(1, 2), asleep=1)}
LARGE: Final = {
    7: Fleet(29, jobs_each=2, stores_each=2),
    8: Fleet(17, pools=(1, 2, 6, 1), asleep=2, jobs_each=3, stores_each=2),
}
"""By REST version. The large ones have 30 proxies, and 40 repositories and 60 jobs or more."""
BUILDS: Final = {7: ("7.1.0.1501", "8.0.2.159"), 8: ("8.5.0.1014", "8.6.0.100")}
WAIVED: Final = ("--waive", "coverage=each organization has one proxy or pool")


def after_the_upgrade(folder: Path, version: int, fleet: Fleet) -> Rehearsal:
    """A fleet as it is in the night after the upgrade of its server."""
    old, new = BUILDS[version]
    made = Rehearsal(folder)
    folder.mkdir(parents=True)
    made.file.write_text(fleet.yaml(), encoding="utf-8")
    made.plan()
    made.set("server", f"build={old}")
    made.converges()
    for name in fleet.sleepers():
        with by_hand(made) as hand:
            found = hand.by_name("Proxies", "hostName", f"{name}.example.net")
            hand.request("POST", f"Proxies/{found['id']}/maintenance/enable", json=account(made, "linux"))
        made.set(name, "power=off")
    made.set(DEAD, "power=off")
    made.set("server", "coverage=anew")
    made.set("server", f"build={new}")
    return made


@contextmanager
def jobs_at_work(made: Rehearsal, pause: float = 0.5) -> Iterator[None]:
    """Every job is started again and again, as short schedules do it. The server may restart meanwhile."""
    over = Event()

    def work() -> None:
        with by_hand(made) as hand:
            while not over.wait(pause):
                try:
                    _start_all(hand)
                except httpx.HTTPError:
                    _log_in(hand)

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _start_all(hand: Hand) -> None:
    for job in hand.request("GET", "Jobs?limit=1000").json()["results"]:
        hand.ask("POST", f"Jobs/{job['id']}/start", json={"full": False})


def _log_in(hand: Hand) -> None:
    with suppress(httpx.HTTPError):  # the server is away
        hand.log_in()
