"""The bends that change a plan because of the value itself, each with its reason. No other bend may."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final, NamedTuple


class Allowed(NamedTuple):
    """Bends of places that fit `where`, `how` they are bent, and the changes that may follow (`action:kind`)."""

    where: str
    how: tuple[str, ...]
    changes: tuple[str, ...]
    reason: str


_TEXT: Final = ("letter case", "unknown word")
_RUN: Final = "run:job"

ALLOWED: Final = (
    Allowed("Proxies[[]].description", _TEXT, ("update:proxy", _RUN), "a description is free text"),
    Allowed("ProxyPools[[]].description", _TEXT, ("update:pool", _RUN), "a description is free text"),
    Allowed("BackupRepositories[[]].description", _TEXT, ("update:repository", _RUN), "it has lost the owner mark"),
    Allowed("Jobs[[]].description", _TEXT, ("update:job", _RUN), "it has lost the owner mark"),
    Allowed("ProxyPools[[]].name", ("unknown word",), ("update:pool", _RUN), "it is renamed back"),
    Allowed("BackupRepositories[[]].name", ("unknown word",), ("update:repository", _RUN), "it is renamed back"),
    Allowed("Jobs[[]].name", ("unknown word",), ("update:job", _RUN), "it is renamed back"),
    Allowed("VboEmailSettings.from", _TEXT, ("update:smtp",), "an address is free text"),
    Allowed("VboEmailSettings.to", _TEXT, ("update:smtp",), "an address is free text"),
    Allowed("VboEmailSettings.subject", _TEXT, ("update:smtp",), "a subject is free text"),
    Allowed("VboEmailSettings.smtpServer", _TEXT, ("update:smtp",), "a host is free text"),
    Allowed("VboEmailSettings.username", _TEXT, ("update:smtp",), "a user name is free text"),
    Allowed(
        "Proxies[[]].hostName",
        ("unknown word",),
        ("takeover:proxy", "update:pool", _RUN),
        "a proxy is its host: with another host it is another proxy, and a takeover needs a waiver",
    ),
    Allowed(
        "Proxies[[]]",
        ("dropped",),
        ("takeover:proxy", "update:pool", _RUN),
        "a proxy that is not listed and that nothing names is not there; a takeover needs a waiver",
    ),
    Allowed("Jobs[[]]", ("dropped",), ("create:job", _RUN), "nothing names a job: one that is not listed is not there"),
    Allowed(
        "CopyJobs[[]]",
        ("dropped",),
        ("create:copy_job",),
        "nothing names a copy job: one that is not listed is not there",
    ),
    Allowed("CopyJobs", ("empty list",), ("create:copy_job",), "a healthy server without copy jobs lists none"),
    Allowed("Jobs", ("empty list",), ("create:job", _RUN), "a healthy server without jobs lists none"),
)


def allowed(where: str, how: str) -> Allowed | None:
    """The exception that a bend is, if it is one."""
    return next((item for item in ALLOWED if fnmatchcase(where, item.where) and how in item.how), None)
