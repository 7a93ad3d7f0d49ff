"""The first hour, as a person has it: in a terminal of 80 columns, each command as the one before it printed it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shlex
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

pytestmark = pytest.mark.matrix

PROGRAM = [sys.executable, "-c", "from reconciler.cli import main; main()"]
LOOKS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
COLUMNS = 80


class Terminal:
    """Runs command lines in `folder`, each in a terminal of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.inventory = folder, folder / "corp.yml"
        self.said = ""

    def run(self, line: str, *answers: tuple[str, str], interrupt_at: str = "") -> int:
        """Type a command line; `answers` are what is waited for and what is typed then. Gives the exit code."""
        words = shlex.split(line)
        assert words[0] == "vbo-reconcile"
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
        environment = {**kept, "TERM": "xterm", "XDG_STATE_HOME": str(self.folder / "state")}
        try:
            with subprocess.Popen(
                [*PROGRAM, *words[1:]],
                cwd=self.folder,
                env=environment,
                start_new_session=True,
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
            ) as process:
                os.close(theirs)
                self.said = LOOKS.sub("", self._talk(process.pid, ours, list(answers), interrupt_at))
                return process.wait()
        finally:
            os.close(ours)

    def _talk(self, pid: int, terminal: int, answers: list[tuple[str, str]], interrupt_at: str) -> str:
        text, place = "", 0
        while True:
            try:
                chunk = os.read(terminal, 1 << 16)
            except OSError:  # Linux: the other end is closed
                return text
            if not chunk:
                return text
            text += chunk.decode("utf-8", "replace")
            while answers and (found := text.find(answers[0][0], place)) >= 0:
                place = found + len(answers[0][0])
                os.write(terminal, f"{answers.pop(0)[1]}\n".encode())
            if interrupt_at and interrupt_at in text:
                interrupt_at = ""
                os.kill(pid, signal.SIGINT)

    @property
    def commands(self) -> list[str]:
        """The commands that were printed to be pasted."""
        return re.findall(r"^(?:│ )? +(vbo-reconcile .*?) *$", self.said, re.MULTILINE)

    def command(self, verb: str) -> str:
        (found,) = {line for line in self.commands if line.split()[1] == verb}
        return found


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def fits(terminal: Terminal) -> None:
    """No line of text is wider than the terminal, but for commands and what was redrawn in place."""
    lines = [line for line in terminal.said.splitlines() if "vbo-reconcile" not in line]
    assert [line for line in lines if len(line) > COLUMNS and not re.search("[\u2800-\u28ff]", line)] == []


def begun(terminal: Terminal) -> str:
    """`init` and the mistake of a beginner; gives the command line of `plan`."""
    answers = [
        ("Management server", "vbo01.corp.example.com"),
        ("Account that", "CORP\\svc-vbo"),
        ("Name of the inventory", "corp"),
        ("first proxy", "px-1.corp.example.com"),
        ("Linux host", "n"),
    ]
    assert terminal.run("vbo-reconcile init --lab", *answers) == 0
    assert "Logged in to vbo01.corp.example.com: REST v8" in terminal.said
    fits(terminal)
    validate, plan = terminal.command("validate"), terminal.command("plan")
    good = terminal.inventory.read_text()
    terminal.inventory.write_text(good.replace("    type: domain", "    typ: domain"))
    assert terminal.run(validate) == 1
    assert "Did you mean type?" in terminal.said.replace("`", "")
    fits(terminal)
    terminal.inventory.write_text(good)
    assert terminal.run(validate) == 0
    return plan


def applied(terminal: Terminal, plan: str, summary: str) -> str:
    """Plan, decline, apply: each as the plan says; gives the command line of `apply`."""
    assert terminal.run(plan) == 0
    assert summary in terminal.said
    fits(terminal)
    apply = terminal.command("apply")
    assert terminal.run(apply, ("Only 'yes' will be accepted", "no")) == 4
    assert "Nothing was changed." in terminal.said
    assert terminal.run(apply, ("Only 'yes' will be accepted", "yes")) == 0
    assert "Verified (in the lab): no differences remain." in terminal.said
    assert terminal.run(terminal.command("runs")) == 0
    assert terminal.said.startswith("Run ")
    return apply


def drifted(terminal: Terminal, plan: str) -> None:
    """An edit shows in drift, which says what to do; one object explains itself."""
    terminal.inventory.write_text(terminal.inventory.read_text() + "    throttle: 100 Mbps\n")
    assert terminal.run(plan.replace(" plan ", " drift ")) == 2
    assert "throttle" in terminal.said
    assert terminal.command("plan") == plan
    fits(terminal)
    assert terminal.run(f"vbo-reconcile explain proxy.px-1 {plan.split(maxsplit=2)[2]}") == 0
    assert "1 change is planned." in terminal.said
    fits(terminal)


def interrupted(terminal: Terminal, plan: str, apply: str) -> None:
    """Ctrl-C in an apply, and the command that it prints."""
    more = "".join(f"  px-{number}: {{host: px-{number}.corp.example.com, type: domain}}\n" for number in range(2, 8))
    defaults = "defaults: {proxy: {credentials: vbo-admin}}\n"
    terminal.inventory.write_text(terminal.inventory.read_text() + more + defaults)
    code = terminal.run(f"{apply} --auto-approve --parallelism 1", interrupt_at="of 7 ended")
    resume = [line for line in terminal.commands if "--resume" in line]
    assert bool(resume) == (code == 130)
    if resume:
        assert terminal.run(resume[0], ("Only 'yes' will be accepted", "yes")) == 0
    assert terminal.run(f"{plan} --detailed-exitcode") == 0
    assert "No changes." in terminal.said


def test_the_first_hour(terminal: Terminal) -> None:
    plan = begun(terminal)
    apply = applied(terminal, plan, "Plan: 1 to create, 0 to change, 0 to delete, 0 to run.")
    drifted(terminal, plan)
    interrupted(terminal, plan, apply)
    assert terminal.run("vbo-reconcile lab set server build=8.6.0.100 --inventory corp.yml") == 0
    applied(terminal, plan, "7 to upgrade")


def test_a_server_with_proxies_is_imported(terminal: Terminal) -> None:
    (terminal.folder / "there.yml").write_text(
        "version: 1\nname: corp\nserver: {host: vbo01.corp.example.com, credentials: a}\n"
        "credentials: {a: {username: svc, password: secret://env/P}}\n"
        "proxies: {px-1: {host: px-1.corp.example.com, type: domain, credentials: a}}\n"
    )
    assert terminal.run("vbo-reconcile apply --lab there.yml --auto-approve") == 0
    answers = [
        ("Write the inventory of what exists", "y"),
        ("Folder for the files", "corp"),
        ("Account for the windows-domain proxy", "later"),
        ("Ask the hosts for their keys", "n"),
    ]
    line = "vbo-reconcile init --lab --server vbo01.corp.example.com --username svc --name corp"
    assert terminal.run(line, *answers) == 0
    assert "The server has 1 proxy." in terminal.said
    assert "Imported 1 proxy." in terminal.said
    assert terminal.run("vbo-reconcile validate corp") == 0
