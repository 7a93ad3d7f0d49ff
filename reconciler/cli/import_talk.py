"""The conversation of `import`: questions for what no option says, and the command line that repeats the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from reconciler.cli.console import Console
from reconciler.kinds.hosts import is_address
from reconciler.model.errors import AccessDenied, AuthenticationFailed, UntrustedPeer
from reconciler.operations.import_files import check_writable
from reconciler.operations.import_source import VARIABLE
from reconciler.operations.request import Selection
from reconciler.quoting import shell_line
from reconciler.render.style import for_log
from reconciler.user_folders import is_windows

if TYPE_CHECKING:
    from reconciler.operations import ImportOptions, ImportResult
    from reconciler.operations.importing import Overview

T = TypeVar("T")
LATER = "later"
"""The answer that leaves a login to be filled in."""
TRIES = 3
"""Passwords that a person may type."""
_FLAGS = {
    "server": "--server", "port": "--port", "username": "--username", "password": "--password", "ca_file": "--ca-file",
    "fingerprint": "--fingerprint", "source": "--from", "name": "--name", "folder": "--out", "layout": "--layout",
}  # fmt: skip
_SWITCHES = {"scan": "--scan-hosts", "visited": "--visit-hosts", "own": "--own", "lab": "--lab"}


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
        with self._console.held():
            return str(click.prompt(question, default=default, hide_input=hidden, err=True)).strip()

    def confirm(self, question: str) -> bool:
        self._asked = True
        with self._console.held():
            return click.confirm(question, default=False, err=True)

    def server(self) -> None:
        """Which server, unless an inventory names it."""
        given = self.given
        if given["source"] is None:
            given["server"] = given["server"] or self.ask("Management server (name or address)")
            given["username"] = given["username"] or self.ask("Account that logs in to it (DOMAIN\\user)")
            default = default_name(given["server"])
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
        self._console.report(f"{self.given['server']}: {error.reason}.\n  {fingerprint}")
        return self.confirm("Compare it with the one on the server. Pin this certificate?")

    def decide(self, found: Overview, options: ImportOptions) -> ImportOptions:
        """What is imported, by whose accounts, and into how many files."""
        from reconciler.importing.files import FEW, ONE, SPLIT
        from reconciler.importing.logins import Answer

        options = self._organizations(found, options)
        answers = dict(options.answers)
        for name, count in sorted(found.proxies.items()):
            if name not in answers:
                who = f"One account for the {count} {name} proxies" if count > 1 else f"Account for the {name} proxy"
                user = self.ask(who, LATER)
                if user != LATER:
                    answers[name] = Answer(user, self._method(user) if name == "linux" else "password")
        scan = options.scan or (bool(found.proxies) and self.confirm("Ask the hosts for their keys, without a login?"))
        visited = options.visited or (bool(answers) and self.confirm("Let later commands visit the hosts?"))
        if not options.layout and found.objects > FEW and not found.again:
            several = self.confirm(f"{found.objects} objects: a file for each kind and organization (else one file)?")
            self.given["layout"] = SPLIT if several else ONE
            options = replace(options, layout=self.given["layout"])
        own = self.given["own"] or (not found.again and self.confirm("Own what is imported (else only watch it)?"))
        self.given |= {"scan": scan, "visited": visited, "own": own}
        self.given["answers"] = {name: (one.username, one.method) for name, one in answers.items()}
        return replace(options, answers=answers, scan=scan, visited=visited)

    def _method(self, user: str) -> str:
        """How an account logs in to Linux hosts."""
        from reconciler.cli.import_ import METHODS

        self._asked = True
        with self._console.held():
            return str(click.prompt(f"{user} logs in with", default="key", type=click.Choice(METHODS), err=True))

    def _organizations(self, found: Overview, options: ImportOptions) -> ImportOptions:
        if options.selection or len(found.organizations) < (1 if found.again else 2):
            return options
        known = {name.lower() for name in found.organizations}
        self._console.report(
            f"{'New organizations' if found.again else 'Organizations'}: {', '.join(found.organizations)}"
        )
        while True:
            said = self.ask("Which of them (all, or names with commas)", "all")
            wanted = {name.strip().lower() for name in said.split(",")}
            if wanted == {"all"}:
                return options
            if wanted <= known:
                break
            self._console.report(f"Not among them: {', '.join(sorted(wanted - known))}")
        excludes = tuple(f"organization.{name}" for name in found.organizations if name.lower() not in wanted)
        self.given["selection"] = Selection((), excludes)
        return replace(options, selection=self.given["selection"])

    def repeat(self) -> None:
        """Print the command that gives the same answers, if anything was asked. Its lines are not wrapped."""
        if self._asked and not self._console.quiet:
            needed = f", with {VARIABLE} set" if self._typed else ""
            self._console.report(f"The same without questions{needed}:")
            goes_on = " " if is_windows() else " \\\n    "
            options = import_options(self.given, self._console.world.trust)
            self._console.announce(for_log(goes_on.join(["  vbo-reconcile import", *options])) + "\n")


def import_options(given: Mapping[str, Any], trust: Path | None) -> list[str]:
    """The options of `import` that say what `given` does, each with its value."""
    said = [(flag, str(given[name])) for name, flag in _FLAGS.items() if given[name]]
    said += [("--login", f"{name}={user},{way}") for name, (user, way) in given["answers"].items()]
    selection = given["selection"]
    said += [("--target", where) for where in selection.targets]
    said += [("--exclude", where) for where in selection.excludes]
    said += [("--trust", str(trust))] if trust is not None else []
    options = [shell_line(pair) for pair in said]
    return [*options, *(flag for name, flag in _SWITCHES.items() if given[name])]


def run(console: Console, given: dict[str, Any], talk: Talk | None) -> tuple[ImportResult, Path | None]:
    """Import, with the answers of a person where there is one. Gives the folder too."""
    if talk is not None:
        talk.given = given
        talk.server()
    if given["folder"] is not None:
        check_writable(given["folder"])
    made = trying(console, given, talk, lambda: _attempt(console, given, talk))
    return made, given["folder"]


def trying(console: Console, given: dict[str, Any], talk: Talk | None, attempt: Callable[[], T]) -> T:
    """The result of `attempt`, again after a certificate was pinned or another password typed."""
    while True:
        try:
            return attempt()
        except UntrustedPeer as error:
            if given["source"] is None:
                error.hint = error.hint.replace("`server.tls.ca_file`", "`--ca-file`")
                error.hint = error.hint.replace("`server.tls.fingerprint`", "`--fingerprint`")
            if talk is None or given["source"] is not None or given["fingerprint"] or not _pinned(given, talk, error):
                raise
        except AuthenticationFailed as error:
            if isinstance(error, AccessDenied) or talk is None or not talk.may_type_again():
                raise
            console.report(f"{error}")


def default_name(server: str) -> str:
    """The name of an inventory of a server."""
    return "vbo" if is_address(server) else server.partition(".")[0]


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
        scan=given["scan"],
        decide=talk.decide if talk is not None else None,
    )
    return import_server(_source(given), options, with_password(console, given, talk))


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


def with_password(console: Console, given: Mapping[str, Any], talk: Talk | None) -> Any:
    """The runtime, with the password of the server if a person typed it: it is kept in this process only."""
    runtime = console.runtime
    needed = given["source"] is None and not given["password"] and not given["lab"]
    if talk is None or not needed or runtime.environment.get(VARIABLE):
        return runtime
    return replace(runtime, environment={**runtime.environment, VARIABLE: talk.password(VARIABLE)})
