"""A small server of the lab to make odd ones from: two organizations with the same two jobs, three repositories."""

from __future__ import annotations

from typing import Any, Final

from reconciler.clients.vbo import Writer, dialect_of
from tests.promises.server import LabServer
from tests.promises.values import PASSWORD

WINDOWS: Final = "win-1.example.com"
RETENTION: Final = {
    "retentionType": "ItemLevel", "retentionPeriodType": "Yearly", "yearlyRetentionPeriod": "Years3",
    "retentionFrequencyType": "Daily", "description": "",
}  # fmt: skip
JOB: Final = {
    "description": "", "backupType": "SelectedItems", "runNow": False,
    "selectedItems": [{"type": "PartialOrganization", "mailbox": True, "oneDrive": False, "archiveMailbox": False,
                       "sites": False, "teams": False, "teamsChats": False}],
    "excludedItems": [],
    "schedulePolicy": {"scheduleEnabled": True, "type": "Daily", "dailyType": "Everyday", "dailyTime": "22:00:00",
                       "retryEnabled": False, "backupWindowEnabled": False},
}  # fmt: skip


def add_proxy(writer: Writer, host: str = WINDOWS) -> str:
    body = {"hostName": host, "username": "Administrator", "password": PASSWORD}
    return str(writer.create("Proxies", body | ({"operatingSystem": "Windows"} if writer.rest >= 8 else {}))["id"])


def small_server(rest: int) -> LabServer:
    """The jobs `job-0` and `job-1` of each organization write to the repositories `repo-0` and `repo-1`."""
    server = LabServer(rest)
    with server.session() as session:
        writer = Writer(session)
        proxy = add_proxy(writer)
        stores = []
        for number in range(3):
            body = {"name": f"repo-{number}", "proxyId": proxy, "path": f"D:\\{number}", **RETENTION}
            stores.append(writer.create("BackupRepositories", body)["id"])
        for organization in server.state["organizations"]:
            path = dialect_of(rest).job_collection(organization)
            for number in range(2):
                body = {"name": f"job-{number}", "repositoryId": stores[number], "organizationId": organization}
                writer.create(path, JOB | body)
    return server


def all_of(server: LabServer, kind: str, name: str = "") -> list[dict[str, Any]]:
    """What the server holds of a kind, by the beginning of its name, in order of the names."""
    found = [item for item in server.state[kind].values() if _name(item).startswith(name)]
    return sorted(found, key=_name)


def _name(item: dict[str, Any]) -> str:
    return str(item.get("hostName") or item["name"])
