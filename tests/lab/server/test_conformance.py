"""Every operation of the lab, in every version, against the tables of the product's REST API.

One life of a server is lived through over TLS; each answer and each request body is judged, and in the end every
operation that the lab declares must have been answered with success.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from reconciler.kinds import api
from reconciler.lab.server.routes import Route
from reconciler.lab.server.server import ROUTES
from tests.lab.server.world import ADMIN, PASSWORD, Client, World, disk, eventually, linux_account, windows_account
from tests.openapi.judge import answer_problems, everything, request_problems

# What needs a person with a browser, and is refused.
REFUSED = {"VboEmailSettings/PrepareOAuthSignIn", "VboEmailSettings/CompleteOAuthSignIn"}
KEY = "11111111-1111-1111-1111-111111111111"
MAIL = {
    "enableNotification": True,
    "smtpServer": "smtp.example.net",
    "port": 587,
    "useAuthentication": True,
    "username": "mailer",
    "userPassword": "secret",
    "useSSL": True,
    "from": "vbo@example.net",
    "to": "team@example.net;second@example.net",
    "notifyOnFailure": True,
}
SCHEDULE = {"scheduleEnabled": True, "type": "Daily", "dailyType": "Workdays", "dailyTime": "22:00:00"}
PART = {"type": "PartialOrganization", "mailbox": True, "oneDrive": True}
USER = {"type": "User", "user": {"id": "1", "displayName": "Ann", "name": "ann@contoso.onmicrosoft.com"}}


class Judge:
    """Sends requests by template and keeps what the tables have against them and their answers."""

    def __init__(self, client: Client, rest: int) -> None:
        self.client = client
        self.rest = rest
        self.problems: list[str] = []
        self.passed: set[tuple[str, str]] = set()

    def __call__(self, method: str, template: str, body: Any = None, query: Any = None, **ids: str) -> Any:
        answer = self.client.send(method, template.format(**ids), body, **(query or {}))
        content = answer.json() if answer.content else None
        self.problems += answer_problems(self.rest, method, template, answer.status_code, content)
        self.problems += request_problems(self.rest, method, template, query or {}, body)
        if answer.status_code >= 400 and template not in REFUSED:
            self.problems.append(f"{method} {template}: {answer.status_code} {answer.text}")
        self.passed.add((method, template))
        return content


@pytest.mark.parametrize("rest", api.VERSIONS)
def test_every_operation_answers_as_the_document_says(world: World, rest: int) -> None:
    judge = Judge(world.client(rest), rest)
    world.server._api.send_test = lambda settings: None
    world.document.data["encryption_keys"] = {KEY: {"id": KEY, "description": "cloud", "organizationId": None}}
    small_things(judge)
    proxy = windows_proxy(judge)
    if rest >= 8:
        pool_life(world, judge)
    repository = repositories(world, judge, proxy)
    job = job_life(world, judge, repository)
    copy_life(world, judge, job, proxy)
    organizations(judge, world.find("organizations", "contoso.onmicrosoft.com"))
    judge("GET", "BackupRepositories/{repositoryId}/backedupOrganizations", repositoryId=repository)
    judge("DELETE", "Jobs/{jobId}", jobId=job)
    judge("DELETE", "BackupRepositories/{repositoryId}", repositoryId=repository)
    judge("POST", "Proxies/{proxyId}/Remove", removal(), proxyId=proxy)
    if rest >= 7:
        judge("POST", "token/logout")
    assert judge.problems == []
    assert judge.passed | {("POST", "token")} == declared(rest)


def declared(rest: int) -> set[tuple[str, str]]:
    return {(route.method, route.path) for route in ROUTES if rest in route.status}


def removal() -> dict[str, Any]:
    return {"force": False, "userName": "Administrator", "userPassword": "right"}


def small_things(judge: Judge) -> None:
    judge("GET", "ServiceInstance")
    judge("GET", "InternetProxySettings")
    judge("PUT", "InternetProxySettings", {"useInternetProxy": True, "hostName": "proxy.example.net", "port": 3128})
    judge("GET", "InternetProxySettings")
    judge("GET", "VboEmailSettings")
    judge("PUT", "VboEmailSettings", MAIL)
    judge("GET", "VboEmailSettings")
    judge("GET", "Accounts")
    account = judge("POST", "Accounts", {"accountType": "amazonS3Account", "userName": "key", "password": "secret"})
    judge("GET", "Accounts/{accountId}", accountId=account["id"])
    judge("PUT", "Accounts/{accountId}", {"description": "Contoso"}, accountId=account["id"])
    judge("GET", "EncryptionKeys")
    judge("GET", "EncryptionKeys/{keyId}", keyId=KEY)
    judge("POST", "EncryptionKeys", {"description": "2026", "password": "secret"})
    if judge.rest >= 7:
        judge("POST", "VboEmailSettings/PrepareOAuthSignIn", {"authenticationServiceKind": "Microsoft365"})
        judge("POST", "VboEmailSettings/CompleteOAuthSignIn", {"code": "x", "state": "y"})
        judge("POST", "VboEmailSettings/SendTestEmail" if judge.rest >= 8 else "VboEmailSettings/SendTest")
    else:
        judge("POST", "VboEmailSettings/SendTest")
    if judge.rest >= 8:
        judge("GET", "Health")


def windows_proxy(judge: Judge) -> str:
    body = {"hostName": "win-1", "useDomainNetwork": False, **windows_account()}
    proxy = str(judge("POST", "Proxies", body)["id"])
    extended = None if judge.rest >= 8 else {"extendedView": True}
    judge("GET", "Proxies", query=extended)
    judge("GET", "Proxies/{proxyId}", query=extended, proxyId=proxy)
    custom = {"hostName": "proxy.example.net", "port": 8080, "useAuthentication": True, "username": "u"}
    change = {"enableNetworkThrottling": True, "throttlingValue": 100, "throttlingUnit": "Mbps"}
    change |= {"useInternetProxy": True, "internetProxyType": "Custom"}
    judge("PUT", "Proxies/{proxyId}", change | {"internetProxySettings": custom}, proxyId=proxy)
    judge("GET", "Proxies/{proxyId}", query=extended, proxyId=proxy)
    judge("POST", "Proxies/{proxyId}/Rescan", proxyId=proxy)
    judge("POST", "Proxies/Rescan", {"proxies": [{"id": proxy}]})
    return proxy


def pool_life(world: World, judge: Judge) -> None:
    judge("POST", "Proxies/CheckSshConnectionConfig", linux_account(), {"host": "lnx-1"})
    members = []
    for host in ("lnx-1", "lnx-2", "lnx-3"):
        body = {"hostName": host, "operatingSystem": "Linux", "sshSettings": linux_account()}
        members.append(str(judge("POST", "Proxies", body)["id"]))
    wanted = {"name": "cloud", "description": "members", "proxyIds": [{"proxyId": members[0]}]}
    pool = str(judge("POST", "ProxyPools", wanted)["id"])
    judge("GET", "ProxyPools")
    judge("PUT", "ProxyPools/{poolId}", wanted | {"description": "more"}, poolId=pool)
    judge("GET", "ProxyPools/{poolId}", poolId=pool)
    judge("POST", "ProxyPools/{poolId}/proxies", [{"proxyId": ident} for ident in members[1:]], poolId=pool)
    judge("GET", "ProxyPools/{poolId}/proxies", poolId=pool)
    judge("DELETE", "ProxyPools/{poolId}/proxies", [{"proxyId": members[2]}], poolId=pool)
    account = {"sshSettings": linux_account()}
    judge("POST", "Proxies/{proxyId}/maintenance/enable", account, proxyId=members[1])
    judge("GET", "Proxies")
    eventually(lambda: world.document.data["proxies"][members[1]]["maintenanceModeState"] == "Enabled")
    judge("POST", "Proxies/{proxyId}/maintenance/disable", account, proxyId=members[1])
    owner_change(world, judge, members[2], pool)
    empty = judge("POST", "ProxyPools", {"name": "short", "description": "", "proxyIds": [{"proxyId": members[2]}]})
    judge("DELETE", "ProxyPools/{poolId}", poolId=empty["id"])


def owner_change(world: World, judge: Judge, proxy: str, pool: str) -> None:
    template = "BackupRepositories/{repositoryId}/changeOwner"
    repository = world.add_bucket("moving", proxyId=proxy)
    judge("GET", "BackupRepositories/{repositoryId}", repositoryId=repository)
    first = judge("POST", template, query={"poolId": pool}, repositoryId=repository)["id"]
    eventually(lambda: state(world, first) == "Succeeded")
    world.option(owner_change_seconds=30)
    second = judge("POST", template, query={"proxyId": proxy}, repositoryId=repository)["id"]
    judge("POST", "RepositoryOwnerChangeSessions/{sessionId}/Stop", sessionId=second)
    judge("GET", "RepositoryOwnerChangeSessions")
    for session in (first, second):
        judge("GET", "RepositoryOwnerChangeSessions/{sessionId}", sessionId=session)


def state(world: World, session: str) -> str:
    return str(world.document.data["owner_changes"][session]["status"])


def repositories(world: World, judge: Judge, proxy: str) -> str:
    body = disk("daily") | {"proxyId": proxy}
    repository = str(judge("POST", "BackupRepositories", body)["id"])
    judge("GET", "BackupRepositories", query={"proxyId": proxy})
    judge("GET", "BackupRepositories/{repositoryId}", repositoryId=repository)
    change = {"retentionType": "ItemLevel", "retentionPeriodType": "Daily", "dailyRetentionPeriod": 90}
    judge("PUT", "BackupRepositories/{repositoryId}", change, repositoryId=repository)
    judge("GET", "BackupRepositories/{repositoryId}", repositoryId=repository)
    sync = judge("POST", "BackupRepositories/{repositoryId}/Sync", repositoryId=repository)
    judge("GET", "RepositorySynchronizeSessions")
    judge("GET", "RepositorySynchronizeSessions/{sessionId}", sessionId=sync["id"])
    if judge.rest <= 7:
        judge("GET", "objectstoragerepositories")
        storage = world.find("object_storage", "cloud-bucket")
        shown = judge("GET", "objectstoragerepositories/{repositoryId}", repositoryId=storage)
        kept = {name: value for name, value in shown.items() if name != "_links"}
        limit = {**kept, "sizeLimitEnabled": True, "sizeLimitGB": 512}
        judge("PUT", "objectstoragerepositories/{repositoryId}", limit, repositoryId=storage)
        linked = disk("linked") | {"proxyId": proxy, "objectStorageId": storage, "objectStorageCachePath": "D:\\cache"}
        ident = judge("POST", "BackupRepositories", linked)["id"]
        judge("GET", "BackupRepositories/{repositoryId}", repositoryId=ident)
        judge("DELETE", "BackupRepositories/{repositoryId}", repositoryId=ident)
    return repository


def job_life(world: World, judge: Judge, repository: str) -> str:
    organization = world.find("organizations", "contoso.onmicrosoft.com")
    body = {
        "name": "daily",
        "description": "every night",
        "backupType": "SelectedItems",
        "repositoryId": repository,
        "selectedItems": [PART],
        "schedulePolicy": SCHEDULE,
    }
    if judge.rest >= 8:
        job = judge("POST", "Jobs", body | {"organizationId": organization, "isEnabled": True})
    else:
        job = judge("POST", "Organizations/{organizationId}/Jobs", body, organizationId=organization)
        judge("GET", "Organizations/{organizationId}/Jobs", organizationId=organization)
    ident = str(job["id"])
    judge("GET", "Jobs")
    judge("GET", "Jobs/{jobId}", jobId=ident)
    judge("PUT", "Jobs/{jobId}", {"description": "changed"}, jobId=ident)
    for name in ("SelectedItems", "ExcludedItems"):
        for item in items(judge):
            job_items(judge, ident, name, item)
    judge("POST", "Jobs/{jobId}/disable", jobId=ident)
    judge("POST", "Jobs/{jobId}/enable", jobId=ident)
    job_runs(world, judge, ident)
    return ident


def copy_life(world: World, judge: Judge, job: str, proxy: str) -> None:
    target = world.add_bucket("copies", proxyId=proxy)
    policy = {"type": "DailyAtTime", "dailyType": "Weekends", "dailyTime": "06:00:00", "backupCopyWindowEnabled": False}
    body: dict[str, Any] = {"backupJobId": job, "repositoryId": target, "schedulePolicy": policy}
    if judge.rest >= 8:
        body |= {"organizationId": world.find("organizations", "contoso.onmicrosoft.com"), "isEnabled": True}
    ident = str(judge("POST", "CopyJobs", body)["id"])
    judge("GET", "CopyJobs", query={"repositoryId": target})
    judge("GET", "CopyJobs/{id}", id=ident)
    judge("PUT", "CopyJobs/{id}", {"schedulePolicy": {"type": "Immediate"}}, id=ident)
    judge("GET", "CopyJobs/{id}/BackupJob", id=ident)
    judge("GET", "Jobs/{jobId}/CopyJob", jobId=job)
    judge("POST", "CopyJobs/{id}/disable", id=ident)
    judge("POST", "CopyJobs/{id}/enable", id=ident)
    judge("POST", "CopyJobs/{id}/stop", id=ident)
    judge("POST", "CopyJobs/{id}/start", *([{"full": False}] if judge.rest == 6 else []), id=ident)
    judge("DELETE", "CopyJobs/{id}", id=ident)
    world.client().do("DELETE", f"BackupRepositories/{target}")


def items(judge: Judge) -> list[dict[str, Any]]:
    """One of each type."""
    site = {"id": "s-1", "url": "https://contoso.example/sites/a", "title": "a", "isCloud": True, "isPersonal": False}
    team = {"id": KEY, "displayName": "Backup", "mail": "backup@contoso.onmicrosoft.com"}
    return [
        USER,
        {"type": "Group", "group": {"id": "g-1", "displayName": "Staff"}, "members": True, "memberMailbox": True},
        {"type": "Site", "site": site},
        {"type": "Team", "team": team, "chats" if judge.rest <= 6 else "teamsChats": True},
        {"type": "PersonalSites"},
        {"type": "OneDriveFolders", "folders": ["Documents/*"]},
    ]


def job_items(judge: Judge, job: str, name: str, wanted: dict[str, Any]) -> None:
    judge("POST", f"Jobs/{{jobId}}/{name}", [wanted], jobId=job)
    judge("GET", f"Jobs/{{jobId}}/{name}", jobId=job)
    item = judge.client.results(f"Jobs/{job}/{name}")[-1]["id"]
    judge("PUT", f"Jobs/{{jobId}}/{name}/{{itemId}}", wanted, jobId=job, itemId=item)
    judge("GET", f"Jobs/{{jobId}}/{name}/{{itemId}}", jobId=job, itemId=item)
    judge("DELETE", f"Jobs/{{jobId}}/{name}", query={"ids": item}, jobId=job)


def job_runs(world: World, judge: Judge, job: str) -> None:
    world.hosts.gate.clear()
    judge("POST", "Jobs/{jobId}/start", {"full": True}, jobId=job)
    eventually(lambda: statuses(world) == ["Running"])
    judge("GET", "JobSessions")
    judge("POST", "Jobs/{jobId}/stop", jobId=job)
    world.hosts.gate.set()
    judge("POST", "Jobs/{jobId}/start", {}, jobId=job)
    eventually(lambda: statuses(world) == ["Stopped", "Success"])
    page = judge("GET", "JobSessions")
    session = page["results"][0]["id"]
    judge("GET", "JobSessions/{jobSessionsId}", jobSessionsId=session)
    log = judge("GET", "JobSessions/{sessionId}/LogItems", sessionId=session)
    entry = log["results"][0]["id"]
    judge("GET", "JobSessions/{sessionId}/LogItems/{logItemId}", sessionId=session, logItemId=entry)
    if judge.rest <= 6:
        judge("GET", "Jobs/{jobId}/JobSessions", jobId=job)


def statuses(world: World) -> list[str]:
    with world.document.lock:
        return [session["status"] for session in world.document.data["sessions"].values()]


def organizations(judge: Judge, organization: str) -> None:
    rest = judge.rest
    judge("GET", "Organizations", query={"extendedView": True})
    judge("GET", "Organizations", query={"extendedView": False})
    judge("GET", "Organizations/{organizationId}", query={"extendedView": True}, organizationId=organization)
    judge("GET", "Organizations/{organizationId}/usedRepositories", organizationId=organization)
    judge("GET", "Organizations/{organizationId}/LicensingInformation", organizationId=organization)
    for name in ("Groups", "Sites", "Teams", "Users"):
        found = judge("GET", f"Organizations/{{organizationId}}/{name}", organizationId=organization)
        assert len(found.get("results", ())) == 1, judge.problems
    if rest >= 7:
        judge("GET", "Organizations/{organizationId}/SyncState", organizationId=organization)
        judge("POST", "Organizations/{organizationId}/Sync", {"type": "Full"}, organizationId=organization)
        judge("GET", "Organizations/{organizationId}/SyncState", organizationId=organization)
    if rest >= 8:
        judge("GET", "Organizations/SyncState")


def test_the_judge_is_strict() -> None:
    """A property too many, a null where none is allowed and a wrong status are found."""
    answer: dict[str, Any] = {"id": KEY, "name": "pool", "description": None, "members": []}
    assert len(answer_problems(8, "GET", "ProxyPools/{poolId}", 200, answer)) == 2
    assert answer_problems(8, "DELETE", "ProxyPools/{poolId}", 200, None) != []
    assert answer_problems(7, "GET", "ProxyPools/{poolId}", 200, answer) != []
    assert request_problems(8, "GET", "Proxies", {"hostname": "px"}, None) != []
    assert request_problems(8, "GET", "Proxies", {"limit": "many"}, None) != []


@pytest.mark.parametrize("rest", api.VERSIONS)
def test_the_token_endpoint_answers_as_the_document_says(world: World, rest: int) -> None:
    client = world.client(rest, login=False)
    form = {"grant_type": "password", "username": ADMIN, "password": PASSWORD}
    for password, status in ((PASSWORD, 200), ("wrong", 400)):
        answer = client.http.post(f"/v{rest}/token", data=form | {"password": password})
        assert answer.status_code == status
        assert answer_problems(rest, "POST", "token", status, answer.json()) == []


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_declaration_is_in_the_tables_with_its_status_and_shape(route: Route) -> None:
    for rest in sorted(set(route.status) - {5}):
        answers = api.operation(rest, route.method, route.path).answers
        assert api.is_page(rest, answers[route.status[rest]]) == (rest in route.pages)


@pytest.mark.parametrize("rest", api.VERSIONS)
def test_what_the_documents_have_and_the_lab_has_not_is_501(world: World, rest: int) -> None:
    """Nothing of the documents is ever answered as if it did not exist."""
    client = world.client(rest)
    documented = {tuple(name.split(" ")) for name, versions in everything().items() if str(rest) in versions}
    assert declared(rest) < documented
    for method, path in sorted(documented - declared(rest)):
        answer = client.send(method, re.sub(r"\{[^}]*\}", KEY, path), {})
        assert (answer.status_code, method, path) == (501, method, path)
        assert "the lab" in answer.json()["message"]


@pytest.mark.parametrize(("build", "status"), [("8.5.0.1014", 404), ("8.6.0.1", 501)])
def test_operations_that_came_with_a_build(world: World, build: str, status: int) -> None:
    world.server.upgrade_server(build)
    assert world.client().send("GET", "BackupRepositories/maintenanceSessions").status_code == status


def test_the_sibling_products_paths_do_not_exist(world: World) -> None:
    client = world.client()
    assert [client.send("GET", path).status_code for path in ("ServerInfo", "Backups")] == [404, 404]


def test_another_method_is_405(world: World) -> None:
    answer = world.client().send("DELETE", f"Proxies/{KEY}")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, PUT")
