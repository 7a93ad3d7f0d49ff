"""The command line. One file for each command, which is imported when the command is called."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import NoReturn

_INTERRUPTED = (128 + signal.SIGINT, 128 + signal.SIGTERM)


def main() -> NoReturn:
    """The console script."""
    try:
        from reconciler.cli.boundary import run

        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while the program starts
        code = _INTERRUPTED[0]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C from here on must not print a traceback
    if code in _INTERRUPTED and threading.active_count() > 1:
        os._exit(code)  # without waiting for threads that still wait for a host
    sys.exit(code)
