"""Mapping what databases and file systems raise to errors of the journal, with what to do about each."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from reconciler.journal.errors import JournalError
from reconciler.journal.place import VARIABLE, Place
from reconciler.model.secret import mask_secrets

UNREACHABLE = "journal-unreachable"

_WORDS = {
    "journal-full": ("there is no space left", "Free some space, then go on with: vbo-reconcile apply --resume RUN"),
    "journal-read-only": ("it is read-only", f"Keep the journal where it can be written: set {VARIABLE}."),
    "journal-denied": ("permission denied", f"It must be readable and writable for this user; or set {VARIABLE}."),
    "journal-locked": ("another process keeps it locked", "Find that process, or try again."),
    "journal-damaged": ("this is not a journal, or it is damaged", "Move it away; a new one is made."),
    "journal-io": ("reading or writing failed", "Look at the disk, the quota and the limit on file sizes."),
    UNREACHABLE: ("no connection", f"Check the server, the network and {VARIABLE}; then apply again."),
    "journal-login": ("login refused", f"Check user, password and database in {VARIABLE}."),
    "journal-failed": ("the database refused", f"Check {VARIABLE} and the log of the database."),
}
_ERRNO = {
    errno.ENOSPC: "journal-full",
    errno.EDQUOT: "journal-full",
    errno.EROFS: "journal-read-only",
    errno.EACCES: "journal-denied",
    errno.EPERM: "journal-denied",
}
_SQLITE = {
    "FULL": "journal-full",
    "READONLY": "journal-read-only",
    "CANTOPEN": "journal-denied",
    "PERM": "journal-denied",
    "AUTH": "journal-denied",
    "BUSY": "journal-locked",
    "LOCKED": "journal-locked",
    "NOTADB": "journal-damaged",
    "CORRUPT": "journal-damaged",
    "IOERR": "journal-io",
}
_SQLSTATES = (
    # https://www.postgresql.org/docs/current/errcodes-appendix.html: whole codes before their classes
    ("53300", UNREACHABLE),
    ("53", "journal-full"),
    ("25006", "journal-read-only"),
    ("42501", "journal-denied"),
    ("3F", "journal-denied"),
    ("55P03", "journal-locked"),
    ("40", "journal-locked"),
    ("28", "journal-login"),
    ("3D", "journal-login"),
    ("08", UNREACHABLE),
    ("57P", UNREACHABLE),
    ("58", "journal-io"),
)


@contextmanager
def told(place: Place, doing: str) -> Iterator[None]:
    """Raises JournalError for every error of the database or the file system that comes out of the block."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise journal_error(error, place, doing) from error
    except ImportError as error:
        raise JournalError(
            f"{place.label} cannot be used: the package {error.name or 'psycopg'} is not installed",
            code="journal-driver",
            hint="pip install 'vbo-reconcile[postgres]'",
        ) from error


def journal_error(error: Exception, place: Place, doing: str) -> JournalError:
    """`doing` is a word like "written". Neither statements nor parameters nor the password get into the message."""
    code, reason = _classify(error)
    words, hint = _WORDS[code]
    message = mask_secrets(f"The journal cannot be {doing}: {words} ({place.label}: {reason})", [place.password])
    return JournalError(message, code=code, hint=hint)


def _classify(error: Exception) -> tuple[str, str]:
    if isinstance(error, OSError):
        return _ERRNO.get(error.errno or 0, "journal-io"), error.strerror or type(error).__name__
    cause: BaseException = error
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    reason = lines[0]  # what follows in PostgreSQL quotes the statement and its data
    if isinstance(cause, sqlite3.Error):
        name = getattr(cause, "sqlite_errorname", "").removeprefix("SQLITE_").partition("_")[0]
        return _SQLITE.get(name, "journal-failed"), reason
    state = getattr(cause, "sqlstate", None) or ""
    if state:
        return next((code for head, code in _SQLSTATES if state.startswith(head)), "journal-failed"), reason
    return _without_state(error, str(cause)), "; ".join(line.strip() for line in lines)


def _without_state(error: Exception, reason: str) -> str:
    """psycopg gives no SQLSTATE where no connection came about: then only the server's FATAL line tells a login."""
    if not isinstance(error, DBAPIError):
        return "journal-failed"
    refused = "authentication failed" in reason or ("FATAL" in reason and "does not exist" in reason)
    if refused or "no password supplied" in reason or "no pg_hba.conf entry" in reason:
        return "journal-login"
    lost = error.connection_invalidated or "connection" in reason or "resolve" in reason
    return UNREACHABLE if lost else "journal-failed"
