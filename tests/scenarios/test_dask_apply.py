"""Steps on hosts of the lab that workers of a real Dask cluster make: the journal and the hosts are as with threads,
and a worker that dies in the middle of a step never makes a change twice."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from reconciler.apply import ApplyContext
from reconciler.model.errors import ConnectionLost
from reconciler.model.script import Script
from tests.dask_cluster import DaskCluster, dask_cluster
from tests.length import length
from tests.scenarios import packages
from tests.scenarios.packages import NEW, PROXIES, copied, hosts
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix
TRAP = Path(__file__).parent / "worker_trap.py"
INSTALL = {"px-lnx": "linux/package-install.sh", "px-win": "windows/package-install.ps1"}
OF_THE_LAB = re.compile(r"/var/lib/lab/|/etc/hosts$|\.mounts$|\.pem$")
PRIVATE = re.compile(rb"-----BEGIN.*-----", re.DOTALL)
PASSING = {"id", "started", "ended", "seconds"}
"""Of a run: what no two have in common."""


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world in which nothing is done yet, and its lab."""
    world = packages.world(tmp_path_factory.mktemp("world"))
    text = world.file.read_text("utf-8").replace(
        "host: px-lnx.example.net", "site: london\n    host: px-lnx.example.net"
    )
    world.file.write_text(text, "utf-8")
    assert world.plan()["counts"]["create"] == len(PROXIES)
    return world.folder


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    folder = tmp_path / "trap"
    folder.mkdir()
    return folder


@pytest.fixture
def cluster(tmp_path: Path, trap: Path) -> Iterator[DaskCluster]:
    places = [("london-1", "london"), ("london-2", "london"), ("other-1", ""), ("other-2", "")]
    with dask_cluster(tmp_path / "dask", places, preload=TRAP, variables={"TRAP": str(trap)}) as found:
        yield found


def started(world: Rehearsal, cluster: DaskCluster) -> subprocess.Popen[str]:
    home = {"HOME": str(world.folder), "XDG_STATE_HOME": str(world.folder / "state")}
    more = ["--auto-approve", "--executor", cluster.url]
    return subprocess.Popen(
        [sys.executable, "-m", "reconciler", "apply", "--lab", str(world.file), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **cluster.environment, **home},
        text=True,
    )


def apply(world: Rehearsal, cluster: DaskCluster) -> tuple[int, str]:
    with started(world, cluster) as process:
        out, err = process.communicate()
    return process.returncode, out + err


def scripts(trap: Path) -> Counter[str]:
    """How often workers began a script on a host."""
    log = trap / "scripts.log"
    return Counter(log.read_text().splitlines()) if log.exists() else Counter()


def arm(trap: Path, script: str, when: str) -> None:
    """The next worker that runs `script` waits before or after it, until `go`."""
    (trap / "armed").write_text(f"{script} {when}")


def caught(trap: Path) -> int:
    """The process id of the worker that waits in the trap."""
    while not (trap / "caught").exists():
        time.sleep(0.05)
    return int((trap / "caught").read_text())


def name_of(cluster: DaskCluster, pid: int) -> str:
    return next(name for name, process in cluster.workers.items() if process.pid == pid)


def run(world: Rehearsal) -> dict[str, Any]:
    """The last run, as the journal has it."""
    ended = world.run("runs", "show", "last", "--lab", "--inventory", str(world.file), "--format", "json")
    assert ended.code == 0, ended.err
    found: dict[str, Any] = json.loads(ended.out)
    return found


def lasting(value: Any) -> Any:
    """Without the times and the id of one run."""
    if isinstance(value, Mapping):
        return {name: lasting(part) for name, part in value.items() if name not in PASSING}
    return [lasting(part) for part in value] if isinstance(value, list) else value


def on_hosts(world: Rehearsal) -> dict[str, bytes]:
    """The files of the hosts, without what the lab keeps there of its network, and keys."""
    (folder,) = world.folder.glob("state/vbo-reconcile/lab/*/hosts")
    files = {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.is_file()}
    return {name: PRIVATE.sub(b"", file.read_bytes()) for name, file in files.items() if not OF_THE_LAB.search(name)}


