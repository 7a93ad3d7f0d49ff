"""Random edits: of an inventory, and by hand of what the lab keeps of its server and hosts."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tests.same_plans import draw as drawn
from tests.same_plans.mend import mend

Edit = Callable[[Random, dict[str, Any]], None]


def edited(draw: Random, old: dict[str, Any]) -> dict[str, Any]:
    """`old` after one to eight edits."""
    new = copy.deepcopy(old)
    for _ in range(draw.choice([1, 1, 2, 3, 5, 8])):
        draw.choice(EDITS)(draw, new)
    if draw.random() < 0.9:
        mend(draw, new)
    return new


def _field_of_proxy(draw: Random, new: dict[str, Any]) -> None:
    item = _one(draw, new["proxies"])
    name = draw.choice(["description", "throttle", "port", "threads", "internet_proxy"])
    if name in item and draw.random() < 0.3:
        del item[name]
    else:
        item[name] = drawn.value(draw, name)


def _login_of_proxy(draw: Random, new: dict[str, Any]) -> None:
    item = _one(draw, new["proxies"])
    item["credentials"] = draw.choice(["corp", "corp-2"] if item.get("type") == "domain" else ["dmz", "linux-2"])


def _shape_of_proxy(draw: Random, new: dict[str, Any]) -> None:
    """Another type or system: a replacement."""
    name = draw.choice(sorted(new["proxies"]))
    was = new["proxies"][name]
    new["proxies"][name] = drawn.proxy(draw, 1, sorted(new.get("pools", {})), linux=True) | {"host": was["host"]}


def _host_of_proxy(draw: Random, new: dict[str, Any]) -> None:
    _one(draw, new["proxies"])["host"] = f"px-{draw.randint(20, 29)}.example.net"


def _service_of_proxy(draw: Random, new: dict[str, Any]) -> None:
    item = _one(draw, new["proxies"])
    item["service"] = drawn.service(draw, str(item.get("group", "domain")))


def _versions(draw: Random, new: dict[str, Any]) -> None:
    """Another build for every proxy: upgrades, in batches."""
    new["defaults"]["proxy"]["service"] = {"version": draw.choice(["server", "8.5.0.1020", "8.4.0.1"])}


def _pool_of_proxy(draw: Random, new: dict[str, Any]) -> None:
    item = _one(draw, new["proxies"])
    if item.pop("pool", None) is None or draw.random() < 0.5:
        name = draw.choice([*new.get("pools", {}), "fresh"])
        new.setdefault("pools", {}).setdefault(name, {})
        item["pool"] = name


def _absent_proxy(draw: Random, new: dict[str, Any]) -> None:
    name = draw.choice(sorted(new["proxies"]))
    new["proxies"][name]["state"] = "absent"
    if draw.random() < 0.8:
        _release(draw, new, "proxy", name)


def _without_proxy(draw: Random, new: dict[str, Any]) -> None:
    if len(new["proxies"]) > 1:
        name = draw.choice(sorted(new["proxies"]))
        del new["proxies"][name]
        _release(draw, new, "proxy", name)


def _another_proxy(draw: Random, new: dict[str, Any]) -> None:
    number = draw.randint(10, 19)
    new["proxies"][f"px-{number}"] = drawn.proxy(draw, number, sorted(new.get("pools", {})), linux=True)


def _pool(draw: Random, new: dict[str, Any]) -> None:
    if not new.get("pools"):
        return
    name = draw.choice(sorted(new["pools"]))
    if draw.random() < 0.5:
        new["pools"][name]["description"] = f"Described {draw.randint(1, 9)}"
    else:
        new["pools"][f"{name}-new"] = {**new["pools"].pop(name), **draw.choice([{}, {"formerly": name}])}
        _renamed(new, "pool", name, f"{name}-new")


def _field_of_repository(draw: Random, new: dict[str, Any]) -> None:
    item = _one(draw, new["repositories"])
    retention = item.setdefault("retention", {})
    change: dict[str, Callable[[], None]] = {
        "keep": lambda: retention.update(keep=draw.choice(drawn.KEEPS)),
        "clean": lambda: retention.update(clean=draw.choice(["daily", "monthly"])),
        "type": lambda: retention.update(type=draw.choice(["item-level", "snapshot"])),
        "description": lambda: item.update(description=f"Store {draw.randint(10, 19)}"),
        "path": lambda: item.update(path=f"E:\\VBO\\{draw.randint(1, 9)}"),
    }
    change[draw.choice(sorted(change))]()


def _owner_of_repository(draw: Random, new: dict[str, Any]) -> None:
    _own(draw, new, _one(draw, new["repositories"]))


def _storage_of_repository(draw: Random, new: dict[str, Any]) -> None:
    item = _one(draw, new["repositories"])
    if "object_storage" in item:
        item["object_storage"] = drawn.storage(draw, draw.randint(1, 9))


def _repository(draw: Random, new: dict[str, Any]) -> None:
    name = draw.choice(sorted(new["repositories"]))
    number = draw.randint(10, 19)
    kind = draw.choice(["add", "rename", "remove"])
    if kind == "add":
        modern = new["server"].get("rest", "v8") == "v8"
        store = drawn.repository(draw, number, new["proxies"], sorted(new.get("pools", {})), modern=modern)
        new["repositories"][f"repo-{number}"] = store
    elif kind == "rename":
        item = new["repositories"].pop(name)
        new["repositories"][f"repo-{number}"] = {**item, **draw.choice([{}, {"formerly": name}])}
        _rename_in_jobs(new, name, f"repo-{number}")
    elif len(new["repositories"]) > 1:
        del new["repositories"][name]
        _rename_in_jobs(new, name, draw.choice(sorted(new["repositories"])))


def _field_of_job(draw: Random, new: dict[str, Any]) -> None:
    item = _one(draw, new["jobs"])
    fresh = drawn.job(draw, sorted(new["repositories"]))
    for name in draw.sample(sorted(fresh), draw.randint(1, 2)):
        if name != "organization" or draw.random() < 0.3:
            item[name] = fresh[name]


def _job(draw: Random, new: dict[str, Any]) -> None:
    name = draw.choice(sorted(new["jobs"]))
    number = draw.randint(10, 19)
    kind = draw.choice(["add", "rename", "remove"])
    if kind == "add":
        new["jobs"][f"job-{number}"] = drawn.job(draw, sorted(new["repositories"]))
    elif kind == "rename":
        new["jobs"][f"job-{number}"] = {**new["jobs"].pop(name), **draw.choice([{}, {"formerly": name}])}
    elif len(new["jobs"]) > 1:
        del new["jobs"][name]


def _mail(draw: Random, new: dict[str, Any]) -> None:
    fresh = drawn.smtp(draw) | draw.choice(
        [{}, {"attach_report": True}, {"enabled": False}, {"from": "new@example.com"}]
    )
    if draw.random() < 0.2:
        new.pop("smtp", None)
        return
    was = new.setdefault("smtp", fresh)
    name = draw.choice(sorted(fresh))
    was[name] = fresh[name]


def _policy(draw: Random, new: dict[str, Any]) -> None:
    new["policy"] = drawn.policy(draw, sorted(new["proxies"]))


def _certificate(draw: Random, new: dict[str, Any]) -> None:
    if "powershell" in new["server"]:
        new["server"]["certificate"] = draw.choice(["dmz-2026", "dmz-2027"])


def _secret(draw: Random, new: dict[str, Any]) -> None:
    """A password from elsewhere, or another user name."""
    name = draw.choice(["corp", "corp-2", "dmz", "linux-2", "mailer", "linux"])
    item = new["credentials"][name]
    if draw.random() < 0.5:
        item["username"] = f"{item['username']}-b"
    else:
        secret = "private_key" if "private_key" in item else "password"
        item[secret] = "secret://file/id_other" if secret == "private_key" else "secret://env/ROTATED"


def _defaults(draw: Random, new: dict[str, Any]) -> None:
    change: dict[str, Callable[[], None]] = {
        "proxy": lambda: new["defaults"]["proxy"].update(throttle=draw.choice(drawn.THROTTLES)),
        "repository": lambda: new["defaults"]["repository"]["retention"].update(keep=draw.choice(drawn.KEEPS)),
        "job": lambda: new["defaults"]["job"].update(schedule=draw.choice(drawn.SCHEDULES)),
        "dmz": lambda: new["groups"]["dmz"].update(description=f"Perimeter {draw.randint(1, 9)}"),
        "linux": lambda: new["groups"]["linux"].update(credentials="linux-2"),
    }
    change[draw.choice(sorted(change))]()


def _organization(draw: Random, new: dict[str, Any]) -> None:
    name = draw.choice(sorted(new["organizations"]))
    new["organizations"][name] = draw.choice([{}, {"proxies": [draw.choice(sorted(new["proxies"]))]}])


EDITS: tuple[Edit, ...] = (
    *(_field_of_proxy, _field_of_proxy, _login_of_proxy, _shape_of_proxy, _host_of_proxy, _service_of_proxy, _versions),
    *(_pool_of_proxy, _pool_of_proxy, _absent_proxy, _without_proxy, _another_proxy, _pool),
    *(_field_of_repository, _owner_of_repository, _owner_of_repository, _storage_of_repository, _repository),
    *(
        _field_of_job,
        _field_of_job,
        _job,
        _job,
        _mail,
        _policy,
        _certificate,
        _secret,
        _secret,
        _defaults,
        _organization,
    ),
)


def _one(draw: Random, section: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = section[draw.choice(sorted(section))]
    return found


def _own(draw: Random, new: dict[str, Any], store: dict[str, Any]) -> None:
    """Another owner that can hold it, where there is one."""
    disk = "object_storage" not in store
    able = [
        ("proxy", name)
        for name, item in new["proxies"].items()
        if item.get("state") != "absent" and not item.get("pool") and not (disk and item.get("group") == "linux")
    ]
    pools = sorted(
        {str(item["pool"]) for item in new["proxies"].values() if item.get("pool")} & {*new.get("pools", {})}
    )
    able += [] if disk else [("pool", name) for name in pools]
    if able:
        kind, name = draw.choice(able)
        store.pop("proxy", None)
        store.pop("pool", None)
        store[kind] = name


def _release(draw: Random, new: dict[str, Any], kind: str, name: str) -> None:
    """Nothing belongs to this proxy any more."""
    for store in new["repositories"].values():
        if store.get(kind) == name:
            _own(draw, new, store)
    for organization in new["organizations"].values():
        if name in organization.get("proxies", ()):
            organization.pop("proxies")


def _renamed(new: dict[str, Any], kind: str, name: str, now: str) -> None:
    for item in (*new["proxies"].values(), *new["repositories"].values()):
        if item.get(kind) == name:
            item[kind] = now
    for organization in new["organizations"].values():
        if name in organization.get("proxies", ()):
            organization["proxies"] = [now if item == name else item for item in organization["proxies"]]


def _rename_in_jobs(new: dict[str, Any], name: str, now: str) -> None:
    for job in new["jobs"].values():
        if job["repository"] == name:
            job["repository"] = now


def by_hand(draw: Random, lab: Path) -> list[str]:
    """One to five edits of what the lab in this folder keeps. Returns what was done."""
    file = lab / "server.json"
    state = json.loads(file.read_text(encoding="utf-8"))
    done = [on_the_server(draw, state) for _ in range(draw.randint(1, 4))]
    file.write_text(json.dumps(state), encoding="utf-8")
    hosts = sorted((lab / "hosts").glob("*.json"))
    if hosts and draw.random() < 0.7:
        done.append(_on_a_host(draw, draw.choice(hosts)))
    return done


def on_the_server(draw: Random, state: dict[str, Any]) -> str:
    """One edit of the server's objects: `proxies`, `pools`, `repositories`, `jobs` by id, `email`, `build`."""
    return draw.choice(_ON_THE_SERVER)(draw, state)


