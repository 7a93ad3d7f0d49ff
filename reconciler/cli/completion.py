"""`completion`: what a shell must know to complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from reconciler.cli.boundary import COMPLETE
from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, verbosity_options

SHELLS = ("bash", "zsh", "fish")


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
@verbosity_options
@pass_console
def completion(console: Console, shell: str) -> int:
    """Print the completion script of SHELL.

    \b
      eval "$(vbo-reconcile completion bash)"            # in ~/.bashrc
      eval "$(vbo-reconcile completion zsh)"             # in ~/.zshrc
      vbo-reconcile completion fish > ~/.config/fish/completions/vbo-reconcile.fish
    """
    from reconciler.cli.root import root

    kind = get_completion_class(shell)
    if kind is None:
        raise click.BadParameter(f"{shell} is not supported")
    console.result(kind(root, {}, "vbo-reconcile", COMPLETE).source() + "\n", own=True)
    return 0
