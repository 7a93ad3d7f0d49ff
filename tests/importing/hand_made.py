"""A server as people make one over the years: 40 proxies, 60 repositories, 80 jobs of six tenants. REST v8."""

from __future__ import annotations

from typing import Any, Final

from reconciler.clients.vbo import Reader, Session, Writer
from reconciler.lab.server.seed import Seed
from tests.promises.server import ADMIN, BUILD, HOST, LabServer
from tests.promises.values import PASSWORD

Body = dict[str, Any]

TENANTS: Final = ("contoso", "fabrikam", "northwind", "adatum", "tailspin", "wingtip")
SITES: Final = ("lon", "ams", "fra")
_FLAGS: Final = ("mailbox", "archiveMailbox", "oneDrive", "sites", "teams", "teamsChats")
_NIGHTS: Final = [hour % 24 < 6 or hour % 24 >= 20 for hour in range(168)]


def domain(tenant: str) -> str:
    return f"{tenant}.onmicrosoft.com"


def hosts() -> dict[str, str]:
    """Windows members of the domain at three sites, one in the perimeter by its address, and Linux proxies."""
    members = [f"px-{site}-{number:02}.corp.example.com" for site in SITES for number in range(1, 9)]
    perimeter = ["192.0.2.17", *(f"DMZ-PX{number}.example.net" for number in range(1, 7))]
    linux = [f"lnx-{number}.example.net" for number in range(1, 10)]
    return {**dict.fromkeys((*members, *perimeter), "windows"), **dict.fromkeys(linux, "linux")}


def build() -> LabServer:
    directory = {
        domain(tenant): {
            "Users": [f"user{number}@{domain(tenant)}" for number in range(6)],
            "Groups": [f"Leaders of {tenant}", f"Leavers of {tenant}"],
        }
        for tenant in TENANTS
    }
    seed = Seed(
        host=HOST,
        build=BUILD,
        administrators={ADMIN: PASSWORD},
        organizations={domain(tenant): {} for tenant in TENANTS},
        accounts={"minio": {"type": "s3-compatible"}},
        directory=directory,
    )
    server = LabServer(8, seed=seed, machines=hosts())
    with server.session() as session:
        _Fill(session, server).all()
    return server


