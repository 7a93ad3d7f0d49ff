"""Upgrades through the server: one run of the script for what begins together, one call for each login."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import pytest

from reconciler.apply import ApplyContext
from reconciler.apply.coalescing import Batcher
from reconciler.apply.steps import RUN, StepFailed
from reconciler.clients.host_session import HostSession
from reconciler.model.connection import Connection, ConnectionContext, Credential, Transport, Trust
from reconciler.model.errors import ReconcileError, ScriptFailed
from reconciler.model.secret import Secret, SecretRef
from reconciler.model.steps import UpgradeProxy
from tests.apply.fakes import HOST, FakeServer, fake_context
from tests.apply.test_deployment import KEY

OTHER = Credential("other", "Operator", SecretRef("env", "OTHER"))


class PowerShell:
    """On the management server. Proxies in `refusing` are not upgraded; with `breaks` the script itself fails."""

    def __init__(self, *refusing: str, breaks: bool = False) -> None:
        self.refusing, self.breaks = refusing, breaks
        self.runs: list[list[list[str]]] = []
        self.logins: dict[str, tuple[str, str]] = {}

    def execute(self, script: Any, params: Mapping[str, Any], *, deadline: float) -> Any:
        assert script.name == "server/update-proxy.ps1"
        self.runs.append([sorted(group["proxies"]) for group in params["groups"]])
        for group in params["groups"]:
            shown = (group.get("username", ""), group["password"].reveal() if "password" in group else "")
            self.logins |= dict.fromkeys(group["proxies"], shown)
        if self.breaks:
            raise ScriptFailed(HOST, "running server/update-proxy.ps1", "the module was not loaded")
        hosts = [host for group in params["groups"] for host in group["proxies"]]
        return {
            "results": [
                {"host": host.upper(), "ok": host not in self.refusing, "version": "8.5.0.1", "message": "Denied."}
                for host in reversed(hosts)
            ]
        }


class Place(ApplyContext):
    def server_host(self) -> Any:
        @contextmanager
        def session() -> Iterator[HostSession]:
            yield cast("HostSession", self.shell)

        return session()

    shell: PowerShell


def upgrade(shell: PowerShell, logins: Mapping[str, str]) -> dict[str, str]:
    """Upgrade proxies (name to credential) all at once; gives what each step said, or how it failed."""
    plain = fake_context(FakeServer({}), *logins)
    access = replace(plain.access, credentials={**plain.access.credentials, "other": OTHER})
    place = Place(plain.owner, plain.live, access, plain.connection_context, plain.reader, plain.writer)
    place.shell = shell

    def until_all_have_come(_: float) -> None:
        while sum(len(group) for group in together._waiting.values()) < len(logins):
            time.sleep(0.001)

    together = place.batcher = Batcher(until_all_have_come)

    def one(name: str) -> str:
        step = UpgradeProxy(name=name, host=name, to="8.5.0.1", os="windows", credentials=logins[name])
        try:
            return RUN["proxy.upgrade"](place, step, lambda line: None) or ""
        except ReconcileError as error:
            return f"{type(error).__name__}: {error}"

    with ThreadPoolExecutor(len(logins)) as pool:
        return dict(zip(logins, pool.map(one, logins), strict=True))


def test_what_begins_together_is_one_run_with_one_call_for_each_login() -> None:
    shell = PowerShell()
    answer = upgrade(shell, {"px-1": "local", "px-2": "other", "px-3": "local", "px-4": "local"})
    assert answer == dict.fromkeys(("px-1", "px-2", "px-3", "px-4"), "now 8.5.0.1")
    assert shell.runs == [[["px-1", "px-3", "px-4"], ["px-2"]]]


def test_each_call_has_the_login_of_its_hosts() -> None:
    """One that the inventory does not declare is that of the server."""
    shell = PowerShell()
    upgrade(shell, {"px-1": "local", "px-2": "other", "px-3": ""})
    assert shell.logins == {"px-1": ("Administrator", "hunter2"), "px-2": ("Operator", "hunter2"), "px-3": ("", "")}


def test_each_proxy_has_its_own_result() -> None:
    answer = upgrade(PowerShell("px-2"), {"px-1": "local", "px-2": "local"})
    assert answer == {"px-1": "now 8.5.0.1", "px-2": "StepFailed: px-2 was not upgraded: Denied."}
    assert issubclass(StepFailed, ReconcileError)


def test_a_run_that_fails_fails_for_everybody() -> None:
    answer = upgrade(PowerShell(breaks=True), {"px-1": "local", "px-2": "other", "px-3": "local"})
    assert {text.partition(":")[0] for text in answer.values()} == {"ScriptFailed"}


def test_one_after_the_other_is_one_run_each() -> None:
    shell = PowerShell()
    for name in ("px-1", "px-2"):
        assert upgrade(shell, {name: "local"}) == {name: "now 8.5.0.1"}
    assert shell.runs == [[["px-1"]], [["px-2"]]]


def test_work_that_gives_too_little_is_nobodys_success() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Batcher(lambda seconds: None).call("key", {}, lambda items: [])


class LinuxPowerShell(PowerShell):
    """Keeps the login that it was handed."""

    def execute(self, script: Any, params: Mapping[str, Any], *, deadline: float) -> Any:
        (self.group,) = params["groups"]
        assert params["wait"] == 600
        return super().execute(script, params, deadline=deadline)

    group: Mapping[str, Any]


@pytest.mark.parametrize("by", ["sudo", "su", ""])
def test_the_login_of_a_linux_proxy(by: str) -> None:
    """Every part of it, as a secret where it is one, with the host key that the server sees."""
    login = Credential(
        "lin",
        "backup",
        SecretRef("env", "A"),
        private_key=SecretRef("env", "B"),
        passphrase=SecretRef("env", "C"),
        sudo=by == "sudo",
        su=by == "su",
        root_password=SecretRef("env", "D") if by == "su" else None,
    )

    class Named:
        def resolve(self, reference: SecretRef) -> Secret:
            return Secret(f"value of {reference.path}")

    class Seeing(FakeServer):
        def act(self, path: str, action: str, body: Any = None, **more: Any) -> dict[str, Any]:
            return {"publicBase64Key": KEY, "fingerprint": "f"}

    plain = fake_context(Seeing({}), "px-1")
    trust = Trust(host_keys=(f"ssh-ed25519 {KEY}",))
    connection = Connection("px-1", "px-1.example.net", Transport.SSH, port=2222, trust=trust)
    access = replace(plain.access, credentials={"lin": login}, connections={"px-1": connection})
    place = Place(
        plain.owner,
        plain.live,
        access,
        ConnectionContext(Named(), "/nowhere"),
        plain.reader,
        plain.writer,
        sleep=lambda _: None,
    )
    shell = place.shell = LinuxPowerShell()
    step = UpgradeProxy(name="px-1", host="px-1.example.net", to="8.5.0.1", os="linux", credentials="lin")
    assert RUN["proxy.upgrade"](place, step, lambda line: None) == "now 8.5.0.1"
    group = shell.group
    assert group["proxies"] == ["px-1.example.net"]
    answer = {key: value.reveal() if isinstance(value, Secret) else value for key, value in group["linux"].items()}
    assert answer == {
        "account": "backup",
        "password": "value of A",
        "private_key": "value of B",
        "passphrase": "value of C",
        "port": 2222,
        "elevate": bool(by),
        "use_su": by == "su",
        "root_password": "value of D" if by == "su" else "",
        "fingerprint": "f",
        "public_key": KEY,
    }
    secret = {key for key, value in group["linux"].items() if isinstance(value, Secret)}
    assert secret == {"password", "private_key", "passphrase", "root_password"}
