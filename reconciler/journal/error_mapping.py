"""Maps exceptions of databases and file systems to errors of the journal, each with a fix."""

from __future__ import annotations

import errno
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from reconciler.installation import install_command
from reconciler.journal.errors import JournalError
from reconciler.journal.location import VARIABLE, JournalLocation
from reconciler.model.secret import mask_secrets

UNREACHABLE = "journal-unreachable"

_WORDS = {
    "journal-full": (
        "no space left on the device",
        "Free some space, then resume the run:\n  vbo-reconcile apply PATH --resume last",
    ),
    "journal-read-only": ("it is read-only", f"Set {VARIABLE} to a location that can be written."),
    "journal-denied": ("permission denied", f"Make it readable and writable for this user, or set {VARIABLE}."),
    "journal-locked": ("another process keeps it locked", "Find that process, or retry."),
    "journal-damaged": ("it is not a journal, or it is damaged", "Move it away: the next command creates a new one."),
    "journal-io": ("reading or writing failed", "Check the disk, the quota and the limit on file sizes."),
    UNREACHABLE: ("no connection", f"Check the server, the network and {VARIABLE}; then apply again."),
    "journal-login": (
        "login refused",
        f"Check user, password and database in {VARIABLE}. A % in the password is written as %25.",
    ),
    "journal-tls": (
        "the TLS connection failed",
        f"Check sslrootcert in {VARIABLE}, the name and the certificate of the server.",
    ),
    "journal-options": (
        "an option is not accepted",
        f"Correct what follows the ? in {VARIABLE}. PgBouncer accepts no `options`: set a search_path for the role.",
    ),
    "journal-stranger": ("what answers is not PostgreSQL", f"Check host and port in {VARIABLE}."),
    "journal-pooling": (
        "the connection pooler has no transactions",
        "Set pool_mode = transaction, or session, for this database of PgBouncer.",
    ),
    "journal-failed": ("the database reported an error", f"Check {VARIABLE} and the log of the database."),
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

_SAID = (
    # what libpq, PostgreSQL and PgBouncer say while a connection is made
    (re.compile(r"in statement pooling mode"), "journal-pooling"),
    (re.compile(r"expected authentication request|invalid response to SSL negotiation"), "journal-stranger"),
    (
        re.compile(r"invalid connection option|invalid URI query parameter|unsupported startup parameter"),
        "journal-options",
    ),
    (
        re.compile(r"unrecognized configuration parameter|invalid \S+ value|bad value|invalid port number"),
        "journal-options",
    ),
    (re.compile(r"definition of service"), "journal-options"),
    (
        re.compile(r"authentication failed|SASL|no password supplied|no pg_hba\.conf entry|not permitted"),
        "journal-login",
    ),
    (
        re.compile(
            r'(role|user|database) "[^"]*" does not exist|permission denied|config error|no such (database|user)'
        ),
        "journal-login",
    ),
    (re.compile(r"certificate|SSL|TLS"), "journal-tls"),
    (re.compile(r"connection|resolve|too many clients|the database system is"), UNREACHABLE),
)
_ALL_FAILED = "Multiple connection attempts failed"


@contextmanager
def map_errors(location: JournalLocation, doing: str) -> Iterator[None]:
    """Raises JournalError for every error of the database or the file system in the block, and for rows that hold
    what no version writes."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise journal_error(error, location, doing) from error
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        if doing == "written":
            raise
        words, hint = _WORDS["journal-damaged"]
        message = f"The journal cannot be {doing}: {words} ({location.label}: a row holds what no version writes)"
        raise JournalError(message, code="journal-damaged", hint=hint) from error
    except ImportError as error:
        raise JournalError(
            f"{location.label} cannot be used: the package {error.name or 'psycopg'} is not installed",
            code="journal-driver",
            hint=f"Install it:\n  {install_command('postgres')}",
        ) from error


def journal_error(error: Exception, location: JournalLocation, doing: str) -> JournalError:
    """`doing` is a participle, such as "written". The message has no statement, parameter or password."""
    code, reason = _classify(error)
    words, hint = _WORDS[code]
    message = mask_secrets(f"The journal cannot be {doing}: {words} ({location.label}: {reason})", [location.password])
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
    if state and not state.startswith("08P"):  # a pooler gives this one to whatever it refuses
        return next((code for head, code in _SQLSTATES if state.startswith(head)), "journal-failed"), reason
    return _without_state(error, str(cause)), _each_once(lines)


def _each_once(lines: Sequence[str]) -> str:
    """Several hosts are answered with the failure of the last one, a heading, and the failure of each."""
    heading = next((number for number, line in enumerate(lines) if line.startswith(_ALL_FAILED)), -1)
    return "; ".join(dict.fromkeys(line.strip(" -\t") for line in lines[heading + 1 :]))


def _without_state(error: Exception, reason: str) -> str:
    """psycopg has no SQLSTATE if the connection failed."""
    said = next((code for words, code in _SAID if words.search(reason)), "")
    if isinstance(error, DBAPIError) and error.connection_invalidated and not said:
        return UNREACHABLE
    return said or "journal-failed"
