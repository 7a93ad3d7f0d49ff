"""A server with its hosts, and a client for each REST version."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from reconciler.lab.server import LabServer, Seed
from reconciler.lab.state import Document
from tests.lab.server.hosts import Hosts

HOST = "vbo01.example.com"
BUILD = "8.1.0.305"
ADMIN, PASSWORD = "LAB\\admin", "s3cret-of-admin"
NAMES = {
    "win-1": "windows",
    "win-2": "windows",
    "dom-1": "windows",
    "lnx-1": "linux",
    "lnx-2": "linux",
    "lnx-3": "linux",
}
SEED = Seed(
    host=HOST,
    build=BUILD,
    served=(5, 6, 7, 8),
    administrators={ADMIN: PASSWORD},
    organizations={
        "contoso.onmicrosoft.com": {"objects": 12},
        "fabrikam.onmicrosoft.com": {"objects": 3},
        "onprem.example.com": {"objects": 5, "type": "OnPremises"},
    },
    accounts={"s3-backup": {"type": "s3-compatible"}},
    object_storage={"cloud-bucket": {"type": "s3-compatible", "account": "s3-backup"}, "other-bucket": {}},
    directory={
        "contoso.onmicrosoft.com": {
            "Users": ["ann@contoso.onmicrosoft.com"],
            "Groups": ["Staff"],
            "Sites": ["https://contoso.example/sites/a"],
            "Teams": ["backup@contoso.onmicrosoft.com"],
        }
    },
)
FAST = {
    "maintenance_seconds": 0.01,
    "owner_change_seconds": 0.01,
    "minute": 0.01,
    "presence_seconds": 0.0,
}


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Numbers:
    """UUIDs that count."""

    def __init__(self) -> None:
        self.last = 0

    def __call__(self) -> str:
        self.last += 1
        return str(UUID(int=self.last))


def eventually(check: Callable[[], Any], seconds: float = 10.0) -> Any:
    """What `check` gives as soon as that is true."""
    until = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.005)
    return found


class Client:
    """A logged-in client of one REST version. Paths are below /vN/."""

    def __init__(self, http: httpx.Client, rest: int) -> None:
        self.http = http
        self.rest = rest
        self.token = ""
        self.refresh = ""

    def login(self, **more: str) -> httpx.Response:
        form = {"grant_type": "password", "username": ADMIN, "password": PASSWORD}
        if self.rest >= 7:
            form["disable_antiforgery_token"] = "true"
        answer = self.http.post(f"/v{self.rest}/token", data=form | more)
        if answer.status_code == 200:
            self.token, self.refresh = answer.json()["access_token"], answer.json()["refresh_token"]
        return answer

    def send(self, method: str, path: str, body: Any = None, **query: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        content = {} if body is None else {"json": body}
        return self.http.request(method, f"/v{self.rest}/{path}", headers=headers, params=query or None, **content)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.send("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def results(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """All items of a collection, page or array."""
        body = self.get(path, **query)
        found: list[dict[str, Any]] = body["results"] if isinstance(body, dict) else body
        return found

    def do(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """A request that must succeed; the JSON of the answer, None for an empty one."""
        answer = self.send(method, path, body, **query)
        assert answer.status_code in (200, 201, 204), f"{answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


@dataclass
class World:
    """Everything that a test needs. Clients are closed with the world."""

    folder: Path
    server_tls: ssl.SSLContext
    client_tls: ssl.SSLContext
    certificate: str
    clock: Clock = field(default_factory=Clock)
    hosts: Hosts = field(default_factory=lambda: Hosts(NAMES))
    send_test: Callable[[Any], None] | None = None
    clients: list[httpx.Client] = field(default_factory=list)
    admins: dict[tuple[int, datetime], Client] = field(default_factory=dict)
    new_id: Numbers = field(default_factory=Numbers)

    def start(self, seed: Seed = SEED) -> None:
        self.document = Document(self.folder / "state" / "server.json", dict)
        self.document.data.setdefault("options", dict(FAST))
        self.server = LabServer(
            self.document,
            self.hosts,
            ssl_context=self.server_tls,
            certificate=lambda: self.certificate,
            clock=self.clock,
            new_id=self.new_id,
            send_test=self.send_test,
        )
        self.server.seed(seed)
        host, port = self.server.start()
        self.url = f"https://{host}:{port}"

    def stop(self) -> None:
        for client in self.clients:
            client.close()
        self.clients.clear()
        self.admins.clear()
        self.server.stop()

    def client(self, rest: int = 8, *, login: bool = True) -> Client:
        http = httpx.Client(base_url=self.url, verify=self.client_tls, timeout=20)
        self.clients.append(http)
        client = Client(http, rest)
        if login:
            assert client.login().status_code == 200
        return client

    def admin(self, rest: int = 8) -> Client:
        """A client whose login is still valid: the same one, as long as the clock stands still."""
        key = rest, self.clock.now
        if key not in self.admins:
            self.admins[key] = self.client(rest)
        return self.admins[key]

    def option(self, **values: Any) -> None:
        with self.document.lock:
            self.document.data["options"].update(values)

    def fault(self, **fault: Any) -> None:
        with self.document.lock:
            self.document.data["faults"].append(fault)

    def find(self, collection: str, name: str) -> str:
        """The id of what has this name (or host name) in the state."""
        with self.document.lock:
            for ident, item in self.document.data[collection].items():
                if name in (item.get("name"), item.get("hostName")):
                    return str(ident)
        raise KeyError(name)

    # Shorthands for what most tests need first

    def add_proxy(self, host: str, rest: int = 8, **more: Any) -> str:
        system = NAMES[host].capitalize()
        body: dict[str, Any] = {"hostName": host, "useDomainNetwork": host.startswith("dom")}
        if rest >= 8:
            body["operatingSystem"] = system
        if system == "Linux":
            body["sshSettings"] = linux_account()
        else:
            body |= windows_account()
        return str(self.admin(rest).do("POST", "Proxies", body | more)["id"])

    def add_pool(self, *hosts: str, name: str = "cloud") -> str:
        members = [{"proxyId": self.add_proxy(host)} for host in hosts]
        return str(self.admin().do("POST", "ProxyPools", {"name": name, "description": "", "proxyIds": members})["id"])

    def add_disk(self, proxy: str, name: str = "disk") -> str:
        return str(self.admin().do("POST", "BackupRepositories", disk(name) | {"proxyId": proxy})["id"])

    def add_bucket(self, name: str = "bucket", **owner: str) -> str:
        account = next(iter(self.document.data["accounts"]))
        return str(self.admin().do("POST", "BackupRepositories", bucket(name, account) | owner)["id"])

    def add_job(self, repository: str, organization: str = "contoso.onmicrosoft.com", **more: Any) -> str:
        body = {
            "name": "daily",
            "backupType": "EntireOrganization",
            "organizationId": self.find("organizations", organization),
            "repositoryId": repository,
        }
        return str(self.admin().do("POST", "Jobs", body | more)["id"])


def windows_account(password: str = "right") -> dict[str, str]:
    return {"username": "Administrator", "password": password}


def linux_account(password: str = "right") -> dict[str, Any]:
    return {"account": "backup", "accountPassword": password, "ignoreFingerprintCheck": True}


def disk(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": "",
        "path": f"D:\\{name}",
        "retentionType": "ItemLevel",
        "retentionPeriodType": "Yearly",
        "yearlyRetentionPeriod": "Years3",
        "retentionFrequencyType": "Daily",
    }


def bucket(name: str, account: str) -> dict[str, Any]:
    place = {"name": "backups", "servicePoint": "https://s3.example.net", "customRegionId": ""}
    return disk(name) | {
        "path": "",
        "objectStorage": {
            "type": "AmazonS3Compatible",
            "accountId": account,
            "amazonBucketS3Compatible": place,
            "s3Folder": name,
        },
    }
