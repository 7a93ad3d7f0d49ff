"""What every step of the REST API sends, reports and returns, in each version, as text that reviewers read.

After a change that is meant: python -m tests.apply.requests
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.apply import ApplyContext
from reconciler.apply.steps import RUN
from reconciler.model.connection import Access, Connection, ConnectionContext, Credential, Server, Transport, Trust
from reconciler.model.errors import ConnectionLost, ReconcileError, UnknownName
from reconciler.model.live import Live, LiveResource, ServerInfo
from reconciler.model.secret import SecretRef
from reconciler.model.steps import step_from_json
from tests.apply.fakes import HOST, Clock
from tests.worlds.server import HOST_KEY, MemoryServer
from tests.worlds.world import Secrets

FILE = Path(__file__).parent / "requests.txt"
_WINDOWS = Credential("windows", "CORP\\svc", SecretRef("env", "WINDOWS"))
_LINUX = Credential("linux", "backup", SecretRef("env", "LINUX"), sudo=True)
_MARK = "[vbo-reconcile:corp]"
_TRUST = Trust(host_keys=(f"ssh-ed25519 {HOST_KEY}",))
_CONNECTIONS = {
    name: Connection(name, name, Transport.SSH, _LINUX, port=2222, trust=_TRUST) for name in ("new", "px-3")
}

Params = dict[str, Any]


class RecordingServer(MemoryServer):
    """`lines` has the requests that write. With `loses` the answer to each is lost, after the work is done."""

    lines: list[str]
    loses = False

    def create(self, path: str, body: Any, *, query: Any = None, long: bool = False) -> dict[str, Any]:
        made = super().create(path, body, query=query, long=long)
        self._record("POST", path, body, query, long=long)
        return made

    def replace(self, path: str, body: Any, *, query: Any = None, long: bool = False) -> None:
        super().replace(path, body, query=query, long=long)
        self._record("PUT", path, body, query, long=long)

    def delete(self, path: str, body: Any = None, *, query: Any = None) -> None:
        super().delete(path, body, query=query)
        self._record("DELETE", path, body, query, long=False)

    def act(self, path: str, action: str, body: Any = None, *, query: Any = None, long: bool = False) -> dict[str, Any]:
        found = super().act(path, action, body, query=query, long=long)
        self._record("POST", f"{path}/{action}", body, query, long=long)
        return found

    def check(self, path: str, action: str, body: Any = None, *, query: Any = None) -> dict[str, Any]:
        self._record("CHECK", f"{path}/{action}", body, query, long=False)
        return super().check(path, action, body, query=query)

    def _record(self, verb: str, path: str, body: Any, query: Any, *, long: bool) -> None:
        shown = body is not None and not self.loses  # it is the same
        parts = [verb, path, json.dumps(body, sort_keys=True, default=str) if shown else ""]
        parts += [f"? {json.dumps(query, sort_keys=True)}" if query else "", "(long)" if long else ""]
        self.lines.append(" ".join(filter(None, parts)))
        if self.loses and verb != "CHECK":
            raise ConnectionLost(HOST, verb, "reset")


@dataclass(frozen=True, slots=True)
class Case:
    """A step, and how the world differs in which it runs: properties of objects by path."""

    title: str
    verb: str
    params: Params
    since: int = 6
    until: int = 8
    world: Mapping[str, Params] | None = None


def server_of(rest: int) -> RecordingServer:
    server = RecordingServer(rest=rest)
    server.lines = []
    shown = {"status": "Online", "port": 9193, "version": server.build, "description": f"one {_MARK}"}
    shown |= {"enableNetworkThrottling": False, "useInternetProxy": False}
    of_v8 = {"maintenanceModeState": "Disabled", "operatingSystem": "Windows", "proxyPoolId": None}
    server.add("Organizations", name="contoso")
    for name in ("px-1", "px-2"):
        server.add(
            "Proxies", hostName=name, type="Workgroup", **shown, **(of_v8 if rest >= 8 else {"threadsNumber": 64})
        )
    if rest >= 8:
        linux = {**shown, **of_v8, "operatingSystem": "Linux", "proxyPoolId": "proxypools-5"}
        server.add("Proxies", hostName="px-3", type="Workgroup", **linux)
        server.add("ProxyPools", name="cloud", description=f"pool {_MARK}")
    retention = {"retentionType": "ItemLevel", "retentionPeriodType": "Yearly", "yearlyRetentionPeriod": "Years3"}
    retention |= {"retentionFrequencyType": "Daily", "dailyTime": "02:00:00", "dailyType": "Everyday"}
    for name in ("disk", "spare"):
        text = f"disk {_MARK}"
        server.add("BackupRepositories", name=name, proxyId="proxies-2", path="D:\\disk", description=text, **retention)
    job = {"organizationId": "organizations-1", "backupType": "SelectedItems", "isEnabled": True}
    job |= {"lastStatus": "Success", "lastRun": "2026-01-01T00:00:00Z", "description": f"job {_MARK}"}
    item = {"type": "User", "user": {"id": "u1", "name": "ann@contoso", "displayName": "Ann"}, "mailbox": True}
    policy = {"scheduleEnabled": True, "type": "Daily", "dailyTime": "22:00:00", "dailyType": "Everyday"}
    repository = next(iter(server.data["BackupRepositories"]))
    both = {
        "selectedItems": [item, {**item, "user": {"id": "u2", "name": "bob@contoso"}}],
        "excludedItems": [dict(item)],
    }
    server.add("Jobs", name="daily", repositoryId=repository, schedulePolicy=policy, **job, **both)
    server.email = {"smtpServer": "old", "port": 587, "from": "old@b.example", "to": "old@d.example", "subject": "old"}
    server.email |= {"enableNotification": True, "useSSL": True, "useAuthentication": False, "notifyOnSuccess": True}
    server.email |= {"notifyOnFailure": False, "notifyOnWarning": False}
    server.email |= {"authenticationType": "CustomSmtp"} if rest >= 7 else {}
    return server


def context_of(server: RecordingServer) -> ApplyContext:
    credentials = {"windows": _WINDOWS, "linux": _LINUX}
    access = Access(Server(HOST, _WINDOWS), _CONNECTIONS, credentials, {}, "/nowhere")
    kinds = {"Organizations": "organization", "Proxies": "proxy", "ProxyPools": "pool", "Jobs": "job"}
    kinds |= {"BackupRepositories": "repository"}
    live: dict[Any, LiveResource] = {}
    for collection, kind in kinds.items():
        for ident, raw in server.data[collection].items():
            name = str(raw.get("name", raw.get("hostName")))
            live[f"{kind}.{name}"] = LiveResource(kind, name, ident, {}, owner="corp")
    clock = Clock()
    shown = Live(ServerInfo(HOST, server.rest, server.build), live, {}, {})
    context: Any = ConnectionContext(Secrets(), "/nowhere")
    memory: Any = server
    return ApplyContext("corp", shown, access, context, memory, memory, sleep=clock.sleep, clock=clock)


_PROXY: Params = {"host": "new", "description": "new one", "port": 9194, "throttle": "100 Mbps", "os": "windows"}
_REPOSITORY: Params = {"name": "new", "owner": "proxy.px-1", "path": "E:\\new", "description": "new one"}
_REPOSITORY |= {"retention.type": "snapshot", "retention.keep": "30 days", "retention.clean": "daily"}
_JOB: Params = {"name": "new", "organization": "contoso", "repository": "disk", "description": "new one"}
_JOB |= {"items": "all", "enabled": False, "schedule": {"daily": "23:00", "days": "workdays"}}
_LOGIN: Params = {"host": "px-1", "os": "windows", "credentials": "windows"}
_ANN: Params = {"name": "daily", "title": "user ann", "item": [{"user": "ann@contoso", "services": ["mailbox"]}]}
_CAT: Params = {
    **_ANN,
    "item": [{"user": "cat@contoso", "services": ["archive"], "object": {"id": "u3", "name": "cat@contoso"}}],
}


def _cases() -> Iterator[Case]:
    yield from _creations()
    yield from _updates()
    yield from _deletions()
    yield from _of_proxies()
    yield from _of_sessions()
    yield from _of_jobs()


def _creations() -> Iterator[Case]:
    proxy = {**_PROXY, "type": "workgroup", "credentials": "windows"}
    for attach in (False, True):
        for kind in ("domain", "workgroup"):
            params = {"kind": "proxy", "name": "new", "fields": {**proxy, "type": kind}, "attach": attach}
            yield Case(f"{kind}, attach {attach}", "create", params)
    yield Case("takeover", "takeover", {"kind": "proxy", "name": "new", "fields": proxy, "attach": True})
    linux = {**_PROXY, "type": "workgroup", "os": "linux", "credentials": "linux"}
    yield Case("linux", "create", {"kind": "proxy", "name": "new", "fields": linux}, since=8)
    yield Case("", "create", {"kind": "repository", "name": "new", "fields": _REPOSITORY})
    yield Case(
        "on a pool",
        "create",
        {"kind": "repository", "name": "new", "fields": {**_REPOSITORY, "owner": "pool.cloud"}},
        since=8,
    )
    yield Case("", "create", {"kind": "job", "name": "new", "fields": _JOB})
    pool = {"name": "new", "description": "new one", "members": ["px-1", "px-2"]}
    yield Case("", "create", {"kind": "pool", "name": "new", "fields": pool}, since=8)


def _updates() -> Iterator[Case]:
    """Every field of an object alone, and of a proxy with its login."""
    proxy = {"description": "other", "port": 9999, "throttle": "5 MB/s", "credentials": "windows"}
    repository = {"name": "other", "description": "other", "retention.keep": "5 years", "retention.clean": "monthly"}
    job = {
        "name": "other",
        "description": "other",
        "schedule": {"every": "4 hours"},
        "repository": "spare",
        "enabled": False,
    }
    pool = {"name": "other", "description": "other"}
    smtp = {"server": "mail", "port": 25, "from": "a@b.example", "to": ["c@d.example"], "notify": ["failure"]}
    tables: tuple[tuple[str, str, Params], ...] = (
        ("proxy", "px-1", proxy),
        ("proxy", "px-3", {"description": "other", "credentials": "linux"}),
        ("pool", "cloud", pool),
        ("repository", "disk", repository),
        ("job", "daily", job),
        ("smtp", "", smtp),
    )
    for kind, name, fields in tables:
        since = 8 if name in ("px-3", "cloud") else 6
        for changed in fields:
            params = {"kind": kind, "name": name, "fields": fields, "changed": [changed]}
            yield Case(f"{changed} of {kind} {name}", "update", params, since)
    for kind, name, ident in (("proxy", "px-1", "proxies-2"), ("repository", "disk", ""), ("job", "daily", "")):
        for owner in ("", "corp", "other"):
            params = {"kind": kind, "name": name, "id": ident, "owner": owner}
            text = {"description": f"text [vbo-reconcile:{owner}]" if owner else "text"}
            yield Case(f"{kind} of {owner or 'no owner'}", "adopt", params, world={f"{kind}.{name}": text})


def _deletions() -> Iterator[Case]:
    for kind, name, since in (
        ("proxy", "px-2", 6),
        ("pool", "cloud", 8),
        ("repository", "spare", 6),
        ("job", "daily", 6),
    ):
        for owner in ("corp", "other"):
            params = {"kind": kind, "name": name, "id": "", "owner": owner}
            yield Case(f"of {owner}", "delete", params, since)
    for force in (False, True):
        for status in ("Online", "Offline"):
            for login in ("", "windows"):
                given: Params = {"kind": "proxy", "name": "px-2", "id": "", "owner": "corp", "force": force}
                given["credentials"] = login
                title = f"force {force}, {status}, login {login or 'of the server'}"
                yield Case(title, "delete", given, world={"proxy.px-2": {"status": status}})
    yield Case(
        "in use", "delete", {"kind": "proxy", "name": "px-1", "id": "", "owner": "corp", "credentials": "windows"}
    )
    linux = {"kind": "proxy", "name": "px-3", "id": "", "owner": "corp", "credentials": "linux"}
    yield Case("linux", "delete", linux, since=8)


def _of_proxies() -> Iterator[Case]:
    yield Case("", "pool.members", {"name": "cloud", "join": ["px-1", "px-3"], "leave": []}, since=8)
    yield Case("", "pool.members", {"name": "cloud", "join": ["px-1", "px-2"], "leave": ["px-3", "px-2"]}, since=8)
    for owner in ("pool.cloud", "proxy.px-2", "proxy.px-1"):
        yield Case(owner, "repository.move", {"name": "disk", "to": owner}, since=8)
    for state in ("Disabled", "Enabled", "Strange"):
        for name, system, login in (
            ("px-1", "windows", "windows"),
            ("px-3", "linux", "linux"),
            ("px-1", "windows", ""),
        ):
            given = {"name": name, "host": name, "os": system, "credentials": login}
            world = {f"proxy.{name}": {"maintenanceModeState": state}}
            for then in ("fail", "continue"):
                params = {**given, "deadline": 5, "then": then}
                yield Case(f"{state}, {system}, then {then}", "maintenance.on", params, 8, world=world)
            yield Case(f"{state}, {system}", "maintenance.off", given, 8, world=world)
    for version in ("", "8.5.0.1014", "8.6.0.1"):
        for status in ("Online", "Offline"):
            for state in ("Disabled", "Enabled"):
                world = {"proxy.px-1": {"status": status, "maintenanceModeState": state}}
                yield Case(
                    f"{version}, {status}, {state}", "proxy.verify", {"name": "px-1", "version": version}, world=world
                )


def _of_sessions() -> Iterator[Case]:
    for then in ("fail", "continue"):
        for count in (0, 1, 2):
            world = {f"session.{number}": {"proxyId": "proxies-2", "status": "Running"} for number in range(count)}
            world |= {"job.daily": {"lastStatus": "Running"}} if count else {}
            for name in ("px-1", "px-2"):
                params = {"name": name, "deadline": 5, "then": then}
                yield Case(f"{count} sessions, then {then}", "sessions.wait", params, world=world)


def _of_jobs() -> Iterator[Case]:
    for enabled in (False, True):
        for was in (False, True):
            yield Case(
                f"was {was}",
                "job.switch",
                {"name": "daily", "enabled": enabled},
                world={"job.daily": {"isEnabled": was}},
            )
    for verb in ("job.item.add", "job.item.change", "job.item.remove"):
        for exclude in (False, True):
            for who, params in (("ann", _ANN), ("cat", _CAT)):
                yield Case(f"{who}, exclude {exclude}", verb, {**params, "exclude": exclude})
    more = {**_ANN, "item": [{"user": "ann@contoso", "services": ["mailbox", "onedrive"]}]}
    for exclude in (False, True):
        yield Case(f"other services, exclude {exclude}", "job.item.change", {**more, "exclude": exclude})
        yield Case(f"other services, exclude {exclude}", "job.item.add", {**more, "exclude": exclude})
    yield Case("of all", "job.item.add", _CAT, world={"job.daily": {"backupType": "EntireOrganization"}})
    for follow in (False, True):
        yield Case(f"follow {follow}", "job.run", {"name": "daily", "follow": follow})


def lines() -> Iterator[str]:
    for rest in (6, 7, 8):
        for case in _cases():
            if case.since <= rest <= case.until:
                for loses in (False, True):
                    yield from _of(case, rest, loses=loses)


def _of(case: Case, rest: int, *, loses: bool) -> Iterator[str]:
    server = server_of(rest)
    server.loses = loses
    context = context_of(server)
    ids = {str(where): found.id for where, found in context.live.resources.items()}
    for where, raw in (case.world or {}).items():
        if where.startswith("session."):
            server.add("JobSessions", **raw)
        elif where in ids:
            _find(server, ids[where]).update(raw)
    params = dict(case.params)
    if params.get("id") == "":
        params["id"] = ids[f"{params['kind']}.{params['name']}"]
    step = step_from_json(case.verb, params)
    said: list[str] = []
    try:
        result = f"-> {RUN[case.verb](context, step, said.append)}"
    except (ReconcileError, UnknownName) as error:
        result = f"-> {type(error).__name__}: {error}"
    name = " ".join(filter(None, (str(params.get("kind", "")), str(params.get("name", "")))))
    yield f"v{rest} {case.verb} {name}{': ' if case.title else ''}{case.title}{', answers lost' if loses else ''}"
    yield from (f"  {line}" for line in server.lines)
    yield from (f"  reports {line}" for line in dict.fromkeys(said))
    yield f"  {result}"


def _find(server: RecordingServer, ident: str) -> Params:
    return next(found[ident] for found in server.data.values() if ident in found)


if __name__ == "__main__":
    FILE.write_text("".join(f"{line}\n" for line in lines()), encoding="utf-8")