def _on_a_host(draw: Random, file: Path) -> str:
    host = json.loads(file.read_text(encoding="utf-8"))
    windows = {
        "remote_registry": {"start": "manual", "state": "stopped"},
        "firewall": {"on": True, "ports": []},
        "free_gb": 2,
        "admin_share": False,
        "reboot": ["pending file rename"],
    }
    change = {"power": "off"} if draw.random() < 0.4 else {key: windows[key] for key in draw.sample(sorted(windows), 2)}
    if host["os"] != "windows":
        change = {"power": "off"}
    file.write_text(json.dumps({**host, **change}), encoding="utf-8")
    return f"{file.name}: {sorted(change)}"


def _changed(collection: str, **known: list[Any]) -> Callable[[Random, dict[str, Any]], str]:
    """Another value of one of these fields, on one object of the server."""

    def change(draw: Random, state: dict[str, Any]) -> str:
        items = state.get(collection) or {}
        names = {str(item.get("hostName") or item.get("name")): ident for ident, item in items.items()}
        able = [names[name] for name in sorted(names) if name not in ("vbo.example.com", "Default Backup Repository")]
        if not able:
            return f"no {collection}"
        field = draw.choice(sorted(known))
        ident = draw.choice(able)
        items[ident][field] = draw.choice(known[field])
        return f"{collection} {items[ident].get('hostName') or items[ident].get('name')}: {field}"

    return change