def test_the_journal_and_the_hosts_are_as_with_threads(
    fresh: Path, tmp_path: Path, cluster: DaskCluster, trap: Path
) -> None:
    """With one service that does not start, and then does: all steps, their results, and a failure with its log."""
    here, there = copied(fresh, tmp_path / "here" / "w"), copied(fresh, tmp_path / "there" / "w")
    for broken, expected in ((NEW, 3), ("none", 0)):
        for world in (here, there):
            world.set("px-win", f"broken-build={broken}")
        ended = here.apply()
        assert ended.code == expected, ended.err
        code, talk = apply(there, cluster)
        assert code == expected, talk
        assert lasting(run(there)) == lasting(run(here))
        assert on_hosts(there) == on_hosts(here)
        assert hosts(there) == hosts(here)
    assert there.plan()["changes"] == []
    made = scripts(trap)
    assert made[f"{INSTALL['px-lnx']} px-lnx"] == 1
    assert made[f"{INSTALL['px-win']} px-win"] == 2
    assert {name.partition(" ")[0] for name in made} >= {
        "linux/open-port.sh",
        "linux/package-registered.sh",
        "linux/package-stage.sh",
        "windows/remote-registry.ps1",
        "windows/package-registered.ps1",
    }


class Losing:
    """A session whose connection ends before or after a script has run."""

    def __init__(self, session: Any, script: str, when: str, lost: ConnectionLost) -> None:
        self._session, self._script, self._when, self._lost = session, script, when, lost

    def execute(self, script: Script, params: Any, *, deadline: float) -> Any:
        if script.name == self._script and self._when == "before":
            raise self._lost
        answer = self._session.execute(script, params, deadline=deadline)
        if script.name == self._script:
            raise self._lost
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


def lose(world: Rehearsal, script: str, when: str, lost: ConnectionLost) -> None:
    """An apply with threads, in which the connection of a script is lost."""
    host = ApplyContext.host

    @contextmanager
    def losing(self: ApplyContext, name: str) -> Iterator[Any]:
        with host(self, name) as session:
            yield Losing(session, script, when, lost)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ApplyContext, "host", losing)
        assert world.apply().code == 3


def states(world: Rehearsal) -> dict[str, str]:
    return {change["key"]: change["state"] for change in run(world)["changes"]}


PLACES = [("px-lnx", "before"), ("px-win", "after"), ("px-lnx", "after"), ("px-win", "before")]


@pytest.mark.parametrize(("name", "when"), PLACES[: length(2, 4)])
def test_an_installation_whose_worker_dies_is_a_lost_connection(
    fresh: Path, tmp_path: Path, cluster: DaskCluster, trap: Path, name: str, when: str
) -> None:
    """It is not repeated in this run, the journal is that of a lost connection, and the next run changes the host only
    if this one did not."""
    here, world = copied(fresh, tmp_path / "here" / "w"), copied(fresh, tmp_path / "there" / "w")
    installed = f"{INSTALL[name]} {name}"
    arm(trap, INSTALL[name], when)
    with started(world, cluster) as process:
        lost = name_of(cluster, caught(trap))
        cluster.kill(lost)
        out, err = process.communicate()
    assert process.returncode == 3, out + err
    assert scripts(trap)[installed] == 1
    (change,) = (change for change in run(world)["changes"] if change["key"] == f"create:proxy.{name}")
    assert (change["state"], len(change["steps"])) == ("failed", 2)
    reason = f"the worker {lost} ended meanwhile"
    assert f"running {INSTALL[name]}: {reason}" in change["detail"]
    peer, hint = f"{name} ({name}.example.net)", change["hint"]
    lose(here, INSTALL[name], when, ConnectionLost(peer, f"running {INSTALL[name]}", reason, hint=hint))
    assert lasting(run(world)) == lasting(run(here))
    assert on_hosts(world) == on_hosts(here)
    code, talk = apply(world, cluster)
    assert code == 0, talk
    assert scripts(trap)[f"changed by {installed}"] == 1
    assert hosts(world) == dict.fromkeys(PROXIES, (NEW, True))
    assert world.plan()["changes"] == []


