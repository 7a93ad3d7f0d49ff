"""The command line. One file for each command, which is imported when the command is called."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from contextlib import suppress
from typing import NoReturn

_INTERRUPTED = (128 + signal.SIGINT, 128 + signal.SIGTERM)


def main() -> NoReturn:
    """The console script."""
    ended: list[int] = []
    atexit.register(_leave, ended)  # the first that is registered is called last
    try:
        from reconciler.cli.boundary import run
        from reconciler.collector import collect_seldom

        collect_seldom()
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while the program starts
        code = _INTERRUPTED[0]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C from here on must not print a traceback
    if code in _INTERRUPTED and threading.active_count() > 1:
        os._exit(code)  # without waiting for threads that still wait for a host
    ended.append(code)
    sys.exit(code)


def _leave(ended: list[int]) -> None:
    """At the end of everything, end the process. The interpreter would first take apart each object and module, for up
    to half a second in which the prompt does not come back."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # closed, or closed at the start
            stream.flush()
    if ended:
        os._exit(ended[0])
