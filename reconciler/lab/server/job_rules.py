"""What a backup job may be (facts, 6 and 8.2). Call these while holding the lock of the state."""

from __future__ import annotations

from reconciler.lab.server.answer import conflict, invalid
from reconciler.lab.server.api import Api, Item
from reconciler.lab.server.item_model import HOLDERS
from reconciler.lab.server.pool_rules import members


def check_job(api: Api, job: Item) -> None:
    """Raises `ApiError` where the job (new or changed) cannot be saved."""
    organization = api.find("organizations", job["organizationId"], "Organization")
    repository = api.find("repositories", job["repositoryId"], "Backup repository")
    if repository.get("organizationId") not in (None, organization["id"]):
        raise invalid(f"Backup repository '{repository['name']}' is reserved for another organization.")
    check_others(api, job)
    if job["backupType"] == "SelectedItems" and not job["selectedItems"]:
        raise invalid("Select at least one item to back up.")
    for item in [*job["selectedItems"], *job["excludedItems"]]:
        check_item(item)
    if organization["type"] != "Office365" and any(
        proxy["operatingSystem"] == "Linux" for proxy in owners(api, repository)
    ):
        raise invalid("A Linux backup proxy server cannot process an on-premises organization.")


def check_item(item: Item) -> None:
    if not item.get("type"):
        raise invalid("The type of an item is required.")
    holder = HOLDERS.get(item["type"], "")
    if holder and not any(item.get(holder, {}).get(name) for name in ("id", "name", "url", "mail")):
        raise invalid(f"An item of the type {item['type']} needs {holder} with an ID.")


def check_others(api: Api, job: Item) -> None:
    for other in api.items("jobs").values():
        if other["organizationId"] != job["organizationId"] or other["id"] == job["id"]:
            continue
        if other["name"].lower() == job["name"].lower():
            raise conflict(f"Backup job '{job['name']}' exists already for this organization.")
        if job["backupType"] == other["backupType"] == "EntireOrganization":
            raise conflict(f"The entire organization is backed up by backup job '{other['name']}' already.")


def owners(api: Api, repository: Item) -> list[Item]:
    """The proxies that may work on a repository: its proxy, or all members of its pool."""
    if repository["proxyPoolId"]:
        return members(api, repository["proxyPoolId"])
    owner = api.items("proxies").get(repository["proxyId"] or "")
    return [owner] if owner else []
