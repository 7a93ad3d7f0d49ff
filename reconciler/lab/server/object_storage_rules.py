"""What the product lets one change of object storage, and what it refuses (facts, 5.2 and 14)."""

from __future__ import annotations

from typing import Any, Final

from reconciler.lab.server.answer import invalid
from reconciler.lab.server.api import Item

MOVABLE: Final = (
    "sizeLimitEnabled",
    "sizeLimitGB",
    "immutabilityPeriodDays",
    "useArchiverAppliance",
    "amazonArchiverAppliance",
    "azureServiceAccount",
    "azureSubscription",
    "azureArchiverAppliance",
)
"""Size limit, immutability period and archiver appliance may change; the place, storage class and modes may not."""

_AMAZON: Final = ("AmazonS3", "AmazonS3Glacier")
_FLAGS: Final = ("sizeLimitEnabled", "enableImmutability", "enableImmutabilityGovernanceMode")
_CLASSES: Final = (
    "standardIaStorageClassEnabled",
    "oneZoneIaStorageClassEnabled",
    "iaStorageClassEnabled",
    "glacierDeepArchiveEnabled",
    "glacierInstantRetrievalEnabled",
    "useArchiverAppliance",
)
_DAYS: Final = {"Year1": 365, "Years2": 730, "Years3": 1095, "Years5": 1825, "Years7": 2555, "Years10": 3650}


def with_defaults(storage: Item) -> Item:
    """New object storage as it is shown: flags that were not sent are off. Raises ApiError for what does not fit."""
    if storage.get("enableImmutabilityGovernanceMode") and not storage.get("enableImmutability"):
        raise invalid("The Governance mode requires immutability.")
    flags = _FLAGS + (_CLASSES if storage["type"] in _AMAZON else ())
    settled = dict.fromkeys(flags, False) | storage
    return settled if settled["sizeLimitEnabled"] else settled | {"sizeLimitGB": None}


def storage_changes(storage: Item, wanted: dict[str, Any], repository: Item, *, replaces: bool) -> dict[str, Any]:
    """The properties that a PUT changes. With `replaces` what it leaves out is reset."""
    for name, value in wanted.items():
        if name not in (*MOVABLE, "name", "description") and value != storage.get(name):
            raise invalid(f"The property objectStorage.{name} of a backup repository cannot be changed.")
    if "immutabilityPeriodDays" in wanted and storage.get("enableImmutability"):
        before, after = (_period(item, repository) for item in (storage, wanted))
        if after < before:
            raise invalid("The immutability period of a backup repository cannot be decreased.")
    changed = {name: value for name, value in wanted.items() if name in (*MOVABLE, "name", "description")}
    if not changed.get("sizeLimitEnabled", True):
        changed["sizeLimitGB"] = None
    if not replaces or not wanted:
        return changed
    kept = {"immutabilityPeriodDays": storage.get("immutabilityPeriodDays"), "sizeLimitEnabled": False}
    return dict.fromkeys(name for name in MOVABLE if name in storage) | kept | changed


def _period(storage: Item, repository: Item) -> float:
    """Days of immutability; 0 stands for the period of retention."""
    days = storage.get("immutabilityPeriodDays")
    if days:
        return float(days)
    if repository.get("retentionPeriodType") == "Daily":
        return float(repository["dailyRetentionPeriod"])
    if repository.get("retentionPeriodType") == "Monthly":
        return 30.0 * float(repository["monthlyRetentionPeriod"])
    return float(_DAYS.get(str(repository.get("yearlyRetentionPeriod")), 36500))
