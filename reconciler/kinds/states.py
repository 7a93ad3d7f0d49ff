"""The API's words to typed states. Words are compared in any letter case: v5 writes some of them in camel case."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from reconciler.kinds.field import Raw
from reconciler.model.state import (
    Health,
    JobState,
    Maintenance,
    MoveStatus,
    ProxyState,
    RepositoryState,
    SessionStatus,
    Status,
    SyncStatus,
)

Word = TypeVar("Word", bound=StrEnum)

MAINTENANCE_SINCE = 8
"""The REST version that brought maintenance mode, together with pools."""


def word_of(words: type[Word], value: Any) -> Word:
    """The member that a word of the API means, `UNKNOWN` for what is none."""
    members: Mapping[str, Word] = _members(words)
    found = members.get(value.lower()) if isinstance(value, str) else None
    return words("Unknown") if found is None else found


@cache
def _members(words: type[StrEnum]) -> Mapping[str, Any]:
    return {member.value.lower(): member for member in words}


def proxy_state(raw: Raw, rest: int) -> ProxyState:
    maintenance = word_of(Maintenance, raw.get("maintenanceModeState"))
    if maintenance is Maintenance.UNKNOWN and rest < MAINTENANCE_SINCE:
        maintenance = Maintenance.DISABLED
    return ProxyState(
        status=word_of(Status, raw.get("status")),
        maintenance=maintenance,
        version=_text(raw.get("version")),
        host=_text(raw.get("hostName")),
        fqdn=_text(raw.get("fqdn")) or "",
        pool=_text(raw.get("proxyPoolId")) or "",
        is_linux=_is_linux(raw),
        is_local=is_local(raw),
    )


def is_local(raw: Raw) -> bool:
    """Whether a proxy is the server's own."""
    # what the type of a Linux proxy is shown as is unknown, and the server runs on Windows
    return not _is_linux(raw) and (str(raw.get("type")).lower() == "local" or raw.get("isDefault") is True)


def _is_linux(raw: Raw) -> bool:
    return str(raw.get("operatingSystem")).lower() == "linux"


def job_state(raw: Raw, rest: int) -> JobState:
    return JobState(
        last=word_of(SessionStatus, raw.get("lastStatus")),
        last_run=_text(raw.get("lastRun")),
        next_run=_text(raw.get("nextRun")),
    )


def repository_state(raw: Raw, rest: int) -> RepositoryState:
    return RepositoryState(
        is_outdated=_flag(raw.get("isOutdated")),
        is_invalid=_flag(raw.get("isOutOfOrder")),
        is_out_of_sync=_flag(raw.get("isOutOfSync")),
        reason=_text(raw.get("outOfOrderReason")) or "",
    )


def session_status(raw: Raw) -> SessionStatus:
    """Of a session of a job."""
    return word_of(SessionStatus, raw.get("status"))


def move_status(raw: Raw) -> MoveStatus:
    """Of a session that moves repositories to another owner."""
    return word_of(MoveStatus, raw.get("status"))


def sync_status(raw: Raw) -> SyncStatus:
    """Of a session that synchronizes a repository."""
    return word_of(SyncStatus, raw.get("state"))


def health_of(raw: Raw) -> tuple[Health, dict[str, Health]]:
    """Of the server, and of each of its parts by name."""
    entries = raw.get("entries")
    parts = sorted(entries.items()) if isinstance(entries, Mapping) else []
    return word_of(Health, raw.get("status")), {
        str(name): word_of(Health, part.get("status")) for name, part in parts if isinstance(part, Mapping)
    }


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: Any) -> str | None:
    """None for null and for an empty text: both say nothing."""
    return str(value) if value not in (None, "") else None
