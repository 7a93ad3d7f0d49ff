"""`graph`: the topology of an inventory for programs that draw. Offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.cli.console import Console
from reconciler.cli.group import Command, pass_console, verbosity_options
from reconciler.cli.options import PATH, Output, deliver, format_option, include_root_option
from reconciler.operations.status import Status


@click.command(cls=Command)
@click.argument("path", type=PATH)
@include_root_option
@format_option("dot", "mermaid", "json", default="dot")
@verbosity_options
@pass_console
def graph(console: Console, path: Path, outputs: Sequence[Output]) -> int:
    """Print the topology of the inventory at PATH: server, proxies, repositories, jobs, organizations. Offline.

    \b
      vbo-reconcile graph corp.yml | dot -Tsvg > corp.svg
      vbo-reconcile graph corp.yml --format mermaid

    With json: its nodes and edges. The page of `plan --format html` draws the same, with what would change.
    """
    from reconciler.operations import graph as draw
    from reconciler.render.diagram import dot, mermaid
    from reconciler.render.document import document

    found = draw(path, console.runtime)

    def text(name: str) -> str:
        if name == "json":
            return document(found)
        return (dot if name == "dot" else mermaid)(found, str(found["inventory"]))

    deliver(console, outputs, lambda name, _style: text(name))
    return Status.OK
