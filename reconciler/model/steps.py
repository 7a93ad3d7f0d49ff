"""The steps that changes are made of, one class each. `apply/steps` runs them.

A new step is a class here, with a function marked `@runs` in `apply/steps`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from reconciler.model.step import IN_PLANS, STEPS, Limit, Step, record


def step_from_json(verb: str, params: Mapping[str, Any]) -> Step:
    """A step of a plan's JSON form. Raises ValueError with the reason if the verb or a parameter does not fit."""
    import msgspec

    if verb not in STEPS:
        raise ValueError(f"unknown step {verb!r}")
    cls = STEPS[verb]
    names = {IN_PLANS.get(item.name, item.name): item.name for item in fields(cls)}
    if unknown := sorted(params.keys() - names.keys()):
        raise ValueError(f"`{verb}` has no parameter {unknown[0]!r}")
    try:
        return msgspec.convert({names[name]: value for name, value in params.items()}, cls)
    except msgspec.ValidationError as error:
        raise ValueError(f"`{verb}`: {error}") from error


@record("create")
class CreateObject(Step):
    """`attach` lets the server take over a proxy service that is installed already."""

    kind: str
    name: str
    fields: Mapping[str, Any]
    attach: bool = False

    @property
    def text(self) -> str:
        return f"create {self.kind} {self.name}"


@record("takeover")
class TakeOver(CreateObject):
    """A creation that takes over the proxy service of another server."""

    @property
    def text(self) -> str:
        return f"take over {self.kind} {self.name}"


@record("update", repeatable=True)  # PUT of the whole object, read again each time
class UpdateObject(Step):
    """`fields` are sent; `changed` names those that differ."""

    kind: str
    name: str
    fields: Mapping[str, Any]
    changed: Sequence[str]

    @property
    def text(self) -> str:
        return f"{' '.join(filter(None, ('change', self.kind, self.name)))}: {', '.join(self.changed)}"


@record("adopt", repeatable=True)  # it reads the mark before it writes
class AdoptObject(Step):
    """Gives an object the mark of the inventory. `owner`: see deletes; `described`: the plan saw a description."""

    kind: str
    name: str
    id: str
    owner: str
    described: bool = True

    @property
    def text(self) -> str:
        return f"adopt {self.kind} {self.name}"


@record("delete", repeatable=True)
class DeleteObject(Step):
    """`owner` is the mark that the plan saw. The others are for proxies only: `credentials` is the login of the host,
    `begun` says that an interrupted apply was deleting it."""

    kind: str
    name: str
    id: str
    owner: str
    force: bool | None = None
    credentials: str | None = None
    begun: bool | None = None

    @property
    def text(self) -> str:
        return f"delete {self.kind} {self.name}"


@record("pool.members")
class ChangePoolMembers(Step):
    """Proxies that join and leave the pool `name`."""

    name: str
    join: Sequence[str]
    leave: Sequence[str]

    @property
    def text(self) -> str:
        return f"change the members of pool {self.name}"


@record("repository.move")
class MoveRepository(Step):
    """`to` is the address of a proxy or pool."""

    name: str
    to: str

    @property
    def text(self) -> str:
        return f"move repository {self.name} to {self.to}"


@record("repository.storage", repeatable=True)
class ChangeObjectStorage(Step):
    """PUT of the object storage repository that a repository links to (REST up to v7)."""

    name: str
    fields: Mapping[str, Any]
    changed: Sequence[str]

    @property
    def text(self) -> str:
        return f"change the object storage of repository {self.name}: {', '.join(self.changed)}"


@record("repository.upgrade", limit=Limit.WINRM, repeatable=True)  # it reads the state before it starts anything
class UpgradeRepository(Step):
    """PowerShell on the management server. `id` is the repository's, `owner` the address of its proxy or pool, which
    upgrades one repository at a time."""

    name: str
    id: str
    owner: str

    @property
    def text(self) -> str:
        return f"upgrade repository {self.name}"


@record("repository.sync", repeatable=True)  # it reads the state before it starts anything
class SyncRepository(Step):
    """Synchronizes the cache of a repository on object storage. `id` is the repository's."""

    name: str
    id: str

    @property
    def text(self) -> str:
        return f"synchronize repository {self.name}"


@record("certificate.set", limit=Limit.WINRM, repeatable=True)
class SetCertificate(Step):
    """PowerShell on the management server."""

    certificate: str
    thumbprint: str

    @property
    def text(self) -> str:
        return f"set the server certificate {self.certificate}"


@record("proxy.upgrade", limit=Limit.WINRM)
class UpgradeProxy(Step):
    """PowerShell on the management server, with the login `credentials` of the proxy's host."""

    name: str
    host: str | None
    to: str
    os: str
    credentials: str

    @property
    def text(self) -> str:
        return f"upgrade {self.name} to {self.to}"


