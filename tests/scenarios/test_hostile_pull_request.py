"""A pull request from a fork that wants the credentials of the pipeline: `validate` and `diff` are run on it.

The environment holds secrets, and every way is laid out by which programs of a repository, files of the machine or
hosts of others were once reached. Started programs and connections are counted by an audit hook of the interpreter.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.exits import USAGE
from reconciler.model.value import digest
from reconciler.plan.saved import to_bytes
from tests.git import git
from tests.started import MAIN, ROOT, run

CANARY = "canary-5fe1"
"""Every secret of the machine."""
LOOPBACK = re.compile(r"\('127\.|'/|b'/|'localhost'|'::1'")
"""Addresses as events name them: of loopback, and of sockets that are files."""
LOOKING_FOR_LIBRARIES = ("gcc", "ld", "ldconfig")
"""What `ctypes.util.find_library` starts, for the SSH server of the lab."""
RAN = "left-by-the-fork"
"""What a program of the fork leaves behind."""
HOOK = """
import json, os, sys
_file = os.open(os.environ["AUDIT_FILE"], os.O_WRONLY | os.O_APPEND)
def _hook(event, arguments):
    if event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.fork", "pty.spawn"):
        os.write(_file, (json.dumps([event, str(arguments[0])]) + "\\n").encode())
    elif event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        os.write(_file, (json.dumps([event, str(arguments[:2])]) + "\\n").encode())
