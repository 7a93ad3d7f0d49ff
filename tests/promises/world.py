"""Servers as people set them up: objects of every kind with every property that the API lets them set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from hypothesis import strategies as st

from reconciler.clients.vbo import Writer, dialect_of
from reconciler.kinds import KINDS, api
from reconciler.model.inventory import LOCAL
from tests.promises.server import HOSTS, LabServer
from tests.promises.values import PASSWORD, bodies, key_of

Body = dict[str, Any]
Draw = Callable[[st.SearchStrategy[Any]], Any]

MEMBERS: Final = ["win-3.example.com", "lnx-2.example.com"]
_PLACES: Final = {
    "AzureBlob": "azureContainer",
    "AzureBlobArchive": "azureContainer",
    "AmazonS3": "amazonBucketS3Aws",
    "AmazonS3Glacier": "amazonBucketS3Aws",
}
"""Where a type of object storage is; the others are in an S3 compatible bucket."""
_BUCKETS: Final = ("azureContainer", "amazonBucketS3Aws", "amazonBucketS3Compatible")
_APPLIANCES: Final = (
    "amazonArchiverAppliance",
    "azureArchiverAppliance",
    "azureServiceAccount",
    "azureSubscription",
    "useArchiverAppliance",
)
"""What Amazon S3 has, and archives of Azure, which are not drawn."""
_NOT_WRITTEN: Final = ("AzureBlobArchive", "AmazonS3Glacier")
"""Types that backup jobs do not write to."""


@dataclass
class World:
    """Draws a server. `ids` are those of its objects, by kind and name."""

    draw: Draw
    server: LabServer
    writer: Writer
    ids: dict[tuple[str, str], str] = field(default_factory=dict)
    paths: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def rest(self) -> int:
        return self.server.rest

    @property
    def table(self) -> int:
        """The version whose schemas are drawn from. REST v5 has no published table; the one of v6 stands in."""
        return max(self.rest, api.VERSIONS[0])

    def build(self) -> None:
        """Every kind: proxies of every type, pools, repositories of every form, jobs, mail."""
        for collection in ("organizations", "accounts", "object_storage"):
            for ident, item in self.server.state[collection].items():
                self.ids[collection, item["name"]] = ident
        for host, system in HOSTS.items():
            if system == "windows" or self.rest >= 8:
                self._add("proxy", host, "Proxies", self.proxy(host))
        self.paths["proxy", LOCAL] = f"Proxies/{next(iter(self.server.state['proxies']))}"
        self.change("proxy", LOCAL)
        if self.rest >= 8:
            self._add("pool", "pool-1", "ProxyPools", self.pool("pool-1", MEMBERS))
        for number, owner in enumerate(self._owners(), start=1):
            name = f"repository-{number}"
            self._add("repository", name, "BackupRepositories", self.repository(name, owner))
        for organization in ("contoso.example.com", "fabrikam.example.com"):
            for number in range(self.draw(st.integers(0, 2))):
                name = f"{organization.partition('.')[0]}-{number}"
                body = self.job(name, organization, whole=number == 0)
                path = dialect_of(self.rest).job_collection(self.ids["organizations", organization])
                self._add("job", name, path, body)
        self._add_copies()
        self.paths["smtp", ""] = "VboEmailSettings"
        self.writer.replace("VboEmailSettings", self.mail())

    def _add(self, kind: str, name: str, path: str, body: Body) -> None:
        self.ids[kind, name] = str(self.writer.create(path, body)["id"])
        self.paths[kind, name] = f"{KINDS[kind].collection}/{self.ids[kind, name]}"

    def _add_copies(self) -> None:
        """Copy jobs of some jobs, into other repositories on object storage."""
        targets = [self.ids["repository", f"repository-{at}"] for at, owner in enumerate(self._owners(), 1) if owner[2]]
        for job in sorted(name for kind, name in self.ids if kind == "job" and KINDS["copy_job"].in_version(self.rest)):
            used = self.server.state["jobs"][self.ids["job", job]]["repositoryId"]
            left = [ident for ident in targets if ident != used]
            if left and self.draw(st.booleans()):
                name = f"{job} (copy)"
                self._add("copy_job", name, "CopyJobs", self.copy_job(name, self.draw(st.sampled_from(left))))

    def _owners(self) -> list[tuple[str, str, bool]]:
        """Kind and name of the owner of each repository, and whether it is on object storage."""
        found = [("proxy", "win-1.example.com", False), ("proxy", "win-2.example.com", True)]
        return [*found, ("pool", "pool-1", True), ("proxy", "lnx-1.example.com", True)] if self.rest >= 8 else found

    def change(self, kind: str, name: str) -> None:
        """What a person does in the console: every property of an object becomes another, except for its references."""
        body = self.another(kind, name)
        if kind == "repository":  # what cannot be changed
            body["retentionType"] = self.server.state["repositories"][self.ids[kind, name]]["retentionType"]
            body.pop("objectStorage", None)
        self.writer.replace(self.paths[kind, name], body)

    def another(self, kind: str, name: str) -> Body:
        """What an object of a kind could be as well."""
        if kind == "repository":
            owners = {f"repository-{number}": owner for number, owner in enumerate(self._owners(), start=1)}
            return self.repository(name, owners.get(name, ("proxy", "win-1.example.com", False)))
        if kind == "job":
            organization = f"{name.partition('-')[0]}.example.com"
            body = self.job(name, organization, whole=name.endswith("0"))
            return {**body, "organizationId": self.ids["organizations", organization]}
        if kind == "copy_job":
            return self.copy_job(name, self.server.state["copy_jobs"][self.ids[kind, name]]["repositoryId"])
        makers: dict[str, Callable[[], Body]] = {
            "proxy": lambda: self.own_proxy() if name == LOCAL else self.proxy(name),
            "pool": lambda: self.pool(name, MEMBERS),
            "smtp": self.mail,
        }
        return makers[kind]()

    def proxy(self, host: str) -> Body:
        linux = HOSTS[host] == "linux"
        body: Body = self.draw(bodies(self.table, "POST", "Proxies"))
        body |= {"hostName": host, "attachUsedProxy": False, "username": "Administrator", "password": PASSWORD}
        if self.rest >= 8:
            body["operatingSystem"] = "Linux" if linux else "Windows"
            body["sshSettings"] |= {"account": "backup", "accountPassword": PASSWORD}
            for name in () if linux else ("sshSettings",):
                del body[name]
        return body

    def own_proxy(self) -> Body:
        """The server's own, which has its internet proxy."""
        body: Body = self.draw(bodies(self.table, "PUT", "Proxies/{proxyId}"))
        not_its_own = ("sshSettings", "operatingSystem", "internetProxySettings", "username", "password", "hostName")
        kept = {name: value for name, value in body.items() if name not in not_its_own}
        return kept | {"internetProxyType": "FromManagementServer"}

    def pool(self, name: str, members: list[str]) -> Body:
        body: Body = self.draw(bodies(self.table, "POST", "ProxyPools"))
        return body | {"name": name, "proxyIds": [{"proxyId": self.ids["proxy", member]} for member in members]}

    def repository(self, name: str, owner: tuple[str, str, bool]) -> Body:
        kind, owner_name, storage = owner
        body: Body = self.draw(bodies(self.table, "POST", "BackupRepositories"))
        body |= {"name": name, "path": f"D:\\{name}", "attachUsedRepository": False}
        for reference in ("proxyId", "proxyPoolId", "organizationId", "encryptionKeyId", "objectStorageId"):
            body.pop(reference, None)
        body["objectStorageEncryptionEnabled"] = False
        body["proxyPoolId" if kind == "pool" else "proxyId"] = self.ids[kind, owner_name]
        drawn = body.pop("objectStorage", None)
        body |= self._storage(name, drawn) if storage else {}
        if not storage:
            body.pop("objectStorageCachePath", None)
        return body

    def _storage(self, name: str, drawn: Body | None) -> Body:
        if drawn is None:
            return {
                "objectStorageId": self.ids["object_storage", f"bucket-{name[-1]}"],
                "objectStorageCachePath": "C:\\c",
            }
        if drawn["type"] in _NOT_WRITTEN:
            drawn["type"] = "AmazonS3Compatible"
        place = _PLACES.get(drawn["type"], "amazonBucketS3Compatible")
        account = {"azureContainer": "azure", "amazonBucketS3Aws": "aws"}.get(place, "minio")
        folder = "azureFolder" if place == "azureContainer" else "s3Folder"
        kept = {part: value for part, value in drawn.items() if part not in (*_BUCKETS, "azureFolder", "s3Folder")}
        kept |= {"accountId": self.ids["accounts", account], place: drawn[place], folder: name}
        own = ("amazonArchiverAppliance", "useArchiverAppliance") if place == "amazonBucketS3Aws" else ()
        kept = {part: value for part, value in kept.items() if part not in _APPLIANCES or part in own}
        kept["enableImmutabilityGovernanceMode"] &= kept["enableImmutability"]
        return {"objectStorage": kept, "path": ""}

    def job(self, name: str, organization: str, *, whole: bool) -> Body:
        path = "Jobs" if self.rest >= 8 else "Organizations/{organizationId}/Jobs"
        body: Body = self.draw(bodies(self.table, "POST", path))
        repositories = sorted(ident for (kind, _), ident in self.ids.items() if kind == "repository")
        body |= {"name": name, "repositoryId": self.draw(st.sampled_from(repositories)), "runNow": False}
        if self.rest >= 8:
            body["organizationId"] = self.ids["organizations", organization]
        if not whole:
            body["backupType"] = "SelectedItems"
        selected = {key_of(item) for item in body["selectedItems"]}
        body["excludedItems"] = [item for item in body["excludedItems"] if key_of(item) not in selected]
        return body

    def copy_job(self, name: str, target: str) -> Body:
        job = name.removesuffix(" (copy)")
        body: Body = self.draw(bodies(self.table, "POST", "CopyJobs"))
        body |= {"backupJobId": self.ids["job", job], "repositoryId": target}
        if self.rest >= 8:
            return body | {"organizationId": self.ids["organizations", f"{job.partition('-')[0]}.example.com"]}
        return body | {"name": name}

    def mail(self) -> Body:
        body: Body = self.draw(bodies(self.table, "PUT", "VboEmailSettings"))
        to = self.draw(
            st.lists(st.sampled_from(["a@example.com", "b@example.com", "c@example.com"]), min_size=1, unique=True)
        )
        body |= {"to": ";".join(to), "from": "vbo@example.com"}
        if self.rest >= 7:
            body["authenticationType"] = self.server.state["email"]["authenticationType"]
        return body


VERSIONS: Final = (6, 7, 8)
SEMANTICS: Final = ("put_proxies", "put_repositories", "put_jobs", "put_copy_jobs", "put_email")


def servers(rest: int, draw: Draw) -> World:
    """A server of a REST version, whose PUTs merge or replace."""
    options = {name: draw(st.sampled_from(["merge", "replace"])) for name in SEMANTICS}
    server = LabServer(rest, options)
    with server.session() as session:
        world = World(draw, server, Writer(session))
        world.build()
    return world