def test_a_step_that_may_be_retried_goes_to_another_worker_of_the_site(
    fresh: Path, tmp_path: Path, cluster: DaskCluster, trap: Path
) -> None:
    world = copied(fresh, tmp_path / "w")
    arm(trap, "linux/open-port.sh", "after")
    with started(world, cluster) as process:
        lost = name_of(cluster, caught(trap))
        cluster.kill(lost)
        out, err = process.communicate()
    assert process.returncode == 0, out + err
    assert lost.startswith("london")
    assert (
        f"retrying: px-lnx (px-lnx.example.net): running linux/open-port.sh: the worker {lost} ended meanwhile" in err
    )
    assert scripts(trap)["linux/open-port.sh px-lnx"] == 2
    assert world.plan()["changes"] == []


@pytest.mark.parametrize("interrupts", [1, 2])
def test_an_interrupt_waits_for_a_step_on_a_worker_and_a_second_one_does_not(
    fresh: Path, tmp_path: Path, cluster: DaskCluster, trap: Path, interrupts: int
) -> None:
    world = copied(fresh, tmp_path / "w")
    arm(trap, INSTALL["px-lnx"], "before")
    with started(world, cluster) as process:
        caught(trap)
        assert process.stderr
        process.send_signal(signal.SIGINT)
        while "Waiting for" not in (line := process.stderr.readline()):
            assert line
        if interrupts == 2:
            process.send_signal(signal.SIGINT)
            process.wait()
        (trap / "go").touch()
        process.communicate()
    assert process.returncode == 130
    assert states(world)["create:proxy.px-lnx"] == ("done" if interrupts == 1 else "in flight")
    code, talk = apply(world, cluster)
    assert code == 0, talk
    assert hosts(world) == dict.fromkeys(PROXIES, (NEW, True))
    assert scripts(trap)[f"changed by {INSTALL['px-lnx']} px-lnx"] == 1


@pytest.mark.parametrize("seed", range(length(1, 8)))
def test_workers_killed_at_random_never_install_twice_for_one_step(
    fresh: Path, tmp_path: Path, cluster: DaskCluster, trap: Path, seed: int
) -> None:
    """A worker of each site dies at a moment of chance, and another one comes. One more apply completes it."""
    chance, world = Random(seed), copied(fresh, tmp_path / "w")
    with started(world, cluster) as process:
        while not scripts(trap) and process.poll() is None:
            time.sleep(0.05)
        for name, site in (("london-1", "london"), ("other-1", "")):
            time.sleep(chance.uniform(0, 2))
            cluster.kill(name)
            cluster.start_worker(f"{name}-new", site=site)
        out, err = process.communicate()
    assert process.returncode in (0, 3), out + err
    first = run(world)
    code, talk = apply(world, cluster)
    assert code == 0, talk
    begun: Counter[str] = Counter()
    for each in (first, run(world)):
        for change in each["changes"]:
            begun[change["address"]] += sum(step["text"].startswith("install ") for step in change["steps"])
    for name in PROXIES:
        assert scripts(trap)[f"{INSTALL[name]} {name}"] <= begun[f"proxy.{name}"]
        assert scripts(trap)[f"changed by {INSTALL[name]} {name}"] <= 1
    assert hosts(world) == dict.fromkeys(PROXIES, (NEW, True))
    assert world.plan()["changes"] == []


def test_a_scheduler_that_ends_is_a_lost_connection(
    fresh: Path, tmp_path: Path, cluster: DaskCluster, trap: Path
) -> None:
    world = copied(fresh, tmp_path / "w")
    arm(trap, INSTALL["px-lnx"], "before")
    with started(world, cluster) as process:
        caught(trap)
        cluster.scheduler.kill()
        out, err = process.communicate()
    assert process.returncode == 3, out + err
    (change,) = (change for change in run(world)["changes"] if change["key"] == "create:proxy.px-lnx")
    assert change["state"] == "failed"
    assert f"the connection to the scheduler {cluster.url.removeprefix('tls://')} is lost" in change["detail"]
    assert "bug" not in out + err
    (trap / "go").touch()
    ended = world.apply()
    assert ended.code == 0, ended.out + ended.err
    assert hosts(world) == dict.fromkeys(PROXIES, (NEW, True))
