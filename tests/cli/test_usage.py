"""Wrong usage, help, and what the streams are for."""

from __future__ import annotations

import shlex

import click
import pytest

from reconciler.cli import usage
from reconciler.cli.console import Console
from reconciler.cli.root import COMMANDS, root
from reconciler.render import FORMATS
from tests.cli.running import call


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["plna"], "Did you mean plan?", id="a misspelt command"),
        pytest.param(["plan"], "Missing argument 'PATH'", id="no inventory"),
        pytest.param(["plan", "--lba", "x.yml"], "No such option", id="an unknown option"),
        pytest.param(["plan", "x.yml", "y.yml"], "unexpected extra argument", id="too many arguments"),
        pytest.param(["plan", "x.yml", "--format", "poem"], "'poem' is not one of human, json", id="an unknown format"),
        pytest.param(["plan", "x.yml", "--format", "json="], "the name of the file is missing", id="no file"),
        pytest.param(["plan", "x.yml", "--format", "json", "--format", "human"], "only one format", id="two on stdout"),
        pytest.param(["apply", "x.yml", "--format", "human=x"], "can only go to", id="a file for the screen"),
        pytest.param(["plan", "x.yml", "--waive", "all=x"], "no such guard 'all'", id="an unknown guard"),
        pytest.param(["plan", "x.yml", "--waive", "takeover"], "the reason is missing: takeover", id="no reason"),
        pytest.param(
            ["plan", "x.yml", "--waive", "force=a", "--waive", "force=b"], "force is waived twice", id="two reasons"
        ),
        pytest.param(["plan", "x.yml", "--color", "pink"], "'pink' is not one of", id="an unknown colour"),
        pytest.param(["plan", "x.yml", "--parallelism", "0"], "not in the range", id="no workers"),
        pytest.param(["plan", "x.yml", "--batch", "1,many"], "'1,many' is not of the form 1,25%,100%", id="no sizes"),
        pytest.param(["plan", "x.yml", "--batch", "inf%"], "'inf%' is not of the form", id="no percent"),
        pytest.param(["plan", "x.yml", "--batch", "0"], "'0' is not of the form", id="batches of nothing"),
        pytest.param(["plan", "x.yml", "--batch", "101%"], "'101%' is not of the form", id="more than all"),
        pytest.param(["runs", "list", "--limit", "99999999999999999999"], "not in the range", id="more than there are"),
        pytest.param(["apply", "x.yml", "--max-failures", "0"], "not in the range", id="no failure at all"),
        pytest.param(["plan", ""], "the name is empty", id="an empty variable"),
        pytest.param(["plan", "x.yml", "--out", "-"], "'-' is not a file", id="a plan to standard output"),
        pytest.param(["plan", "x.yml", "--out", "/dev/null"], "'/dev/null' is not a file", id="a plan to a device"),
        pytest.param(["plan", "x.yml", "--out", "/tmp"], "'/tmp' is a folder", id="a plan to a folder"),
        pytest.param(
            ["plan", "x.yml", "--out", "/dev/null/a/b"], "'/dev/null' is not a folder", id="no folder for a plan"
        ),
        pytest.param(["plan", "x.yml", "--format", "html=/tmp"], "'/tmp' is a folder", id="a page to a folder"),
        pytest.param(["plan", "x.yml", "--json-into", "/tmp"], "'/tmp' is a folder", id="messages to a folder"),
        pytest.param(["plan", "x.yml", "--out", "./x.yml"], "'x.yml' is named twice", id="over the inventory"),
        pytest.param(
            ["plan", "x.yml", "--format", "json=a", "--format", "html=a"], "'a' is named twice", id="one file for two"
        ),
        pytest.param(["plan", "x.yml", "--out", "a", "--expires", "nan"], "is not a finite number", id="no number"),
        pytest.param(["plan", "x.yml", "--out", "a", "--expires", "9e9"], "not in the range", id="for ever"),
        pytest.param(["apply", "x.yml", "--lock-wait", "inf"], "is not a finite number", id="an endless wait"),
        pytest.param(
            ["apply", "x.yml", "--inventory", "y.yml"], "for a saved plan", id="the inventory of an inventory"
        ),
        pytest.param(["apply", "x.yml", "--require-signature", "s"], "for a saved plan", id="a signed inventory"),
        pytest.param(["plan", "x.yml", "--sign", "key"], "add --out FILE", id="a signature of nothing"),
        pytest.param(["jobs", "rnu"], "Did you mean run?", id="a misspelt command of a group"),
        pytest.param(["jobs", "run", "x.yml"], "Missing argument", id="no job"),
        pytest.param(["schema", "poem"], "'poem' is not one of", id="an unknown schema"),
        pytest.param(["completion", "ed"], "'ed' is not one of", id="an unknown shell"),
    ],
)
def test_wrong_usage_is_64(arguments: list[str], said: str) -> None:
    ended = call(*arguments)
    assert ended.code == 64
    assert "│ Error: Wrong usage\n" in ended.err
    assert said in ended.err
    assert "--help" in ended.err
    assert ended.out == ""


@pytest.mark.parametrize(
    "before", [["--lab"], ["-v", "--lab"], ["--color", "never", "--lab"], ["--lab", "--no-color"]], ids=" ".join
)
def test_lab_may_come_before_the_command(before: list[str]) -> None:
    for command in (["plan", "x.yml"], ["jobs", "list", "x.yml"], ["runs", "list"]):
        words = [*before, *command]
        context = root.make_context("vbo-reconcile", words, obj=Console())
        assert "--lab" in [*context._protected_args, *context.args]
    assert "No such option '--lab'" in call(*before, "validate", "x.yml").err, "it has no meaning there"


