"""Printing the JSON form of a plan in every format that was asked for.

In GitHub Actions the same also goes to its pages: annotations at the lines of the inventory (on standard error, since
standard output is the result) and the summary of the step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.cli.console import Console
from reconciler.cli.options import Output, deliver


def show_plan(console: Console, document: Mapping[str, Any], outputs: Sequence[Output]) -> None:
    """Write a document in every format, and to the pages of the pipeline."""
    from reconciler.render import renderer

    console.record(document["mode"], document)
    deliver(console, outputs, lambda name, style: renderer(name)(document, style))
    if console.environment.get("GITHUB_ACTIONS") == "true":
        _show_on_github(console, document)


def _show_on_github(console: Console, document: Mapping[str, Any]) -> None:
    from reconciler.render import renderer
    from reconciler.render.style import Style

    console.announce(renderer("annotations")(document, Style()))
    add_to_summary(console, lambda: renderer("markdown")(document, Style()))


def add_to_summary(console: Console, markdown: Callable[[], str]) -> None:
    """Add to the summary of the step in GitHub Actions. Failing to write it is a message only."""
    summary = console.environment.get("GITHUB_STEP_SUMMARY")
    if not summary or console.environment.get("GITHUB_ACTIONS") != "true":
        return
    try:
        with Path(summary).open("a", encoding="utf-8") as page:
            page.write(markdown() + "\n")
    except OSError as error:
        console.report(f"The summary of this step could not be written: {error.strerror}.")
