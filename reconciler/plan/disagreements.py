"""Consistency: reports if the server and the host of a proxy disagree about it.

One rule for each kind of disagreement, in `_RULES`. A rule that lacks a fact of either source finds nothing: an unknown
value is never a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.model.inventory import Resource
from reconciler.model.live import LiveResource
from reconciler.model.plan import Report, ReportLevel
from reconciler.model.state import Status
from reconciler.model.version import build_number
from reconciler.plan.passes import Inputs, PlanPart

SERVICE: Final = "Veeam.Archiver.Proxy"


@dataclass(frozen=True, slots=True)
class Sources:
    """One registered proxy as the server reports it (`live`) and as its host does (`facts`, of which `service`)."""

    proxy: Resource
    live: LiveResource
    facts: Mapping[str, Any]

    @property
    def service(self) -> Mapping[str, Any]:
        found = self.facts.get("service")
        return found if isinstance(found, Mapping) else {}

    @property
    def is_linux(self) -> bool:
        return self.proxy.fields.get("os") == "linux"


Disagreement = tuple[str, str]
"""One sentence, and the fix."""


def plan_consistency(inputs: Inputs, _: PlanPart) -> PlanPart:
    """A report of each disagreement."""
    reports: list[Report] = []
    for proxy in inputs.inventory.of_kind("proxy"):
        existing = inputs.live.resources.get(proxy.address)
        host = inputs.live.hosts.get(proxy.name)
        if existing is None or host is None or host.problem is not None:
            continue
        reports += disagreements(proxy, existing, host.facts)
    return PlanPart(reports=tuple(reports))


def disagreements(proxy: Resource, existing: LiveResource, facts: Mapping[str, Any]) -> list[Report]:
    """The disagreements about one proxy, in the order of `_RULES`."""
    sources = Sources(proxy, existing, facts)
    rests = existing.proxy.in_maintenance
    found = ((code, rule(sources)) for code, rule in _RULES.items() if not (rests and code in _DISABLED))
    return [
        Report(proxy.address, code, item[0], proxy.position, ReportLevel.WARNING, item[1])
        for code, item in found
        if item is not None
    ]


def _not_installed(sources: Sources) -> Disagreement | None:
    if sources.service.get("installed") is not False:
        return None
    detail = f"the proxy is registered on the server ({_status(sources)}), but its host has no proxy service"
    return detail, (
        "Check that the proxy still has the name of this host. If so, have the server deploy the service again: in the "
        "Veeam console, Backup Proxies, Upgrade or Rescan."
    )


def _stopped(sources: Sources) -> Disagreement | None:
    state = sources.service.get("state")
    if sources.service.get("installed") is not True or state in (None, "running"):
        return None
    start = "systemctl enable --now" if sources.is_linux else "Start-Service"
    return f"the server reports {_status(sources)}, but the service on the host is {state}", (
        f"Start it on the host; if it stops again, check its log:\n  {start} {SERVICE}"
    )


def _not_listening(sources: Sources) -> Disagreement | None:
    service, port = sources.service, sources.live.fields.get("port")
    listening = service.get("state") == "running" and service.get("listening") is False
    if not listening or port != sources.proxy.fields.get("port", 9193):
        return None
    return f"the service runs on the host, but does not listen on the registered port {port}", (
        "Check whether the service uses another port. Rescan the proxy; if that does not help, restart the service."
    )


def _unreached(sources: Sources) -> Disagreement | None:
    if not sources.live.proxy.is_offline or sources.service.get("state") != "running":
        return None
    if sources.service.get("listening") is not True:
        return None
    return "the server reports Offline, but the service on the host runs and listens", (
        "Check the firewalls between them, name resolution both ways, and the certificate of the server (workgroup) or "
        "the account (domain). Then rescan the proxy."
    )


def _version(sources: Sources) -> Disagreement | None:
    reported, found = sources.live.proxy.build, _numbers(sources.service.get("version"))
    size = min(len(reported), len(found))
    if not size or reported[:size] == found[:size]:
        return None
    detail = f"the server reports version {sources.live.proxy.version}, but the host has {sources.service['version']}"
    if found > reported:
        return detail, "The service was upgraded outside of the server: rescan the proxy."
    return detail, "An upgrade was not completed, or an older package was installed: upgrade the proxy again."


def _numbers(text: Any) -> tuple[int, ...]:
    return build_number(str(text or "").strip())


def _membership(sources: Sources) -> Disagreement | None:
    """The reverse, a workgroup proxy on a domain member, works: the playbook has advice for it."""
    domain = sources.facts.get("domain")
    member = domain.get("member") if isinstance(domain, Mapping) else None
    if sources.live.fields.get("type") != "domain" or member is not False:
        return None
    return "the proxy is registered as a domain proxy, but its host is not a member of a domain", (
        "Join the host to its domain again, or remove the proxy and add it as a workgroup proxy: the type of a proxy "
        "cannot be changed."
    )


def _name(sources: Sources) -> Disagreement | None:
    """Only first labels are compared: a workgroup host often has no DNS suffix."""
    host = sources.facts.get("host")
    found = str(host.get("fqdn") or "") if isinstance(host, Mapping) else ""
    reported = sources.live.proxy.fqdn
    if not _label(found) or not _label(reported) or _label(found) == _label(reported):
        return None
    return f"the server has the proxy as {reported}, but the host that answers reports the name {found}", (
        "Two machines may share the name or the address: compare what the name resolves to on the server and here."
    )


def _label(name: str) -> str:
    """The first label; empty for an IP address. Windows truncates short names to 15 characters."""
    first = name.lower().partition(".")[0]
    return "" if first.isdigit() or ":" in name else first[:15]


def _status(sources: Sources) -> str:
    status = sources.live.proxy.status
    return "no status" if status is Status.UNKNOWN else status.value


_DISABLED: Final = ("service-stopped", "service-not-listening", "proxy-not-reached")
"""Expected while the proxy is in maintenance mode, which disables its service."""

RESCANNED: Final = ("proxy-not-reached", "version-differs")
"""What a rescan of the proxy may resolve: the server refreshes its state only from time to time."""

_RULES: Final[Mapping[str, Callable[[Sources], Disagreement | None]]] = {
    "service-not-installed": _not_installed,
    "service-stopped": _stopped,
    "service-not-listening": _not_listening,
    "proxy-not-reached": _unreached,
    "version-differs": _version,
    "domain-membership": _membership,
    "host-name-differs": _name,
}
"""Rules by the code of their report."""
