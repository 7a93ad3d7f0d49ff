"""What the product has and the lab has not, so that the lab can say 501 and not lie with 404.

Paths in lower case, `*` for an id. From the OpenAPI documents; v5, which has none, is taken to have what v6 has.
"""

from __future__ import annotations

from typing import Final

# Collections that the lab does not know at all, with the first REST version that has them.
_OLD = """
    auditemailsettings azureresources azureserviceaccounts dataretrievals dataretrievalsessions devicecode
    ec2resources exclusionsettings globalretentionexclusionsettings historysettings license licensedusers licensing
    managementmode organization rbacroles reports restorepoints restoreportalsettings restoresessions
    s3compatibleresources s3resources veodemailsettings vespemailsettings vetemailsettings vexemailsettings
"""
_NEW = "configuration events protectedgroups protectedsites protectedteams protectedusers"
COLLECTIONS: Final = dict.fromkeys(_OLD.split(), 5) | dict.fromkeys(_NEW.split(), 8)

# Below collections that it knows: (first, last) version.
_DATA = "groupdata mailboxdata onedrivedata organizationdata sitedata teamdata userdata"
_ORGANIZATION = """
    applications audititems backupaccounts backupapplications devicecode explore rbacroles retentionexclusion
"""
BELOW: Final[dict[str, tuple[int, int]]] = {
    **{f"backuprepositories/*/{name}": (5, 8) for name in _DATA.split()},
    **{f"organizations/*/{name}": (5, 8) for name in _ORGANIZATION.split()},
    "backuprepositories/*/explore": (7, 8),
    "copyjobs": (5, 5),
    "jobs/*/copyjob": (5, 5),
    "jobs/*/explore": (5, 8),
    "jobsessions/*/processedobjects": (7, 8),
    "jobsessions/changes": (7, 7),
    "organizations/*/tenantinformation": (8, 8),
    "organizations/*/versionbackupoptions": (8, 8),
    "repositorysynchronizesessions/*/stopsynchronize": (6, 8),
    "token/authcode": (7, 8),
}

# Collections that it knows, without their single objects and what is below those.
INSIDE: Final = frozenset(f"organizations/*/{name}" for name in ("groups", "sites", "teams", "users"))

# Paths that it knows, with other methods.
METHODS: Final[dict[tuple[str, str], tuple[int, int]]] = {
    ("DELETE", "accounts/*"): (6, 8),
    ("DELETE", "encryptionkeys/*"): (6, 8),
    ("POST", "objectstoragerepositories"): (6, 7),
    ("DELETE", "objectstoragerepositories/*"): (6, 7),
    ("POST", "organizations"): (5, 8),
    ("DELETE", "organizations/*"): (5, 8),
    ("PUT", "organizations/*"): (5, 8),
}

MAINTENANCE_SESSIONS: Final = "backuprepositories/maintenancesessions"


def product_has(rest: int, build: tuple[int, ...], method: str, path: str) -> bool:
    """Whether the product has this operation and the lab has not. `path` is the one below `/vN/`."""
    segments = path.lower().split("/")
    if COLLECTIONS.get(segments[0], 99) <= rest:
        return True
    if rest == 8 and build >= (8, 6) and "/".join(segments[:2]) == MAINTENANCE_SESSIONS:
        return True  # REST v8 grew with the product's builds
    starred = [segment if index % 2 == 0 else "*" for index, segment in enumerate(segments)]
    if len(segments) > 3 and "/".join(starred[:3]) in INSIDE:
        return True
    for pattern in ("/".join(starred[:3]), "/".join(segments[:2])):
        first, last = BELOW.get(pattern, (99, 0))
        if first <= rest <= last:
            return True
    first, last = METHODS.get((method, "/".join(starred)), (99, 0))
    return first <= rest <= last
