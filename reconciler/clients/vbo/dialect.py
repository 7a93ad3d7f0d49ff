"""The differences between REST versions, as data.

Sources: the product's OpenAPI documents for v6, v7 and v8; for v5 its reference and change log, which are incomplete.
In paths `{}` stands for an id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

VERSIONS: Final = (8, 7, 6, 5)
"""Newest first: the order in which a server is probed."""

PAGE_LIMIT: Final = 10_000
"""The page size to request. The server's default is 30."""

PAGES: Final[Mapping[str, tuple[int, ...]]] = {
    # collection                                     versions that answer with a page; the others send a plain array
    "BackupRepositories": (8,),
    "BackupRepositories/{}/backedupOrganizations": (6, 7, 8),
    "CopyJobs": (8,),
    "JobSessions": (5, 6, 7, 8),
    "JobSessions/{}/LogItems": (5, 6, 7, 8),
    "JobSessions/{}/ProcessedObjects": (7, 8),
    "Jobs": (8,),
    "Jobs/{}/ExcludedItems": (8,),
    "Jobs/{}/JobSessions": (5, 6),
    "Jobs/{}/SelectedItems": (8,),
    "Organizations": (8,),
    "Organizations/{}/Groups": (5, 6, 7, 8),
    "Organizations/{}/Sites": (5, 6, 7, 8),
    "Organizations/{}/Teams": (5, 6, 7, 8),
    "Organizations/{}/Users": (5, 6, 7, 8),
    "Organizations/{}/usedRepositories": (5, 6, 7, 8),
    "Proxies": (8,),
    "ProxyPools": (8,),
    "ProxyPools/{}/proxies": (8,),
    "RepositoryOwnerChangeSessions": (8,),
}

# Throttling and threads of a proxy are shown in the extended view only; v5 shows it by default, v8 has one view.
# Organizations are read without it, because it asks every proxy for backup times. v6 requires the parameter.
VIEWS: Final[Mapping[str, Mapping[int, Mapping[str, str]]]] = {
    # path                versions: query that is always sent
    "Organizations": {6: {"extendedView": "false"}},
    "Organizations/{}": {6: {"extendedView": "false"}},
    "Proxies": {6: {"extendedView": "true"}, 7: {"extendedView": "true"}},
    "Proxies/{}": {6: {"extendedView": "true"}, 7: {"extendedView": "true"}},
}

RENAMED: Final[Mapping[str, Mapping[int, str]]] = {
    # v8 word             older words
    "SendTestEmail": {6: "SendTest", 7: "SendTest"},
}

DEFAULT_BODIES: Final[Mapping[str, Mapping[str, Any]]] = {
    # action              body that v6 and later require even without parameters
    "start": {"full": False},
}

V5_VERBS: Final[Mapping[str, str]] = {
    # v8 word             key of the body of POST …/action in v5; no other action is documented
    "Remove": "remove",
    "Rescan": "rescan",
    "disable": "disable",
    "enable": "enable",
    "start": "start",
    "stop": "stop",
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """One REST version.

    `probes` are paths that are requested without a token to detect whether the version is served. `antiforgery_flag`:
    the token form has a parameter to disable anti-forgery tokens. `logout_status` is 0 for versions without a logout.
    `one_action_endpoint`: `POST X/action {verb: body}` instead of `POST X/verb`. `jobs_below_organization` and
    `sessions_below_job` are the locations of new jobs and of the sessions of one job. `build_shown`: ServiceInstance is
    documented.
    """

    rest: int
    probes: tuple[str, ...]
    antiforgery_flag: bool
    logout_status: int
    one_action_endpoint: bool
    jobs_below_organization: bool
    sessions_below_job: bool
    build_shown: bool

    @property
    def name(self) -> str:
        return f"v{self.rest}"

    def is_page(self, path: str) -> bool:
        """Whether this collection comes in pages (and takes `limit` and `offset`) or as one array."""
        return self.rest in _PAGES.get(_template(path), ())

    def view(self, path: str) -> dict[str, str]:
        """The query that a GET of `path` always carries."""
        return dict(_VIEWS.get(_template(path), {}).get(self.rest, {}))

    def action(self, path: str, action: str, body: Any = None) -> tuple[str, Any]:
        """Path and body of the POST for an action, named as in v8. Raises LookupError if this version has none."""
        if self.one_action_endpoint:
            silent = None if body == DEFAULT_BODIES.get(action) else body
            return f"{path}/action", {V5_VERBS[action]: silent}
        word = RENAMED.get(action, {}).get(self.rest, action)
        return f"{path}/{word}", DEFAULT_BODIES.get(action) if body is None else body

    def job_collection(self, organization_id: str) -> str:
        """Where jobs of an organization are created (v8 takes the organization in the body)."""
        return f"Organizations/{organization_id}/Jobs" if self.jobs_below_organization else "Jobs"

    def job_sessions(self, job_id: str, since: str = "") -> tuple[str, dict[str, Any]]:
        """Path and query of the list of one job's sessions. Since v7 only those after the time `since`, if it is given.
        Whether that is compared with their begin or their end is not clear, so one that runs may be left out."""
        if self.sessions_below_job:
            return f"Jobs/{job_id}/JobSessions", {}
        return "JobSessions", {"jobId": job_id} | ({"endTimeLowerBound": since} if since else {})


DIALECTS: Final[Mapping[int, Dialect]] = {
    5: Dialect(
        rest=5,
        probes=("ServiceInstance", "Proxies"),  # whether v5 has ServiceInstance is not known; Proxies it has
        antiforgery_flag=False,
        logout_status=0,
        one_action_endpoint=True,
        jobs_below_organization=True,
        sessions_below_job=True,
        build_shown=False,
    ),
    6: Dialect(
        rest=6,
        probes=("ServiceInstance",),
        antiforgery_flag=False,  # unknown to v6, and whether it is refused there is not known
        logout_status=0,
        one_action_endpoint=False,
        jobs_below_organization=True,
        sessions_below_job=True,
        build_shown=True,
    ),
    7: Dialect(
        rest=7,
        probes=("ServiceInstance",),
        antiforgery_flag=True,
        logout_status=200,
        one_action_endpoint=False,
        jobs_below_organization=True,
        sessions_below_job=False,
        build_shown=True,
    ),
    8: Dialect(
        rest=8,
        probes=("ServiceInstance",),
        antiforgery_flag=True,
        logout_status=204,
        one_action_endpoint=False,
        jobs_below_organization=False,
        sessions_below_job=False,
        build_shown=True,
    ),
}


def dialect_of(rest: int) -> Dialect:
    """The dialect of a REST version. Raises KeyError for an unsupported version."""
    return DIALECTS[rest]


def link_id(raw: Mapping[str, Any], rel: str) -> str:
    """The id at the end of `_links[rel].href`, whether the link is absolute or relative; empty without a link."""
    links = raw.get("_links")
    link = links.get(rel) if isinstance(links, Mapping) else None
    href = link.get("href") if isinstance(link, Mapping) else link
    return href.partition("?")[0].rstrip("/").rpartition("/")[2] if isinstance(href, str) else ""


def _template(path: str) -> str:
    """The path of `PAGES` and `VIEWS`, in lower case, that `path` has: an id is its second part."""
    parts = path.lower().strip("/").split("/")
    return "/".join([parts[0], "{}", *parts[2:]]) if len(parts) > 1 else parts[0]


_PAGES: Final = {_template(path): versions for path, versions in PAGES.items()}
_VIEWS: Final = {_template(path): views for path, views in VIEWS.items()}
