"""What happens at a bug: no traceback on the screen, all of it in a file, and the way to report it."""

from __future__ import annotations

import os
import platform
import sys
import traceback
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from reconciler import __version__, timing
from reconciler.model.diagnostic import Diagnostic
from reconciler.user_folders import NoFolder, own_folder, state_folder


def crash_diagnostic(error: BaseException, environment: Mapping[str, str], now: datetime | None = None) -> Diagnostic:
    """The diagnostic of an unexpected exception, whose traceback is written to a file (0600)."""
    try:
        file = _write(error, environment, now or timing.utc_now())
        fix = f"Please report it, with this file (check it for confidential names first):\n  {file}"
    except (OSError, NoFolder) as problem:
        reason = problem.diagnostics[0].detail if isinstance(problem, NoFolder) else f"{problem.strerror}."
        fix = f"Please report it. Its traceback could not be written: {reason}"
    return Diagnostic(
        code="bug",
        summary="This is a bug in vbo-reconcile",
        detail=f"It stopped because of an unexpected error ({type(error).__name__}).",
        fix=fix,
    )


def _write(error: BaseException, environment: Mapping[str, str], now: datetime) -> Path:
    folder = own_folder(state_folder(environment) / "crashes")
    file = folder / f"{now:%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    head = f"vbo-reconcile {__version__}, Python {platform.python_version()}, {sys.platform}, {now.isoformat()}\n\n"
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as stream:
        stream.write(head + "".join(traceback.format_exception(error)))
    return file
