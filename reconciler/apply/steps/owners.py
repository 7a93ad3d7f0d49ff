"""Who owns what: members of pools, and the proxy or pool behind a repository (REST v8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.apply.site import Site, Tell
from reconciler.apply.steps.failure import StepFailed


def change_members(site: Site, params: Mapping[str, Any], tell: Tell) -> str | None:
    """Join first, then leave: a pool keeps at least one member."""
    path = f"{site.path_of('pool', params['name'])}/proxies"
    join = [{"proxyId": site.naming.id_of("proxy", name)} for name in params["join"]]
    leave = [{"proxyId": site.naming.id_of("proxy", name)} for name in params["leave"]]
    if join:
        site.writer.create(path, join)
    if leave:
        site.writer.delete(path, leave)
    return None


def move_repository(site: Site, params: Mapping[str, Any], tell: Tell) -> str | None:
    """Change the owner and follow the session to its end. Running sessions of the old owner are waited for."""
    kind, name = params["to"].split(".", 1)
    target = {"poolId" if kind == "pool" else "proxyId": site.naming.id_of(kind, name)}
    path = site.path_of("repository", params["name"])
    session = site.writer.act(path, "changeOwner", query=target, long=True)

    def look() -> Mapping[str, Any] | None:
        state = site.reader.get(f"RepositoryOwnerChangeSessions/{session['id']}")
        tell(f"{str(state.get('status', '')).lower()}")
        return state if state.get("status") in ("Succeeded", "Failed") else None

    end = site.wait(params["name"], "moving the repository", look, seconds=site.access.server.deadlines.long)
    if end.get("status") != "Succeeded":
        raise StepFailed(f"the repository was not moved: {end.get('details') or 'the server gives no reason'}")
    return None
