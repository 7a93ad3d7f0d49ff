"""Why something cannot be done with a proxy; each function returns an empty text if it can."""

from __future__ import annotations

from reconciler.kinds.packages import file_name, wanted_build
from reconciler.model.build import build_number
from reconciler.model.inventory import Resource
from reconciler.model.live import LiveResource
from reconciler.plan.payload import refused_values
from reconciler.plan.proxies.view import KIND, ProxyView

OFFLINE = "the proxy is offline, and the server refuses to change it until it answers"

_RELEASE = 3
"""Parts of a build that tell releases apart; private fixes differ in the fourth (facts of the product's versions)."""


def of_values(declared: Resource, proxy: ProxyView) -> str:
    """Values that this REST version does not take."""
    return refused_values(KIND, declared, proxy.inputs.naming)


def of_replace(declared: Resource, proxy: ProxyView) -> str:
    if proxy.live is None:
        return ""
    if proxy.live.fields.get("type") == "local":
        return "it is the server's own proxy, which cannot be removed"
    if proxy.is_packaged:
        return "its service is installed by package: let it go first (`state: absent`), then declare it anew"
    if not proxy.is_online:
        return "it is not online, and the server would remove it by force only"
    for membership in proxy.memberships:
        if not membership.covered:
            return f"it is the last working member of {membership.pool}, and a pool keeps one"
    return _without_login(proxy.live, declared)


def of_delete(proxy: ProxyView) -> str:
    """Only one that is not online is removed by force, and the guard `force` refuses that unless it is waived."""
    return _without_login(proxy.live, proxy.absent) if proxy.live is not None and proxy.is_online else ""


def _without_login(found: LiveResource, declared: Resource | None) -> str:
    """The server uninstalls the service, and keeps the login of domain proxies only (facts, 2.4 and 3.1)."""
    if found.fields.get("type") == "domain" and found.fields.get("os") != "linux":
        return ""
    if declared is not None and "credentials" in declared.fields:
        return ""
    return (
        "the server needs an account of its host to uninstall the service, and the inventory names none: "
        "keep the proxy declared with its `credentials` and `state: absent` until it is gone"
    )


def of_package(declared: Resource, proxy: ProxyView) -> str:
    """Whatever is on the host: no proxy is newer than its server, and nothing is downgraded."""
    package, target = file_name(declared.fields["service.package"]["source"]), wanted_build(declared)
    server, installed = proxy.inputs.live.server.build, str(proxy.service.get("version") or "")
    follows_server = declared.fields.get("service.version", "server") == "server"
    if build_number(target) > build_number(server) > ():
        return f"{package} holds {target}, and the server runs {server}: the server is upgraded before its proxies"
    if build_number(installed) > build_number(target):
        return f"the host has {installed}, which is newer than {target}: nothing is ever made older"
    if follows_server and build_number(target) != build_number(server) > ():
        return f"{package} holds {target}, and the server runs {server}: name the package of that build"
    return ""


def of_upgrade(declared: Resource, proxy: ProxyView) -> str:
    """The server brings proxies to its own build only."""
    wanted, server = str(declared.fields.get("service.version", "server")), proxy.inputs.live.server.build
    if wanted != "server" and build_number(wanted) != build_number(server):
        return f"the server brings proxies to its own build, {server}, and {wanted} is wanted: name it as a package"
    installed = build_number(proxy.version or "")
    if proxy.outdated is not False and installed[:_RELEASE] > build_number(server)[:_RELEASE]:
        return f"the proxy has {proxy.version}, which is newer than {server} of the server: nothing is ever made older"
    return ""
