"""The conversation of `import`: questions for what no option says, and the command line that repeats the answers."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.console import Console
from reconciler.kinds.hosts import is_address
from reconciler.model.errors import AuthenticationFailed, UntrustedPeer
from reconciler.operations.request import Selection

if TYPE_CHECKING:
    from reconciler.operations import ImportOptions, ImportResult
    from reconciler.operations.importing import Overview

TRIES = 3
"""Passwords that a person may type."""
_FLAGS = {
    "server": "--server", "port": "--port", "username": "--username", "password": "--password", "ca_file": "--ca-file",
    "fingerprint": "--fingerprint", "source": "--from", "name": "--name", "folder": "--out", "layout": "--layout",
}  # fmt: skip


class Talk:
    """Asks on the terminal. `given` are the options, to which answers are added."""

    def __init__(self, console: Console, given: Mapping[str, Any]) -> None:
        self._console = console
        self.given: dict[str, Any] = dict(given)
        self._asked = False
        self._typed = ""
        self._tries = TRIES

    def ask(self, question: str, default: str | None = None, *, hidden: bool = False) -> str:
        self._asked = True
        return str(click.prompt(question, default=default, hide_input=hidden, err=True)).strip()

    def confirm(self, question: str) -> bool:
        self._asked = True
        return click.confirm(question, default=False, err=True)

    def server(self) -> None:
        """Which server, unless an inventory names it."""
        given = self.given
        if given["source"] is None:
            given["server"] = given["server"] or self.ask("Management server (name or address)")
            given["username"] = given["username"] or self.ask("Account that logs in to it (DOMAIN\\user)")
            default = "vbo" if is_address(given["server"]) else given["server"].partition(".")[0]
            given["name"] = given["name"] or self.ask("Name of the inventory (marks what it will own)", default)
        if given["folder"] is None and not given["preview"]:
            given["folder"] = Path(self.ask("Folder for the files", given["name"] or "inventory"))

    def password(self, variable: str) -> str:
        """The password of the server, which is asked for once, and kept in this process only."""
        if not self._typed:
            self._typed = self.ask(f"Password (later: the variable {variable})", hidden=True)
        return self._typed

    def may_type_again(self) -> bool:
        """Whether a wrong password can be corrected."""
        typed, self._typed, self._tries = self._typed, "", self._tries - 1
        return bool(typed) and self._tries > 0

    def pin(self, fingerprint: str, error: UntrustedPeer) -> bool:
        self._console.report(f"The certificate of the server is not trusted: {error.reason}.\n  {fingerprint}")
        return self.confirm("Compare it with the one on the server. Pin this certificate?")

    def decide(self, found: Overview, options: ImportOptions) -> ImportOptions:
        """What is imported, by whose accounts, and into how many files."""
        from reconciler.importing.files import FEW, ONE, SPLIT
        from reconciler.importing.logins import Answer

        options = self._organizations(found, options)
        answers = dict(options.answers)
        for name, count in sorted(found.proxies.items()):
            if name not in answers:
                user = self.ask(f"{count} {name} proxies: their account, or none to fill it in later", "none")
                if user != "none":
                    key = name == "linux" and self.confirm("Does it log in with a key?")
                    answers[name] = Answer(user, "key" if key else "password")
        visited = options.visited or (bool(answers) and self.confirm("Let later commands visit the hosts?"))
        if not options.layout and found.objects > FEW:
            several = self.confirm(f"{found.objects} objects: a file for each kind and organization (else one file)?")
            self.given["layout"] = SPLIT if several else ONE
            options = replace(options, layout=self.given["layout"])
        self.given["visited"] = visited
        self.given["answers"] = {name: (one.username, one.method) for name, one in answers.items()}
        return replace(options, answers=answers, visited=visited)

    def _organizations(self, found: Overview, options: ImportOptions) -> ImportOptions:
        if options.selection or len(found.organizations) < 2:
            return options
        names = ", ".join(found.organizations)
        said = self.ask(f"Organizations: {names}\nWhich of them (all, or names with commas)", "all")
        wanted = {name.strip().lower() for name in said.split(",")}
        if wanted == {"all"}:
            return options
        excludes = tuple(f"organization.{name}" for name in found.organizations if name.lower() not in wanted)
        self.given["selection"] = Selection((), excludes)
        return replace(options, selection=self.given["selection"])

    def repeated(self) -> str:
        """The command line that gives the same answers; empty if nothing was asked."""
        if not self._asked:
            return ""
        words = ["vbo-reconcile", "import"]
        for name, flag in _FLAGS.items():
            if self.given[name]:
                words += [flag, str(self.given[name])]
        words += [
            word for name, (user, way) in self.given["answers"].items() for word in ("--login", f"{name}={user},{way}")
        ]
        selection = self.given["selection"]
        words += [word for where in selection.targets for word in ("--target", where)]
        words += [word for where in selection.excludes for word in ("--exclude", where)]
        words += [flag for name, flag in (("visited", "--visit-hosts"), ("lab", "--lab")) if self.given[name]]
        return " ".join(map(shlex.quote, words))


def run(console: Console, given: dict[str, Any], talk: Talk | None) -> tuple[ImportResult, Path | None]:
    """Import, with the answers of a person where there is one. Gives the folder too."""
    if talk is not None:
        talk.given = given
        talk.server()
    while True:
        try:
            made = _attempt(console, given, talk)
            break
        except UntrustedPeer as error:
            if talk is None or given["source"] is not None or given["fingerprint"] or not _pinned(given, talk, error):
                raise
        except AuthenticationFailed as error:
            if talk is None or not talk.may_type_again():
                raise
            console.report(f"{error}")
    if talk is not None and (line := talk.repeated()):
        console.report(f"The same without questions:\n  {line}")
    return made, given["folder"]


def _attempt(console: Console, given: Mapping[str, Any], talk: Talk | None) -> ImportResult:
    from reconciler.importing.logins import Answer
    from reconciler.operations import ImportOptions, import_server

    options = ImportOptions(
        name=given["name"] or "",
        folder=given["folder"],
        layout=given["layout"] or "",
        lab=given["lab"],
        selection=given["selection"],
        answers={name: Answer(*said) for name, said in given["answers"].items()},
        visited=given["visited"],
        decide=talk.decide if talk is not None else None,
    )
    return import_server(_source(given), options, _with_password(console, given, talk))


def _source(given: Mapping[str, Any]) -> Any:
    from reconciler.cli.import_ import login_of

    return given["source"] if given["source"] is not None else login_of(given)


def _pinned(given: dict[str, Any], talk: Talk, error: UntrustedPeer) -> bool:
    from reconciler.cli.import_ import login_of
    from reconciler.operations.import_source import presented_fingerprint

    found = presented_fingerprint(login_of(given))
    if not talk.pin(found, error):
        return False
    given["fingerprint"] = found
    return True


def _with_password(console: Console, given: Mapping[str, Any], talk: Talk | None) -> Any:
    """The runtime, with the password of the server if a person typed it: it is kept in this process only."""
    from reconciler.operations.import_source import VARIABLE

    runtime = console.runtime
    needed = given["source"] is None and not given["password"] and not given["lab"]
    if talk is None or not needed or runtime.environment.get(VARIABLE):
        return runtime
    return replace(runtime, environment={**runtime.environment, VARIABLE: talk.password(VARIABLE)})
