"""The journal in a PostgreSQL behind PgBouncer, which shares the connections of its clients out."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from reconciler.journal import Journal, JournalError
from tests.journal import cluster as postgres

pytestmark = pytest.mark.integration

SETTINGS = """\
[databases]
postgres = host={folder} dbname=postgres user=vbo
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = 1
logfile = {log}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[postgres.Cluster]:
    reason = postgres.why_not() or ("" if shutil.which("pgbouncer") else "not installed: pgbouncer")
    if reason:
        pytest.skip(reason)
    with postgres.running() as server:
        yield server


@contextmanager
def pooled(cluster: postgres.Cluster, mode: str) -> Iterator[str]:
    """Where a pooler in front of the cluster listens: `HOST:PORT`."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port: int = free.getsockname()[1]
    settings = cluster.folder / f"pgbouncer-{port}.ini"
    log = cluster.folder / f"pgbouncer-{port}.log"
    settings.write_text(SETTINGS.format(folder=cluster.folder, port=port, mode=mode, log=log))
    settings.chmod(0o644)
    with subprocess.Popen(
        ["pgbouncer", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **postgres.account()
    ) as process:
        try:
            _await(port, process)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("PgBouncer does not come up")


@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_a_setting_of_ours_stays_with_our_transactions(cluster: postgres.Cluster, mode: str) -> None:
    import psycopg

    with pooled(cluster, mode) as place:
        with Journal.open(f"postgresql://vbo@{place}/postgres") as journal:
            ours = journal.store.read(lambda found: found.exec_driver_sql("SHOW lock_timeout").scalar())
            with journal.locks.acquire("vbo01", owner="alice", operation="apply"):
                assert [holder.owner for holder in journal.locks.list()] == ["alice"]
        assert ours == "10s"
        with closing(psycopg.connect(f"postgresql://vbo@{place}/postgres", prepare_threshold=None)) as other:
            assert other.execute("SHOW lock_timeout").fetchone() == ("0",)


@pytest.mark.parametrize(
    ("mode", "more", "code"),
    [
        ("statement", "postgres", "journal-pooling"),
        ("transaction", "nowhere", "journal-login"),
        ("transaction", "postgres?options=-csearch_path%3Dvbo", "journal-options"),
    ],
)
def test_what_a_pooler_refuses_is_no_outage(cluster: postgres.Cluster, mode: str, more: str, code: str) -> None:
    with pooled(cluster, mode) as place, pytest.raises(JournalError) as caught:
        Journal.open(f"postgresql://vbo@{place}/{more}").close()
    assert caught.value.code == code
