"""Rules of what a REST version does not have, where the inventory insists on one (`server.rest`)."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.copy_job import COPY_JOB
from reconciler.kinds.field import Kind
from reconciler.kinds.organization import ORGANIZATION
from reconciler.kinds.pool import POOL
from reconciler.kinds.proxy import PROXY
from reconciler.kinds.repository import REPOSITORY
from reconciler.kinds.rules.declared import Declared, Finding, Where
from reconciler.kinds.rules.proxies import is_linux
from reconciler.kinds.smtp import MODES_SINCE, SMTP_MODE
from reconciler.kinds.storage_settings import PREFIX
from reconciler.model.sentences import quoted

_KINDS: tuple[Kind, ...] = (ORGANIZATION, PROXY, REPOSITORY)


def ignored_field(declared: Declared) -> Iterator[Finding]:
    if not declared.rest:
        return
    for kind in _KINDS:
        foreign = [
            field.name
            for field in kind.fields
            if not field.in_version(declared.rest) and field.name not in ("os", f"{PREFIX}name")
        ]
        for field in foreign:
            for name, _ in declared.saying(kind.section, field):
                detail = f"REST v{declared.rest} has no {quoted(field)}: it is neither compared nor set."
                yield Finding(Where(kind.section, name, field), detail, "Remove it.")


def impossible(declared: Declared) -> Iterator[Finding]:
    if not declared.rest:
        return
    rest, fix = declared.rest, "Remove it, or let `rest` be auto and upgrade the server."
    mode = declared.setting("smtp").get("authentication", SMTP_MODE)
    if mode != SMTP_MODE and rest < MODES_SINCE:
        detail = f"Mail through {quoted(mode)} requires REST v{MODES_SINCE}; `rest` is v{rest}."
        yield Finding(Where("smtp", "", "authentication"), detail, fix)
    if not POOL.in_version(rest):
        for name in declared.section("pools"):
            yield Finding(Where("pools", name), f"Pools require REST v{POOL.since}; `rest` is v{rest}.", fix)
    if not COPY_JOB.in_version(rest):
        for name in declared.section("copy_jobs"):
            detail = f"Copy jobs require REST v{COPY_JOB.since}; `rest` is v{rest}."
            yield Finding(Where("copy_jobs", name), detail, fix)
    if not PROXY.field("os").in_version(rest):
        for name, values in declared.saying("proxies", "os"):
            if is_linux(values):
                detail = f"{quoted(name)} runs Linux, and REST v{rest} supports only Windows proxies."
                yield Finding(Where("proxies", name, "os"), detail, fix)