def test_other_options_belong_after_the_command() -> None:
    ended = call("--target", "proxy.px-1", "plan", "x.yml")
    assert ended.code == 64
    assert "Options of a command come after it: vbo-reconcile COMMAND --target" in ended.err


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("plan a.yml --targt proxy.px-1", "plan a.yml --target proxy.px-1"),
        ("plan --detial=full a.yml", "plan --detail=full a.yml"),
        ("plan --detail ful a.yml", "plan --detail full a.yml"),
        ("plan --detail=ful a.yml", "plan --detail=full a.yml"),
        ("plan -target=proxy.px-1 'my corp.yml'", "plan --target=proxy.px-1 'my corp.yml'"),
        ("plan -out plan.json a.yml", "plan --out plan.json a.yml"),
        ("plan -o json a.yml", "plan --format json a.yml"),
        ("plan --json a.yml", "plan --format json a.yml"),
        ("apply -f a.yml", "apply a.yml"),
        ("apply a.yml -auto-approve", "apply a.yml --auto-approve"),
        ("apply a.yml --yes", "apply a.yml --auto-approve"),
        ("apply a.yml -y", "apply a.yml --auto-approve"),
        ("apply a.yml --dry-run", "plan PATH"),
        ("lock break 5 -y", "lock break 5 --yes"),
        ("drift a.yml --detailed-exitcode", "drift PATH"),
        ("aply a.yml", "apply a.yml"),
        ("jobs rnu mail a.yml", "jobs run mail a.yml"),
        ("list", "lock list"),
        ("help plan", "plan --help"),
        ("version", "--version"),
        ("sync a.yml", "apply PATH"),
        ("completion pwsh", "completion powershell"),
    ],
)
def test_wrong_usage_says_the_line_that_is_right(typed: str, meant: str) -> None:
    ended = call(*shlex.split(typed))
    assert ended.code == 64
    assert f"\n│   vbo-reconcile {meant}\n" in ended.err


def test_what_another_tool_calls_it_is_known_here() -> None:
    context = click.Context(root)
    for line in usage.COMMANDS.values():
        assert line.startswith("--") or root.get_command(context, line.split()[0])
    assert not set(usage.COMMANDS) & set(COMMANDS)


def test_an_option_of_another_command_is_said_to_be_one() -> None:
    assert "Fix: It is an option of apply.\n" in call("plan", "a.yml", "--auto-approve").err


def test_a_command_line_with_an_address_is_not_repeated() -> None:
    said = call("apply", "a.yml", "--notify-url", "https://hooks.example.com/token", "--targt", "proxy.px-1").err
    assert "Did you mean --target?" in said
    assert "token" not in said


def test_an_option_without_its_value_is_of_its_command() -> None:
    assert "vbo-reconcile plan --help" in call("plan", "a.yml", "--out").err


def test_a_misspelt_variable_is_warned_of() -> None:
    names = ("LABB", "JOURNEL", "LAB", "JOURNAL", "TRUST", "TOKEN_OF_THE_TEAM")
    environment = {f"{usage.VARIABLES}{name}": "" for name in names} | {"TERM": "dumb"}
    said = call("schema", "trust", environment=environment).err
    assert said.count("Warning: Unknown environment variable") == 2
    assert "Did you mean VBO_RECONCILE_LAB?" in said
    assert "Did you mean VBO_RECONCILE_JOURNAL?" in said


def test_no_arguments_give_help_and_64() -> None:
    ended = call()
    assert ended.code == 64
    assert "\n    vbo-reconcile validate PATH    is the inventory valid?\n" in ended.err


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_the_terminal(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    call(*filter(None, [name]), "--help")
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > 80 and "vbo-reconcile" not in line] == []


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_every_command_explains_itself(name: str, flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*filter(None, [name]), flag).code == 0
    assert "Usage: vbo-reconcile" in capsys.readouterr().out


@pytest.mark.parametrize("name", [name for name in COMMANDS if name in ("jobs", "smtp", "runs", "lock", "lab")])
def test_the_list_of_a_group_cuts_no_sentence_off(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    call(name, "--help")
    assert "...\n" not in capsys.readouterr().out.partition("Commands:")[2].replace("NAME...", "")


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    call("--help")
    text = capsys.readouterr().out
    assert all(f"\n  {name} " in text for name in COMMANDS)


def test_completion_answers_a_shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    words = {"_VBO_RECONCILE_COMPLETE": "bash_complete", "COMP_WORDS": "vbo-reconcile pl", "COMP_CWORD": "1"}
    for name, value in words.items():
        monkeypatch.setenv(name, value)
    assert call(environment=words).code == 0
    assert capsys.readouterr().out == "plain,plan\n"


def test_schemas_are_json() -> None:
    import json

    ended = call("schema", "inventory")
    assert ended.code == 0
    assert json.loads(ended.out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_the_variable_of_its_name(name: str) -> None:
    command = root.get_command(click.Context(root), name)
    assert command is not None
    commands = command.commands.values() if isinstance(command, click.Group) else [command]
    for option in (param for each in commands for param in each.params if isinstance(param, click.Option)):
        if option.name == "adopt":
            assert option.envvar is None, "it holds for one run"
            continue
        assert option.envvar in {f"VBO_RECONCILE_{name[2:].replace('-', '_').upper()}" for name in option.opts}


@pytest.mark.parametrize("name", ["plan", "drift", "diff", "show"])
def test_commands_that_show_a_plan_have_every_format(name: str) -> None:
    command = root.get_command(click.Context(root), name)
    assert command is not None
    (option,) = [param for param in command.params if "--format" in param.opts]
    assert option.metavar == "|".join(FORMATS) + "[=FILE]"
