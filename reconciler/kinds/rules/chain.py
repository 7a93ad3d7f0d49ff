"""Rules of the chain organization <- job -> repository -> proxy or pool."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.kinds.graph import EDGES
from reconciler.kinds.rules.declared import Declared, Finding, Values, Where
from reconciler.model.sentences import listed, quoted

[_OWNER] = EDGES["repository"]
_OWNERS: Final = _OWNER.refers
"""The keys of a repository that name its proxy or its pool."""


def covered_pairs(declared: Declared) -> Iterator[tuple[str, str, str]]:
    """(organization, proxy or pool, job) for every job whose whole chain is declared."""
    stores = declared.section("repositories")
    for name, values in declared.saying("jobs", "organization", "repository"):
        store = stores.get(values["repository"], {})
        for key in _OWNERS:
            if store.get(key):
                yield values["organization"], store[key], name
                break


_NEEDED: Final = (("jobs", "Job", ("organization", "repository")), ("copy_jobs", "Copy job", ("repository",)))


def incomplete_job(declared: Declared) -> Iterator[Finding]:
    for section, word, needed in _NEEDED:
        for group in declared.groups(section):
            missing = [field for field in needed if field not in group[0][1]]
            for name, _ in group if missing else ():
                detail = f"{word} {quoted(name)} has no {listed(missing)}."
                yield Finding(Where(section, name), detail, f"Add {listed(missing)}.")


def whole_organization_twice(declared: Declared) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name, values in declared.section("jobs").items():
        organization = values.get("organization")
        if organization is None or values.get("items", "all") != "all":
            continue
        first = seen.setdefault(organization, name)
        if first != name:
            detail = (
                f"The jobs {quoted(name)} and {quoted(first)} both back up the whole of {quoted(organization)}, and "
                "the server allows one such job for each organization."
            )
            fix = (
                "Limit one of them to some items: `items: [mailbox, …]`. If it is on the server already, "
                "`items: unmanaged` leaves its items as they are."
            )
            yield Finding(Where("jobs", name, "items"), detail, fix, (Where("jobs", first, "items"),))


def contradicted_pair(declared: Declared) -> Iterator[Finding]:
    """A job that leads to a proxy which the organization does not name."""
    organizations = declared.section("organizations")
    for organization, owner, job in covered_pairs(declared):
        wanted = organizations.get(organization, {}).get("proxies")
        if wanted is not None and owner not in wanted:
            detail = (
                f"{quoted(organization)} is to be processed by {listed(wanted)}, and job {quoted(job)} writes to a "
                f"repository of {quoted(owner)}."
            )
            fix = f"Name another repository, or add {quoted(owner)} to the `proxies` of the organization."
            related = (Where("organizations", organization, "proxies"),)
            yield Finding(Where("jobs", job, "repository"), detail, fix, related)


def open_pair(declared: Declared) -> Iterator[Finding]:
    """A declared pair that nothing makes true."""
    if declared.mapping or declared.partial & {"jobs", "repositories"}:
        return
    covered = {(organization, owner) for organization, owner, _ in covered_pairs(declared)}
    proxies, pools = declared.section("proxies"), declared.section("pools")
    for name, values in declared.section("organizations").items():
        for item, proxy in enumerate(values.get("proxies", ())):
            exists = proxy in pools or (proxy in proxies and "pool" not in proxies[proxy])
            if exists and (name, proxy) not in covered:
                detail = f"{quoted(name)} names {quoted(proxy)}, but no job of the organization uses it."
                fix = "Add a job whose repository uses that proxy, or templates for such jobs in `defaults.mapping`."
                yield Finding(Where("organizations", name, "proxies", item), detail, fix)


def pool_member_alone(declared: Declared) -> Iterator[Finding]:
    known = declared.names.get("pools", ())
    members = {name: values["pool"] for name, values in declared.saying("proxies", "pool") if values["pool"] in known}
    for name, values in declared.saying("organizations", "proxies") if members else ():
        for item, proxy in enumerate(values["proxies"]):
            pool = members.get(proxy)
            if pool is not None:
                detail = f"{quoted(proxy)} is a member of the pool {quoted(pool)} and works only as part of it."
                fix = f"Name the pool: {quoted(pool)}."
                yield Finding(Where("organizations", name, "proxies", item), detail, fix)


def proxy_named_like_pool(declared: Declared) -> Iterator[Finding]:
    proxies = declared.names.get("proxies", ())
    for name in declared.section("pools"):
        if name in proxies:
            detail = f"A proxy and a pool are both called {quoted(name)}, so `proxies` of an organization is ambiguous."
            yield Finding(Where("pools", name), detail, "Rename one of them.", (Where("proxies", name),))


def former_name_taken(declared: Declared) -> Iterator[Finding]:
    """A former name belongs to one object, which is renamed, so nothing else has it."""
    for section in ("pools", "repositories", "organizations", "jobs"):
        seen: dict[tuple[str, str], str] = {}
        renamed = dict(declared.saying(section, "formerly"))
        objects = declared.section(section) if renamed else {}
        names = {(_scope(values), _name(key, values)): key for key, values in objects.items()}
        for name, values in renamed.items():
            key = (_scope(values), values["formerly"].lower())
            other = names.get(key) or seen.get(key)
            seen.setdefault(key, name)
            if other is not None and other != name:
                former = quoted(values["formerly"])
                detail = f"{quoted(name)} has the former name {former}, which is also a name of {quoted(other)}."
                fix = "Remove `formerly`, or correct the former name."
                yield Finding(Where(section, name, "formerly"), detail, fix, (Where(section, other),))


def _name(key: str, values: Values) -> str:
    """The name on the server, as it is compared."""
    return str(values.get("name", key)).lower()


def _scope(job: Values) -> str:
    """Names of jobs are unique for each organization; other objects have none."""
    return str(job.get("organization", ""))


def names_alike(declared: Declared) -> Iterator[Finding]:
    """The server compares names without regard to case. Tenant ids distinguish organizations with the same name."""
    for section in ("pools", "repositories", "organizations", "jobs"):
        objects, seen = declared.section(section), dict[tuple[str, str], str]()
        said = any(True for _ in declared.saying(section, "name"))
        if not said and len({name.lower() for name in objects}) == len(objects):
            continue
        for name, values in objects.items():
            if "id" in values:
                continue
            first = seen.setdefault((_scope(values), _name(name, values)), name)
            if first != name:
                yield _same_name(section, name, first, declared)


def _same_name(section: str, name: str, first: str, declared: Declared) -> Finding:
    said = [declared.section(section)[item].get("name") for item in (name, first)]
    if said == [None, None]:
        detail = f"{quoted(name)} and {quoted(first)} differ only in case, which the server ignores."
        return Finding(
            Where(section, name), detail, "Remove one of them, or give it another name.", (Where(section, first),)
        )
    detail = f"{quoted(name)} and {quoted(first)} have the same name on the server, {quoted(said[0] or said[1])}."
    place = Where(section, name, "name") if said[0] else Where(section, name)
    return Finding(place, detail, "Remove one of them, or give it another `name`.", (Where(section, first),))


def same_tenant(declared: Declared) -> Iterator[Finding]:
    """A tenant id is that of one organization."""
    seen: dict[str, str] = {}
    for name, values in declared.saying("organizations", "id"):
        if (first := seen.setdefault(str(values["id"]).lower(), name)) != name:
            detail = f"{quoted(name)} and {quoted(first)} have the same tenant id."
            fix = "Remove one of them, or correct its `id`."
            yield Finding(Where("organizations", name, "id"), detail, fix, (Where("organizations", first, "id"),))
