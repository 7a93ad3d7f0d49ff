"""Every command that an output prints can be pasted: the command line takes it, and it means the same world."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

import reconciler
from reconciler.cli.commands import World
from reconciler.cli.console import Console
from reconciler.cli.root import root
from reconciler.quoting import shell_line

SOURCE = Path(reconciler.__file__).parent
PRINTED = re.compile(r"(?:^ +|[Ss]ee(?: also)?: )vbo-reconcile [a-z].*$", re.MULTILINE)
HELP = {"completion.py", "root.py"}
"""Examples in help texts are shown before any inventory is named."""


def literals(file: Path) -> Iterator[str]:
    """The texts of a module, with X in the place of what is filled in; without its docstrings."""
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    with_docs = (ast.Module, ast.FunctionDef, ast.ClassDef)
    docs = {id(doc) for node in nodes if isinstance(node, with_docs) for doc in _doc(node.body)}
    parts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs | parts:
            yield node.value


def _doc(body: list[ast.stmt]) -> list[ast.expr]:
    return [body[0].value] if body and isinstance(body[0], ast.Expr) else []


@cache
def printed() -> list[str]:
    found = set()
    for file in sorted(SOURCE.rglob("*.py")):
        if file.name not in HELP and "lab" not in file.parts and b"vbo-reconcile " in file.read_bytes():
            found |= {match for text in literals(file) for match in PRINTED.findall(text)}
    return sorted(found)


def parsed(command: str) -> dict[str, Any]:
    """What the command line makes of a command."""
    words = shlex.split(command)[1:]
    parent = click.Context(root, obj=Console())
    found: click.Command = root
    while isinstance(found, click.Group):
        child = found.get_command(parent, words[0])
        assert child is not None, command
        found, words = child, words[1:]
    return found.make_context(found.name, words, parent=parent).params


def test_there_are_commands_to_look_at() -> None:
    assert len(printed()) > 8


@pytest.mark.parametrize("lab", [True, False])
@pytest.mark.parametrize("template", printed())
def test_a_printed_command_is_taken_and_means_the_same_world(template: str, lab: bool, tmp_path: Path) -> None:
    inventory, plan = tmp_path / "my corp.yml", tmp_path / "plan.json"
    for file in (inventory, plan):
        file.write_text("{}", encoding="utf-8")
    world = World(path=inventory, plan=plan, lab=lab, include_root=tmp_path, trust=tmp_path / "trust.yml")
    command = world.completed(template)
    command = command[command.index("vbo-reconcile") :]
    for name in ("OLD", "NEW", "FILE"):
        command = command.replace(f" {name}", f" {shlex.quote(str(plan))}")
    said = parsed(command)
    verb = command.split()[1]
    if "lab" in said and (verb in ("lock", "runs") or "path" in said):
        assert said["lab"] is (lab or "--lab" in template)
    if verb in ("lock", "runs") and lab:
        assert said["path"] == inventory
    if verb in ("apply", "plan", "doctor", "drift", "explain", "graph", "validate"):
        assert {said.get("path"), said.get("inventory")} & {inventory, Path("X"), Path("XX")}, command
        assert f"--include-root {shlex.quote(str(tmp_path))}" in command


def test_approving_without_a_terminal_keeps_the_selection() -> None:
    world = World()
    params = {"path": Path("corp.yml"), "lab": True, "targets": ("proxy.px-1",), "excludes": ("job.*",), "no_run": True}
    world.learn({**params, "addresses": (), "adopt": False})
    again = world.completed("Approve it:\n  vbo-reconcile apply PATH --auto-approve")
    options = "--auto-approve --lab --target proxy.px-1 --exclude 'job.*' --no-run"
    assert again == f"Approve it:\n  vbo-reconcile apply corp.yml {options}"


def test_what_is_no_command_line_stays_as_it_is() -> None:
    world = World(path=Path("corp.yml"), lab=True)
    for text in ("`vbo-reconcile apply` changes it.", "changed outside of vbo-reconcile since then", ""):
        assert world.completed(text) == text
    assert world.completed("See: vbo-reconcile runs list") == "See: vbo-reconcile runs list --lab --inventory corp.yml"


HARD = "it's 100% $HOME @b`c, \\d"


def test_a_printed_command_keeps_what_limits_an_apply() -> None:
    options = ["--parallelism", "4", "--fail-fast", "--max-rest", "2", "--lock-wait", "60.5", "--require-complete"]
    parent = click.Context(root, obj=Console())
    command = root.get_command(parent, "apply")
    assert command is not None
    typed = ["corp.yml", "--lab", "--lab-run-scripts", *options]
    context = command.make_context("apply", typed, parent=parent)
    world = parent.obj.world
    line = click.core.ParameterSource.COMMANDLINE
    world.learn(context.params, [name for name in context.params if context.get_parameter_source(name) is line])
    again = world.completed("  vbo-reconcile apply PATH --resume 42")
    assert sorted(shlex.split(again)[5:]) == sorted(["--lab", "--lab-run-scripts", *options])
    assert parsed(again.strip())["lock_wait"] == 60.5
    assert world.completed("  vbo-reconcile doctor PATH").endswith("--lab --lab-run-scripts --parallelism 4")
    assert "--max-rest" not in world.completed("  vbo-reconcile plan PATH")


def test_words_are_quoted_for_sh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.quoting.is_windows", lambda: False)
    assert shlex.split(shell_line(["plan", HARD])) == ["plan", HARD]


def test_words_are_quoted_for_powershell(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("quoting", "cli.commands"):
        monkeypatch.setattr(f"reconciler.{module}.is_windows", lambda: True)
    assert shell_line(["plan", HARD, "C:\\vbo\\corp.yml", ""]) == (
        "plan 'it''s 100% $HOME @b`c, \\d' C:\\vbo\\corp.yml ''"
    )
    assert (
        shell_line(["--target", "@dmz", "job.*", "takeover=moved here"])
        == "--target '@dmz' 'job.*' 'takeover=moved here'"
    )
    world = World(path=Path("it's.yml"), lab=True)
    assert world.completed("  vbo-reconcile apply PATH") == "  vbo-reconcile apply 'it''s.yml' --lab"
    assert world.completed("See: vbo-reconcile schema 'a b'") == "See: vbo-reconcile schema 'a b'"


def test_the_inventory_of_a_plan_is_named_from_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "corp.yml").write_text("name: corp\n", encoding="utf-8")
    (tmp_path / "plan.json").write_text("{}", encoding="utf-8")
    found = tmp_path / "corp.yml"
    monkeypatch.setattr("reconciler.operations.plan_file.is_plan", lambda _: True)
    monkeypatch.setattr("reconciler.operations.plan_file.recorded_inventory", lambda _: found)
    world = World()
    world.learn({"path": tmp_path / "plan.json", "inventory": None})
    assert world.completed("  vbo-reconcile plan INVENTORY") == "  vbo-reconcile plan corp.yml"
    found = Path("/elsewhere/corp.yml")
    world.learn({"path": tmp_path / "plan.json", "inventory": None})
    assert world.path == Path("/elsewhere/corp.yml")


def test_a_plan_that_is_refused_is_planned_again_into_its_file(tmp_path: Path) -> None:
    world = World(path=tmp_path / "corp.yml", plan=tmp_path / "plan.json", lab=True)
    assert shlex.split(world.completed("  vbo-reconcile plan INVENTORY --out FILE"))[1:] == [
        "plan", str(tmp_path / "corp.yml"), "--out", str(tmp_path / "plan.json"), "--lab",
    ]  # fmt: skip
