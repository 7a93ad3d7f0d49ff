"""What edits break is mended, so that most worlds keep the product's rules: pools, owners, whole organizations."""

from __future__ import annotations

from random import Random
from typing import Any


def mend(draw: Random, new: dict[str, Any]) -> None:
    """Change `new` until its parts fit together: in place."""
    modern = new["server"].get("rest", "auto") in ("auto", "v8")
    if not modern:
        _older(new)
    _pools(new)
    for store in new["repositories"].values():
        _owner(draw, new, store, modern=modern)
    _jobs(draw, new)
    _organizations(new)


def _older(new: dict[str, Any]) -> None:
    """Without what versions before v8 do not have."""
    new.pop("pools", None)
    for item in new["proxies"].values():
        item.pop("pool", None)
        if item.get("group") == "linux":
            item["group"] = "dmz"
            item.pop("credentials", None)


def _pools(new: dict[str, Any]) -> None:
    used = {item["pool"] for item in new["proxies"].values() if "pool" in item and item.get("state") != "absent"}
    new["pools"] = {name: item for name, item in new.get("pools", {}).items() if name in used}
    for item in new["proxies"].values():
        if item.get("pool") not in new["pools"]:
            item.pop("pool", None)
    if not new["pools"]:
        del new["pools"]


def _owner(draw: Random, new: dict[str, Any], store: dict[str, Any], *, modern: bool) -> None:
    disk = "object_storage" not in store
    present = {name: item for name, item in new["proxies"].items() if item.get("state") != "absent"}
    alone = [name for name, item in present.items() if "pool" not in item]
    disks = [name for name in alone if present[name].get("group") != "linux"]
    able = [("proxy", name) for name in (disks if disk else alone)]
    able += [] if disk else [("pool", name) for name in new.get("pools", {})]
    owner = ("pool", store["pool"]) if "pool" in store else ("proxy", store.get("proxy"))
    if owner in able:
        return
    if not able and disk and modern:
        store.pop("path", None)
        storage = {"type": "s3-compatible", "account": "minio", "endpoint": "https://s3.example.net"}
        store["object_storage"] = {**storage, "bucket": "vbo", "folder": f"f-{draw.randint(20, 29)}"}
        _owner(draw, new, store, modern=modern)
    elif able:
        store.pop("pool", None)
        store.pop("proxy", None)
        kind, name = draw.choice(able)
        store[kind] = name


def _jobs(draw: Random, new: dict[str, Any]) -> None:
    """One job at most for a whole organization, and none beside those that need its repository."""
    whole: set[str] = set()
    for job in new["jobs"].values():
        if job["repository"] not in new["repositories"]:
            job["repository"] = draw.choice(sorted(new["repositories"]))
        if job["items"] == "all":
            if job["organization"] in whole:
                job["items"] = ["sites"]
            whole.add(job["organization"])
        new["organizations"].setdefault(job["organization"], {})


def _organizations(new: dict[str, Any]) -> None:
    for name, item in new["organizations"].items():
        stores = [new["repositories"][job["repository"]] for job in new["jobs"].values() if job["organization"] == name]
        if "proxies" in item and stores:
            item["proxies"] = sorted({str(store.get("pool") or store.get("proxy")) for store in stores})
        elif "proxies" in item and (not {*item["proxies"]} <= {*new["proxies"]} or "mapping" not in new["defaults"]):
            item.pop("proxies")
