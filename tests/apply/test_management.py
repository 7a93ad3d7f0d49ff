"""The certificate of the server, set by PowerShell."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reconciler.apply.steps import RUN, StepFailed
from reconciler.kinds.states import proxy_state
from reconciler.model.address import address
from reconciler.model.connection import Certificate, ConnectionContext
from reconciler.model.live import LiveResource
from reconciler.model.secret import Secret, SecretRef
from reconciler.model.steps import SetCertificate
from tests.apply.fakes import FakeServer, Secrets, fake_context

STEP = SetCertificate(certificate="dmz", thumbprint="AB" * 20)


ONLINE = {"id": "ID-px-1", "hostName": "px-1", "type": "Workgroup", "status": "Online"}
LIVE = LiveResource("proxy", "px-1", "id-px-1", {"type": "workgroup"}, state=proxy_state(ONLINE, 8))


def set_certificate(
    folder: Path, answer: Mapping[str, Any], planned: LiveResource = LIVE, *now: dict[str, Any]
) -> list[tuple[str, Mapping[str, Any]]]:
    """The scripts that ran, and what they were handed. `planned` is what the plan was judged with."""
    (folder / "dmz.pfx").write_bytes(b"pfx")
    ran: list[tuple[str, Mapping[str, Any]]] = []

    def execute(script: Any, arguments: Mapping[str, Any], *, deadline: float) -> Mapping[str, Any]:
        ran.append((script.name, arguments))
        return answer

    @contextmanager
    def lend(connection: Any) -> Iterator[Any]:
        yield SimpleNamespace(execute=execute)

    place = fake_context(FakeServer({}, {"Proxies": list(now)}))
    place.live = replace(place.live, resources={address("proxy", "px-1"): planned})
    certificate = Certificate("dmz", pfx="dmz.pfx", passphrase=SecretRef("env", "PFX"))
    server = replace(place.access.server, powershell=cast("Any", "WinRM"))
    place.access = replace(place.access, server=server, certificates={"dmz": certificate})
    place.connection_context = ConnectionContext(Secrets(), str(folder))
    place.sessions = cast("Any", SimpleNamespace(lend=lend))
    RUN["certificate.set"](place, STEP, list[str]().append)
    return ran


def test_the_server_gets_the_file_and_its_passphrase_as_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconciler.inventory.certificates.pfx_bytes", lambda *_: b"pfx")
    ((script, arguments),) = set_certificate(tmp_path, {"thumbprint": "ab" * 20})
    assert script == "server/set-certificate.ps1"
    assert {type(value) for value in arguments.values()} == {Secret}
    assert base64.b64decode(arguments["pfx"].reveal()) == b"pfx"
    assert arguments["passphrase"].reveal() == "hunter2"


@pytest.mark.parametrize("answer", [{}, {"thumbprint": "CD" * 20}])
def test_another_certificate_afterwards_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: dict[str, str]
) -> None:
    monkeypatch.setattr("reconciler.inventory.certificates.pfx_bytes", lambda *_: b"pfx")
    with pytest.raises(StepFailed, match=f"the server now has {answer.get('thumbprint')}, not {'AB' * 20}"):
        set_certificate(tmp_path, answer)


@pytest.mark.parametrize(
    ("now", "replaced"),
    [
        ({}, True),
        ({"status": "Offline"}, False),
        ({"status": None}, False),
        ({"status": "Offline", "operatingSystem": "Linux"}, True),
    ],
)
def test_a_proxy_that_went_offline_since_the_plan_keeps_the_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, now: dict[str, Any], replaced: bool
) -> None:
    """It would never trust its server again."""
    monkeypatch.setattr("reconciler.inventory.certificates.pfx_bytes", lambda *_: b"pfx")
    answer = {"thumbprint": "ab" * 20}
    if replaced:
        assert len(set_certificate(tmp_path, answer, LIVE, {**ONLINE, **now})) == 1
        return
    with pytest.raises(StepFailed, match="px-1 went offline after the plan was made"):
        set_certificate(tmp_path, answer, LIVE, {**ONLINE, **now})


def test_a_proxy_that_was_offline_in_the_plan_was_waived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.inventory.certificates.pfx_bytes", lambda *_: b"pfx")
    away = {**ONLINE, "status": "Offline"}
    planned = replace(LIVE, state=proxy_state(away, 8))
    assert len(set_certificate(tmp_path, {"thumbprint": "ab" * 20}, planned, away)) == 1