def _mail_by_hand(draw: Random, state: dict[str, Any]) -> str:
    known = {
        "smtpServer": "other.example.com",
        "port": 2525,
        "useSSL": False,
        "notifyOnSuccess": True,
        "to": "x@example.com",
    }
    field = draw.choice(sorted(known))
    state["email"] = {**(state.get("email") or {}), field: known[field]}
    return f"email: {field}"


def _moved(draw: Random, state: dict[str, Any]) -> str:
    """A job that writes to another repository."""
    jobs = sorted(state.get("jobs", {}).values(), key=lambda item: str(item["name"]))
    stores = sorted(state.get("repositories", {}).values(), key=lambda item: str(item["name"]))
    if not jobs or not stores:
        return "no jobs"
    job = draw.choice(jobs)
    job["repositoryId"] = draw.choice(stores)["id"]
    return f"moved {job['name']}"


def _newer(draw: Random, state: dict[str, Any]) -> str:
    """Another build of the server."""
    state["build"] = draw.choice(["8.6.0.100", "8.5.0.1020"])
    return f"build {state['build']}"


def _foreign(draw: Random, state: dict[str, Any]) -> str:
    """A twin of an object under its own name, with the owner mark or without."""
    collection = draw.choice(["repositories", "jobs", "pools"])
    items = sorted(state.get(collection, {}).values(), key=lambda item: str(item["name"]))
    if not items:
        return f"no {collection}"
    mark = draw.choice(["", "[vbo-reconcile:world]", "kept [vbo-reconcile:other]"])
    ident = f"00000000-0000-4000-8000-{draw.randrange(10**12):012}"
    twin = {**copy.deepcopy(draw.choice(items)), "id": ident, "description": mark}
    twin["name"] = f"by-hand-{ident[-2:]}"
    state[collection][ident] = twin
    return f"foreign {collection}: {twin['name']}"


_ON_THE_SERVER: tuple[Callable[[Random, dict[str, Any]], str], ...] = (
    _changed(
        "proxies",
        description=["by hand", ""],
        port=[9194],
        threadsNumber=[32],
        enableNetworkThrottling=[False, True],
        maintenanceModeState=["Enabled"],
        version=["8.4.0.1", "8.6.0.1"],
        proxyPoolId=[None],
    ),
    _changed("jobs", isEnabled=[False, True], description=["by hand"], name=["renamed-by-hand"]),
    _changed(
        "repositories",
        description=["by hand"],
        dailyRetentionPeriod=[10],
        yearlyRetentionPeriod=["Years5", "Keep"],
        retentionFrequencyType=["Monthly"],
        isOutdated=[True],
    ),
    _changed("pools", description=["by hand", ""]),
    _mail_by_hand,
    _moved,
    _foreign,
    _newer,
)
