"""Commands and groups of the command line: imported on use, with suggestions, with environment variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from reconciler.cli.console import Console

_LAB: Final = "--lab"
_TEXTS: Final = ("completion", "schema")
"""Commands that print a text and end."""
_VARIABLES: Final = "VBO_RECONCILE_"
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Lines(click.types.StringParamType):
    """Values of an option that can be repeated: lines of its environment variable, so that they can hold spaces."""

    envvar_list_splitter = "\n"


def _with_variables(params: Iterable[click.Parameter]) -> None:
    """Options can be set by `VBO_RECONCILE_<OPTION>`, whichever command they belong to."""
    for option in params:
        if isinstance(option, click.Option) and not isinstance(option, OneRun) and not option.is_eager:
            long = next(name for name in option.opts if name.startswith("--"))
            option.envvar = _VARIABLES + long.removeprefix("--").replace("-", "_").upper()
            if option.multiple:
                option.type = Lines()


class OneRun(click.Option):
    """An option that holds for one command line: no variable sets it for all."""


class UnknownCommand(click.UsageError):
    """A group has no command of this name."""

    def __init__(self, name: str, ctx: click.Context) -> None:
        super().__init__(f"No such command {name!r}.", ctx)
        self.name = name


class Command(click.Command):
    """A command whose operation may find fault with its arguments."""

    def invoke(self, ctx: click.Context) -> Any:
        from reconciler.operations.errors import InvalidOption

        console = ctx.ensure_object(Console)
        given = click.core.ParameterSource.COMMANDLINE
        console.world.learn(ctx.params, [name for name in ctx.params if ctx.get_parameter_source(name) is given])
        if any(name.startswith(_VARIABLES) for name in console.environment):
            from reconciler.cli.usage import misspelled

            console.problems(misspelled(console.environment, ctx.find_root()))
        try:
            return super().invoke(ctx)
        except InvalidOption as error:
            raise click.UsageError(str(error), ctx) from error

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx  # click leaves it out for an option without its value
            raise

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["context_settings"] = {**_SETTINGS, **kwargs.get("context_settings", {})}
        super().__init__(*args, **kwargs)
        _with_variables(self.params)


class EitherOrder(Command):
    """A command with `names` and PATH, in either order: the inventory is what exists."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        names, path = ctx.params.get("names") or (), ctx.params.get("path")
        every = [names] if isinstance(names, str) else list(names)
        if every and path is not None and not path.exists() and Path(every[0]).exists():
            others = (*every[1:], str(path))
            ctx.params |= {"names": others[0] if isinstance(names, str) else others, "path": Path(every[0])}
        return rest


class Group(click.Group):
    """A group whose commands are imported on use: `lazy` maps a name to (`module:attribute`, one line of help), and
    `sections` the first command of each section of the help to its heading."""

    command_class = Command

    def __init__(
        self,
        *args: Any,
        lazy: Mapping[str, tuple[str, str]] | None = None,
        sections: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs["context_settings"] = {**_SETTINGS, **kwargs.get("context_settings", {})}
        super().__init__(*args, **kwargs)
        _with_variables(self.params)
        self.lazy = lazy or {}
        self.sections = sections or {}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """`--lab` may come before the command that has it, as an option that holds for all would."""
        try:
            return super().parse_args(ctx, self._lab_after_command(ctx, args))
        except click.NoSuchOption as error:
            if ctx.parent is not None:
                raise
            where = f"{ctx.command_path} COMMAND {error.option_name}"
            raise click.UsageError(f"{error.message} Options of a command come after it: {where}", ctx) from error

    def _lab_after_command(self, ctx: click.Context, args: list[str]) -> list[str]:
        before = next((number for number, word in enumerate(args) if _is_command(args, number)), len(args))
        if _LAB not in args[:before] or before == len(args):
            return args
        child = self.get_command(ctx, args[before])
        after = before + (2 if isinstance(child, Group) else 1)
        rest = [word for word in args[:before] if word != _LAB]
        return [*rest, *args[before:after], _LAB, *args[after:]]

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.lazy[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{attribute} is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing them."""
        rows = [(name, doc) for name, (_, doc) in self.lazy.items()]
        rows += [(name, _first_sentence(self.commands[name].help or "")) for name in super().list_commands(ctx)]
        found: dict[str, list[tuple[str, str]]] = {}
        heading, widest = "Commands", max(len(name) for name, _ in rows)
        for name, doc in rows:
            heading = self.sections.get(name, heading)
            found.setdefault(heading, []).append((name.ljust(widest), doc))
        for heading, part in found.items():
            with formatter.section(heading):
                formatter.write_dl(part)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not (ctx.parent or ctx.resilient_parsing or _shows_no_progress(args)):
            ctx.ensure_object(Console).begin()  # importing a command takes its time
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            raise UnknownCommand(args[0], ctx)
        return super().resolve_command(ctx, args)


def _is_command(args: list[str], number: int) -> bool:
    """Whether a word is neither an option nor the value of one."""
    return not args[number].startswith("-") and (number == 0 or args[number - 1] != "--color")


def _shows_no_progress(args: list[str]) -> bool:
    """Whether a command line asks for a text alone, as far as can be seen before its options are known."""
    return args[0] in _TEXTS or any(word in ("--help", "--quiet") or re.fullmatch("-v*[hq]", word) for word in args)


def _first_sentence(text: str) -> str:
    """Without click's limit on its length."""
    sentence, dot, _ = " ".join(text.split()).partition(". ")
    return sentence + dot.rstrip()


Wrapped = Callable[..., Any]
pass_console = click.make_pass_decorator(Console)


def verbosity_options(function: Wrapped) -> Wrapped:
    """`--color`, `--no-color`, `-q` and `-v`, valid before and after the name of a command."""
    for option in (
        _flag("-v", "--verbose", callback=_verbose, text="Print more details."),
        _flag("-q", "--quiet", callback=_quiet, text="Print only the result and errors."),
        _flag("--no-color", callback=_no_colour, text="Print without colour."),
        click.option(
            "--color",
            type=click.Choice(["auto", "always", "never"]),
            callback=_colour,
            expose_value=False,
            show_default="auto",
            help="Colour the output; auto honours NO_COLOR, FORCE_COLOR and TERM.",
        ),
    ):
        function = option(function)
    return function


def _flag(*names: str, callback: Callable[..., None], text: str) -> Wrapped:
    return click.option(*names, is_flag=True, callback=callback, expose_value=False, help=text)


def _colour(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    if value:
        ctx.ensure_object(Console).colour = value


def _no_colour(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Console).colour = "never"


def _quiet(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        console = ctx.ensure_object(Console)
        console.quiet = True
        console.settle()


def _verbose(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Console).verbose = True
