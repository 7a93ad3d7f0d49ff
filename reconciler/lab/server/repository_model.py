"""Backup repositories and object storage as data (facts, 5.2; schemas RESTBackupRepository, RESTObjectStorage…)."""

from __future__ import annotations

from typing import Any

from reconciler.lab.server.api import Item
from reconciler.lab.server.call import Call
from reconciler.lab.server.shape import ANYTHING, FLAG, IDENT, INT32, INT64, NAME, TEXT, Choice, Property, Shape, Whole

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
COUNT = Whole(1, 2**31 - 1)

S3_COMPATIBLE = Shape(
    Property("servicePoint", TEXT),
    Property("customRegionId", TEXT),
    Property("name", TEXT),
    Property("trustedServerCertificateThumbprint", TEXT, since=8, null=8),
    Property("trustServerCertificate", FLAG, since=8),
)
S3_AWS = Shape(
    Property("regionType", Choice("Global", "USGovernment", "China")),
    Property("regionName", TEXT),
    Property("regionId", TEXT),
    Property("name", TEXT),
)
AZURE = Shape(Property("name", TEXT), Property("regionType", Choice("Global", "Germany", "China", "Government")))

STORAGE_TYPES = Choice(
    "AzureBlob",
    "AmazonS3",
    "AmazonS3Compatible",
    "AzureBlobArchive",
    "AmazonS3Glacier",
    "WasabiCloud",
    "IBMCloud",
    since={"WasabiCloud": 7, "IBMCloud": 7},
)
NAMED = Shape(Property("id", TEXT), Property("name", TEXT))
NETWORK = NAMED.with_more(Property("CIDR", TEXT))
AMAZON_APPLIANCE = Shape(
    Property("instanceTypeName", TEXT, since=8),
    Property("instanceType", Shape(Property("type", TEXT)), until=7),
    Property("virtualPrivateCloud", NETWORK),
    Property("subnet", NETWORK),
    Property("securityGroup", NAMED),
    Property("ipRanges", TEXT, since=8, null=8),
    Property("appliancePort", INT32),
)
AZURE_APPLIANCE = Shape(
    Property("virtualMachineSizeName", TEXT, since=8),
    Property("virtualMachineSize", Shape(Property("name", TEXT)), until=7),
    Property("resourceGroup", Shape(Property("name", TEXT), Property("location", TEXT))),
    Property("virtualNetwork", NAMED.with_more(Property("location", TEXT))),
    Property("subnet", Shape(Property("name", TEXT), Property("addressPrefix", TEXT))),
    Property("ipRanges", TEXT, since=8, null=8),
    Property("region", TEXT),
    Property("appliancePort", INT32),
)
SERVICE_ACCOUNT = Shape(Property("id", IDENT), Property("displayName", TEXT), Property("description", TEXT))
SUBSCRIPTION = Shape(Property("subscriptionId", TEXT), Property("displayName", TEXT))

STORAGE = Shape(
    Property("type", STORAGE_TYPES),
    Property("id", IDENT, "r"),
    Property("accountId", IDENT, null=6),
    Property("amazonBucketS3Compatible", S3_COMPATIBLE),
    Property("amazonBucketS3Aws", S3_AWS),
    Property("azureContainer", AZURE),
    Property("s3Folder", TEXT),
    Property("azureFolder", TEXT),
    Property("sizeLimitEnabled", FLAG),
    Property("sizeLimitGB", INT64),
    Property("enableImmutability", FLAG, since=7),
    Property("enableImmutabilityGovernanceMode", FLAG, since=8),
    Property("immutabilityPeriodDays", Whole(0, 2**31 - 1), since=8),
    Property("standardIaStorageClassEnabled", FLAG, since=8),
    Property("oneZoneIaStorageClassEnabled", FLAG, since=8),
    Property("iaStorageClassEnabled", FLAG, until=7),
    Property("glacierDeepArchiveEnabled", FLAG),
    Property("glacierInstantRetrievalEnabled", FLAG, since=7),
    Property("useArchiverAppliance", FLAG),
    Property("amazonArchiverAppliance", AMAZON_APPLIANCE),
    Property("azureServiceAccount", SERVICE_ACCOUNT),
    Property("azureSubscription", SUBSCRIPTION),
    Property("azureArchiverAppliance", AZURE_APPLIANCE),
    Property("usedSpaceBytes", INT64, "r"),
    Property("freeSpaceBytes", INT64, "r"),
    Property("_links", ANYTHING, "r"),
)
OBJECT_STORAGE = STORAGE.with_more(Property("name", NAME), Property("description", TEXT))
"""The separate object storage repositories of REST up to v7."""

