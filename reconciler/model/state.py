"""States of live objects: what the server reports of them now.

`UNKNOWN` is a value of each word: the server leaves it out, sends null, or sends a word that no known version of the
product has. Nothing is changed, deleted or forced because of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from reconciler.model.version import build_number


class Status(StrEnum):
    """Whether the server reaches a proxy."""

    ONLINE = "Online"
    OFFLINE = "Offline"
    UNKNOWN = "Unknown"


class Maintenance(StrEnum):
    """Maintenance mode of a member of a pool. The product has no word for the way out of it."""

    DISABLED = "Disabled"
    ENABLING = "Enabling"
    ENABLED = "Enabled"
    UNKNOWN = "Unknown"


class SessionStatus(StrEnum):
    """How a session of a job goes or ended, and how the last one of a job did."""

    QUEUED = "Queued"
    RUNNING = "Running"
    SUCCESS = "Success"
    WARNING = "Warning"
    FAILED = "Failed"
    STOPPED = "Stopped"
    NOT_CONFIGURED = "NotConfigured"
    DISCONNECTED = "Disconnected"
    UNKNOWN = "Unknown"

    @property
    def is_active(self) -> bool:
        return self in (SessionStatus.QUEUED, SessionStatus.RUNNING)

    @property
    def is_good(self) -> bool:
        return self in (SessionStatus.SUCCESS, SessionStatus.WARNING)

    @property
    def has_ended(self) -> bool:
        return self.is_good or self in (SessionStatus.FAILED, SessionStatus.STOPPED)


class MoveStatus(StrEnum):
    """How the move of a repository to another owner goes or ended."""

    WAITING = "Waiting"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    UNKNOWN = "Unknown"

    @property
    def is_active(self) -> bool:
        return self in (MoveStatus.WAITING, MoveStatus.RUNNING)

    @property
    def has_ended(self) -> bool:
        return self in (MoveStatus.SUCCEEDED, MoveStatus.FAILED)


class SyncStatus(StrEnum):
    """What a session that synchronizes a repository does; none of them says whether it succeeded."""

    NONE = "None"
    SYNCHRONIZING = "Synchronizing"
    FAILED = "Failed"
    UNKNOWN = "Unknown"


class Health(StrEnum):
    """How the server is, or one of its parts."""

    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class ProxyState:
    """A proxy as the server reports it.

    `version` is the build of its service, `outdated` what PowerShell on the server says of it, `host` the name that
    the server reaches it by, `fqdn` its resolved name, `pool` the id of its pool. `is_local` marks the server's own,
    `is_linux` one that is known to run Linux.
    """

    status: Status = Status.UNKNOWN
    maintenance: Maintenance = Maintenance.UNKNOWN
    version: str | None = None
    outdated: bool | None = None
    host: str | None = None
    fqdn: str = ""
    pool: str = ""
    is_local: bool = False
    is_linux: bool = False

    @property
    def is_online(self) -> bool:
        """Whether it is known to be online."""
        return self.status is Status.ONLINE

    @property
    def is_offline(self) -> bool:
        """Whether it is known to be offline."""
        return self.status is Status.OFFLINE

    @property
    def in_maintenance(self) -> bool:
        """Whether it is known to be in maintenance mode, or on the way into it."""
        return self.maintenance in (Maintenance.ENABLING, Maintenance.ENABLED)

    @property
    def is_working(self) -> bool:
        """Whether it is known to be online and not in maintenance mode."""
        return self.is_online and self.maintenance is Maintenance.DISABLED

    @property
    def shown(self) -> str:
        """Its status for messages."""
        return "of unknown status" if self.status is Status.UNKNOWN else self.status.value

    @property
    def build(self) -> tuple[int, ...]:
        """Its version as numbers, empty if it is unknown."""
        return build_number(self.version or "")


@dataclass(frozen=True, slots=True)
class JobState:
    """`last` is the status of its last session, unknown before the first one. The times are the server's own text."""

    last: SessionStatus = SessionStatus.UNKNOWN
    last_run: str | None = None
    next_run: str | None = None


@dataclass(frozen=True, slots=True)
class RepositoryState:
    """What keeps a repository from being used, None for what the server does not show. `reason` says why it is
    invalid, in the words of the server."""

    is_outdated: bool | None = None
    is_invalid: bool | None = None
    is_out_of_sync: bool | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MailState:
    """`mode` is the way that mails take, in the inventory's words; empty if the server does not show it. `signed_in` is
    whether the sign-in at Microsoft or Google is valid, None if that is not known."""

    mode: str = ""
    signed_in: bool | None = None


State = ProxyState | JobState | RepositoryState | MailState
