"""What is said of a wrong command line: what was meant, and the line that says so.

Users of other tools type the words of those: they get the word that this one has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import click

from reconciler.cli.group import UnknownCommand
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.sentences import nearest
from reconciler.quoting import shell_line

_APPROVES: Final = ("--yes", "-y", "--approve", "--force", "--doit", "-a", "--assume-yes", "--no-confirm")
OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "apply": dict.fromkeys(_APPROVES, "--auto-approve"),
    "lock break": dict.fromkeys((*_APPROVES, "--auto-approve"), "--yes"),
    "": {"-o": "--format", "--output": "--format", "--json": "--format json", "-out": "--out"},
}
"""Options of other tools and those that stand in their place here, by command; those of "" hold for all."""
INSTEAD: Final[Mapping[tuple[str, str], str]] = {
    ("apply", "--dry-run"): "`plan` shows what apply would change:\n  vbo-reconcile plan PATH",
    ("plan", "--dry-run"): "`plan` changes nothing in any case:\n  vbo-reconcile plan PATH",
    ("plan", "--refresh-only"): "`drift` shows where the live state differs:\n  vbo-reconcile drift PATH",
    ("drift", "--detailed-exitcode"): "`drift` exits with 2 in any case if it finds any:\n  vbo-reconcile drift PATH",
}
"""What to do in the place of an option."""
_FILES: Final = ("-f", "--file", "--filename")
COMMANDS: Final[Mapping[str, str]] = {
    "version": "--version",
    "help": "--help",
    "sync": "apply PATH",
    "dump": "import --help",
    "export": "import --help",
    "refresh": "drift PATH",
    "check": "validate PATH",
    "lint": "validate PATH",
    "preview": "plan PATH",
    "describe": "explain ADDRESS PATH",
    "get": "explain ADDRESS PATH",
    "state": "explain ADDRESS PATH",
    "force-unlock": "lock list",
    "unlock": "lock list",
    "history": "runs list",
    "logs": "runs show last",
    "resume": "apply PATH --resume last",
    "status": "drift PATH",
}
"""Commands of other tools and what does the same here."""
VARIABLES: Final = "VBO_RECONCILE_"
"""How the variables of options begin."""
OTHERS: Final = {f"{VARIABLES}{name}" for name in ("COMPLETE", "JOURNAL", "ROOT")}
"""Other variables: of a shell's completion, of the journal, of the lab's scripts."""
_SHELLS: Final = {"pwsh": "powershell", "ps": "powershell", "sh": "bash"}
_PROGRAM: Final = "vbo-reconcile"


def usage_diagnostic(error: click.UsageError, arguments: Sequence[str]) -> Diagnostic:
    """The diagnostic of a command line that is not taken."""
    context = error.ctx
    path = context.command_path if context else _PROGRAM
    detail, lines = _detail(error), list(_meant(error, context, arguments))
    usage = context.get_usage() if context else ""
    if not lines:
        return Diagnostic("usage", "Wrong usage", f"{detail}\n{usage}", f"See the help:\n  {path} --help")
    return Diagnostic("usage", "Wrong usage", detail, "\n".join([*lines, f"See also: {path} --help"]))


def misspelled(environment: Iterable[str], root: click.Context) -> Iterator[Diagnostic]:
    """Variables that set no option, and almost have the name of one that does."""
    said = sorted(name for name in environment if name.startswith(VARIABLES))
    if not said:
        return
    known = {VARIABLES + _variable(option) for option in _every_option(root)} | OTHERS
    for name in said:
        if name not in known and (near := nearest(name, known, cutoff=0.9)):
            detail = f"{name} is set, and no option has this name: it has no effect."
            fix = f"Did you mean {near}?"
            yield Diagnostic("variable", "Unknown environment variable", detail, fix, severity=Severity.WARNING)


def _variable(option: str) -> str:
    return option.removeprefix("--").replace("-", "_").upper()


def _every_option(root: click.Context) -> set[str]:
    if not isinstance(root.command, click.Group):
        return set()
    found = set(_long_options(root.command))
    for word in root.command.list_commands(root):
        command = root.command.get_command(root, word)
        children = command.commands.values() if isinstance(command, click.Group) else [command]
        found |= {name for child in children if child is not None for name in _long_options(child)}
    return found


def _detail(error: click.UsageError) -> str:
    if isinstance(error, click.NoSuchOption):
        return f"No such option {error.option_name!r}."
    if isinstance(error, click.MissingParameter) and isinstance(getattr(error.param, "type", None), click.Choice):
        return f"Missing argument: one of {', '.join(_choices(error))}."
    return error.format_message()


def _meant(error: click.UsageError, context: click.Context | None, arguments: Sequence[str]) -> Iterator[str]:
    """Lines that say what was meant, if that can be guessed."""
    match error:
        case click.NoSuchOption() if context is not None:
            yield from _option(error.option_name, context, arguments)
        case UnknownCommand():
            yield from _command(error.name, error.ctx, arguments)
        case click.BadParameter() if isinstance(getattr(error.param, "type", None), click.Choice):
            values = (part for word in arguments for part in (word, word.partition("=")[2]))
            wrong = next((value for value in values if value and f"{value!r}" in error.message), "")
            near = nearest(wrong, _choices(error), cutoff=0.6) or _SHELLS.get(wrong, "")
            if wrong and near in _choices(error):
                yield from _corrected(arguments, wrong, near)


def _choices(error: click.BadParameter) -> list[str]:
    kind = error.param.type if error.param is not None else None
    return [str(choice) for choice in kind.choices] if isinstance(kind, click.Choice) else []


def _option(name: str, context: click.Context, arguments: Sequence[str]) -> Iterator[str]:
    command = context.command_path.partition(" ")[2]
    known = _long_options(context.command)
    said = _typed(name, known, arguments)
    if instead := INSTEAD.get((command, said)):
        yield instead
        return
    if said in _FILES and any(param.name == "path" for param in context.command.params):
        yield from _corrected(arguments, said, "", "PATH has no option before it:")
        return
    foreign = OPTIONS.get(command, {}).get(said, OPTIONS[""].get(said, ""))
    near = f"-{said}" if f"-{said}" in known else foreign or nearest(said, known, cutoff=0.75)
    if near and near.split()[0] in known:
        yield from _corrected(arguments, said, near)
    elif owners := _owners(said, context.find_root()):
        yield f"It is an option of {', '.join(owners)}."


def _typed(name: str, known: Sequence[str], arguments: Sequence[str]) -> str:
    """The option as it was typed: of `-target=x` click only sees `-t`."""
    words = [word.partition("=")[0] for word in arguments]
    long = [word for word in words if word.startswith(name) and f"-{word}" in known]
    return long[0] if long and not name.startswith("--") else name


def _long_options(command: click.Command) -> list[str]:
    options = (param for param in command.params if isinstance(param, click.Option))
    return [name for option in options for name in option.opts if name.startswith("--")]


def _owners(name: str, root: click.Context) -> list[str]:
    """The commands that have an option."""
    if not isinstance(root.command, click.Group):
        return []
    found = []
    for word in root.command.list_commands(root):
        command = root.command.get_command(root, word)
        children = command.commands if isinstance(command, click.Group) else {"": command}
        have = (child for child, each in children.items() if each is not None and name in _long_options(each))
        found += [f"{word} {child}".rstrip() for child in have]
    return found


def _command(name: str, context: click.Context | None, arguments: Sequence[str]) -> Iterator[str]:
    group = context.command if context is not None else None
    if context is None or not isinstance(group, click.Group):
        return
    rest = list(arguments[arguments.index(name) + 1 :]) if name in arguments else []
    if name == "help" and rest and context.parent is None:
        yield f"Use:\n  {shell_line([_PROGRAM, *rest, '--help'])}"
    elif context.parent is None and name in COMMANDS:
        yield f"Use:\n  {_PROGRAM} {COMMANDS[name]}"
    elif near := nearest(name, group.list_commands(context), cutoff=0.6):  # commands are short
        yield from _corrected(arguments, name, near)
    elif context.parent is None and (groups := _groups_with(name, context, group)):
        yield "\n".join(["Did you mean:", *(f"  {_PROGRAM} {word} {name}" for word in groups)])


def _groups_with(name: str, context: click.Context, root: click.Group) -> list[str]:
    """The groups that have a command of this name."""
    groups = ((word, root.get_command(context, word)) for word in root.list_commands(context))
    return [word for word, group in groups if isinstance(group, click.Group) and name in group.list_commands(context)]


def _corrected(arguments: Sequence[str], wrong: str, right: str, head: str = "") -> Iterator[str]:
    """The command line with `right` in the place of `wrong`. One with an address that may hold a secret is not
    repeated."""
    head = head or f"Did you mean {right}?"
    if any("://" in word for word in arguments):
        yield head
        return
    words: list[str] = []
    for word in arguments:
        name, equals, value = word.partition("=")
        if word == wrong:
            words += right.split()
        elif equals and name == wrong:
            words.append(f"{right}={value}")
        elif equals and value == wrong:
            words.append(f"{name}={right}")
        else:
            words.append(word)
    yield f"{head}\n  {shell_line([_PROGRAM, *words])}"
