"""The first hour, as a person has it: in a terminal of 80 columns, each command as the one before it printed it."""

from __future__ import annotations

import os
import re
import shlex
import signal
from pathlib import Path

import pytest

from tests.terminal import COLUMNS, terminal

pytestmark = pytest.mark.matrix


class Person:
    """Types command lines in `folder`, each in a separate terminal. `said` is what the last one wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.inventory = folder, folder / "corp.yml"
        self.said = ""

    def run(self, line: str, *answers: tuple[str, str], interrupt_at: str = "") -> int:
        """Type a command line; `answers` are what is waited for and what is typed then. Gives the exit code."""
        words = shlex.split(line)
        assert words[0] == "vbo-reconcile"
        environment = {"XDG_STATE_HOME": str(self.inventory.parent / "state"), "PATH": os.environ["PATH"]}
        with terminal(words[1:], self.folder, environment) as seen:
            for question, text in answers:
                seen.answer(question, text)
            if interrupt_at:
                seen.expect(interrupt_at)
                seen.program.send_signal(signal.SIGINT)
            code = seen.code()
            self.said = seen.text
        return code

    @property
    def commands(self) -> list[str]:
        """The commands that were printed to be pasted."""
        return re.findall(r"^(?:│ )? +(vbo-reconcile .*?) *$", self.said, re.MULTILINE)

    def command(self, verb: str) -> str:
        (found,) = {line for line in self.commands if line.split()[1] == verb}
        return found


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


def fits(person: Person) -> None:
    """No line of text is wider than the terminal, but for commands and what was redrawn in place."""
    lines = [line for line in person.said.splitlines() if "vbo-reconcile" not in line]
    assert [line for line in lines if len(line) > COLUMNS and not re.search("[\u2800-\u28ff]", line)] == []


def begun(person: Person) -> str:
    """`init` and the mistake of a beginner; gives the command line of `plan`."""
    answers = [
        ("Management server", "vbo01.corp.example.com"),
        ("Account that", "CORP\\svc-vbo"),
        ("Name of the inventory", "corp"),
        ("first proxy", "px-1.corp.example.com"),
        ("Linux host", "n"),
    ]
    assert person.run("vbo-reconcile init --lab", *answers) == 0
    assert "Logged in to vbo01.corp.example.com: REST v8" in person.said
    fits(person)
    validate, plan = person.command("validate"), person.command("plan")
    good = person.inventory.read_text()
    person.inventory.write_text(good.replace("    type: domain", "    typ: domain"))
    assert person.run(validate) == 1
    assert "Did you mean type?" in person.said.replace("`", "")
    fits(person)
    person.inventory.write_text(good)
    assert person.run(validate) == 0
    return plan


def applied(person: Person, plan: str, summary: str) -> str:
    """Plan, decline, apply: each as the plan says; gives the command line of `apply`."""
    assert person.run(plan) == 0
    assert summary in person.said
    fits(person)
    apply = person.command("apply")
    assert person.run(apply, ("Only 'yes' will be accepted", "no")) == 4
    assert "Nothing was changed." in person.said
    assert person.run(apply, ("Only 'yes' will be accepted", "yes")) == 0
    assert "Verified (in the lab): no differences remain." in person.said
    assert person.run(person.command("runs")) == 0
    assert person.said.startswith("Run ")
    return apply


def drifted(person: Person, plan: str) -> None:
    """An edit shows in drift, which says what to do; one object explains itself."""
    person.inventory.write_text(person.inventory.read_text() + "    throttle: 100 Mbps\n")
    assert person.run(plan.replace(" plan ", " drift ")) == 2
    assert "throttle" in person.said
    assert person.command("plan") == plan
    fits(person)
    assert person.run(f"vbo-reconcile explain proxy.px-1 {plan.split(maxsplit=2)[2]}") == 0
    assert "1 change is planned." in person.said
    fits(person)


def interrupted(person: Person, plan: str, apply: str) -> None:
    """Ctrl-C in an apply, and the command that it prints."""
    more = "".join(f"  px-{number}: {{host: px-{number}.corp.example.com, type: domain}}\n" for number in range(2, 8))
    defaults = "defaults: {proxy: {credentials: vbo-admin}}\n"
    person.inventory.write_text(person.inventory.read_text() + more + defaults)
    code = person.run(f"{apply} --auto-approve --parallelism 1", interrupt_at="of 7 ended")
    resume = [line for line in person.commands if "--resume" in line]
    assert bool(resume) == (code == 130)
    if resume:
        assert person.run(resume[0], ("Only 'yes' will be accepted", "yes")) == 0
    assert person.run(f"{plan} --detailed-exitcode") == 0
    assert "No changes." in person.said


def test_the_first_hour(person: Person) -> None:
    plan = begun(person)
    apply = applied(person, plan, "Plan: 1 to create, 0 to change, 0 to delete, 0 to run.")
    drifted(person, plan)
    interrupted(person, plan, apply)
    assert person.run("vbo-reconcile lab set server build=8.6.0.100 --inventory corp.yml") == 0
    applied(person, plan, "7 to upgrade")


def test_a_server_with_proxies_is_imported(person: Person) -> None:
    (person.folder / "there.yml").write_text(
        "version: 1\nname: corp\nserver: {host: vbo01.corp.example.com, credentials: a}\n"
        "credentials: {a: {username: svc, password: secret://env/P}}\n"
        "proxies: {px-1: {host: px-1.corp.example.com, type: domain, credentials: a}}\n"
    )
    assert person.run("vbo-reconcile apply --lab there.yml --auto-approve") == 0
    answers = [
        ("Write the inventory of what exists", "y"),
        ("Folder for the files", "corp"),
        ("Account for the windows-domain proxy", "later"),
        ("Ask the hosts for their keys", "n"),
        ("Own what is imported", "n"),
    ]
    line = "vbo-reconcile init --lab --server vbo01.corp.example.com --username svc --name corp"
    assert person.run(line, *answers) == 0
    assert "The server has 1 proxy." in person.said
    assert "Imported 1 proxy." in person.said
    assert person.run("vbo-reconcile validate corp") == 0
    said = (person.folder / "corp" / "IMPORT.md").read_text()
    person.folder /= "corp"
    commands = re.findall("`(vbo-reconcile [^`]*)`", said)
    assert [line.split()[1] for line in commands] == ["plan", "drift", "apply"]
    plan, drift, apply = commands
    assert person.run(drift) == 2  # this name applied another account before
    assert person.run(apply) == 0
    assert "Nothing differs in what was selected" in person.said  # the mark is that of the first apply
    assert person.run(plan) == 0
    assert "This is the lab" in person.said
