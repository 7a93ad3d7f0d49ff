"""Exit codes: a contract with scripts and CI. 2 means changes are pending, so wrong usage is 64."""

from __future__ import annotations

from typing import Final

OK: Final = 0
ERROR: Final = 1
PENDING: Final = 2
PARTIAL: Final = 3
REFUSED: Final = 4
STALE: Final = 5
LOCKED: Final = 6
USAGE: Final = 64
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141
TERMINATED: Final = 143
