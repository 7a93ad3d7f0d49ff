"""Why something cannot be done with a proxy; each function returns an empty text if it can."""

from __future__ import annotations

from reconciler.kinds.packages import file_name, wanted_build
from reconciler.model.inventory import Resource
from reconciler.model.live import LiveResource
from reconciler.model.version import build_number
from reconciler.plan.proxies.view import ProxyView

OFFLINE = "the proxy is offline, and the server rejects changes to it until it is online"

_RELEASE = 3
"""Parts of a build that identify a release; private fixes differ in the fourth (facts of the product's versions)."""


def of_replace(declared: Resource, proxy: ProxyView) -> str:
    if proxy.live is None:
        return ""
    if proxy.live.fields.get("type") == "local":
        return "it is the server's own proxy, which cannot be removed"
    if proxy.is_packaged:
        return "its service is installed by package: remove it first (`state: absent`), then declare it again"
    if not proxy.state.is_online:
        return "it is not online, and the server could only remove it by force"
    for membership in proxy.memberships:
        if not membership.covered:
            return f"it is the last working member of {membership.pool}, and a pool must keep one"
    return _without_login(proxy.live, declared)


def of_delete(proxy: ProxyView) -> str:
    """Only one that is known to be offline is removed by force, and the guard `force` refuses that unless it is
    waived."""
    if proxy.live is None or proxy.state.is_offline:
        return ""
    if not proxy.state.is_online:
        return "the server does not report whether it is online, and could only remove it by force if it is not"
    return _without_login(proxy.live, proxy.absent)


def _without_login(found: LiveResource, declared: Resource | None) -> str:
    """The server uninstalls the service, and keeps the login of domain proxies only (facts, 2.4 and 3.1)."""
    if found.fields.get("type") == "domain" and found.fields.get("os") != "linux":
        return ""
    if declared is not None and "credentials" in declared.fields:
        return ""
    return (
        "the server needs credentials for the host to uninstall the service: "
        "keep the proxy declared with `credentials` and `state: absent` until it is removed"
    )


def of_package(declared: Resource, proxy: ProxyView) -> str:
    """Whatever is on the host: no proxy is newer than its server, and nothing is downgraded."""
    if proxy.live is None and proxy.service and not isinstance(proxy.service.get("installed"), bool):
        return "the host does not report whether it has a proxy service"
    package, target = file_name(declared.fields["service.package"]["source"]), wanted_build(declared)
    server, installed = proxy.inputs.live.server.build, str(proxy.service.get("version") or "")
    follows_server = declared.fields.get("service.version", "server") == "server"
    if build_number(target) > build_number(server) > ():
        return f"{package} is build {target}, and the server runs {server}: upgrade the server before its proxies"
    if build_number(installed) > build_number(target):
        return f"the host has {installed}, newer than {target}: downgrades are not supported"
    if follows_server and build_number(target) != build_number(server) > ():
        return f"{package} is build {target}, and the server runs {server}: specify the package of that build"
    return ""


def of_upgrade(declared: Resource, proxy: ProxyView) -> str:
    """The server upgrades proxies only to its own build."""
    wanted, server = str(declared.fields.get("service.version", "server")), proxy.inputs.live.server.build
    if not build_number(server):
        return "the server does not report its build, to which it would upgrade the proxy"
    if wanted != "server" and build_number(wanted) != build_number(server):
        return f"the server upgrades proxies only to its own build {server}: to install {wanted}, use a package"
    state = proxy.state
    if state.outdated is not False and state.build[:_RELEASE] > build_number(server)[:_RELEASE]:
        return f"the proxy has {state.version}, newer than {server} of the server: downgrades are not supported"
    return ""


def without_powershell(proxy: ProxyView) -> str:
    """Why nothing here can make the server upgrade a proxy."""
    if proxy.inputs.naming.has_powershell:
        return ""
    return (
        "REST cannot upgrade a proxy: declare `server.powershell: {credentials: NAME}`, a WinRM login to the "
        "management server, or upgrade it in the Veeam console, Backup Proxies, Upgrade"
    )


def while_away(proxy: ProxyView) -> str:
    """Nothing is installed on a host that is off. Tried all the same, it would stop the upgrades of the others."""
    if proxy.state.is_offline and proxy.host is not None and proxy.host.problem is not None:
        return "the proxy is offline and its host does not answer: it is upgraded when it is back"
    return ""
