"""The package scripts: installed, put back, cut off. Shell on a host with the lab's dpkg or a table of rpm; PowerShell
in a real engine, beside the twins that the lab's Windows hosts answer with."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from reconciler.lab.hosts.host import Fresh
from reconciler.lab.hosts.windows import packages as twins
from reconciler.lab.hosts.windows.machine import fresh
from reconciler.lab.hosts.windows.twins import ScriptError, World
from reconciler.lab.packages import text_of
from reconciler.model.script import Script
from reconciler.package_data import shipped_script
from tests.hosts import windows
from tests.hosts.linux import Linux
from tests.hosts.powershell import Windows
from tests.programs import program

pytestmark = pytest.mark.matrix

OLD, NEW = "8.4.0.1457", "8.5.0.1014"
COMMANDS = ("dpkg", "dpkg-deb", "dpkg-query", "journalctl", "sleep", "systemctl")
RPM = """db=$VBO_RECONCILE_ROOT/rpm; conf=$VBO_RECONCILE_ROOT/etc/veeam/backup365
read_db() { [ -s "$db" ] && cat "$db"; }
case $1 in
-qp) read -r _ name version _ <"$4"; case $3 in *NAME*) echo "$name" ;; *) echo "$version" ;; esac ;;
-q) [ -s "$db" ] || exit 1; cat "$db" ;;
-U) [ "$2 $3" = '--oldpackage --replacepkgs' ] || exit 9
    read -r _ _ version word <"$4"; [ "$word" != refused ] || { echo 'error: conflicts'; exit 1; }
    printf %s "$version" >"$db"; mkdir -p "$conf" "$VBO_RECONCILE_ROOT/etc/systemd/system"
    echo "version=$version" >"$conf/proxy.ini"
    : >"$VBO_RECONCILE_ROOT/etc/systemd/system/Veeam.Archiver.Proxy.service" ;;
-e) rm -f "$db" "$VBO_RECONCILE_ROOT/etc/systemd/system/Veeam.Archiver.Proxy.service"
    rm -f "$VBO_RECONCILE_ROOT/run/lab/Veeam.Archiver.Proxy.service" ;;
esac"""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Package:
    """`kind` is deb or rpm; packages come into the host's folder of uploads."""

    host: Linux
    kind: str

    @property
    def store(self) -> Path:
        return self.host.root / "var/lib/vbo-reconcile/packages"

    @property
    def notes(self) -> list[str]:
        return sorted(path.name for path in self.store.iterdir() if "." not in path.name)

    def stage(self, data: bytes, declared: str = "") -> dict[str, Any]:
        upload = self.host.folder / f"upload.{self.kind}"
        upload.write_bytes(data)
        args = {"sha256": declared or sha256(data), "kind": self.kind, "upload": str(upload)}
        return self.host.ask("linux/package-stage.sh", args)

    def install(self, build: str, *, word: str = "", fresh: bool = False, claims: str = "") -> dict[str, Any]:
        data = text_of(build, word)
        assert self.stage(data) == {"staged": True}
        return self.again(sha256(data), claims or build, fresh=fresh)

    def again(self, digest: str, build: str, *, fresh: bool = False) -> dict[str, Any]:
        args = {"sha256": digest, "kind": self.kind, "version": build, "fresh": fresh, "wait": 20}
        return self.host.ask("linux/package-install.sh", args)

    def refused(self, name: str, **args: Any) -> str:
        done = self.host.run(name, {"kind": self.kind, "wait": 20, "fresh": False, **args})
        assert done.returncode == 70
        message: str = json.loads(done.stderr.splitlines()[-1])["message"]
        return message

    @property
    def service(self) -> dict[str, Any]:
        found: dict[str, Any] = self.host.facts()["service"]
        return {name: found[name] for name in found if name in ("state", "unfinished", "unregistered")}

    def bad(self, build: str) -> None:
        (self.host.root / "var/lib/lab/bad_build").write_text(build)