@record("proxy.verify")
class VerifyProxy(Step):
    """`version` is the lowest that is accepted; `pool` is the pool that the proxy belongs to."""

    name: str
    version: str = ""
    pool: str = ""

    @property
    def text(self) -> str:
        return f"verify {self.name}"


@record("maintenance.off", repeatable=True)
class ClearMaintenance(Step):
    """The server needs the login `credentials` of the host for it."""

    name: str
    host: str | None
    os: str
    credentials: str

    @property
    def text(self) -> str:
        return f"clear maintenance mode of {self.name}"


@record("maintenance.on", repeatable=True, undone_by=ClearMaintenance)
class EnterMaintenance(Step):
    """Waits `deadline` seconds for running sessions, and `then` fails or goes on."""

    name: str
    host: str | None
    os: str
    credentials: str
    deadline: int
    then: str

    @property
    def text(self) -> str:
        return f"put {self.name} into maintenance mode"


@record("sessions.wait", limit=Limit.NONE)
class WaitForSessions(Step):
    """Waits `deadline` seconds for running sessions, and `then` fails or goes on."""

    name: str
    deadline: int
    then: str

    @property
    def text(self) -> str:
        return f"wait for the sessions on {self.name} to end"


@record("host.change", limit=Limit.HOST, repeatable=True)  # scripts check before they change
class ChangeHost(Step):
    """One script of a playbook. `restart`: the proxy does not work meanwhile."""

    host: str
    requirement: str
    script: str
    arguments: Mapping[str, Any]
    restart: bool = False

    @property
    def text(self) -> str:
        return f"{self.requirement} on {self.host}"


@record("package.upload", limit=Limit.HOST, repeatable=True, prepares=True)
class UploadPackage(Step):
    """`source` is a path or URL; `file` its name on the host."""

    host: str
    os: str
    sha256: str
    source: str
    file: str

    @property
    def text(self) -> str:
        return f"upload {self.file} to {self.host} and verify its SHA-256"


@record("package.install", limit=Limit.HOST)
class InstallPackage(Step):
    """`kind` is the extension of the file; `fresh`: no service is registered yet. `properties` go to the Windows
    installer; what may be a secret is masked in them.
    """

    host: str
    os: str
    sha256: str
    kind: str
    version: str
    fresh: bool
    properties: Mapping[str, str] | None = None

    @property
    def text(self) -> str:
        given = "".join(f' {name}="{value}"' for name, value in (self.properties or {}).items())
        return f"install {self.version} on {self.host}{given and f' with{given}'} and start it (rollback on failure)"


@record("package.registered", limit=Limit.HOST)
class MarkRegistered(Step):
    """Records on the host that its service belongs to a server, so that no later run takes it over."""

    host: str
    os: str

    @property
    def text(self) -> str:
        return f"mark the service on {self.host} as registered"


@record("job.switch", repeatable=True)
class SwitchJob(Step):
    """Enables or disables a job: whether the server runs it by its schedule."""

    name: str
    enabled: bool
    kind: str = "job"

    @property
    def text(self) -> str:
        return f"{'enable' if self.enabled else 'disable'} {self.kind} {self.name}"


@record("job.item.add")
class AddJobItem(Step):
    """`item` is one item of the job `name`, `title` its name for people; with `exclude`, the job leaves it out."""

    name: str
    title: str
    item: Sequence[Any]
    exclude: bool = False

    @property
    def text(self) -> str:
        return f"exclude {self.title} from job {self.name}" if self.exclude else f"add {self.title} to job {self.name}"


@record("job.item.change", repeatable=True)
class ChangeJobItem(AddJobItem):
    """Sets the services of an item."""

    @property
    def text(self) -> str:
        return f"change {self.title} {'excluded from' if self.exclude else 'of'} job {self.name}"


@record("job.item.remove", repeatable=True)
class RemoveJobItem(AddJobItem):
    """An item that a job of selected items has besides others."""

    @property
    def text(self) -> str:
        kept = f"no longer exclude {self.title} from job {self.name}"
        return kept if self.exclude else f"remove {self.title} from job {self.name}"


@record("job.run", limit=Limit.NONE)
class RunJob(Step):
    """`follow`: an earlier run has started the session already. `first`: the session is a full backup."""

    name: str
    follow: bool = False
    first: bool = False
    kind: str = "job"

    @property
    def text(self) -> str:
        return f"run {self.kind} {self.name}"


@record("update.verify", repeatable=True)
class VerifyInterrupted(Step):
    """Compares an object with what an interrupted run read (kept as `read`) before it sent the step `of`."""

    read: str
    of: Mapping[str, Any]

    @property
    def sent(self) -> Step:
        return step_from_json(self.of["verb"], self.of["params"])

    @property
    def text(self) -> str:
        return f"verify what the interrupted run did: {self.sent.text}"
