"""A world by hand in which something of every kind is declared and applied: where tables are tested by every member."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from reconciler.model.inventory import Inventory
from reconciler.model.plan import Change, Plan
from tests.worlds.server import HOST_KEY, MemoryServer
from tests.worlds.world import World, populate

Edit = Callable[[dict[str, Any]], object]

STORAGE = {"type": "s3-compatible", "account": "minio", "endpoint": "https://s3.example.net", "bucket": "vbo"}
DOCUMENT: dict[str, Any] = {
    "version": 1,
    "name": "world",
    "server": {"host": "vbo.example.com", "credentials": "admin", "powershell": {"credentials": "admin"}},
    "credentials": {
        "admin": {"username": "EXAMPLE\\svc-vbo", "password": "secret://env/VBO_PASSWORD"},
        "corp": {"username": "EXAMPLE\\svc-proxy", "password": "secret://env/CORP_PASSWORD"},
        "other": {"username": "EXAMPLE\\svc-other", "password": "secret://env/OTHER_PASSWORD"},
        "linux": {"username": "backup", "password": "secret://env/LINUX_PASSWORD", "sudo": True},
        "web": {"username": "web", "password": "secret://env/WEB_PASSWORD"},
        "mailer": {"username": "mailer", "password": "secret://env/SMTP_PASSWORD"},
    },
    "proxies": {
        "px-1": {"host": "px-1.example.com", "type": "domain", "credentials": "corp", "description": "Rack 1"},
        "px-2": {
            "host": "px-2.example.com",
            "type": "domain",
            "credentials": "corp",
            "throttle": "10 MB/s",
            "internet_proxy": {"host": "web.example.com", "port": 8080, "credentials": "web"},
        },
        "px-5": {"host": "px-5.example.com", "type": "domain", "credentials": "corp"},
        "px-6": {"host": "px-6.example.com", "type": "domain", "credentials": "corp"},
        **{
            f"px-{number}": {
                "host": f"px-{number}.example.net",
                "os": "linux",
                "type": "workgroup",
                "credentials": "linux",
                "pool": "cloud",
                "connection": {"host_keys": [f"ssh-ed25519 {HOST_KEY}"]},
            }
            for number in (3, 4)
        },
    },
    "pools": {"cloud": {"description": "object storage"}},
    "repositories": {
        "disk-1": {"proxy": "px-1", "path": "D:\\VBO\\1"},
        "disk-2": {"proxy": "px-2", "path": "D:\\VBO\\2"},
        "bucket": {"pool": "cloud", "object_storage": {**STORAGE, "folder": "one"}},
        "spare-disk": {"proxy": "px-2", "path": "D:\\VBO\\3"},
        "spare-bucket": {"proxy": "px-5", "object_storage": {**STORAGE, "folder": "two"}},
    },
    "organizations": {"alpha.example.com": {}, "beta.example.com": {}},
    "jobs": {
        "mail": {"organization": "alpha.example.com", "repository": "disk-1", "items": ["mailbox"]},
        "files": {"organization": "alpha.example.com", "repository": "disk-2", "items": ["sites"]},
        "all": {"organization": "beta.example.com", "repository": "bucket", "items": "all"},
    },
    "smtp": {
        "server": "smtp.example.com",
        "port": 587,
        "security": "tls",
        "credentials": "mailer",
        "from": "vbo@example.com",
        "to": ["it@example.com"],
        "notify": ["failure"],
    },
    "policy": {"max_deletes": "100%", "max_changes": "100%"},
}
RETENTION = {"type": "item-level", "keep": "3 years", "clean": "daily"}
SCHEDULE = {
    "daily": "22:00",
    "retry": {"attempts": 3, "wait": "10 minutes"},
    "offset": "0 minutes",
    "periodic_window": {"workdays": "08:00-18:00", "minute_offset": 0},
    "backup_window": {"everyday": "22:00-06:00", "minute_offset": 0},
}
DEFAULTS = {
    "proxy": {"port": 9193},
    "repository": {"retention": RETENTION},
    "job": {"schedule": SCHEDULE, "enabled": True},
}


def applied(folder: Path, rest: int = 8) -> World:
    """`DOCUMENT`, applied to an empty server."""
    return replace(copy.deepcopy(_applied(rest)), folder=folder)


@cache
def _applied(rest: int) -> World:
    with TemporaryDirectory() as folder:
        world = World(Path(folder), MemoryServer(rest=rest))
        populate(world.server)
        world.apply(inventory(world))
    world.server.log.clear()
    return world


def inventory(world: World, *edits: Edit) -> Inventory:
    """`DOCUMENT` after `edits`, as this server's REST version can have it."""
    document = copy.deepcopy({**DOCUMENT, "defaults": DEFAULTS})
    if world.server.rest < 8:
        _older(document, world.server.rest)
    for edit in edits:
        edit(document)
    found = world.load(document)
    assert found is not None, "the inventory is refused"
    return found


def planned(world: World, *edits: Edit) -> Plan:
    return world.plan(inventory(world, *edits))


def changes(plan: Plan) -> dict[str, Change]:
    """By key, without the jobs that follow."""
    return {change.key: change for change in plan.changes if not change.key.startswith("run:")}


def _older(document: dict[str, Any], rest: int) -> None:
    document["server"]["rest"] = f"v{rest}"
    del document["pools"], document["repositories"]["bucket"], document["jobs"]["all"]
    del document["repositories"]["spare-bucket"]
    for name in ("px-3", "px-4"):
        del document["proxies"][name]
