"""Files that a command line names: looked at before anything else is done, and written for nobody else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

_NAMED = "reconciler.cli.files"


class Reading(click.Path):
    """A file or folder that is read. Nothing that the same command line writes may take its place."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not str(value):
            raise click.BadParameter("the name is empty", ctx, param)
        file = Path(value)
        if ctx is not None:
            _claim(ctx, file, writes=False)
        return file


class Saving(click.Path):
    """A file that takes its name when it is complete: no device, and not standard output."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        file = Path(value)
        if ctx is not None and not ctx.resilient_parsing:
            if str(value) in ("", "-") or (file.exists() and not (file.is_file() or file.is_dir())):
                raise click.BadParameter(f"{value!r} is no file; name one that can be kept", ctx, param)
            writing(ctx, file)
        return file


def writing(ctx: click.Context, file: Path) -> Path:
    """`file`, which is written later. Raises BadParameter for what can be told now: that would otherwise come up when
    the work is done."""
    if file.is_dir():
        raise click.BadParameter(f"'{file}' is a folder; name a file")
    there = next(folder for folder in file.absolute().parents if folder.exists())
    if not there.is_dir():
        raise click.BadParameter(f"'{there}' is no folder")
    if not file.exists() and not os.access(there, os.W_OK):
        raise click.BadParameter(f"nothing can be written to the folder '{there}'")
    _claim(ctx, file, writes=True)
    return file


def _claim(ctx: click.Context, file: Path, *, writes: bool) -> None:
    """Devices and pipes may be named as often as one likes."""
    if file.exists() and not file.is_file():
        return
    named: dict[str, bool] = ctx.meta.setdefault(_NAMED, {})
    place = os.path.realpath(file)
    if place in named and (writes or named[place]):
        raise click.BadParameter(f"'{file}' is named twice, and what is written would overwrite the other")
    named[place] = writes


class Finite(click.FloatRange):
    """A number within limits: `nan` lies in no range, though every comparison says that it does."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from math import isfinite

        number = super().convert(value, param, ctx)
        if not isfinite(number):
            raise click.BadParameter(f"{value!r} is no number to count with", ctx, param)
        return number
