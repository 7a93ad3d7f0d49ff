"""Types of options that are files. Errors are found before the command does anything."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

_NAMED = "reconciler.cli.files"


class Reading(click.Path):
    """A file or folder that is read. The same command line cannot write to it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not str(value):
            raise click.BadParameter("the name is empty", ctx, param)
        file = Path(value)
        if ctx is not None:
            _claim(ctx, file, writes=False)
        return file


class Saving(click.Path):
    """A file that is replaced when its content is complete: no device, and not standard output."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        file = Path(value)
        if ctx is not None and not ctx.resilient_parsing:
            if str(value) in ("", "-") or (file.exists() and not (file.is_file() or file.is_dir())):
                raise click.BadParameter(f"{value!r} is not a file that can be replaced", ctx, param)
            writing(ctx, file)
        return file


def writing(ctx: click.Context, file: Path) -> Path:
    """`file`, which is written later. Raises BadParameter now for errors that would otherwise occur when the work is
    done."""
    from reconciler.operations.private_files import link_in

    if file.is_dir():
        raise click.BadParameter(f"'{file}' is a folder; give a file")
    if link := link_in(file):
        raise click.BadParameter(f"'{link}' is a symbolic link, which is not written through; name what it leads to")
    there = next(folder for folder in file.absolute().parents if folder.exists())
    if not there.is_dir():
        raise click.BadParameter(f"'{there}' is not a folder")
    if not file.exists() and not os.access(there, os.W_OK):
        raise click.BadParameter(f"nothing can be written to the folder '{there}'")
    _claim(ctx, file, writes=True)
    return file


def _claim(ctx: click.Context, file: Path, *, writes: bool) -> None:
    """Devices and pipes can be named several times."""
    if file.exists() and not file.is_file():
        return
    named: dict[str, bool] = ctx.meta.setdefault(_NAMED, {})
    place = os.path.realpath(file)
    if place in named and (writes or named[place]):
        raise click.BadParameter(f"'{file}' is named twice, and would be overwritten")
    named[place] = writes


class Finite(click.FloatRange):
    """A number within limits, without `nan`, which passes the comparisons of click."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from math import isfinite

        number = super().convert(value, param, ctx)
        if not isfinite(number):
            raise click.BadParameter(f"{value!r} is not a finite number", ctx, param)
        return number
