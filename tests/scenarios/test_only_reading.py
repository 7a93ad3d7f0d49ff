"""Commands that look and never touch: counted by the lab's server, and by name of the scripts that hosts were given."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from reconciler.clients.ssh.session import SshSession
from reconciler.clients.winrm.session import WinrmSession
from reconciler.lab.server.api import Api
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix

ASKING = {"windows/facts.ps1", "windows/reach.ps1", "linux/facts.sh", "linux/reach.sh"} | {
    f"server/{name}.ps1" for name in ("names", "security-settings", "version")
}
"""The scripts that only ask."""


class Watch:
    """`verbs` that reached the server (a token counts as LOGIN, giving it back as LOGOUT), and `scripts` that hosts
    were given."""

    def __init__(self) -> None:
        self.verbs: Counter[str] = Counter()
        self.scripts: Counter[str] = Counter()


@pytest.fixture
def watch(demo: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> Watch:
    seen = Watch()
    count = Api.count

    def counted(self: Api, method: str, template: str, status: int, *, login: bool = False) -> None:
        session = "LOGIN" if login else "LOGOUT" if template.endswith("/token/logout") else ""
        seen.verbs[session or method] += 1
        count(self, method, template, status, login=login)

    monkeypatch.setattr(Api, "count", counted)
    for session in (SshSession, WinrmSession):
        _watch_scripts(session, seen, monkeypatch)
    return seen


def _watch_scripts(session: Any, seen: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    execute = session.execute

    def executed(self: Any, script: Any, params: Any, **more: Any) -> Any:
        seen.scripts[script.name] += 1
        return execute(self, script, params, **more)

    monkeypatch.setattr(session, "execute", executed)


TROUBLES = {
    "nothing": (),
    "a host that is off and one with another password": (("px-lon-1", "power=off"), ("px-lon-2", "wrong-password=yes")),
    "a newer server and a host that is not fit": (("server", "build=8.6.0.100"), ("px-lnx-1", "firewall=closed")),
    "a server that fails": (("server", 'faults=[{"kind": "status", "method": "GET", "path": "Jobs", "status": 500}]'),),
}

COMMANDS = {
    "plan": ("plan", "--lab", "{inventory}", "--out", "{folder}/plan.json", "--format", "html={folder}/plan.html"),
    "plan of a part": ("plan", "--lab", "{inventory}", "--target", "@dmz", "--require-complete"),
    "drift": ("drift", "--lab", "{inventory}", "--format", "json"),
    "doctor": ("doctor", "--lab", "{inventory}"),
    "explain": ("explain", "proxy.px-lon-1", "{inventory}", "--lab"),
    "jobs list": ("jobs", "list", "--lab", "{inventory}"),
    "import": ("import", "--lab", "--from", "{inventory}", "--stdout"),
    "import --diff": ("import", "--diff", "--lab", "--from", "{inventory}"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_looking_sends_nothing_but_get_and_the_login(demo: Rehearsal, watch: Watch, trouble: str) -> None:
    demo.replace("throttle: 100 Mbps", "throttle: 150 Mbps")
    for target, switch in TROUBLES[trouble]:
        demo.set(target, switch)
    watch.verbs.clear()
    watch.scripts.clear()
    for name, arguments in COMMANDS.items():
        ended = demo.run(*(part.format(inventory=demo.file, folder=demo.folder) for part in arguments))
        assert ended.code in (0, 1, 2, 3, 4), f"{name}: {ended.err}"
        assert set(watch.verbs) <= {"GET", "LOGIN", "LOGOUT"}, f"{name} wrote: {dict(watch.verbs)}"
        assert set(watch.scripts) <= ASKING, f"{name} changed a host: {dict(watch.scripts)}"
    assert watch.verbs["GET"] > 0
    assert watch.scripts["windows/facts.ps1"] > 0


def test_an_import_that_scans_hosts_logs_in_to_none(
    demo: Rehearsal, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    logins: list[str] = []

    def begun(_self: Any, username: str) -> bool:
        logins.append(username)
        return True

    monkeypatch.setattr("reconciler.lab.hosts.ssh._Login.begin_auth", begun)
    monkeypatch.setattr("reconciler.lab.hosts.wsman.Endpoint._answer", lambda *request: logins.append("WinRM"))
    demo.set("px-lnx-2", "power=off")
    watch.verbs.clear()
    out = demo.folder / "out"
    ended = demo.run("import", "--lab", "--from", str(demo.file), "--out", str(out), "--scan-hosts")
    assert "Scanned 6 hosts: 5 answered; keys and certificates that were seen and not verified: 1" in ended.err
    assert set(watch.verbs) == {"GET", "LOGIN", "LOGOUT"}
    assert (watch.scripts, logins) == (Counter(), [])
    report = (out / "IMPORT.md").read_text()
    assert all(line.endswith(" --lab") for line in re.findall("`(vbo-reconcile [^`]*)`", report))
    assert "`proxy.px-lnx-2`: SSH: not reached" in report
    assert "seen and not verified" in report
    text = (out / "demo.yml").read_text()
    assert "px-lnx-2: {" in text
    assert text.count("connection: {host_keys: [ssh-ed25519 ") == 1


def test_offline_commands_send_nothing_at_all(demo: Rehearsal, watch: Watch) -> None:
    old = demo.folder / "old.yml"
    shutil.copy(demo.file, old)
    demo.replace("throttle: 100 Mbps", "throttle: 150 Mbps")
    saved = demo.folder / "plan.json"
    demo.run("plan", "--lab", str(demo.file), "--out", str(saved))
    watch.verbs.clear()
    watch.scripts.clear()
    assert demo.run("validate", str(demo.file)).code == 0
    assert demo.run("diff", str(old), str(demo.file)).code == 0
    assert demo.run("graph", str(demo.file)).code == 0
    assert demo.run("show", str(saved), "--format", "markdown").code == 0
    assert (watch.verbs, watch.scripts) == (Counter(), Counter())


def test_the_plan_says_what_it_asked(demo: Rehearsal, watch: Watch) -> None:
    plan = demo.plan()
    assert {**plan["requests"], "LOGOUT": 1} == dict(watch.verbs)
    demo.converges()


def test_drift_knows_what_is_accepted(demo: Rehearsal, tmp_path: Path) -> None:
    demo.replace("throttle: 100 Mbps", "throttle: 150 Mbps")
    known = tmp_path / "known.yml"

    def drift(expires: str) -> tuple[int, dict[str, Any]]:
        entry = {"address": "proxy.px-lon-*", "field": "throttle", "owner": "storage", "reason": "moving"}
        known.write_text(json.dumps({"version": 1, "known": [{**entry, "expires": expires}]}), encoding="utf-8")
        ended = demo.run("drift", "--lab", str(demo.file), "--known", str(known), "--format", "json")
        return ended.code, json.loads(ended.out)

    code, answer = drift("2999-12-31")
    assert (code, answer["mode"], answer["changes"]) == (0, "drift", [])
    assert [report["code"] for report in answer["reports"]] == ["known-drift"]
    code, answer = drift("2020-12-31")
    assert (code, [change["severity"] for change in answer["changes"]]) == (2, ["low"])
    assert [report["code"] for report in answer["reports"]] == ["expired-drift"]
    demo.converges()
    assert demo.run("drift", "--lab", str(demo.file)).code == 0
