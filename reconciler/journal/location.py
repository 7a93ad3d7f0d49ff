"""The location of the journal: a file of this user, or a PostgreSQL database that a team shares."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.journal.errors import JournalError
from reconciler.user_folders import expanded, state_folder

if TYPE_CHECKING:
    from sqlalchemy import URL

VARIABLE = "VBO_RECONCILE_JOURNAL"
FILE = "journal.db"

_POSTGRES = ("postgresql+psycopg", "postgresql", "postgres")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_LOGIN = re.compile(r":[^/:@]*@")
_HOST = re.compile(r"[A-Za-z0-9_.:,%-]*")
_MISSPELLED = re.compile(
    r"\s*(?:[A-Za-z][A-Za-z0-9+.-]+:[/\\]|(?:postgres|sqlite|jdbc)[A-Za-z0-9+]*(?::|//)|(?:host|hostaddr|dbname|user)=)",
    re.IGNORECASE,
)
"""Not a path, but a URL with a stroke or a colon too few, or a connection string of libpq. A journal that is local by
mistake is not shared, and neither is its lock. A letter and a colon are a drive of Windows."""
_CHECKED = ("verify-full", "verify-ca")
_UNCHECKED = ("disable", "allow", "prefer", "require")


@dataclass(frozen=True, slots=True)
class JournalLocation:
    """Either `file` or `url` is set. `label` is for messages: it has no password."""

    label: str
    file: Path | None = None
    url: URL | None = field(default=None, repr=False)
    own_folder: bool = False

    @property
    def password(self) -> str:
        """Must not appear in any message."""
        return str(self.url.password or "") if self.url is not None else ""


def find_location(text: str | Path | None = None, environ: Mapping[str, str] | None = None) -> JournalLocation:
    """The location that `text` names, else VBO_RECONCILE_JOURNAL, else `journal.db` in the state folder of this user.

    `text` is a path, `sqlite:///PATH` or `postgresql+psycopg://…`. Raises JournalError for anything else.
    """
    known = os.environ if environ is None else environ
    wanted = text or known.get(VARIABLE) or ""
    if not wanted:
        file = state_folder(known) / FILE
        return JournalLocation(str(file), file, own_folder=True)
    scheme, separator, rest = str(wanted).partition("://")
    if isinstance(wanted, Path) or not separator:
        if not isinstance(wanted, Path) and _MISSPELLED.match(wanted):
            raise _unreadable()
        file = _expanded(wanted)
        return JournalLocation(str(file), file)
    if not _SCHEME.fullmatch(scheme) or "://" in rest or (scheme == "sqlite" and _LOGIN.search(rest)):
        raise _unreadable()  # two addresses in one, or a login: neither is shown
    if scheme == "sqlite" and len(rest) > 1 and rest.startswith("/"):
        file = Path(
            rest[1:]
        ).absolute()  # as in SQLAlchemy: three slashes before a relative path, four before an absolute one
        return JournalLocation(str(file), file)
    if scheme in _POSTGRES:
        return _database(f"postgresql+psycopg://{rest}", known)
    raise JournalError(
        f"{VARIABLE}: a journal cannot be kept in {scheme!r}",
        code="journal-address",
        hint="Give the path of a file, or postgresql+psycopg://USER@HOST/DATABASE",
    )


def _expanded(path: Path | str) -> Path:
    try:
        return expanded(path).absolute()
    except OSError as error:
        hint = "Give the path of the file without ~."
        raise JournalError(f"{VARIABLE}: {error.strerror}", code="journal-address", hint=hint) from error


def _database(text: str, environ: Mapping[str, str]) -> JournalLocation:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
        hosts = _hosts(url, environ)
    except (ArgumentError, ValueError):
        raise _unreadable() from None  # the library's own text may repeat the URL with its password
    if "@" in text.partition("@")[2].partition("?")[2].replace("host=@", ""):
        raise _unreadable()  # the password has an @, which ended it, and a ? behind that
    named = not set(url.database or "") & set("@:/")  # what may be a login is not shown as one
    if not named or not all(host.startswith(("/", "@")) or _HOST.fullmatch(host) for host in hosts):
        raise _unreadable()
    where = ",".join(hosts) or "the local socket"
    label = f"the PostgreSQL database {url.database or url.username or 'of this user'} at {where}"
    return JournalLocation(label, url=_checked(url, hosts))


def _unreadable() -> JournalError:
    return JournalError(
        f"{VARIABLE} is not a URL of the form postgresql+psycopg://USER:PASSWORD@HOST/DATABASE",
        code="journal-address",
        hint="Characters such as @ / : # ? % in the password are written as %40 %2F %3A %23 %3F %25. "
        "A file is named by its path.",
    )


def _hosts(url: URL, environ: Mapping[str, str]) -> list[str]:
    """Every host that libpq may connect to, in the order of precedence of libpq; empty for its default socket."""
    named = [url.host or "", *_texts(url.query.get("host")), *_texts(url.query.get("hostaddr"))]
    if not any(named):
        named = [environ.get("PGHOST", ""), environ.get("PGHOSTADDR", "")]
        if url.query.get("service") or environ.get("PGSERVICE"):
            named.append("service")
    return [host for part in named for host in part.split(",") if host]


def _texts(value: str | Iterable[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _checked(url: URL, hosts: Iterable[str]) -> URL:
    """Over a network the certificate of the server is checked: by default libpq accepts any."""
    if all(_is_local(host) for host in hosts):
        return url
    mode = url.query.get("sslmode")
    if mode is None:
        roots = {} if "sslrootcert" in url.query else {"sslrootcert": "system"}
        return url.update_query_dict({"sslmode": "verify-full", **roots})
    if mode not in (*_CHECKED, *_UNCHECKED):
        raise _unreadable()  # it may be a part of the password
    if mode in _UNCHECKED:
        raise JournalError(
            f"{VARIABLE}: sslmode={mode} does not check who the database server is",
            code="journal-address",
            hint="Use sslmode=verify-full (the default), with sslrootcert=FILE for a CA of your own.",
        )
    return url


def _is_local(host: str) -> bool:
    name = host.rpartition(":")[0] if host.count(":") == 1 else host
    return name.startswith(("/", "@", "127.")) or name in ("localhost", "::1")
