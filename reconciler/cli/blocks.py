"""The console of one inventory of a fleet: its result is a block of the whole, its messages bear its name."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TextIO

from reconciler.cli.console import Console
from reconciler.cli.displays import silent
from reconciler.cli.options import Output
from reconciler.render.stream import Stream

if TYPE_CHECKING:
    from reconciler.operations.runtime import Runtime


class _Text(io.StringIO):
    """Text for a stream, which shows what that can: see `render.style`."""

    encoding = "ascii"

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.encoding = stream.encoding or "ascii"


class _Prefixed(_Text):
    """Standard error of one of many, which write at the same time: whole lines, each after a prefix."""

    def __init__(self, console: Console, prefix: str, lock: Lock) -> None:
        super().__init__(console.err)
        self._console = console
        self._stream = console.err
        self._prefix = prefix
        self._lock = lock
        self._begun = ""

    def write(self, text: str) -> int:
        with self._lock:
            *lines, self._begun = (self._begun + text).split("\n")
            if lines:
                self._console.make_way()
                with silent(self._stream):
                    self._stream.write("".join(f"{self._prefix}{line}".rstrip() + "\n" for line in lines))
                    self._stream.flush()
        return len(text)


class _NamedStream(Stream):
    """Events of one server among those of all."""

    def __init__(self, whole: Stream, server: str) -> None:
        self._whole = whole
        self._server = server

    def put(self, kind: str, data: Mapping[str, Any]) -> None:
        self._whole.put(kind, {"server": self._server, **data})


@dataclass(slots=True)
class _BlockConsole(Console):
    whole: Console = field(default_factory=Console)
    lab_name: str = ""

    @property
    def runtime(self) -> Runtime:
        return replace(self.plain_runtime(), lab_name=self.lab_name)

    @property
    def in_ci(self) -> bool:
        """No question is asked, and the next step is shown once, for the whole fleet."""
        return True

    def announce(self, text: str) -> None:
        """Commands for a pipeline begin their lines."""
        self.whole.announce(text)


@dataclass(slots=True)
class Block:
    """What one inventory prints. `texts` are its outputs that are not for people, by format."""

    console: Console
    texts: dict[str, str] = field(default_factory=dict)

    def outputs(self, outputs: Sequence[Output]) -> list[Output]:
        """The outputs of the whole, as those of this inventory."""
        names = dict.fromkeys(["json", *(output.name for output in outputs)])
        return [Output(name, into=partial(self.texts.__setitem__, name)) for name in names if name != "human"] + [
            Output("human") for output in outputs if output.name == "human" and output.file is None
        ]

    def take(self) -> str:
        """What was printed since the last time."""
        stream = self.console.out
        if not isinstance(stream, io.StringIO):
            raise TypeError("the console of a block prints into a text")
        text = stream.getvalue()
        stream.seek(0)
        stream.truncate()
        return text


def open_block(
    console: Console, name: str, path: Path, root: Path, *, width: int, lock: Lock, lab_name: str = ""
) -> Block:
    """The block of the inventory `name` at `path`. `root` is the folder of its fleet, below which it includes files;
    `width` the columns of the longest name. `lab_name` is as in `Runtime`."""
    out, err = console.out_style, console.err_style
    made = _BlockConsole(
        out=_Text(console.out),
        err=_Prefixed(console, err.paint(f"{name:<{width}} {err.rule} ", "dim"), lock),
        into=console.into,
        environment=console.environment,
        colour="always" if out.colour and err.colour else "never",
        quiet=console.quiet,
        verbose=console.verbose,
        machine=console.machine,
        detail_level=console.detail_level,
        world=replace(console.world, path=path, include_root=console.world.include_root or root),
        lab_runs_scripts=console.lab_runs_scripts,
        interrupts=console.interrupts,
        stream=_NamedStream(console.stream, name) if console.stream is not None else None,
        whole=console,
        lab_name=lab_name,
    )
    return Block(made)
