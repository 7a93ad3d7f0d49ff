"""The result of one check, and the JSON form of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from reconciler.model.errors import ReconcileError, RemoteError, SecretError

FORMAT_VERSION: Final = "1.0"


class Level(StrEnum):
    """Worst first. Only errors make `doctor` fail."""

    ERROR = "error"
    WARNING = "warning"
    UNKNOWN = "unknown"
    OK = "ok"


_RANK: Final = {level: rank for rank, level in enumerate(Level)}


@dataclass(frozen=True, slots=True)
class Check:
    """`subject` is what was checked (`server`, `host.px-1`, `credential.corp-admin`), `name` the check, `found` its
    result in a few words, `fix` what to do."""

    subject: str
    name: str
    level: Level
    found: str
    fix: str = ""

    @property
    def sort_key(self) -> tuple[object, ...]:
        return (_RANK[self.level], self.subject, self.name, self.found)


def failed(subject: str, name: str, error: ReconcileError, *, peer: str = "") -> Check:
    """A check that failed with `error`, whose text holds no secret. `peer` is the host that should have answered: if
    the error came from another one (a jump host), the result names it."""
    if isinstance(error, RemoteError):
        by = f"{error.peer}: " if peer and error.peer != peer else ""
        return Check(subject, name, Level.ERROR, f"{by}{error.what}: {error.reason}", error.hint)
    hint = error.hint if isinstance(error, SecretError) else ""
    return Check(subject, name, Level.ERROR, str(error), hint or "Provide the secret that the inventory refers to.")


def expiry(subject: str, name: str, end: datetime, now: datetime, *, days: int = 30) -> Check:
    """Until when something is valid, with a warning in its last `days` days. Both times are aware."""
    left = (end - now).days
    day = end.strftime("%Y-%m-%d")
    if end <= now:
        return Check(subject, name, Level.ERROR, f"expired on {day}", "Renew the certificate.")
    level = Level.OK if left >= days else Level.WARNING
    fix = "" if level is Level.OK else "Renew the certificate before that day."
    return Check(subject, name, level, f"valid until {day}, {left} days left", fix)


def ordered(checks: Iterable[Check]) -> list[Check]:
    """Worst first, in a deterministic order."""
    return sorted(checks, key=lambda item: item.sort_key)


def checkup_to_json(checks: Sequence[Check], *, inventory: str, server: str, lab: bool) -> dict[str, Any]:
    """The JSON form, which renderers read. `ok` decides the exit code."""
    counts = {level.value: sum(1 for item in checks if item.level is level) for level in Level}
    return {
        "format_version": FORMAT_VERSION,
        "inventory": inventory,
        "server": server,
        "lab": lab,
        "ok": not counts[Level.ERROR],
        "counts": counts,
        "checks": [
            {
                "subject": item.subject,
                "check": item.name,
                "level": item.level.value,
                "found": item.found,
                "fix": item.fix,
            }
            for item in ordered(checks)
        ],
    }
