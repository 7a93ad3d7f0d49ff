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
    used = {values.get("pool") for values in declared.section("proxies").values() if not is_absent(values)}
    for name in declared.section("pools"):
        if name not in used:
            detail = f"The pool {quoted(name)} has no members; it needs at least one proxy."
            yield Finding(Where("pools", name), detail, f"Add `pool: {name}` to a proxy, or remove the pool.")


def one_owner(declared: Declared) -> Iterator[Finding]:
    for name, values in declared.section("repositories").items():
        if "proxy" in values and "pool" in values:
            detail = f"Repository {quoted(name)} sets both `proxy` and `pool`."
            yield Finding(Where("repositories", name, "pool"), detail, "Remove `proxy` or `pool`.")
        elif "proxy" not in values and "pool" not in values:
            detail = f"Repository {quoted(name)} has neither `proxy` nor `pool`."
            yield Finding(Where("repositories", name), detail, "Add `proxy` or `pool`.")


def one_place(declared: Declared) -> Iterator[Finding]:
    for name, values in declared.section("repositories").items():
        if "path" in values and _has_storage(values):
            detail = f"Repository {quoted(name)} sets both `path` and `object_storage`."
            fix = "Remove `path` or `object_storage`."
            yield Finding(Where("repositories", name, "path"), detail, fix)
        elif "path" not in values and not _has_storage(values):
            detail = f"Repository {quoted(name)} has neither `path` nor `object_storage`."
            yield Finding(Where("repositories", name), detail, "Add `path` (a folder) or `object_storage`.")


def without_retention(declared: Declared) -> Iterator[Finding]:
    for name, values in declared.section("repositories").items():
        missing = [field for field in ("retention.type", "retention.keep") if field not in values]
        if missing:
            words = " and ".join(f"`{field}`" for field in missing)
            detail = f"Repository {quoted(name)} does not say {words}."
            fix = "Add for example `retention: {type: item-level, keep: 3 years}`, here or under `defaults`."
            yield Finding(Where("repositories", name), detail, fix)


def disk_in_pool(declared: Declared) -> Iterator[Finding]:
    for name, values in declared.section("repositories").items():
        if "path" in values and "pool" in values and "proxy" not in values:
            detail = f"Repository {quoted(name)} is on disk, and a pool works only with object storage."
            fix = "Name a single Windows `proxy`, or use `object_storage`."
            yield Finding(Where("repositories", name, "pool"), detail, fix)


def disk_on_linux(declared: Declared) -> Iterator[Finding]:
    for name, values, owner in _owned(declared):
        if "path" in values and is_linux(owner):
            detail = (
                f"Repository {quoted(name)} is on disks of {quoted(values['proxy'])}, which runs Linux, and a Linux "
                "proxy works on object storage only."
            )
            fix = "Name a Windows proxy, or use `object_storage`."
            yield Finding(Where("repositories", name, "proxy"), detail, fix, (Where("proxies", values["proxy"]),))


def owner_in_pool(declared: Declared) -> Iterator[Finding]:
    for name, values, owner in _owned(declared):
        if "pool" not in owner:
            continue
        proxy, pool = quoted(values["proxy"]), quoted(owner["pool"])
        if "path" in values:
            detail = f"Repository {quoted(name)} is on a disk of {proxy}, a member of pool {pool}: pools have no disks."
            fix = "Name a Windows proxy outside any pool, or take the proxy out of its pool."
        else:
            detail = f"Repository {quoted(name)} names {proxy}, which is a member of the pool {pool}."
            fix = f"Write `pool: {owner['pool']}` instead of `proxy`."
        related = (Where("proxies", values["proxy"], "pool"),)
        yield Finding(Where("repositories", name, "proxy"), detail, fix, related)


def relative_path(declared: Declared) -> Iterator[Finding]:
    for name, values in declared.section("repositories").items():
        path = values.get("path")
        if path is not None and not _WINDOWS_FOLDER.match(path):
            detail = f"{quoted(path)} of repository {quoted(name)} is not an absolute Windows path."
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


def _has_storage(values: Values) -> bool:
    return any(key.startswith(PREFIX) for key in values)


def _owned(declared: Declared) -> Iterator[tuple[str, Values, Values]]:
    proxies = declared.section("proxies")
    for name, values in declared.section("repositories").items():
        owner = proxies.get(values.get("proxy", ""))
        if owner is not None:
            yield name, values, owner
