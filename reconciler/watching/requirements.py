"""Whether the packages of the extra `watch` are installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from reconciler.installation import install_command
from reconciler.model.diagnostic import Diagnosed, Diagnostic

_REQUIRED: Final = ("cheroot", "prometheus_client")


def check_installed() -> None:
    """Raises Diagnosed."""
    missing = [name for name in _REQUIRED if find_spec(name) is None]
    if missing:
        detail = f"`watch` serves metrics and pages with packages that are not installed: {', '.join(missing)}."
        fix = f"Install them, or serve nothing (--listen none):\n  {install_command('watch')}"
        raise Diagnosed([Diagnostic("watch-packages", "Packages are missing", detail, fix)])