def world(folder: Path, kind: str, shell: str = "sh") -> Package:
    lab = resources.files("reconciler.lab.hosts.linux").joinpath("commands")
    table = {name: lab.joinpath(name).read_text().partition("\n")[2] for name in COMMANDS}
    if kind == "rpm":
        del table["dpkg"], table["dpkg-deb"], table["dpkg-query"]
        table["rpm"] = RPM
    table = {name: f"LAB_USER=root\n{body}" for name, body in table.items()}
    found = Package(Linux(folder, shell, table), kind)
    for part in ("var/lib/lab", "run/lab", "etc/systemd/system"):
        (found.host.root / part).mkdir(parents=True)
    return found


@pytest.fixture(params=["deb", "rpm"])
def package(tmp_path: Path, request: pytest.FixtureRequest) -> Package:
    return world(tmp_path, request.param)


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox sh"])
def test_first_upgraded_put_back(tmp_path: Path, shell: str) -> None:
    program(shell.partition(" ")[0])
    host = world(tmp_path, "deb", shell)
    assert host.install(OLD, fresh=True) == {"ok": True, "version": OLD, "before": ""}
    assert host.service == {"state": "running", "unregistered": True}
    assert host.host.ask("linux/package-registered.sh", {}) == {"registered": True}
    assert host.service == {"state": "running"}
    host.bad(NEW)
    assert host.install(NEW) == {
        "ok": False,
        "problem": f"the service of {NEW} does not start",
        "log": [
            f"Proxy service {NEW}: the configuration database cannot be opened.",
            "Veeam.Archiver.Proxy.service: Main process exited, code=exited, status=1/FAILURE",
        ],
        "back": f"{OLD} was put back and runs",
        "restored": True,
        "state": "running",
    }
    host.bad("")
    assert host.install(NEW) == {"ok": True, "version": NEW, "before": OLD}
    assert host.notes == ["current"]
    assert len(list(host.store.glob("*.deb"))) == 1


def test_a_first_package_whose_service_fails_is_taken_away(package: Package) -> None:
    package.bad(NEW)
    answer = package.install(NEW, fresh=True)
    assert (answer["ok"], answer["restored"], answer["state"]) == (False, True, "missing")
    assert answer["back"] == "the package was removed, since there was none before"
    assert (package.service, package.notes) == ({"state": "missing"}, [])


def test_what_a_server_pushed_cannot_be_put_back(package: Package) -> None:
    assert package.install(OLD, fresh=True)["ok"]
    for kept in package.store.glob("*.*"):
        kept.unlink()
    package.bad(NEW)
    answer = package.install(NEW)
    assert answer["back"] == f"the package was removed: {OLD} was there before, and its package is not on the host"


def test_an_installer_that_says_no_has_changed_nothing(package: Package) -> None:
    assert package.install(OLD, fresh=True)["ok"]
    answer = package.install(NEW, word="refused")
    assert answer["problem"].startswith("the package was not installed: ")
    assert answer["back"] == f"{OLD} is on the host as before and runs"
    assert package.service == {"state": "running", "unregistered": True}


def test_a_run_that_was_cut_off_goes_back_to_what_was_before_it(package: Package) -> None:
    assert package.install(OLD, fresh=True)["ok"]
    (kept,) = package.store.glob(f"*.{package.kind}")
    (package.store / "attempt").write_text(f"{OLD}\n{kept}\n")
    assert package.service["unfinished"] is True
    package.bad(NEW)
    assert package.install(NEW)["back"] == f"{OLD} was put back and runs"
    assert "unfinished" not in package.service


def test_a_note_that_a_power_cut_has_emptied_is_none(package: Package) -> None:
    assert package.install(OLD, fresh=True)["ok"]
    (package.store / "attempt").write_text("")
    package.bad(NEW)
    assert package.install(NEW)["back"] == f"{OLD} was put back and runs"


def test_a_second_run_changes_nothing(package: Package) -> None:
    first = package.install(NEW, fresh=True)
    digest = sha256(text_of(NEW))
    assert package.again(digest, NEW, fresh=True) == {**first, "before": NEW}
    assert package.notes == ["current", "unregistered"]
    args = {"sha256": digest, "kind": package.kind, "upload": ""}
    assert package.host.ask("linux/package-stage.sh", args) == {"staged": True}


