"""Upgrades through the server: one run of the script for what begins together, one call for each login."""

from __future__ import annotations

import math
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
from reconciler.model.errors import ConnectionLost, ReconcileError, ScriptFailed
from reconciler.model.secret import Secret, SecretRef
from reconciler.model.steps import UpgradeProxy
from tests.apply.fakes import HOST, Clock, FakeServer, fake_context
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


class Late(PowerShell):
    """The server is at work on an upgrade of px-1 for `seconds`, and refuses another one meanwhile. With `loses` it
    takes the upgrade from here, and the connection is lost."""

    def __init__(self, clock: Clock, seconds: float, *, loses: bool = False) -> None:
        super().__init__("px-1")
        self.clock, self.seconds, self.loses = clock, seconds, loses
        self.asked = 0

    def execute(self, script: Any, params: Mapping[str, Any], *, deadline: float) -> Any:
        if script.name == "server/version.ps1":
            self.asked += 1
            return {"proxies": [{"host": "PX-1", "outdated": self.clock() < self.seconds}]}
        if self.loses:
            raise ConnectionLost(HOST, "running server/update-proxy.ps1", "reset")
        return super().execute(script, params, deadline=deadline)


def one_more(begun: bool, seconds: float, *, loses: bool = False, stopped: bool = False) -> tuple[str, Late, list[str]]:
    """What an upgrade of px-1 says or fails with, the server, and what was reported."""
    clock, news = Clock(), list[str]()
    plain = fake_context(FakeServer({}), "px-1", clock=clock)
    place = Place(
        plain.owner,
        plain.live,
        plain.access,
        plain.connection_context,
        plain.reader,
        plain.writer,
        sleep=clock.sleep,
        clock=clock,
    )
    place.begun = {"upgrading.px-1"} if begun else {"upgrading.px-2", "creating.px-1"}
    shell = place.shell = Late(clock, seconds, loses=loses)
    if stopped:
        place.stop.set()
    step = UpgradeProxy(name="px-1", host="px-1", to="8.5.0.1", os="windows", credentials="local")
    try:
        return RUN["proxy.upgrade"](place, step, news.append) or "", shell, news
    except ReconcileError as error:
        return f"{type(error).__name__}: {error}", shell, news


def test_an_upgrade_that_an_earlier_apply_began_is_waited_for() -> None:
    """It may have been killed, or have lost its lock: the server works on."""
    said, shell, news = one_more(True, 300.0)
    assert said == "an earlier apply began it"
    assert 300.0 <= shell.clock() < 320.0
    assert news == ["px-1 was not upgraded: Denied; an upgrade may be in progress: waiting up to 600 s for its result"]
    assert len(shell.runs) == 1, "a login that is refused is not repeated"


@pytest.mark.parametrize(
    ("begun", "seconds", "stopped", "waited"),
    [(False, 300.0, False, 0.0), (True, math.inf, False, 600.0), (True, math.inf, True, 0.0)],
    ids=["none was begun", "it does not end", "interrupted"],
)
def test_an_upgrade_that_is_refused_fails(begun: bool, seconds: float, stopped: bool, waited: float) -> None:
    said, shell, _ = one_more(begun, seconds, stopped=stopped)
    assert said == "StepFailed: px-1 was not upgraded: Denied."
    assert waited <= shell.clock() < waited + 20.0
    assert bool(shell.asked) is begun


@pytest.mark.parametrize(
    ("seconds", "ends"), [(300.0, "the response was lost, but it was upgraded"), (math.inf, "ConnectionLost")]
)
def test_an_upgrade_whose_answer_is_lost_is_read_back(seconds: float, ends: str) -> None:
    said, shell, _ = one_more(False, seconds, loses=True)
    assert said.startswith(ends)
    assert min(seconds, 600.0) <= shell.clock() < min(seconds, 600.0) + 20.0
