"""Exit codes of the command line itself. How an operation ended is `reconciler.operations.status.Status`, whose 2 means
that changes are pending, so wrong usage is 64."""

from __future__ import annotations

from typing import Final

USAGE: Final = 64
BROKEN_PIPE: Final = 141
TERMINATED: Final = 143
