"""The values that a shell completes: formats, guards, addresses, jobs and runs. Nothing is connected to, and what
cannot be read completes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

import click
from click.shell_completion import (
    CompletionItem,
    ShellComplete,
    add_completion_class,
    get_completion_class,
    shell_complete,
)

if TYPE_CHECKING:
    from reconciler.operations import JournalOptions, Runtime

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem[str]]]
_RUNS: Final = 50
"""How many of the latest runs are offered."""


def formats(names: Sequence[str]) -> Complete:
    """The names of `--format`."""
    return lambda _ctx, _param, typed: _that_begin(typed, names)


def guards(_ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """`CODE=` for `--waive`: the reason is the user's."""
    from reconciler.plan.guards import GUARDS

    return _that_begin(typed, (f"{code}=" for code in sorted(GUARDS)))


def addresses(ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """What the inventory declares, and its groups."""
    from reconciler.kinds import KINDS

    names = _names(ctx)
    declared = sorted(f"{kind.name}.{name}" for kind in KINDS.values() for name in names.get(kind.section, ()))
    return _that_begin(typed, (*declared, *(f"@{group}" for group in names.get("groups", ()))))


def jobs(ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """The jobs and copy jobs of the inventory, which comes after them on the command line, and files."""
    names = _names(ctx)
    known = dict.fromkeys((*names.get("jobs", ()), *names.get("copy_jobs", ())))
    return [*_that_begin(typed, known), CompletionItem(typed, type="file")]


def servers(ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """The inventories and groups of the fleet that the command line names, else of the one that is here."""
    from reconciler.inventory.fleet import read_fleet
    from reconciler.inventory.fleet_file import FLEET_FILE
    from reconciler.model.errors import ReconcileError

    named = [ctx.params.get("path"), *(ctx.params.get("paths") or ()), *ctx.args]
    place = next((Path(str(name)) for name in named if name and Path(str(name)).exists()), Path(FLEET_FILE))
    try:
        fleet = read_fleet(place)
    except ReconcileError:
        return []
    return _that_begin(typed, (*(member.name for member in fleet.members), *(f"@{group}" for group in fleet.groups)))


def runs(ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """`last` and the latest runs of the journal."""
    from reconciler.operations import list_runs

    found = _in_journal(ctx, lambda options, runtime: list_runs(_RUNS, options, runtime))
    helps = {run.id: f"{run.started:%Y-%m-%d %H:%M} {run.state}" for run in found}
    return [CompletionItem(name, help=helps.get(name)) for name in ("last", *helps) if name.startswith(typed)]


def locks(ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """The locks that are held, by their ids."""
    from reconciler.operations import list_locks

    found = _in_journal(ctx, list_locks)
    return [CompletionItem(lock.id, help=lock.describe()) for lock in found if lock.id.startswith(typed)]


def lab_targets(ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """What `lab set` changes: proxies, jobs and organizations of the inventory, the server, and mail."""
    names = _names(ctx)
    sections = ("proxies", "jobs", "copy_jobs", "organizations")
    known = dict.fromkeys(name for section in sections for name in names.get(section, ()))
    return _that_begin(typed, (*known, "server", "smtp"))


def files(_ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """A file, of an option whose value is kept as it is typed."""
    return [CompletionItem(typed, type="file")]


def secrets(_ctx: click.Context, _param: click.Parameter, typed: str) -> list[CompletionItem[str]]:
    """How references to secrets begin."""
    from reconciler.model.secret import SCHEMES

    return _that_begin(typed, (f"secret://{scheme}/" for scheme in SCHEMES))


T = TypeVar("T")


def _in_journal(ctx: click.Context, read: Callable[[JournalOptions, Runtime], list[T]]) -> list[T]:
    """What `read` finds in a journal that is a file; nothing in a database, which may be far away."""
    from reconciler.model.errors import ReconcileError
    from reconciler.operations import JournalOptions, Runtime
    from reconciler.operations.journals import is_file

    options, runtime = JournalOptions(lab=bool(ctx.params.get("lab")), inventory=ctx.params.get("path")), Runtime()
    try:
        return read(options, runtime) if is_file(options, runtime) else []
    except (ReconcileError, OSError):
        return []


def _that_begin(typed: str, names: Iterable[str]) -> list[CompletionItem[str]]:
    return [CompletionItem(name) for name in names if name.startswith(typed)]


def _names(ctx: click.Context) -> Mapping[str, Sequence[str]]:
    """By section, the names in the inventory that the command line names, else in the only one that is here."""
    from reconciler.inventory import names_in

    named = [ctx.params.get("path"), *(ctx.params.get("names") or ()), *ctx.args]
    places = [Path(str(name)) for name in named if name]
    for place in (*places, Path("inventory.yml"), Path("inventory.yaml")):
        if place.exists():
            return names_in(place)
    return {}


class PowerShellComplete(ShellComplete):
    """Completion for PowerShell, which has no class in click. Words go to the program a line each, and completions come
    back a line each: type, value and help, with tabs between them."""

    name: ClassVar[str] = "powershell"
    source_template: ClassVar[str] = """\
Register-ArgumentCompleter -Native -CommandName %(prog_name)s -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.StartOffset -lt $cursorPosition } |
        ForEach-Object { $_.Extent.Text.Trim("'", '"') })
    if ($wordToComplete -eq '') { $words += '' }
    $env:%(complete_var)s = 'powershell_complete'
    $env:COMP_WORDS = $words -join "`n"
    try {
        & $words[0] | ForEach-Object {
            $type, $value, $help = $_ -split "`t", 3
            if ($type -eq 'plain') {
                $text = $value
                if ($value -match "[\\s@'*?\\[\\]{}();,|&<>]") { $text = "'" + ($value -replace "'", "''") + "'" }
                if (-not $help) { $help = $value }
                [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $help)
            }
        }
    } finally {
        Remove-Item Env:%(complete_var)s, Env:COMP_WORDS
    }
}
"""

    def get_completion_args(self) -> tuple[list[str], str]:
        words = os.environ.get("COMP_WORDS", "").split("\n")
        return words[1:-1], words[-1] if len(words) > 1 else ""

    def format_completion(self, item: CompletionItem[Any]) -> str:
        return f"{item.type}\t{item.value}\t{item.help or ''}"


_PROGRAM: Final = "vbo-reconcile"
SHELLS: Final = ("bash", "zsh", "fish", PowerShellComplete.name)


def script(root: click.Command, variable: str, shell: str) -> str:
    """What a shell of SHELLS must run to complete the program; it asks by the environment's `variable`."""
    kind = PowerShellComplete if shell == PowerShellComplete.name else get_completion_class(shell)
    if kind is None:
        raise click.BadParameter(f"{shell} is not supported")
    return kind(root, {}, _PROGRAM, variable).source()


def answer(root: click.Command, variable: str, instruction: str) -> int:
    """Print the completions that a shell asks for."""
    add_completion_class(PowerShellComplete)
    return shell_complete(root, {}, _PROGRAM, variable, instruction)
