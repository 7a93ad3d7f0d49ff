"""`completion`: what a shell must know to complete commands and options."""

from __future__ import annotations

import click

from reconciler.cli.boundary import COMPLETE
from reconciler.cli.completions import SHELLS, script
from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, verbosity_options


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
      vbo-reconcile completion powershell | Out-String | Invoke-Expression    # in $PROFILE
    """
    from reconciler.cli.root import root

    console.result(script(root, COMPLETE, shell) + "\n", own=True)
    return 0
