"""Switches for behaviour that the product does not document. They live in the state, under `options`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True)
class Options:
    """What the lab does where the facts say unknown; the defaults are the less comfortable choice for a client.

    Times are seconds; `minute` is how long a minute of the product takes in the lab.
    """

    # Logging in: facts 1.3, U1, U7 and U12.
    login_error: str = "rest"
    """Body of a failed login: rest (RESTExceptionInfo) or oauth (error, error_description)."""
    login_error_status: int = 400
    old_antiforgery_flag: str = "refuse"
    """What v5 and v6 do with disable_antiforgery_token: refuse or ignore."""
    antiforgery: bool = True
    """From v7 on, without the flag at login, requests need the cookie and the header of the login's answer."""
    antiforgery_status: int = 400
    token_seconds: float = 3600
    refresh_seconds: float = 14 * 24 * 3600
    logout_ends_refresh: bool = True

    # Requests in general
    clock_minutes: float = 0
    """How far the clock of the server is ahead: the `Date` of its answers."""
    null_enums: str = "left out"
    """What becomes of an enumeration without a value in answers: left out or null. The documents allow null."""
    request_bodies: str = "lenient"
    """How bodies are read: lenient (null was not sent, and what clients cannot set is not looked at) or documented."""
    page_cap: int = 10_000
    """The largest page, whatever limit asks for."""
    v5_enums: str = "camel"
    """Enumerations of jobs in answers of v5: camel or pascal."""
    v5_service_instance: bool = False
    """Whether v5 has ServiceInstance."""

    # Proxies: facts 2, U2, U3, U5 and U6.
    put_proxies: str = "merge"
    """merge or replace."""
    create_only: str = "ignore"
    """What PUT does with a changed create-only property of a proxy: ignore or refuse."""
    linux_type: str = "Workgroup"
    offline_version: str = "null"
    """Version of an offline proxy: null or last."""
    remove_local: bool = False
    """Whether force removes the default proxy."""
    presence_seconds: float = 1.0
    """How long an answer of a proxy about its version is believed."""
    presence_deadline: float = 1.0
    """How long a GET waits for the proxies at most."""
    maintenance_seconds: float = 0.2
    """From Enabling to Enabled."""
    install_seconds: float = 0.0
    """What adding and upgrading a proxy takes more. A client that goes away meanwhile changes nothing of that."""
    used_proxy: str = "redeploy"
    """What attachUsedProxy does with the service that is on a host: redeploy it (with the build of the server) or keep
    it as it is."""
    maintenance_status: str = "offline"
    """What the status of a proxy in maintenance is: offline, or online as without."""
    put_pools: str = "replace"
    """Whether proxyIds of PUT /ProxyPools replace the members or are added: replace or add."""

    # Repositories: facts 4.3.
    owner_change_seconds: float = 0.2
    move_disk: bool = False
    """Whether changeOwner takes a repository on disk."""
    related_repositories: bool = False
    """Whether repositories of one owner in the same bucket must be moved together."""
    minute: float = 60.0
    without_accounts: Sequence[str] = ()
    """Names of cloud accounts that the server does not have, although the inventory names them."""
    without_object_storage: Sequence[str] = ()
    """The same for object storage repositories up to v7."""

    put_repositories: str = "merge"
    """merge or replace."""
    put_object_storage: str = "merge"
    """merge or replace, of the separate object storage repositories up to v7."""
    repository_states: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """States of repositories by name: isOutdated, isOutOfOrder with outOfOrderReason, isOutOfSync."""

    # Upgrades of repositories: facts 2.8 and 9.
    repository_upgrades: str = "by build"
    """What a new build of the server makes of repositories: they are upgraded by hand, upgrade themselves after their
    proxies, or none is out of date. By build: themselves from 8.x to 8.5 and later, else by hand."""
    repository_upgrade_seconds: float = 0.2
    repository_upgrade_fails: Sequence[str] = ()
    """Names of repositories whose upgrade fails."""
    repository_upgrade_restart: str = "lost"
    """What a restart of the server makes of a session: lost or resumed."""
    repository_upgrade_listed: bool = False
    """Whether sessions are listed after their end."""

    # Synchronizations of repositories: facts 5.1.
    repository_sync_seconds: float = 0.2
    repository_sync_fails: Sequence[str] = ()
    """Names of repositories whose synchronization fails."""
    repository_sync_restart: str = "lost"
    """What a restart of the server makes of a session: lost or resumed."""
    repository_sync_ended: str = "none"
    """What a session is after its end: shown with the state None, or gone."""

    # Jobs: facts 2.8 and 6.
    put_jobs: str = "merge"
    """merge or replace; of jobs and of their items."""
    hidden_objects: str = ""
    """Names of users, groups, sites and teams, separated by commas, that organizations do not have."""
    job_links: bool = True
    """Whether jobs link to their organization, which nothing else in them names up to v7."""
    put_copy_jobs: str = "merge"
    """merge or replace."""
    sessions_since: str = "ended"
    """What the filters endTimeLowerBound and endTimeUpperBound of sessions compare: when they ended, as they are named,
    or when they were created, as their description says."""
    outdated_jobs: str = "fail"
    """What becomes of a session whose proxy is out of date: fail or queue."""
    offline_jobs: str = "fail"
    """What becomes of a session whose proxy is offline: fail or queue."""

    log_lines: int = 0
    """How many lines more than what happened the log of each session has, before them."""

    # The rest
    put_email: str = "merge"
    """merge or replace."""
    health: Mapping[str, str] = field(default_factory=dict)
    """Parts that are not Healthy: NATS or PostgreSQL to Unhealthy."""

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Options:
        """The switches of a state document. Raises ValueError for one that does not exist."""
        given = data.get("options", {})
        try:
            return _plain(tuple(given.items()))
        except TypeError:  # a value that is a map
            return _checked(given)


@lru_cache(maxsize=256)
def _plain(given: tuple[tuple[str, Any], ...]) -> Options:
    """Every request asks for its options, and they seldom change."""
    return _checked(dict(given))


def _checked(given: Mapping[str, Any]) -> Options:
    unknown = sorted(given.keys() - Options.__dataclass_fields__.keys())
    if unknown:
        raise ValueError(f"the lab has no option {', '.join(unknown)}")
    return Options(**given)
