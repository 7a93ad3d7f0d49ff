"""The conversation of `import`, in a terminal of 80 columns with a server over the network."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from reconciler.clients.vbo import Reader, Writer, connect
from reconciler.model.connection import ConnectionContext, Credential, Server, Trust
from reconciler.model.secret import Secret, SecretRef
from tests.importing.run import contents
from tests.programs import program
from tests.rights import HELD_TO_MODES
from tests.started import MAIN
from tests.terminal import COLUMNS, Terminal, terminal

pytestmark = pytest.mark.matrix
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Served:
    """A lab that another process serves: `login` is what it said of itself."""

    login: dict[str, Any]
    folder: Path

    @property
    def host(self) -> str:
        return urlsplit(self.login["url"]).hostname or ""

    def begin(self, *options: str, code: str = MAIN, **environment: str) -> AbstractContextManager[Terminal]:
        return terminal(["import", *options], self.folder, {**self._home, **environment}, code)

    @property
    def _home(self) -> dict[str, str]:
        return {"HOME": str(self.folder), "XDG_STATE_HOME": str(self.folder / "state")}

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """A command line that was printed, as a shell takes it."""
        path = str(Path(program("vbo-reconcile")).parent)
        home = {**self._home, "VBO_PASSWORD": self.login["password"], "PATH": path}
        return subprocess.run(
            ["/bin/sh", "-c", command], cwd=self.folder, env=home, capture_output=True, text=True, check=False
        )

    @property
    def is_large(self) -> bool:
        """Whether a test has filled it."""
        return self.login.get("filled", False) is True

    def resolve(self, reference: SecretRef) -> Secret:
        return Secret(self.login["password"])

    def fill(self, count: int) -> None:
        """More repositories than one file is written for."""
        self.login["filled"] = True
        login = Credential("admin", self.login["username"], SecretRef("test", "password"))
        server = Server(self.host, login, trust=Trust(ca_file=self.login["ca_file"]))
        with connect(server, ConnectionContext(self, "/")) as session:
            proxies = Reader(session).list("Proxies")
            windows = next(item["id"] for item in proxies if item["hostName"].startswith("px-lon-1"))
            for number in range(count):
                body = {**RETENTION, "name": f"more-{number}", "path": f"F:\\{number}", "proxyId": windows}
                Writer(session).create("BackupRepositories", body)


RETENTION = {
    "description": "",
    "retentionType": "ItemLevel",
    "retentionPeriodType": "Yearly",
    "yearlyRetentionPeriod": "Years3",
    "retentionFrequencyType": "Daily",
}


@pytest.fixture(scope="module")
def lab(applied: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    world = tmp_path_factory.mktemp("served") / "world"
    shutil.copytree(applied, world)
    command = [program("vbo-reconcile"), "lab", "serve", "inventory.yml", "--format", "json"]
    home = {"HOME": str(world), "XDG_STATE_HOME": str(world / "state"), "PATH": os.environ["PATH"]}
    with subprocess.Popen(command, cwd=world, env=home, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as serving:
        try:
            assert serving.stdout is not None
            yield json.loads(serving.stdout.readline())
        finally:
            serving.send_signal(signal.SIGINT)
            serving.wait()


@pytest.fixture
def served(lab: dict[str, Any], tmp_path: Path) -> Served:
    return Served(lab, tmp_path)


def to_the_organizations(served: Served, screen: Terminal, password: str = "") -> None:
    screen.answer("Management server (name or address):", served.host)
    screen.answer("Account that logs in to it (DOMAIN\\user):", served.login["username"])
    screen.answer("Name of the inventory (marks what it will own) [vbo]:", "corp")
    screen.answer("Folder for the files [corp]:")
    screen.answer("Password", password or served.login["password"])
    screen.expect("its certificate comes from an authority that is not trusted here")
    screen.answer("Pin this certificate? [y/N]:", "y")


def test_every_question_is_answered_and_the_command_that_is_printed_gives_the_same(served: Served) -> None:
    served.fill(15)
    with served.begin() as screen:
        to_the_organizations(served, screen, "wrong")
        screen.expect("The user name or password is incorrect")
        screen.answer("Password", served.login["password"])
        screen.answer("Which of them (all, or names with commas) [all]:", "elsewhere.example.com")
        screen.expect("Not among them: elsewhere.example.com")
        screen.answer("[all]:", "contoso.example.com, northwind.example.net")
        screen.answer("One account for the 2 linux proxies [later]:", "backup")
        screen.answer("backup logs in with (password, key, agent) [key]:", "agent")
        screen.answer("One account for the 2 windows-domain proxies [later]:", "CORP\\svc-proxy")
        screen.answer("One account for the 2 windows-workgroup proxies [later]:")
        screen.answer("Ask the hosts for their keys, without a login? [y/N]:")
        screen.answer("Let later commands visit the hosts? [y/N]:")
        screen.answer("objects: a file for each kind and organization (else one file)? [y/N]:", "y")
        screen.answer("Own what is imported (else only watch it)? [y/N]:", "y")
        screen.expect("Plan: no changes.")
        screen.expect("Next: corp/IMPORT.md")
        screen.expect("  vbo-reconcile apply --adopt corp/corp.yml")
        assert screen.code() == 0
    assert served.login["password"] not in screen.text
    written = contents(served.folder / "corp")
    assert {"corp.yml", "proxies.yml", "jobs/contoso.example.com.yml"} <= written.keys()
    main = written["corp.yml"].decode()
    assert "linux-agent: {username: backup, agent: true, sudo: true}" in main
    assert "connection: {credentials: linux-agent}" in main
    assert "# Fill in the account that deploys these proxies" in main
    shown, _, command = screen.text.partition("The same without questions, with VBO_PASSWORD set:")
    said = [line for line in shown.splitlines() if "]:" not in line]
    assert [line for line in said if len(line) > COLUMNS] == []
    assert "--exclude organization.fabrikam.example.com" in command
    for _ in range(2):  # beside what it wrote, and from the beginning
        ended = served.run(command)
        assert ended.returncode == 0, ended.stderr
        assert contents(served.folder / "corp") == written
        shutil.rmtree(served.folder / "corp")


def test_linux_hosts_by_password(served: Served) -> None:
    login = ("--server", served.host, "--username", served.login["username"], "--name", "corp", "--out", "corp")
    with served.begin(*login, "--ca-file", served.login["ca_file"], VBO_PASSWORD=served.login["password"]) as screen:
        screen.answer("[all]:")
        screen.answer("One account for the 2 linux proxies [later]:", "backup")
        screen.answer("backup logs in with (password, key, agent) [key]:", "telnet")
        screen.expect("'telnet' is not one of 'password', 'key', 'agent'")
        screen.answer("[key]:", "password")
        for _ in ("windows-domain", "windows-workgroup"):
            screen.answer("[later]:")
        screen.answer("Ask the hosts for their keys, without a login? [y/N]:", "n")
        screen.answer("Let later commands visit the hosts? [y/N]:", "y")
        if served.is_large:
            screen.answer("(else one file)? [y/N]:", "n")
        screen.answer("(else only watch it)? [y/N]:", "n")
        screen.expect("  vbo-reconcile drift corp/corp.yml")
        screen.expect("--login linux=backup,password")
        assert screen.code() == 0
    written = contents(served.folder / "corp")
    assert b"linux: {username: backup, sudo: true, password: secret://env/LINUX_PASSWORD}" in written["corp.yml"]
    assert b"connection:" not in written["corp.yml"]
    assert b"LINUX_PASSWORD=\n" in written[".env.example"]


def test_the_section_of_the_readme(served: Served) -> None:
    section = (ROOT / "README.md").read_text().partition("## You have a server already")[2].partition("\n## ")[0]
    lines = [line.strip() for line in section.splitlines() if line.startswith("    ")]
    assert lines[0] == "export VBO_PASSWORD=…"
    assert lines[1].startswith("vbo-reconcile import --server vbo01.corp.example.com ")
    (served.folder / "pki").mkdir()
    shutil.copy(served.login["ca_file"], served.folder / "pki" / "corp-ca.pem")
    here = {"vbo01.corp.example.com": served.host, r"CORP\svc-vbo": served.login["username"]}
    command = "\n".join(lines[1:])
    for example, real in here.items():
        command = command.replace(example, real)
    ended = served.run(command)
    assert ended.returncode == 0, ended.stderr
    report = (served.folder / "corp" / "IMPORT.md").read_text()
    assert "## In part" in report
    assert "## Not imported" in report
    commands = re.findall("`(vbo-reconcile (?:plan|drift) [^`]*)`", report)
    assert len(commands) == 2
    for command in commands:
        ended = served.run(f"cd corp && {command}")
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "No changes." in ended.stdout or "No drift" in ended.stdout, ended.stdout


@pytest.mark.parametrize("at", ["Password", "Pin this certificate? [y/N]:", "[all]:", "[later]:"])
def test_an_interrupt_leaves_nothing(served: Served, at: str) -> None:
    environment = {} if at == "Password" else {"VBO_PASSWORD": served.login["password"]}
    trust = () if at.startswith("Pin") else ("--ca-file", served.login["ca_file"])
    login = ("--server", served.host, "--username", served.login["username"], "--name", "corp", "--out", "corp")
    with served.begin(*login, *trust, **environment) as screen:
        if at == "[later]:":
            screen.answer("[all]:")
        screen.expect(at)
        screen.type("\x03")
        screen.expect("Interrupted.")
        assert screen.code() == 130
    assert not (served.folder / "corp").exists()
    assert "Traceback" not in screen.text


def test_a_certificate_that_is_not_pinned_ends_it(served: Served) -> None:
    login = ("--server", served.host, "--username", served.login["username"], "--name", "corp", "--out", "corp")
    with served.begin(*login, VBO_PASSWORD=served.login["password"]) as screen:
        screen.answer("Pin this certificate? [y/N]:", "n")
        screen.expect("Trust its issuer with `--ca-file`, or pin the certificate with `--fingerprint`")
        assert screen.code() == 1
    assert list(served.folder.glob("corp*")) == []


def test_three_wrong_passwords_end_it(served: Served) -> None:
    login = ("--server", served.host, "--username", served.login["username"], "--name", "corp", "--out", "corp")
    with served.begin(*login, "--ca-file", served.login["ca_file"]) as screen:
        for _ in range(3):
            screen.answer("Password", "wrong")
        assert screen.code() == 1
    assert list(served.folder.glob("corp*")) == []


@pytest.mark.parametrize("way", ["a file", "a folder that cannot be written"])
def test_a_place_where_nothing_can_be_written_is_said_before_the_password_is_asked(served: Served, way: str) -> None:
    place = served.folder / "place"
    if way == "a file":
        place.write_text("mine")
    else:
        place.mkdir(mode=0o500)
    login = ("--server", served.host, "--username", served.login["username"], "--name", "corp")
    with served.begin(*login, "--out", "place/corp", code=HELD_TO_MODES + MAIN) as screen:
        screen.expect("place")
        assert screen.code() == 1
    assert "Password" not in screen.text
    assert "Traceback" not in screen.text
