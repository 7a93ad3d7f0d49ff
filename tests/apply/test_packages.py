"""The package of a proxy service on its way to a host, and what its script is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reconciler.apply.steps import RUN, StepFailed
from reconciler.model.connection import Connection, Package, Transport
from reconciler.model.errors import Unreachable
from reconciler.model.step import Step
from reconciler.model.steps import InstallPackage, MarkRegistered, UploadPackage
from tests.apply.fakes import FakeServer, fake_context

SHA = "ab" * 32
UPLOAD = UploadPackage(host="px-1", os="linux", sha256=SHA, source="https://files/p.DEB", file="p.DEB")
INSTALL = InstallPackage(host="px-1", os="linux", sha256=SHA, kind="deb", version="8.6.0.100", fresh=True)
INSTALLED = {"ok": True, "version": "8.6.0.100", "before": "8.5.0.1014"}


class Host:
    """Answers each script with the next of `answers`. `ran` has the scripts with their arguments."""

    def __init__(self, *answers: Mapping[str, Any]) -> None:
        self.answers = list(answers)
        self.ran: list[tuple[str, Mapping[str, Any]]] = []
        self.sent: list[tuple[Path, str]] = []

    def execute(self, script: Any, arguments: Mapping[str, Any], *, deadline: float) -> Mapping[str, Any]:
        self.ran.append((script.name, dict(arguments)))
        return self.answers.pop(0)

    def upload(self, file: Path, sha256: str, *, deadline: float) -> str:
        self.sent.append((file, sha256))
        return "/tmp/sent"

    @contextmanager
    def lend(self, connection: Any) -> Iterator[Any]:
        yield self


def done(host: Host, step: Step) -> tuple[str | None, list[str]]:
    """What the step returned, and what it reported on the way."""
    context = fake_context(FakeServer({}), "px-1")
    connection = Connection("px-1", "px-1.example.net", Transport.SSH, None)
    package = Package("https://files/p.DEB", SHA, properties={"ACCEPT_EULA": "1"})
    context.access = replace(context.access, connections={"px-1": connection}, packages={"px-1": package})
    context.sessions = cast("Any", host)
    reported: list[str] = []
    return RUN[step.verb](context, step, reported.append), reported


def test_a_package_is_sent_and_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path("/cache/p.DEB")
    monkeypatch.setattr("reconciler.clients.http.download.fetch", lambda *_, **__: file)
    host = Host({"staged": False}, {"staged": True})
    result, reported = done(host, UPLOAD)
    asked = {"sha256": SHA, "kind": "deb", "upload": ""}
    assert host.ran == [
        ("linux/package-stage.sh", asked),
        ("linux/package-stage.sh", {**asked, "upload": "/tmp/sent"}),
    ]
    assert host.sent == [(file, SHA)]
    assert (result, reported) == (None, ["p.DEB is on the host, SHA-256 verified"])


def test_a_package_that_is_on_the_host_is_not_sent_again() -> None:
    host = Host({"staged": True})
    assert done(host, UPLOAD) == (None, ["p.DEB is on the host already"])
    assert host.sent == []


@pytest.mark.parametrize(
    ("os", "script", "more"),
    [
        ("linux", "linux/package-install.sh", {"kind": "deb"}),
        ("windows", "windows/package-install.ps1", {"properties": {"ACCEPT_EULA": "1"}}),
    ],
)
@pytest.mark.parametrize("fresh", [True, False])
def test_what_the_script_is_asked(os: str, script: str, more: dict[str, Any], *, fresh: bool) -> None:
    host = Host(INSTALLED)
    done(host, replace(INSTALL, os=os, fresh=fresh))
    assert host.ran == [(script, {"sha256": SHA, "version": "8.6.0.100", "fresh": fresh, "wait": 90, **more})]


@pytest.mark.parametrize(
    ("answer", "result", "reported"),
    [
        (INSTALLED, "installed 8.6.0.100", "8.6.0.100 runs, 8.5.0.1014 before"),
        ({**INSTALLED, "before": ""}, "installed 8.6.0.100", "8.6.0.100 runs"),
        ({**INSTALLED, "restart": False}, "installed 8.6.0.100", "8.6.0.100 runs, 8.5.0.1014 before"),
        (
            {**INSTALLED, "restart": True},
            "installed 8.6.0.100, Windows must be restarted",
            "8.6.0.100 runs, 8.5.0.1014 before",
        ),
    ],
)
def test_what_is_reported(answer: dict[str, Any], result: str, reported: str) -> None:
    assert done(Host(answer), INSTALL) == (result, [reported])


def test_a_failure_reports_the_problem_the_rollback_and_the_log() -> None:
    answer = {
        "ok": False,
        "problem": "it did not start",
        "back": "8.5.0.1014 is installed again",
        "log": ["one", "two"],
    }
    with pytest.raises(StepFailed, match=r"^it did not start; 8\.5\.0\.1014 is installed again$") as caught:
        done(Host(answer), INSTALL)
    assert caught.value.log == ("one", "two")


@pytest.mark.parametrize(("os", "ending"), [("linux", "sh"), ("windows", "ps1")])
def test_a_service_that_the_server_knows_is_marked(os: str, ending: str) -> None:
    host = Host({})
    assert done(host, MarkRegistered(host="px-1", os=os)) == (None, [])
    assert host.ran == [(f"{os}/package-registered.{ending}", {})]


@pytest.mark.parametrize("step", [UPLOAD, INSTALL, MarkRegistered(host="px-1", os="linux")], ids=lambda step: step.verb)
def test_a_host_without_a_connection(step: Step) -> None:
    context = fake_context(FakeServer({}), "px-1")
    context.sessions = cast("Any", SimpleNamespace())
    with pytest.raises(Unreachable, match="the inventory has no connection for this host"):
        RUN[step.verb](context, step, list[str]().append)
