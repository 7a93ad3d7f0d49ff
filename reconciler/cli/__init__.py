"""The command line. One file for each command, and each is imported only when it is called."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """The console script."""
    from reconciler.cli.boundary import run

    sys.exit(run(sys.argv[1:]))
