"""Rules of pools and repositories. Disk repositories are what the product calls JET-based."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.kinds.rules.declared import Declared, Finding, Values, Where
from reconciler.kinds.rules.proxies import is_absent, is_linux
from reconciler.kinds.storage_settings import PREFIX
from reconciler.model.sentences import quoted

_WINDOWS_FOLDER = re.compile(r"[A-Za-z]:[\\/]|\\\\[^\\/]+[\\/][^\\/]")


def pool_without_members(declared: Declared) -> Iterator[Finding]:
    if "proxies" in declared.partial:
        return
    used = {values["pool"] for _, values in declared.saying("proxies", "pool") if not is_absent(values)}
    for name in declared.section("pools"):
        if name not in used:
            detail = f"The pool {quoted(name)} has no members; it needs at least one proxy."
            yield Finding(Where("pools", name), detail, f"Add `pool: {name}` to a proxy, or remove the pool.")


def one_owner(declared: Declared) -> Iterator[Finding]:
    for name, _ in declared.saying("repositories", "proxy", "pool"):
        detail = f"Repository {quoted(name)} sets both `proxy` and `pool`."
        yield Finding(Where("repositories", name, "pool"), detail, "Remove `proxy` or `pool`.")
    for name, _ in declared.saying("repositories", without=("proxy", "pool")):
        detail = f"Repository {quoted(name)} has neither `proxy` nor `pool`."
        yield Finding(Where("repositories", name), detail, "Add `proxy` or `pool`.")


def one_place(declared: Declared) -> Iterator[Finding]:
    for group in declared.groups("repositories"):
        said = group[0][1].keys()
        on_disk, has_storage = "path" in said, any(field.startswith(PREFIX) for field in said)
        for name, _ in group if on_disk == has_storage else ():
            if on_disk:
                detail = f"Repository {quoted(name)} sets both `path` and `object_storage`."
                fix = "Remove `path` or `object_storage`."
                yield Finding(Where("repositories", name, "path"), detail, fix)
            else:
                detail = f"Repository {quoted(name)} has neither `path` nor `object_storage`."
                yield Finding(Where("repositories", name), detail, "Add `path` (a folder) or `object_storage`.")


def without_retention(declared: Declared) -> Iterator[Finding]:
    for group in declared.groups("repositories"):
        missing = [field for field in ("retention.type", "retention.keep") if field not in group[0][1]]
        for name, _ in group if missing else ():
            words = " and ".join(f"`{field}`" for field in missing)
            detail = f"Repository {quoted(name)} does not say {words}."
            fix = "Add for example `retention: {type: item-level, keep: 3 years}`, here or under `defaults`."
            yield Finding(Where("repositories", name), detail, fix)


def disk_in_pool(declared: Declared) -> Iterator[Finding]:
    for name, _ in declared.saying("repositories", "path", "pool", without=("proxy",)):
        detail = f"Repository {quoted(name)} is on disk, and a pool works only with object storage."
        fix = "Name a single Windows `proxy`, or use `object_storage`."
        yield Finding(Where("repositories", name, "pool"), detail, fix)


def disk_on_linux(declared: Declared) -> Iterator[Finding]:
    linux = {name for name, values in declared.saying("proxies", "os") if is_linux(values)}
    for name, values in declared.saying("repositories", "path", "proxy") if linux else ():
        if values["proxy"] in linux:
            detail = (
                f"Repository {quoted(name)} is on disks of {quoted(values['proxy'])}, which runs Linux, and a Linux "
                "proxy works on object storage only."
            )
            fix = "Name a Windows proxy, or use `object_storage`."
            yield Finding(Where("repositories", name, "proxy"), detail, fix, (Where("proxies", values["proxy"]),))


def owner_in_pool(declared: Declared) -> Iterator[Finding]:
    pools = {name: values["pool"] for name, values in declared.saying("proxies", "pool")}
    for name, values in declared.saying("repositories", "proxy") if pools else ():
        if values["proxy"] not in pools:
            continue
        pool = pools[values["proxy"]]
        proxy = quoted(values["proxy"])
        if "path" in values:
            detail = (
                f"Repository {quoted(name)} is on a disk of {proxy}, a member of pool {quoted(pool)}: pools have no "
                "disks."
            )
            fix = "Name a Windows proxy outside any pool, or take the proxy out of its pool."
        else:
            detail = f"Repository {quoted(name)} names {proxy}, which is a member of the pool {quoted(pool)}."
            fix = f"Write `pool: {pool}` instead of `proxy`."
        related = (Where("proxies", values["proxy"], "pool"),)
        yield Finding(Where("repositories", name, "proxy"), detail, fix, related)


def relative_path(declared: Declared) -> Iterator[Finding]:
    for name, values in declared.saying("repositories", "path"):
        if not _WINDOWS_FOLDER.match(values["path"]):
            detail = f"{quoted(values['path'])} of repository {quoted(name)} is not an absolute Windows path."
            yield Finding(Where("repositories", name, "path"), detail, r"Write it like 'D:\VBO\contoso'.")


def same_place(declared: Declared) -> Iterator[Finding]:
    seen: dict[tuple[str, ...], str] = {}
    for name, values in declared.section("repositories").items():
        place = _place(values)
        first = seen.setdefault(place, name) if place else name
        if first != name:
            field = "path" if "path" in values else "object_storage"
            detail = f"The repositories {quoted(name)} and {quoted(first)} have the same folder."
            fix = "Give each repository its own folder."
            yield Finding(Where("repositories", name, field), detail, fix, (Where("repositories", first, field),))


def _place(values: Values) -> tuple[str, ...]:
    if "path" in values and "proxy" in values:
        return ("path", values["proxy"], values["path"].replace("/", "\\").rstrip("\\").lower())
    if f"{PREFIX}bucket" in values:
        return ("bucket", *(str(values.get(PREFIX + key, "")) for key in ("type", "endpoint", "bucket", "folder")))
    return ()
