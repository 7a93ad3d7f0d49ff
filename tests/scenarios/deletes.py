"""A small world to delete from, what was sent to its server, and objects in it that another user made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from reconciler.lab.server.dispatch import Dispatcher
from tests.scenarios.by_hand import by_hand
from tests.scenarios.rehearsal import Rehearsal

INVENTORY = r"""version: 1
name: deletes
server:
  host: vbo.corp.example.com
  credentials: admin
credentials:
  admin: {username: 'CORP\svc-vbo', password: secret://env/VBO_PASSWORD}
  local: {username: Administrator, password: secret://env/LOCAL_PASSWORD}
  linux: {username: backup, password: secret://env/LINUX_PASSWORD, sudo: true}
proxies:
  px-disk: {host: px-disk.corp.example.com, type: domain, credentials: admin}
  px-cold: {host: px-cold.corp.example.com, type: domain, credentials: admin}
  px-lnx-1: {host: px-lnx-1.example.net, os: linux, type: workgroup, credentials: linux, pool: cloud}
  px-lnx-2: {host: px-lnx-2.example.net, os: linux, type: workgroup, credentials: linux, pool: cloud}
pools:
  cloud: {}
repositories:
  disk: {proxy: px-disk, path: 'D:\VBO', retention: {type: item-level, keep: 3 years}}
  bucket:
    proxy: px-cold
    object_storage: {type: s3-compatible, account: minio, endpoint: https://s3.example.net, bucket: b, folder: f}
    retention: {type: item-level, keep: 3 years}
organizations:
  contoso.example.com: {}
jobs:
  mail: {organization: contoso.example.com, repository: disk, items: [mailbox], run: never}
  files: {organization: contoso.example.com, repository: bucket, items: [onedrive]}
policy: {max_deletes: 2}
"""
LINES = INVENTORY.splitlines(keepends=True)


def line(name: str) -> str:
    """The line of the inventory that declares `name`."""
    return next(text for text in LINES if text.startswith(f"  {name}: "))


BUCKET = "".join(LINES[LINES.index("  bucket:\n") : LINES.index("organizations:\n")])


@dataclass
class Writes:
    """What the server is sent, except for reading, looking again at proxies and logging in."""

    sent: list[str] = field(default_factory=list)

    def taken(self) -> list[str]:
        """What was sent since the last time, without the ids."""
        sent, self.sent = self.sent, []
        return ["/".join(part for part in item.split("/") if part.count("-") != 4) for item in sent]


@contextmanager
def recorded() -> Iterator[Writes]:
    found = Writes()
    real = Dispatcher.answer

    def answer(self: Dispatcher, request: Any) -> Any:
        if request.method != "GET" and not request.path.lower().endswith(("token", "logout", "rescan")):
            found.sent.append(f"{request.method} {request.path.partition('/')[2]}")
        return real(self, request)

    with mock.patch.object(Dispatcher, "answer", answer):
        yield found


def server_state(world: Rehearsal) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((world.folder / "state/vbo-reconcile/lab/deletes/server.json").read_text())
    return found


def add_foreign(world: Rehearsal, proxy: str = "px-disk.corp.example.com") -> dict[str, str]:
    """A repository and a job that a user made by hand. Gives their ids."""
    with by_hand(world) as client:
        owner = client.by_name("Proxies", "hostName", proxy)["id"]
        period = {"retentionPeriodType": "Yearly", "yearlyRetentionPeriod": "Year1", "retentionFrequencyType": "Daily"}
        archive = {"name": "archive", "proxyId": owner, "path": "E:\\archive", "retentionType": "ItemLevel", **period}
        repository = client.request("POST", "BackupRepositories", json=archive).json()["id"]
        organization = client.by_name("Organizations", "name", "contoso.example.com")["id"]
        job = {"name": "theirs", "organizationId": organization, "repositoryId": repository}
        job |= {"backupType": "SelectedItems", "selectedItems": [{"type": "PartialOrganization", "mailbox": True}]}
        return {"repositories": repository, "jobs": client.request("POST", "Jobs", json=job).json()["id"]}


def foreign(world: Rehearsal, ids: dict[str, str]) -> dict[str, Any]:
    state = server_state(world)
    return {kind: state[kind][ident] for kind, ident in ids.items()}


def applied(world: Rehearsal, *more: str) -> None:
    ended = world.apply(*more)
    assert ended.code == 0, ended.out + ended.err
    after = world.plan()
    assert (after["changes"], after["code"]) == ([], 0)


def refused(world: Rehearsal) -> list[str]:
    """The guards that refuse; an apply sends nothing then."""
    plan = world.plan()
    assert world.apply().code == 4
    return [item["code"] for item in plan["refusals"]]
