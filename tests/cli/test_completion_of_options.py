"""Every option and argument of every command has a completion, or is known to have none."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import click
import pytest
from click.shell_completion import ShellComplete, get_completion_class

from reconciler.cli.completions import SHELLS, PowerShellComplete
from reconciler.cli.root import root
from reconciler.journal import Journal
from tests.cli.test_completion import INVENTORY

FREE = {
    *(
        "--base",
        "--batch",
        "--executor",
        "--fingerprint",
        "--listen",
        "--login",
        "--name",
        "--notify-url",
        "--proxy",
        "--proxy-user",
    ),
    *("--server-batch", "--username", "KEY=VALUE"),
}
"""What only the user knows: names that do not exist yet, accounts, addresses, revisions, plans of batches."""


def parameters() -> Iterator[tuple[str, click.Context, click.Parameter]]:
    top = click.Context(root, info_name="vbo-reconcile", **root.context_settings)  # click keeps the help option of -h
    todo: list[tuple[click.Command, click.Context]] = [(root, top)]
    while todo:
        command, context = todo.pop()
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                found = command.get_command(context, name)
                assert found is not None
                todo.append((found, click.Context(found, parent=context, info_name=name)))
        for parameter in command.params:
            if not getattr(parameter, "is_flag", False) and not getattr(parameter, "count", False):
                yield f"{context.command_path} {label(parameter)}", context, parameter


def label(parameter: click.Parameter) -> str:
    return parameter.opts[0] if isinstance(parameter, click.Option) else parameter.make_metavar(click.Context(root))


def is_free(context: click.Context, parameter: click.Parameter) -> bool:
    return isinstance(parameter.type, click.IntRange | click.FloatRange) or (
        label(parameter) in FREE or (label(parameter) == "--server" and context.info_name in ("init", "import"))
    )


FOUND = list(parameters())


@pytest.fixture
def cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with an inventory, a journal in a database, and nothing that may be connected to."""

    def connect(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a completion connects")

    (tmp_path / "inventory.yml").write_text(INVENTORY, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("VBO_RECONCILE_JOURNAL", "postgresql+psycopg://vbo@db.example.net/vbo")
    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket, "getaddrinfo", connect)
    monkeypatch.setattr(Journal, "open", connect)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_completion_answers_without_a_connection(cut_off: None, shell: str) -> None:
    kind = PowerShellComplete if shell == PowerShellComplete.name else get_completion_class(shell)
    assert kind is not None
    asks: ShellComplete = kind(root, {}, "vbo-reconcile", "COMPLETE")
    for name, context, parameter in FOUND:
        for typed in ("", "\u6771", "--", "@", "'"):
            items = parameter.shell_complete(context, typed)
            assert all(asks.format_completion(item) for item in items), name


def test_every_option_with_a_value_is_completed_or_known_to_be_free(cut_off: None) -> None:
    bare = [
        name
        for name, context, parameter in FOUND
        if not parameter.shell_complete(context, "") and not is_free(context, parameter)
    ]
    # the others complete from what is there: a fleet, a journal that is a file
    assert {name for name in bare if not name.endswith((" --server", " break ID"))} == set()
    assert len(FOUND) > 150


def test_free_options_are_options() -> None:
    assert {label(parameter) for _, _, parameter in FOUND} > FREE
