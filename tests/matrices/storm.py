"""A world for storms: a small inventory that keeps changing, its lab held open in this process, and what is seen."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import yaml

from reconciler.inventory import load
from reconciler.lab.lab import Lab
from reconciler.operations.paths import lab_folder
from tests.cli.running import Ended
from tests.scenarios.by_hand import by_hand
from tests.scenarios.rehearsal import Rehearsal

HOSTS = {"a-1": "a-1.example.com", "a-2": "a-2.example.com", "b-1": "b-1.example.net", "b-2": "b-2.example.net"}
BUILDS = ("8.5.0.1014", "8.5.0.1020", "8.6.0.100", "8.6.0.200", "8.7.0.100")


def first_inventory() -> dict[str, Any]:
    """Two organizations: one by two Windows proxies, one by a pool of two Linux proxies."""
    retention = {"type": "item-level", "keep": "3 years"}
    return {
        "version": 1,
        "name": "storm",
        "server": {"host": "vbo.example.com", "credentials": "admin", "powershell": {"credentials": "admin"}},
        "credentials": {
            "admin": {"username": "EXAMPLE\\svc-vbo", "password": "secret://env/VBO_PASSWORD"},
            "linux": {"username": "backup", "private_key": "secret://file/id_ed25519", "sudo": True},
        },
        "proxies": {
            "a-1": {"host": HOSTS["a-1"], "type": "domain", "credentials": "admin"},
            "a-2": {"host": HOSTS["a-2"], "type": "domain", "credentials": "admin"},
            "b-1": {"host": HOSTS["b-1"], "os": "linux", "type": "workgroup", "credentials": "linux", "pool": "cloud"},
            "b-2": {"host": HOSTS["b-2"], "os": "linux", "type": "workgroup", "credentials": "linux", "pool": "cloud"},
        },
        "pools": {"cloud": {"description": "object storage"}},
        "repositories": {
            "alpha-1": {"proxy": "a-1", "path": "D:\\VBO\\alpha", "retention": retention},
            "alpha-2": {"proxy": "a-2", "path": "D:\\VBO\\alpha", "retention": retention},
            "beta": {
                "pool": "cloud",
                "object_storage": {
                    "type": "s3-compatible",
                    "account": "minio",
                    "endpoint": "https://s3.example.net",
                    "bucket": "vbo",
                    "folder": "beta",
                },
                "retention": retention,
            },
        },
        "organizations": {"alpha.example.com": {}, "beta.example.com": {}},
        "jobs": {
            "alpha-mail": _job("alpha.example.com", "alpha-1", ["mailbox"]),
            "alpha-files": _job("alpha.example.com", "alpha-2", ["onedrive", "sites"]),
            "beta-all": _job("beta.example.com", "beta", ["mailbox"]),
        },
        "smtp": {
            "server": "smtp.example.com",
            "port": 587,
            "security": "tls",
            "credentials": "admin",
            "from": "vbo@example.com",
            "to": ["it@example.com"],
            "notify": ["warning", "failure"],
        },
        "policy": {"max_deletes": 100, "max_changes": "100%"},
    }


def _job(organization: str, repository: str, items: list[str]) -> dict[str, Any]:
    return {
        "organization": organization,
        "repository": repository,
        "items": items,
        "schedule": {"daily": "22:00"},
        "run": "on-change",
    }


@dataclass
class World:
    """`wanted` is the inventory as data; `foreign` what another user created by hand, as it was then."""

    rehearsal: Rehearsal
    wanted: dict[str, Any]
    lab: Lab | None = None
    foreign: dict[str, dict[str, Any]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    @classmethod
    def in_folder(cls, folder: Path, wanted: dict[str, Any] | None = None) -> World:
        rehearsal = Rehearsal(folder)
        folder.mkdir(parents=True, exist_ok=True)
        world = cls(rehearsal, wanted or first_inventory())
        world.write()
        return world

    def __enter__(self) -> Self:
        inventory, _ = load(self.rehearsal.file, look_at_files=False)
        assert inventory is not None
        self.lab = Lab.open(inventory, lab_folder("storm", {"XDG_STATE_HOME": str(self.rehearsal.folder / "state")}))
        return self

    def __exit__(self, *_: object) -> None:
        assert self.lab is not None
        self.lab.close()

    def write(self) -> None:
        self.rehearsal.file.write_text(yaml.safe_dump(self.wanted, sort_keys=False), encoding="utf-8")

    def set(self, target: str, key: str, value: str) -> None:
        assert self.lab is not None
        self.lab.set(target, key, value)

    def apply(self) -> Ended:
        ended = self.rehearsal.apply("--parallelism", "4")
        self.said.append(ended.out + ended.err)
        return ended

    def by_hand(self) -> Any:
        return by_hand(self.rehearsal)

    @property
    def state(self) -> dict[str, Any]:
        """What the server holds, from its file."""
        file = self.rehearsal.folder / "state" / "vbo-reconcile" / "lab" / "storm" / "server.json"
        loaded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return loaded

    def lost(self) -> list[dict[str, Any]]:
        """Moments at which an organization had no working proxy any more."""
        found: list[dict[str, Any]] = self.state.get("coverage", {}).get("lost", [])
        return found

    def working(self) -> dict[str, int]:
        answer = self.state.get("coverage", {}).get("organizations", {})
        return {name: item["now"] for name, item in answer.items()}

    def twice(self) -> list[str]:
        """Objects that exist more than once."""
        state = self.state
        found: list[str] = []
        for collection, key in (("proxies", "hostName"), ("repositories", "name"), ("jobs", "name"), ("pools", "name")):
            names = Counter(str(item[key]) for item in state.get(collection, {}).values())
            found += [f"{collection}: {name}" for name, count in names.items() if count > 1]
        return found

    def sessions(self) -> Counter[str]:
        """How often each job was started."""
        return Counter(str(item["jobId"]) for item in self.state.get("sessions", {}).values() if item.get("jobId"))

    def touched(self) -> list[str]:
        """Foreign objects that are not as they were when another user left them."""
        state = self.state
        return [
            name
            for name, was in self.foreign.items()
            if {key: state["repositories"].get(was["id"], {}).get(key) for key in was} != was
        ]
