"""The command line. One file for each command, and each is imported only when it is called."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """The console script."""
    from reconciler.cli.boundary import run

    code = run(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is over; one more Ctrl-C shall not end it with a traceback
    sys.exit(code)