def test_what_is_refused_before_anything_is_touched(package: Package) -> None:
    asked = {"sha256": "5e" * 32, "kind": package.kind, "upload": ""}
    assert package.host.ask("linux/package-stage.sh", asked) == {"staged": False}
    assert "was not sent" in package.refused("linux/package-install.sh", sha256="5e" * 32, version=NEW)
    upload = package.host.folder / "other"
    upload.write_bytes(b"something else")
    says = package.refused("linux/package-stage.sh", sha256="5e" * 32, upload=str(upload))
    arrived = sha256(b"something else")
    assert says == f"the SHA-256 of what arrived is {arrived}, and {'5e' * 32} is declared: nothing was installed"
    assert not upload.exists()
    assert list(package.store.iterdir()) == []
    package.install(NEW, fresh=True)
    package.stage(text_of(OLD))
    says = package.refused("linux/package-install.sh", sha256=sha256(text_of(OLD)), version=OLD)
    assert says.endswith(f"{NEW} is installed and newer than {OLD}: downgrades are not supported")
    says = package.refused("linux/package-install.sh", sha256=sha256(text_of(OLD)), version="8.9.0.1")
    assert says.endswith(f"{OLD}, and 8.9.0.1 is wanted")
    (package.store / "unregistered").unlink()
    says = package.refused("linux/package-install.sh", sha256=sha256(text_of(NEW)), version=NEW, fresh=True)
    assert says == "another installation added a proxy service to the host after the plan was made"


def test_a_service_that_dies_after_a_moment_does_not_run(tmp_path: Path) -> None:
    host = world(tmp_path, "deb")
    count = 'n=$(cat "$VBO_RECONCILE_ROOT/n" 2>/dev/null || echo 0); n=$((n + 1)); echo $n >"$VBO_RECONCILE_ROOT/n"'
    dies = f'[ "$1" != is-active ] || {{ {count}; if [ $n -gt 2 ]; then echo failed; else echo active; fi; exit; }}'
    host.host.commands["systemctl"] = f"{dies}\n{host.host.commands['systemctl']}"
    assert host.install(NEW, fresh=True)["problem"] == f"the service of {NEW} does not start"


# Windows

Order = tuple[str, dict[str, Any]]


class Twins:
    """A Windows host of the lab, without its wires."""

    def __init__(self, folder: Path) -> None:
        self.state = fresh(Fresh("px-1.example.net", "windows"))
        self.world = World(self.state, datetime.now(UTC), lambda name: [], lambda name: [], folder)

    def run(self, name: str, args: Mapping[str, Any]) -> Any:
        try:
            return json.loads(json.dumps(twins.TWINS[name](self.world, args)))
        except ScriptError as error:
            return {"error": str(error)}


def sent(data: bytes, declared: str = "") -> list[Order]:
    """The orders of an upload in two pieces."""
    digest = declared or sha256(data)
    common = {"name": f"{digest}.msi", "sha256": digest, "offset": 0, "data": ""}
    half = len(data) // 2
    pieces = [(0, data[:half]), (half, data[half:])]
    return [
        ("windows/upload.ps1", {**common, "step": "look"}),
        *(
            ("windows/upload.ps1", {**common, "step": "piece", "offset": at, "data": base64.b64encode(part).decode()})
            for at, part in pieces
        ),
        ("windows/upload.ps1", {**common, "step": "look"}),
        ("windows/upload.ps1", {**common, "step": "finish"}),
        ("windows/package-stage.ps1", {"sha256": digest, "kind": "msi", "upload": ""}),
    ]


def install(build: str, *, word: str = "", fresh: bool = False, claims: str = "") -> Order:
    args = {"sha256": sha256(text_of(build, word)), "version": claims or build, "fresh": fresh, "wait": 20}
    return "windows/package-install.ps1", {**args, "properties": {}}


