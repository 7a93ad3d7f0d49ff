"""Hosts of the lab that are read by workers of a real Dask cluster: the results are those of threads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.bench.bench_fleet import inventories, measure, outcome, reading, waiting_hosts
from tests.dask_cluster import DaskCluster, dask_cluster
from tests.length import length
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix
COUNTER = Path(__file__).parent / "worker_visits.py"

INVENTORY = """\
version: 1
name: sites
server: {host: vbo.example.com, credentials: admin}
credentials:
  admin: {username: 'EXAMPLE\\svc-vbo', password: secret://env/VBO_PASSWORD}
  second: {username: 'EXAMPLE\\svc-two', password: secret://env/SECOND}
  linux: {username: backup, private_key: secret://file/key, sudo: true, password: secret://env/SUDO}
proxies:
  px-1: {host: px-1.example.com, type: domain, credentials: admin, site: london}
  px-2: {host: px-2.example.com, type: domain, credentials: second, site: paris}
  px-3: {host: px-3.example.com, os: linux, type: workgroup, credentials: linux, site: london}
  px-4: {host: px-4.example.com, os: linux, type: workgroup, credentials: linux}
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    places = [("london-1", "london"), ("london-2", "london"), ("paris-1", "paris")]
    with dask_cluster(tmp_path_factory.mktemp("dask"), places, preload=COUNTER) as found:
        yield found


@pytest.fixture
def sites(tmp_path: Path) -> Rehearsal:
    (tmp_path / "inventory.yml").write_text(INVENTORY, "utf-8")
    return Rehearsal(tmp_path)


def started(sites: Rehearsal, cluster: DaskCluster, *words: str) -> subprocess.Popen[str]:
    home = {"HOME": str(sites.folder), "XDG_STATE_HOME": str(sites.folder / "state")}
    return subprocess.Popen(
        [sys.executable, "-m", "reconciler", *words, "--lab", str(sites.file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **cluster.environment, **home},
        text=True,
    )


def ended(sites: Rehearsal, cluster: DaskCluster, *words: str) -> tuple[str, str]:
    with started(sites, cluster, *words, "--format", "json") as process:
        return process.communicate()


def visits(client: Any) -> dict[str, tuple[int, int]]:
    """How many visits each worker has begun, and how many it is at, by its name."""

    def counted() -> Any:
        from reconciler.clients.cluster import worker

        return vars(worker)["begun_and_running"]()

    workers = client.scheduler_info(n_workers=-1)["workers"]
    names = {address: str(about["name"]) for address, about in workers.items()}
    found = client.run(counted, on_error="ignore")
    return {names[address]: counts for address, counts in found.items() if address in names}


def begun(cluster: DaskCluster) -> dict[str, int]:
    with cluster.client() as client:
        return {name: count for name, (count, _) in visits(client).items()}


def test_results_through_workers_equal_those_of_threads(sites: Rehearsal, cluster: DaskCluster) -> None:
    sites.set("px-2", "wrong-password=yes")
    for verb in ("plan", "doctor"):
        through, talk = ended(sites, cluster, verb, "--executor", cluster.url)
        assert through, talk
        assert through == ended(sites, cluster, verb)[0]
    at_work = begun(cluster)
    assert all(at_work[name] for name in ("london-1", "london-2", "paris-1"))


def test_watch_observes_through_workers(sites: Rehearsal, cluster: DaskCluster) -> None:
    before = begun(cluster)
    with started(sites, cluster, "watch", "--once", "--listen", "none", "--executor", cluster.url) as process:
        _, err = process.communicate()
    assert process.returncode == 0, err
    after = begun(cluster)
    assert sum(after.values()) - sum(before.values()) >= 4


def test_a_worker_killed_during_a_visit_costs_another_one(sites: Rehearsal, cluster: DaskCluster) -> None:
    sites.set("px-1", "power=hung")
    expected = json.loads(ended(sites, cluster, "plan")[0])
    with started(sites, cluster, "plan", "--executor", cluster.url, "--format", "json") as process:
        cluster.kill(_busy(cluster, "london"))
        out, err = process.communicate()
    assert json.loads(out) == expected, err
    assert expected["unknown"]


def test_what_a_worker_keeps_is_removed_when_it_ends_or_another_one_starts(sites: Rehearsal, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    places, variables = [("one", "london"), ("two", "paris")], {"TMPDIR": str(temporary)}
    with dask_cluster(tmp_path / "dask", places, variables=variables) as cluster:
        _, talk = ended(sites, cluster, "plan", "--executor", cluster.url)
        both = kept(cluster)
        assert len(both) == 2, talk
        cluster.kill("one")
        assert kept(cluster) == both
        cluster.start_worker("three")
        _wait_for(cluster, "three")
        (alive,) = kept(cluster)
        assert alive in both
        for name in ("two", "three"):
            cluster.end(name)
        assert kept(cluster) == set()
    assert not list(temporary.glob("vbo-reconcile-*"))


def kept(cluster: DaskCluster) -> set[Path]:
    """The folders of workers that have files of hosts."""
    return {found.parent for found in cluster.scratch.glob("*/vbo-reconcile-*")}


def _wait_for(cluster: DaskCluster, worker: str) -> None:
    with cluster.client() as client:
        while worker not in (about["name"] for about in client.scheduler_info(n_workers=-1)["workers"].values()):
            time.sleep(0.05)


def _busy(cluster: DaskCluster, site: str) -> str:
    """The name of the worker of a site that is in the middle of a visit which does not end by itself soon."""
    with cluster.client() as client:
        while True:
            for name, (_, running) in visits(client).items():
                if running and name.startswith(site):
                    return name
            time.sleep(0.05)


HOSTS = 120


@pytest.mark.parametrize("seed", range(length(1, 8)))
def test_workers_killed_at_random_lose_nothing(tmp_path: Path, seed: int) -> None:
    """Up to three of four workers die at moments of chance, while they visit hosts; another one comes."""
    chance, names = Random(seed), [f"worker-{number}" for number in range(4)]
    with (
        waiting_hosts(tmp_path, HOSTS) as hosts,
        dask_cluster(tmp_path / "dask", [(name, "") for name in names], threads=2, preload=COUNTER) as cluster,
        cluster.client() as client,
    ):
        files, killed = inventories(tmp_path, HOSTS, hosts.ports), 0
        expected = measure(files, "", 8, dict(os.environ))["digest"]
        with reading(files, cluster.url, 2, dict(cluster.environment)) as process:
            for name in chance.sample(names, 3):
                if not _is_busy(client, name, process):
                    break
                time.sleep(chance.uniform(0, 0.3))
                cluster.kill(name)
                killed += 1
                if killed == 2:
                    cluster.start_worker("worker-new", threads=2)
            assert outcome(process)["digest"] == expected
        assert killed


def _is_busy(client: Any, name: str, process: subprocess.Popen[str]) -> bool:
    """Wait until a worker visits a host. False if the run ends before."""
    while process.poll() is None:
        if visits(client).get(name, (0, 0))[1]:
            return True
        time.sleep(0.05)
    return False


def test_a_site_without_a_worker_is_an_error_with_the_command_that_starts_one(
    sites: Rehearsal, cluster: DaskCluster
) -> None:
    sites.replace("site: paris", "site: rome")
    _, err = ended(sites, cluster, "plan", "--executor", cluster.url)
    assert "No worker near a site" in err
    assert f"dask worker {cluster.url} --resources site:rome=1" in err