REPOSITORY = Shape(
    Property("id", IDENT, "r"),
    Property("name", NAME),
    Property("description", TEXT),
    Property("path", TEXT),
    Property("proxyId", IDENT, null=6),
    Property("proxyPoolId", IDENT, since=8, null=8),
    Property("organizationId", IDENT, since=8, null=8),
    Property("retentionType", Choice("ItemLevel", "SnapshotBased")),
    Property("retentionPeriodType", Choice("Monthly", "Daily", "Yearly")),
    Property("dailyRetentionPeriod", COUNT),
    Property("monthlyRetentionPeriod", COUNT),
    Property(
        "yearlyRetentionPeriod",
        Choice("Year1", "Years2", "Years3", "Years5", "Years7", "Years10", "Years25", "Keep"),
    ),
    Property("retentionFrequencyType", Choice("Daily", "Monthly")),
    Property("dailyTime", TEXT),
    Property("dailyType", Choice("Everyday", "Workdays", "Weekends", *DAYS)),
    Property("monthlyTime", TEXT),
    Property("monthlyDaynumber", Choice("First", "Second", "Third", "Fourth", "Last")),
    Property("monthlyDayofweek", Choice(*DAYS)),
    Property("objectStorageId", IDENT, until=7, null=6),
    Property("objectStorageCachePath", TEXT, until=7),
    Property("objectStorage", STORAGE, since=8),
    Property("objectStorageEncryptionEnabled", FLAG),
    Property("encryptionKeyId", IDENT, null=6),
    Property("capacityBytes", INT64, "r"),
    Property("freeSpaceBytes", INT64, "r"),
    Property("isLongTerm", FLAG, "r"),
    Property("isOutOfSync", FLAG, "r"),
    Property("isOutdated", FLAG, "r", since=8),
    Property("isIndexed", FLAG, "r", since=8),
    Property("isMigrationLocked", FLAG, "r", since=8),
    Property("isOutOfOrder", FLAG, "r", since=8),
    Property("outOfOrderReason", TEXT, "r", since=8, null=8),
    Property("_links", ANYTHING, "r"),
    Property("attachUsedRepository", FLAG, "w"),
    Property("ignoreProxyPoolApplianceAccessValidation", FLAG, "w", since=8),
)

MUTABLE = (
    "name",
    "description",
    "retentionPeriodType",
    "dailyRetentionPeriod",
    "monthlyRetentionPeriod",
    "yearlyRetentionPeriod",
    "retentionFrequencyType",
    "dailyTime",
    "dailyType",
    "monthlyTime",
    "monthlyDaynumber",
    "monthlyDayofweek",
)
FIXED = (
    "path",
    "retentionType",
    "proxyId",
    "proxyPoolId",
    "objectStorageId",
    "objectStorageCachePath",
    "objectStorageEncryptionEnabled",
)
DISK_BYTES = 2**40


def used_bytes(call: Call, repository: str, organization: str = "") -> int:
    """What backups take in a repository, of one organization or of all."""
    usage = call.api.state.setdefault("usage", {}).get(repository, {})
    return sum(item["bytes"] for ident, item in usage.items() if organization in ("", ident))


def show_repository(call: Call, item: Item) -> dict[str, Any]:
    ident, used = item["id"], used_bytes(call, item["id"])
    paths = {"self": f"BackupRepositories/{ident}"}
    if call.rest >= 6:
        paths["organizations"] = f"BackupRepositories/{ident}/backedupOrganizations"
    if item["proxyId"]:
        paths["proxy"] = f"Proxies/{item['proxyId']}"
    if item["proxyPoolId"] and call.rest >= 8:
        paths["proxyPool"] = f"ProxyPools/{item['proxyPoolId']}"
    seen = {**item, **call.api.options.repository_states.get(item["name"], {}), "_links": call.links(**paths)}
    storage = call.items("object_storage").get(item["objectStorageId"] or "")
    if storage is None:
        seen |= {"capacityBytes": DISK_BYTES, "freeSpaceBytes": max(0, DISK_BYTES - used)}
    else:
        seen["objectStorage"] = {name: value for name, value in storage.items() if name not in ("name", "description")}
        seen["objectStorage"] |= {"usedSpaceBytes": used}
    return REPOSITORY.show(seen, call.rest)


def show_storage(call: Call, item: Item) -> dict[str, Any]:
    paths = {"self": f"objectstoragerepositories/{item['id']}"} if call.rest >= 6 else {}
    if item.get("accountId") and call.rest >= 6:
        paths["account"] = f"Accounts/{item['accountId']}"
    return OBJECT_STORAGE.show(item | {"_links": call.links(**paths)}, call.rest)