BAD: Order = ("bad", {})
GOOD: Order = ("good", {})
LOST: Order = ("lost", {})
REGISTERED: Order = ("windows/package-registered.ps1", {})
PLAYS: dict[str, list[Order]] = {
    "first, upgraded, put back": [
        *sent(text_of(OLD)),
        install(OLD, fresh=True),
        install(OLD, fresh=True),
        REGISTERED,
        *sent(text_of(NEW)),
        BAD,
        install(NEW),
        GOOD,
        install(NEW),
        install(OLD),
    ],
    "a first one that fails": [*sent(text_of(NEW)), BAD, install(NEW, fresh=True), GOOD, install(NEW, fresh=True)],
    "refused": [*sent(text_of(NEW, "refused")), install(NEW, word="refused", fresh=True)],
    "refused, and one before": [
        *sent(text_of(OLD)),
        install(OLD, fresh=True),
        *sent(text_of(NEW, "refused")),
        install(NEW, word="refused"),
    ],
    "pushed before": [
        *sent(text_of(OLD)),
        install(OLD, fresh=True),
        LOST,
        *sent(text_of(NEW)),
        BAD,
        install(NEW),
    ],
    "another build than it claims": [*sent(text_of(NEW)), install(NEW, claims="8.5.0.2000", fresh=True)],
    "another was faster": [*sent(text_of(OLD)), install(OLD, fresh=True), REGISTERED, install(OLD, fresh=True)],
    "another file": [*sent(text_of(NEW), "5e" * 32), install(NEW, fresh=True)],
    "pieces out of order": [
        ("windows/upload.ps1", {"name": "5e" * 32, "sha256": "", "offset": 0, "data": "", "step": "look"}),
        ("windows/upload.ps1", {"name": "5e" * 32, "sha256": "", "offset": 5, "data": "", "step": "piece"}),
        ("windows/upload.ps1", {"name": "../x", "sha256": "", "offset": 0, "data": "", "step": "look"}),
    ],
}


def shown(answer: Any) -> Any:
    """Without what is each one's own: paths, and the lines of logs."""
    return {key: value for key, value in answer.items() if key not in ("path", "log")}


def test_windows_and_its_twin_say_the_same(tmp_path: Path) -> None:
    """All plays in one engine, each on its own machine: starting an engine takes longer than a play."""
    engine = Windows(tmp_path, windows.host())
    blank = tmp_path / "blank.json"
    blank.write_text(json.dumps(windows.host() | {"bad_build": "", "installer": []}))
    orders: list[tuple[Script, Mapping[str, Any], str]] = []
    ours: list[tuple[str, Any]] = []
    for number, (play, said) in enumerate(PLAYS.items()):
        data, twin = tmp_path / f"data-{number}", Twins(tmp_path / f"twin-{number}")
        before = f"$env:ProgramData = '{data}'; $global:World = [IO.File]::ReadAllText('{blank}') | ConvertFrom-Json;"
        for name, args in said:
            if name in ("bad", "good"):
                twin.state["bad_build"] = NEW if name == "bad" else ""
                before += f"$global:World.bad_build = '{twin.state['bad_build']}';"
            elif name == "lost":
                (twin.world.files / "current").unlink()
                before += f"[IO.File]::Delete('{data}/vbo-reconcile/packages/current');"
            else:
                orders.append((shipped_script(name), args, before))
                ours.append((play, shown(twin.run(name, args))))
                before = ""
    theirs = engine.play(orders)
    assert list(zip((play for play, _ in ours), map(shown, theirs), strict=True)) == ours
    for number, play in enumerate(PLAYS):
        files = [
            sorted(path.name for path in folder.glob("*"))
            for folder in (tmp_path / f"data-{number}/vbo-reconcile/packages", tmp_path / f"twin-{number}")
        ]
        assert files[0] == files[1], play


def test_what_the_installer_of_windows_is_told(tmp_path: Path) -> None:
    engine = Windows(tmp_path, windows.host() | {"bad_build": "", "installer": [], "restart": True})
    name, args = install(NEW, fresh=True)
    orders = [*sent(text_of(NEW)), (name, {**args, "properties": {"ACCEPT_EULA": "1", "DIR": "C:\\A b"}})]
    answer = engine.play([(shipped_script(name), args, "") for name, args in orders])[-1]
    assert answer == {"ok": True, "version": NEW, "before": "", "restart": True}
    (words,) = engine.world["installer"]
    log = tmp_path / "data" / "vbo-reconcile" / "packages" / "installer.log"
    package = log.with_name(f"{args['sha256']}.msi")
    assert words == f'/i "{package}" /qn /norestart /L*v "{log}" ACCEPT_EULA="1" DIR="C:\\A b"'
