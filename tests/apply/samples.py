"""A sample of every step."""

from __future__ import annotations

from reconciler.model.step import STEPS, Step
from reconciler.model.steps import step_from_json

_LOGIN = {"host": "px-1.example.net", "os": "windows", "credentials": "local"}
_OBJECT = {"kind": "proxy", "name": "px-1", "fields": {"host": "px-1.example.net"}}
_PATIENCE = {"deadline": 60, "then": "fail"}
_PACKAGE = {"host": "px-1", "os": "linux", "sha256": "ab"}

_ITEM = [{"user": "ann", "services": ["mailbox"]}]
PARAMS: dict[str, dict[str, object]] = {
    "create": {**_OBJECT, "attach": True},
    "takeover": {**_OBJECT, "attach": True},
    "update": {**_OBJECT, "changed": ["host"]},
    "delete": {
        "kind": "proxy",
        "name": "px-1",
        "id": "1",
        "owner": "corp",
        "force": False,
        "credentials": "",
        "begun": True,
    },
    "adopt": {"kind": "proxy", "name": "px-1", "id": "1", "owner": "other", "described": False},
    "pool.members": {"name": "cloud", "join": ["px-1"], "leave": []},
    "repository.move": {"name": "disk", "to": "pool.cloud"},
    "repository.upgrade": {"name": "disk", "id": "1", "owner": "proxy.px-1"},
    "repository.sync": {"name": "disk", "id": "1"},
    "repository.storage": {
        "name": "disk",
        "fields": {"object_storage.size_limit_gb": 512},
        "changed": ["object_storage.size_limit_gb"],
    },
    "certificate.set": {"certificate": "dmz", "thumbprint": "AB"},
    "proxy.upgrade": {"name": "px-1", "host": None, "to": "8.6.0.100", "os": "windows", "credentials": ""},
    "proxy.verify": {"name": "px-1", "version": "8.6.0.100", "pool": "cloud"},
    "maintenance.on": {"name": "px-1", **_LOGIN, **_PATIENCE},
    "maintenance.off": {"name": "px-1", **_LOGIN},
    "sessions.wait": {"name": "px-1", **_PATIENCE},
    "host.change": {"host": "px-1", "requirement": "port", "script": "s.sh", "params": {"port": 9193}, "restart": True},
    "package.upload": {**_PACKAGE, "source": "pkg/p.deb", "file": "p.deb"},
    "package.install": {**_PACKAGE, "kind": "deb", "version": "8.6.0.100", "fresh": True, "properties": {"A": "1"}},
    "package.registered": {"host": "px-1", "os": "linux"},
    "job.switch": {"name": "daily", "enabled": True, "kind": "copy_job"},
    "job.item.add": {"name": "daily", "title": "user ann (mailbox)", "item": _ITEM, "exclude": True},
    "job.item.change": {"name": "daily", "title": "user ann (mailbox)", "item": _ITEM, "exclude": True},
    "job.item.remove": {"name": "daily", "title": "user ann (mailbox)", "item": _ITEM, "exclude": True},
    "job.run": {"name": "daily", "follow": True, "first": True, "kind": "copy_job"},
    "update.verify": {"read": "Proxies/1", "of": {"verb": "update", "params": {**_OBJECT, "changed": ["host"]}}},
}
"""The parameters of each step as plans have them."""

SAMPLES = {verb: step_from_json(verb, PARAMS[verb]) for verb in STEPS}


def sample(verb: str) -> Step:
    return SAMPLES[verb]