class _Fill:
    def __init__(self, session: Session, server: LabServer) -> None:
        self._writer, self._reader, self._state = Writer(session), Reader(session), server.state
        self._organizations = {item["name"]: ident for ident, item in server.state["organizations"].items()}
        self._account = next(iter(server.state["accounts"]))
        self._proxies: dict[str, str] = {}
        self._stores: list[tuple[str, str]] = []

    def all(self) -> None:
        for at, (host, system) in enumerate(hosts().items()):
            self._proxies[host] = self._proxy(at, host, system)
        self._pool()
        self._repositories()
        for at, tenant in enumerate(TENANTS):
            self._jobs(at, tenant)
        mail = {
            "enableNotification": True,
            "authenticationType": "CustomSmtp",
            "smtpServer": "smtp.corp.example.com",
            "port": 25,
            "useSSL": False,
            "useAuthentication": False,
            "from": "vbo@corp.example.com",
            "to": "backup@corp.example.com; noc@corp.example.com",
            "subject": "[%JobResult%] %JobName%",
            "notifyOnSuccess": False,
            "notifyOnWarning": True,
            "notifyOnFailure": True,
            "supressUntilLastRetry": True,
            "attachDetailedReport": False,
        }
        self._writer.replace("VboEmailSettings", mail)
        self._state["email"] |= {"authenticationType": "Microsoft365", "isAuthenticated": True}

    def _proxy(self, at: int, host: str, system: str) -> str:
        body: Body = {"hostName": host, "operatingSystem": system.capitalize(), "port": 9193, "description": ""}
        if system == "linux":
            body["sshSettings"] = {"account": "backup", "accountPassword": PASSWORD, "elevateAccountToRoot": True}
        else:
            body |= {"username": "Administrator", "password": PASSWORD, "useDomainNetwork": host.startswith("px-")}
        found = self._writer.create("Proxies", body)
        if at % 13 == 5:
            limit = {"enableNetworkThrottling": True, "throttlingValue": 200, "throttlingUnit": "Mbps"}
            self._writer.replace(f"Proxies/{found['id']}", {**body, **limit, "description": "behind the old firewall"})
        return str(found["id"])

    def _pool(self) -> None:
        members = [{"proxyId": ident} for host, ident in self._proxies.items() if host.startswith("lnx-")][:6]
        pool = {"name": "Object storage", "description": "Linux proxies", "proxyIds": members}
        self._pool_id = self._writer.create("ProxyPools", pool)["id"]

    def _repositories(self) -> None:
        windows = [ident for host, ident in self._proxies.items() if not host.startswith("lnx-")]
        local = next(ident for ident, item in self._state["proxies"].items() if item["type"] == "Local")
        for at in range(60):
            tenant = TENANTS[at % 6]
            body: Body = {
                "name": f"{tenant}-{at // 6 + 1:02}",
                "description": "archive for the auditors" if at == 17 else "",
                "retentionType": "SnapshotBased" if at % 20 == 7 else "ItemLevel",
                "retentionPeriodType": "Yearly",
                "yearlyRetentionPeriod": "Years7" if at % 9 == 4 else "Years3",
                "retentionFrequencyType": "Daily",
                "dailyTime": "03:00:00",
                "dailyType": "Everyday",
            }
            if at % 10 == 9:
                place = {"name": "vbo", "servicePoint": "https://s3.example.net"}
                storage = {"type": "AmazonS3Compatible", "accountId": self._account, "amazonBucketS3Compatible": place}
                storage |= {"s3Folder": body["name"]}
                body |= {"proxyPoolId": self._pool_id, "objectStorage": storage, "path": ""}
            else:
                owner = local if at == 0 else windows[at % len(windows)]
                body |= {"proxyId": owner, "path": f"D:\\VBO\\{body['name']}"}
            self._stores.append((tenant, str(self._writer.create("BackupRepositories", body)["id"])))

    def _jobs(self, at: int, tenant: str) -> None:
        stores = [ident for name, ident in self._stores if name == tenant]
        names = ["Mail", "OneDrive", "SharePoint", "Teams", "Leaders", "Users", "Archive mailboxes"]
        names += [f"Project {number}" for number in range(1, 7 + (at < 2))]
        for number, name in enumerate(names):
            self._job(at, tenant, name, number, stores[number % len(stores)])

    def _job(self, at: int, tenant: str, name: str, number: int, store: str) -> None:
        schedule: Body = {"scheduleEnabled": True, "type": "Daily", "dailyType": "Everyday", "dailyTime": "22:00:00"}
        if number % 6 == 3:
            schedule = {"scheduleEnabled": True, "type": "Periodically", "periodicallyEvery": "Hours4"}
        schedule |= {"retryEnabled": True, "retryNumber": 3, "retryWaitInterval": 10, "backupWindowEnabled": False}
        if number == 5:
            hours = {"backupWindow": _NIGHTS, "minuteOffset": 60}
            schedule |= {"backupWindowEnabled": True, "backupWindowSettings": hours}
        body: Body = {
            "name": name,
            "organizationId": self._organizations[domain(tenant)],
            "repositoryId": store,
            "description": "",
            "backupType": "SelectedItems",
            "runNow": False,
            "schedulePolicy": schedule,
            "selectedItems": [self._services(number)],
            "excludedItems": [],
        }
        if name == "Leaders":
            body["selectedItems"] = [self._group(tenant, f"Leaders of {tenant}")]
            body["excludedItems"] = [self._group(tenant, f"Leavers of {tenant}"), self._user(tenant, 5)]
        elif name == "Users":
            body["selectedItems"] = [self._user(tenant, one) for one in range(4)]
        made = self._writer.create("Jobs", body)
        if (at, number) == (3, 2):
            self._state["jobs"][made["id"]]["isEnabled"] = False

    def _services(self, number: int) -> Body:
        chosen = {0: ("mailbox",), 1: ("oneDrive",), 2: ("sites",), 3: ("teams",), 6: ("archiveMailbox",)}
        return {"type": "PartialOrganization", **{flag: flag in chosen.get(number, ("sites",)) for flag in _FLAGS}}

    def _user(self, tenant: str, number: int) -> Body:
        user = self._object(tenant, "Users", f"user{number}@{domain(tenant)}")
        flags = dict.fromkeys(("mailbox", "archiveMailbox", "oneDrive", "personalSite"), True)
        return {"type": "User", "user": user, **flags}

    def _group(self, tenant: str, name: str) -> Body:
        flags = ("mailbox", "groupSite", "members", "memberMailbox", "memberOnedrive", "memberSite")
        every = dict.fromkeys((*flags, "memberArchiveMailbox"), True)
        return {"type": "Group", "group": self._object(tenant, "Groups", name), **every}

    def _object(self, tenant: str, collection: str, name: str) -> Body:
        organization = self._organizations[domain(tenant)]
        found = self._reader.list(f"Organizations/{organization}/{collection}")
        return next(item for item in found if name in item.values())
