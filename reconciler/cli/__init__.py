"""The command line. One file for each command, which is imported when the command is called."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """The console script."""
    from reconciler.cli.boundary import run

    code = run(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C from here on must not print a traceback
    sys.exit(code)
