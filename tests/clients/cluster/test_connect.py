"""A cluster that would not do is refused, with what to do about it."""

from __future__ import annotations

import shlex
import socket
import threading
from dataclasses import replace
from typing import Any, cast

import dask
import pytest

from reconciler.clients.cluster import connect
from reconciler.clients.cluster.cluster import Cluster
from reconciler.clients.cluster.worker import Greeting, greet
from reconciler.installation import Installation, install_command
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.model.errors import Unreachable
from tests.clients.cluster.fake_client import Client


def refused(url: str) -> Diagnostic:
    with pytest.raises(Diagnosed) as error, connect.open_cluster(url, ()):
        pass
    (found,) = error.value.diagnostics
    return found


@pytest.mark.parametrize(
    "url",
    [
        "dask://host",
        "host:8786",
        "http://host:1",
        "tls://user@host:1",
        "tls://[::1",
        "dask:",
        "tls://host:1/?a=b",
        "tls://host:1#a",
    ],
)
def test_what_is_no_address_of_a_scheduler(url: str) -> None:
    assert "tls://HOST:PORT" in refused(url).fix


@pytest.mark.parametrize(
    "url",
    ["tls://me:s3cret@host:1", "tls://host:1/?token=s3cret", "tls://a@b:s3cret@host:1/#x", "tls:me:s3cret@host:1"],
)
def test_a_secret_in_an_address_is_not_shown(url: str) -> None:
    assert "s3cret" not in refused(url).detail


def test_without_the_package_the_fix_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "find_spec", lambda _: None)
    assert install_command("dask") in refused("tls://dask.example.com:8786").fix


@pytest.mark.parametrize("url", ["dask://dask.example.com:8786", "dask://192.0.2.1:8786", "tls://127.0.0.1:8786"])
def test_without_certificates_nothing_leaves_this_machine(url: str) -> None:
    found = refused(url)
    assert found.summary == "The cluster is not protected by TLS"
    assert "TLS__CA_FILE" in found.fix


def test_dask_that_requires_encryption_has_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    with dask.config.set({"distributed.comm.require-encryption": True}):
        assert refused("dask://127.0.0.1:8786").summary == "The cluster is not protected by TLS"


def test_a_scheduler_that_does_not_answer_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """`watch` tries again each cycle."""
    monkeypatch.setattr(connect, "_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    refused(f"dask://127.0.0.1:{port}")
    before = set(threading.enumerate())
    assert refused(f"dask://127.0.0.1:{port}").summary == "No connection to the scheduler"
    assert set(threading.enumerate()) <= before


def test_a_scheduler_that_ends_while_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ending:
        status = "running"
        loop = Client.loop

        def run(self, *_: Any, **__: Any) -> None:
            raise OSError("in <TLS (closed) ConnectionPool.broadcast>: Stream is closed")

        def close(self, **_: Any) -> None:
            pass

    monkeypatch.setattr(connect, "_connected", lambda *_: Ending())
    with pytest.raises(Unreachable) as error, connect.open_cluster("dask://127.0.0.1:8786", ()):
        pass
    assert error.value.reason == "the connection to the scheduler 127.0.0.1:8786 is lost"
    assert "Stream" not in str(error.value)


class Workers:
    def __init__(self, **greetings: Greeting | Exception) -> None:
        self._greetings = greetings

    def greetings(self) -> dict[str, Greeting | Exception]:
        return self._greetings


def checked(workers: object) -> Diagnostic:
    with pytest.raises(Diagnosed) as error:
        connect._check_workers("tls://dask:8786", cast("Cluster", workers))
    (found,) = error.value.diagnostics
    return found


def test_workers_have_the_same_versions() -> None:
    own = greet()
    connect._check_workers("tls://dask:8786", cast("Any", Workers(a=own)))
    older = checked(Workers(a=own, b=replace(own, version="0.1"), c=replace(own, python="3.9")))
    assert "b has Python" in older.detail
    assert "c has Python 3.9" in older.detail
    assert "a has" not in older.detail
    what = Installation.here().elsewhere("dask", own.version)
    assert older.fix.endswith(shlex.join(["python3", "-m", "pip", "install", what]))
    assert ("from a copy" in older.fix) == what.startswith(".")
    strange = checked(Workers(a=own, d=ModuleNotFoundError("No module named 'reconciler'")))
    assert (strange.summary, strange.fix) == (older.summary, older.fix)
    assert strange.detail.startswith("`d` of tls://dask:8786 cannot load vbo-reconcile")
    assert checked(Workers()).summary == "The cluster has no workers"
