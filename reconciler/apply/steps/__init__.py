"""The steps that a change is made of, one function each, by the verb that plans name them with.

A step is handed the site, its parameters from the plan, and a way to tell news. It returns a sentence about its result
or nothing, and raises a ReconcileError where it fails. It may be repeated: it looks before it creates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.apply.context import ApplyContext, Tell
from reconciler.apply.steps.deletion import delete
from reconciler.apply.steps.failure import NotBegun, StepFailed, StillRunning
from reconciler.apply.steps.hosts import change_host
from reconciler.apply.steps.jobs import run_job
from reconciler.apply.steps.maintenance import enter, leave, verify, wait_for_sessions
from reconciler.apply.steps.management import set_certificate, upgrade_proxy
from reconciler.apply.steps.objects import create, update
from reconciler.apply.steps.owners import change_members, move_repository
from reconciler.apply.steps.packages import install, registered, upload
from reconciler.model.plan import Step

STEPS: dict[str, Callable[[ApplyContext, Mapping[str, Any], Tell], str | None]] = {
    "create": create,
    "update": update,
    "takeover": create,
    "delete": delete,
    "pool.members": change_members,
    "repository.move": move_repository,
    "certificate.set": set_certificate,
    "proxy.upgrade": upgrade_proxy,
    "proxy.verify": verify,
    "maintenance.on": enter,
    "maintenance.off": leave,
    "sessions.wait": wait_for_sessions,
    "host.change": change_host,
    "package.upload": upload,
    "package.install": install,
    "package.registered": registered,
    "job.run": run_job,
}

_TEXTS = {
    "create": "create {kind} {name}",
    "update": "change {kind} {name}: {changed}",
    "takeover": "take over {kind} {name}",
    "delete": "delete {kind} {name}",
    "pool.members": "change the members of pool {name}",
    "repository.move": "move repository {name} to {to}",
    "certificate.set": "set the server certificate {certificate}",
    "proxy.upgrade": "upgrade {name} to {to}",
    "proxy.verify": "see that {name} works",
    "maintenance.on": "put {name} into maintenance",
    "maintenance.off": "take {name} out of maintenance",
    "sessions.wait": "wait for the sessions on {name} to end",
    "host.change": "{requirement} on {host}",
    "package.upload": "send {file} to {host} and compare its SHA-256 there",
    "package.install": "install {version} on {host}, start it and read its version back; else put the old one back",
    "package.registered": "note on {host} that its service belongs to the server",
    "job.run": "run job {name}",
}


def describe(step: Step) -> str:
    """One line about a step for people."""
    params = {key: ", ".join(value) if isinstance(value, list) else value for key, value in step.params.items()}
    return _TEXTS[step.verb].format(**params).replace(" :", ":")  # mail settings have no name


__all__ = ["STEPS", "NotBegun", "StepFailed", "StillRunning", "describe"]