sys.addaudithook(_hook)
"""
GOOD = """\
version: 1
name: corp
server: {host: vbo.example.com, credentials: admin}
credentials: {admin: {username: svc, password: secret://env/VBO_PASSWORD}}
proxies: {px: {host: px.example.com, type: domain, credentials: admin}}
"""
HOSTILE = f"""\
version: 1
name: corp
server: {{host: vbo.evil.example, credentials: admin, address: 198.51.100.7, tls: {{ca_file: evil.pem}}}}
credentials:
  admin: {{username: svc, password: secret://exec/steal}}
  file: {{username: svc, password: secret://file/../../../etc/shadow}}
  ring: {{username: svc, password: secret://keyring/a/b}}
secrets: {{exec: {{steal: [sh, -c, "touch {RAN}; echo x"]}}}}
jump_hosts: {{gate: {{host: gate.evil.example, credentials: admin}}}}
playbooks: [books]
proxies:
  px: {{host: px.example.com, type: domain, credentials: admin}}
  py: {{host: py.example.com, os: linux, type: workgroup, credentials: file, connection: {{jump: gate}}}}
"""
BOOK = """\
version: 1
os: linux
facts: linux/own.sh
requirements:
  - {name: own, fact: own.x, equals: 1, why: It is so., manual: Do it.}
"""


class Fork:
    """The checkout of a pull request, and the machine that runs its pipeline."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        (self.work / "backup").mkdir(parents=True)
        self.inventory = self.work / "backup" / "corp.yml"
        (folder / "other.yml").write_text(f"{CANARY}: [\n")
        git(self.work, "init", "--quiet", "--initial-branch=main")
        self.inventory.write_text(GOOD)
        self.commit()
        git(self.work, "checkout", "--quiet", "-b", "fork")

    def commit(self) -> None:
        git(self.work, "add", "--all")
        git(self.work, "commit", "--quiet", "--message", "x")

    def run(self, *arguments: str) -> tuple[subprocess.CompletedProcess[str], list[tuple[str, str]]]:
        """A command line in the checkout, and the programs and connections that it began."""
        return self._watched(lambda given: run(*arguments, folder=self.work, environment=given, code=HOOK + MAIN))

    def run_anew(self, *arguments: str) -> tuple[subprocess.CompletedProcess[str], list[tuple[str, str]]]:
        """In a process that is watched from the start of the interpreter on."""
        hook = self.folder / "hook"
        hook.mkdir(exist_ok=True)
        (hook / "sitecustomize.py").write_text(HOOK)
        path = f"{hook}{os.pathsep}{ROOT}"
        command = [sys.executable, "-m", "reconciler", *arguments]
        return self._watched(
            lambda given: subprocess.run(
                command,
                cwd=self.work,
                env={**given, "PYTHONPATH": path},
                capture_output=True,
                text=True,
                check=False,
            )
        )

    def _watched(
        self, start: Callable[[dict[str, str]], subprocess.CompletedProcess[str]]
    ) -> tuple[subprocess.CompletedProcess[str], list[tuple[str, str]]]:
        log = self.folder / "audit.jsonl"
        log.write_text("")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "AUDIT_FILE": str(log),
            "VBO_PASSWORD": CANARY,
            "GH_TOKEN": CANARY,
        }
        done = start(environment)
        events = [json.loads(line) for line in log.read_text().splitlines()]
        return done, [(event, what) for event, what in events]

    @property
    def traces(self) -> list[str]:
        """Files that a program of the pull request would have left, and files of ours that hold a secret."""
        found = [path for path in self.folder.rglob("*") if path.is_file() and ".git" not in path.parts]
        ours = [path for path in found if path.name != "other.yml" and CANARY.encode() in path.read_bytes()]
        return [str(path) for path in found if path.name == RAN] + [str(path) for path in ours]


@pytest.fixture
def fork(tmp_path: Path) -> Fork:
    made = Fork(tmp_path)
    made.inventory.write_text(HOSTILE)
    backup = made.work / "backup"
    (backup / "evil.pem").write_text("x")
    (backup / "books" / "linux").mkdir(parents=True)
    (backup / "books" / "linux" / "own.sh").write_text(f"touch {RAN}\n")
    (backup / "books" / "linux.yml").write_text(BOOK)
    made.commit()
    return made


def bare_repository(folder: Path) -> None:
    """A repository inside the checkout that a careless git takes for the one it is asked about."""
    subprocess.run(["git", "init", "--quiet", "--bare", "."], cwd=folder, check=True)
    command = f"touch {folder / RAN}"
    with (folder / "config").open("a") as config:
        config.write(f'[core]\n\tfsmonitor = "{command}"\n\tsshCommand = "{command}"\n\tworktree = .\n')
        config.write(f'[diff "x"]\n\ttextconv = "{command}; cat"\n[filter "x"]\n\tclean = "{command}; cat"\n')
        config.write(f'\tsmudge = "{command}; cat"\n[alias]\n\tblame = "!{command}"\n')
    (folder / ".gitattributes").write_text("*.yml diff=x filter=x export-ignore\n")


@pytest.mark.parametrize(
    "command",
    [
        ("validate", "backup/corp.yml"),
        ("graph", "backup/corp.yml"),
        ("diff", "--base", "main", "backup/corp.yml"),
        ("diff", "--base", "main", "backup/corp.yml", "--format", "markdown"),
        ("plan", "backup/corp.yml", "--trust", "../trust.yml"),
        pytest.param(("doctor", "backup/corp.yml", "--trust", "../trust.yml"), marks=pytest.mark.matrix),
    ],
    ids=lambda command: " ".join(command[:1] + command[-1:]),
)
@pytest.mark.parametrize("bare", [False, True], ids=["", "with a repository in it"])
def test_nothing_of_it_runs_and_nothing_leaves(fork: Fork, command: tuple[str, ...], *, bare: bool) -> None:
    if bare:
        bare_repository(fork.work / "backup")
        fork.commit()
    (fork.folder / "trust.yml").write_text("version: 1\nservers: [vbo.example.com]\nhosts: ['*.example.com']\n")
    done, events = fork.run(*command)
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "this is a bug" not in said.lower()
    assert CANARY not in said
    programs = [what for event, what in events if not event.startswith("socket")]
    assert {Path(what).name for what in programs} <= {"git"}, programs
    assert [what for event, what in events if event.startswith("socket")] == []
    assert fork.traces == []


def test_the_start_of_the_program_begins_nothing_either(fork: Fork) -> None:
    command = ("diff", "--base", "main", "backup/corp.yml", "--format", "markdown")
    (anew, begun), (done, events) = fork.run_anew(*command), fork.run(*command)
    assert anew.stdout == done.stdout
    assert (anew.returncode, anew.stderr) == (done.returncode, done.stderr)
    assert sorted({event for event, _ in begun}) == sorted({event for event, _ in events})
    assert {Path(what).name for _, what in begun} == {"git"}


def test_the_reviewer_sees_it_first(fork: Fork) -> None:
    done, _ = fork.run("diff", "--base", "main", "backup/corp.yml", "--format", "json")
    assert done.returncode == 0, done.stderr
    changes = [change["address"] for change in json.loads(done.stdout)["changes"]]
    access = [address for address in changes if address.startswith("access.")]
    assert changes[: len(access)] == access
    assert {"access.server", "access.commands", "access.playbooks", "access.files", "access.connections.py"} <= set(
        access
    )


def test_what_the_file_of_trust_does_not_name_is_refused(fork: Fork) -> None:
    (fork.folder / "trust.yml").write_text("version: 1\nservers: [vbo.example.com]\nhosts: ['*.example.com']\n")
    done, _ = fork.run("plan", "backup/corp.yml", "--trust", "../trust.yml")
    assert done.returncode == 1
    for line in (
        "servers: [vbo.evil.example]",
        "servers: [198.51.100.7]",
        "hosts: [gate.evil.example]",
        "commands: {steal:",
    ):
        assert line in done.stderr


def test_a_digest_of_a_file_of_the_machine_is_not_shown(fork: Fork) -> None:
    """Who sees it could try passwords until one has this digest."""
    secret = fork.folder / "secret"
    secret.write_text("1234")
    backup = fork.work / "backup"
    (backup / "evil.pem").unlink()
    (backup / "evil.pem").symlink_to(secret)
    hosts = f"['../../secret', '{secret}', known]"
    (backup / "known").write_text("# none\n")
    fork.inventory.write_text(HOSTILE.replace("gate}}", f"gate, known_hosts: {hosts}}}}}"))
    fork.commit()
    done, _ = fork.run("diff", "--base", "main", "backup/corp.yml", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert hashlib.sha256(secret.read_bytes()).hexdigest() not in done.stdout + done.stderr
    assert hashlib.sha256((backup / "known").read_bytes()).hexdigest() in done.stdout


@pytest.mark.matrix
@pytest.mark.parametrize(
    "command",
    [
        ("plan", "--lab", "backup/corp.yml"),
        ("apply", "--lab", "backup/corp.yml", "--auto-approve"),
        ("doctor", "--lab", "backup/corp.yml"),
        ("drift", "--lab", "backup/corp.yml"),
        ("explain", "smtp", "backup/corp.yml", "--lab"),
        ("import", "--lab", "--from", "backup/corp.yml", "--stdout"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_the_lab_reaches_nothing_real(fork: Fork, command: tuple[str, ...]) -> None:
    """Not even for an inventory of others: no program of it, no secret, no host but those on loopback."""
    done, events = fork.run(*command)
    said = done.stdout + done.stderr
    assert done.returncode != USAGE, said
    assert "Traceback" not in said
    assert CANARY not in said
    programs = {Path(what).name for event, what in events if not event.startswith("socket")}
    assert programs <= {"git", "sh", "unshare", *LOOKING_FOR_LIBRARIES}, programs
    reached = [what for event, what in events if event.startswith("socket")]
    assert reached
    assert [what for what in reached if not LOOPBACK.search(what)] == []
    assert fork.traces == []


def _another_server(fork: Fork, plan: dict[str, Any]) -> None:
    plan["server"]["host"] = "vbo.evil.example"


def _an_inventory_that_comes_along(fork: Fork, plan: dict[str, Any]) -> None:
    (fork.work / "backup" / "fork.yml").write_text(HOSTILE)
    plan["inventory"].update(main="fork.yml", files=["fork.yml"])


def _an_inventory_elsewhere(fork: Fork, plan: dict[str, Any]) -> None:
    (fork.folder / "elsewhere").mkdir()
    (fork.folder / "elsewhere" / "corp.yml").write_text(HOSTILE)
    plan["inventory"]["folder"] = "../elsewhere"


def _a_file_of_the_machine(fork: Fork, plan: dict[str, Any]) -> None:
    plan["inventory"].update(folder="..", main="other.yml", files=["other.yml"])


def _a_snapshot(fork: Fork, plan: dict[str, Any]) -> None:
    plan["snapshot"] = {"access": {"commands": {"steal": ["sh", "-c", f"touch {fork.folder / RAN}"]}}}


def _another_program_for_a_secret(fork: Fork, plan: dict[str, Any]) -> None:
    """The checkout itself is that of the fork."""
    fork.inventory.write_text(HOSTILE)
    fork.commit()


@pytest.mark.matrix
@pytest.mark.parametrize(
    "attack",
    [
        _another_server,
        _an_inventory_that_comes_along,
        _an_inventory_elsewhere,
        _a_file_of_the_machine,
        _a_snapshot,
        _another_program_for_a_secret,
    ],
    ids=lambda attack: attack.__name__.strip("_"),
)
def test_a_plan_of_the_artifact_store_reaches_nothing(
    fork: Fork, attack: Callable[[Fork, dict[str, Any]], None]
) -> None:
    """The job that applies has the secrets, and a plan that was forged: the digest is computed again."""
    git(fork.work, "checkout", "--quiet", "main")
    done, _ = fork.run("plan", "--lab", "backup/corp.yml", "--out", "../plan.json")
    assert done.returncode == 0, done.stderr
    file = fork.folder / "plan.json"
    plan = json.loads(file.read_text())
    del plan["digest"]
    plan["lab"] = False
    attack(fork, plan)
    file.write_bytes(to_bytes({**plan, "digest": digest(plan)}))
    for command in (
        ("show", "../plan.json"),
        ("apply", "../plan.json", "--auto-approve"),
        ("apply", "../plan.json", "--auto-approve", "--inventory", "backup/corp.yml"),
    ):
        if "--inventory" in command and attack is _an_inventory_that_comes_along:
            continue  # the digest is that of this inventory, so this is the reviewed one
        done, events = fork.run(*command)
        assert "Traceback" not in done.stderr
        assert (done.returncode == 0) == (command[0] == "show"), done.stderr
        assert CANARY not in done.stdout + done.stderr
        assert {Path(what).name for event, what in events if not event.startswith("socket")} <= {"git"}
        assert [what for event, what in events if event.startswith("socket")] == []
    assert fork.traces == []


@pytest.mark.matrix
@pytest.mark.parametrize("include", ["../../other.yml", "link.yml", "folder/other.yml"])
def test_a_file_of_the_machine_is_not_read(fork: Fork, include: str) -> None:
    backup = fork.work / "backup"
    (backup / "link.yml").symlink_to(fork.folder / "other.yml")
    (backup / "folder").symlink_to(fork.folder)
    fork.inventory.write_text(GOOD + f"include: ['{include}']\n")
    fork.commit()
    for command in (
        ("validate", "backup/corp.yml"),
        ("diff", "--base", "main", "backup/corp.yml"),
        ("validate", "backup"),
    ):
        done, _ = fork.run(*command)
        assert done.returncode == 1
        assert CANARY not in done.stdout + done.stderr
