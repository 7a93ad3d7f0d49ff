"""A management server in memory: what a Reader shows of it and what a Writer does to it, without a network.

Written from the product's OpenAPI documents and not from `kinds/`, so that a wrong body does not read back right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from reconciler.model.errors import Missing, Refused
from tests.copying import copied

BUILD = "8.5.0.1014"
HOST_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIKURRtOAd/+ZLrqEzx1emySQc1A+t0hoaZAWFTsDGjj3"
_SECRETS = ("password", "userPassword", "sshSettings", "username", "attachUsedProxy", "useDomainNetwork")
_COLLECTIONS = ("Proxies", "ProxyPools", "BackupRepositories", "Jobs", "Organizations", "Accounts")
_REPLACED = {
    "Proxies": (
        *("description", "port", "threadsNumber", "enableNetworkThrottling", "throttlingValue", "throttlingUnit"),
        *("useInternetProxy", "internetProxyType", "internetProxySettings"),
    ),
    "ProxyPools": ("name", "description"),
    "BackupRepositories": (
        *(
            "name",
            "description",
            "retentionType",
            "retentionPeriodType",
            "dailyRetentionPeriod",
            "dailyTime",
            "dailyType",
        ),
        *("monthlyRetentionPeriod", "yearlyRetentionPeriod", "retentionFrequencyType", "monthlyTime"),
        *("monthlyDaynumber", "monthlyDayofweek"),
    ),
    "Jobs": (
        "name",
        "description",
        "backupType",
        "repositoryId",
        "isEnabled",
        "schedulePolicy",
        "selectedItems",
        "excludedItems",
    ),
}
"""What a PUT replaces: a property that it leaves out is gone, since it is not documented whether the product merges."""

_ITEM_LISTS = ("SelectedItems", "ExcludedItems")

Items = list[dict[str, Any]]


@dataclass
class MemoryServer:
    """`data` holds collections of objects by id. `logins` are the secrets that each proxy was given last, `log` is what
    was written and `asked` what was read, in order; `long` what may take long."""

    rest: int = 8
    build: str = BUILD
    installation: str = "installation"
    clock_ahead: timedelta = timedelta(0)
    outages: int = 0
    data: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {name: {} for name in _COLLECTIONS})
    email: dict[str, Any] = field(default_factory=dict)
    logins: dict[str, Any] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    long: list[str] = field(default_factory=list)
    count: int = 0
    numbered: int = 0

    @property
    def requests(self) -> dict[str, int]:
        return {"GET": 1}

    def add(self, collection: str, **raw: Any) -> str:
        self.count += 1
        ident = f"{collection.lower()}-{self.count}"
        self.data.setdefault(collection, {})[ident] = {"id": ident, **raw}
        return ident

    # Reading

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        self.asked.append(path)
        if path == "VboEmailSettings":
            return copied(self.email)
        collection, _, ident = path.partition("/")
        found = self.data.get(collection, {}).get(ident)
        if found is None:
            raise Missing("server", f"GET {path}", "not found")
        return self._shown(collection, found)

    def list(self, path: str, **query: Any) -> Items:
        self.asked.append(path)
        parts = path.split("/")
        if len(parts) == 3:
            return self._part(*parts)
        known = {"status": query.get("status"), "jobId": query.get("jobId")}
        items = self.data.get(path, {}).values()
        fits = [item for item in items if all(value in (None, item.get(key)) for key, value in known.items())]
        return [self._shown(path, item) for item in fits]

    def _part(self, collection: str, ident: str, part: str) -> Items:
        if part == "proxies":
            return [dict(item) for item in self.data["Proxies"].values() if item.get("proxyPoolId") == ident]
        if part in _ITEM_LISTS:
            return copied(self._items(f"{collection}/{ident}/{part}"))
        if part == "JobSessions":
            return self.list("JobSessions", jobId=ident)
        return []

    def _items(self, path: str) -> Items:
        """The items of a job, each with an id."""
        collection, ident, part = path.split("/")
        items: Items = self.data[collection][ident].setdefault(f"{part[0].lower()}{part[1:]}", [])
        return self._with_ids(items)

    def _with_ids(self, items: Items) -> Items:
        for item in items:
            self.numbered += "id" not in item
            item.setdefault("id", f"item-{self.numbered}")
        return items

    def _shown(self, collection: str, item: Mapping[str, Any]) -> dict[str, Any]:
        if collection == "Jobs":
            for part in _ITEM_LISTS:
                self._with_ids(item.get(f"{part[0].lower()}{part[1:]}", []))
        found = copied(dict(item))
        if collection == "Jobs" and self.rest >= 8:
            found.pop("selectedItems", None)
            found.pop("excludedItems", None)
        elif collection == "Jobs":
            link = f"/v{self.rest}/Organizations/{found.pop('organizationId')}"
            found["_links"] = {"organization": {"href": link}}
        return found

    # Writing

    def create(self, path: str, body: Any, *, query: Any = None, long: bool = False) -> dict[str, Any]:
        self.log.append(f"POST {path}")
        self.long += [f"POST {path}"] if long else []
        parts = path.split("/")
        if len(parts) == 3 and parts[2] == "proxies":
            for item in body:
                self.data["Proxies"][item["proxyId"]]["proxyPoolId"] = parts[1]
            return {}
        body = copied(body)
        if len(parts) == 3 and parts[2] in _ITEM_LISTS:
            self._items(path).extend(body)
            return {}
        if len(parts) == 3:
            body["organizationId"] = parts[1]
        made = getattr(self, f"_new_{parts[-1].lower()}")(body)
        return self._shown(parts[-1], made)

    def _new_proxies(self, body: dict[str, Any]) -> dict[str, Any]:
        if any(item["hostName"].lower() == body["hostName"].lower() for item in self.data["Proxies"].values()):
            raise Refused("server", "POST Proxies", "already added")
        kind = "Domain" if body.get("useDomainNetwork") else "Workgroup"
        shown: dict[str, Any] = {"port": 9193, "enableNetworkThrottling": False, "useInternetProxy": False}
        shown |= {"threadsNumber": 64} if self.rest < 8 else {"operatingSystem": "Windows", "proxyPoolId": None}
        shown |= {"maintenanceModeState": "Disabled"} if self.rest >= 8 else {}
        shown |= {key: value for key, value in body.items() if key not in _SECRETS}
        shown |= {"type": kind, "status": "Online", "version": self.build}
        made = self._add("Proxies", shown)
        self.logins[shown["hostName"]] = _login(body)
        return made

    def _new_proxypools(self, body: dict[str, Any]) -> dict[str, Any]:
        members = body.pop("proxyIds")
        made = self._add("ProxyPools", body)
        for item in members:
            self.data["Proxies"][item["proxyId"]]["proxyPoolId"] = made["id"]
        return made

    def _new_backuprepositories(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._add("BackupRepositories", body)

    def _new_jobs(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._add("Jobs", {"isEnabled": True, "lastStatus": "NotConfigured", "lastRun": None, **body})

    def _new_encryptionkeys(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._add("EncryptionKeys", {key: value for key, value in body.items() if key != "password"})

    def _add(self, collection: str, body: dict[str, Any]) -> dict[str, Any]:
        ident = self.add(collection, **body)
        return self.data[collection][ident]

    def replace(self, path: str, body: Any, *, query: Any = None, long: bool = False) -> None:
        self.log.append(f"PUT {path}")
        self.long += [f"PUT {path}"] if long else []
        body = copied(body)
        if path.count("/") == 3:
            items = self._items(path.rpartition("/")[0])
            items[:] = [{**body, "id": item["id"]} if item["id"] == path.rpartition("/")[2] else item for item in items]
            return
        if path == "VboEmailSettings":
            self.logins["smtp"] = body.pop("userPassword", None)
            self.email = body
            return
        collection, _, ident = path.partition("/")
        item = self.data[collection][ident]
        if collection == "ProxyPools":
            assert {member["proxyId"] for member in body.pop("proxyIds")} == {
                proxy["id"] for proxy in self.data["Proxies"].values() if proxy.get("proxyPoolId") == ident
            }
        if collection == "Proxies" and _login(body):
            self.logins[item["hostName"]] = _login(body)
        internet = body.get("internetProxySettings")
        if isinstance(internet, dict):
            self.logins["internet proxy"] = {"userPassword": internet.pop("userPassword", None)}
        for key in _REPLACED.get(collection, ()):
            if self.rest < 8 or key != "threadsNumber":  # v8 has it no more
                item.pop(key, None)
        item.update({key: value for key, value in body.items() if key not in _SECRETS})

    def delete(self, path: str, body: Any = None, *, query: Any = None) -> None:
        self.log.append(f"DELETE {path}")
        if path.count("/") == 2 and path.rpartition("/")[2] in _ITEM_LISTS:
            items = self._items(path)
            items[:] = [item for item in items if item["id"] != query["ids"]]
            return
        collection, _, ident = path.partition("/")
        if ident.endswith("/proxies"):
            for item in body:
                self.data["Proxies"][item["proxyId"]]["proxyPoolId"] = None
            return
        self._refuse_used(collection, ident)
        del self.data[collection][ident]
        for proxy in self.data["Proxies"].values():
            if collection == "ProxyPools" and proxy.get("proxyPoolId") == ident:
                proxy["proxyPoolId"] = None

    def _refuse_used(self, collection: str, ident: str) -> None:
        """What something still works with cannot go."""
        held = {"Proxies": ("BackupRepositories", "proxyId"), "ProxyPools": ("BackupRepositories", "proxyPoolId")}
        users, key = {**held, "BackupRepositories": ("Jobs", "repositoryId")}.get(collection, ("", ""))
        if any(item.get(key) == ident for item in self.data.get(users, {}).values()):
            raise Refused("server", f"DELETE {collection}/{ident}", "in use")

    def check(self, path: str, action: str, body: Any = None, *, query: Any = None) -> dict[str, Any]:
        del path, action, body, query
        return {"fingerprint": "", "publicBase64Key": HOST_KEY}

    def act(self, path: str, action: str, body: Any = None, *, query: Any = None, long: bool = False) -> dict[str, Any]:
        if action == "Rescan":
            return {}
        self.log.append(f"POST {path}/{action}")
        self.long += [f"POST {path}/{action}"] if long else []
        collection, _, ident = path.partition("/")
        if action == "Remove":
            self._refuse_used(collection, ident)
            del self.data[collection][ident]
        elif action.startswith("maintenance/"):
            state = "Enabled" if action.endswith("enable") else "Disabled"
            self.data[collection][ident]["maintenanceModeState"] = state
        elif action == "changeOwner":
            return self._move(ident, query)
        elif action in ("enable", "disable"):
            self.data[collection][ident]["isEnabled"] = action == "enable"
        elif action == "start":
            return self._run(ident)
        return {}

    def _move(self, ident: str, query: Mapping[str, str]) -> dict[str, Any]:
        item = self.data["BackupRepositories"][ident]
        item |= {"proxyId": query.get("proxyId"), "proxyPoolId": query.get("poolId")}
        return self._add("RepositoryOwnerChangeSessions", {"status": "Succeeded", "repositoryIds": [ident]})

    def _run(self, job: str) -> dict[str, Any]:
        item = self.data["Jobs"][job]
        item |= {"lastStatus": "Success", "lastRun": f"run {self.count}"}
        time = f"2026-01-01T00:00:{self.count:06}Z"
        made = self._add("JobSessions", {"jobId": job, "status": "Success", "creationTime": time})
        return made if self.rest >= 8 else {}


def _login(body: Mapping[str, Any]) -> Any:
    return body.get("sshSettings") or [body["username"], body["password"]] if {*body} & {*_SECRETS[:3]} else None
