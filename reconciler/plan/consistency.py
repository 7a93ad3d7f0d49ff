"""The two planes compared: what the server says of a proxy, and what its host says. Where they disagree is reported.

One rule for each kind of disagreement, in `_RULES`. A rule that lacks a fact of either plane says nothing: what is
unknown is never taken for a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.model.inventory import Resource
from reconciler.model.live import LiveResource
from reconciler.model.plan import Report, ReportLevel
from reconciler.model.version import build_number
from reconciler.plan.part import PlanPart
from reconciler.plan.passes import Inputs

SERVICE: Final = "Veeam.Archiver.Proxy"


@dataclass(frozen=True, slots=True)
class Planes:
    """One registered proxy on both planes. `live` is the server's object; `service` and `facts` are the host's."""

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


Said = tuple[str, str]
"""What is so (one sentence), and what to do about it."""


def plan_planes(inputs: Inputs, _: PlanPart) -> PlanPart:
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
    planes = Planes(proxy, existing, facts)
    rests = existing.proxy.in_maintenance
    found = ((code, rule(planes)) for code, rule in _RULES.items() if not (rests and code in _DISABLED))
    return [
        Report(proxy.address, code, said[0], proxy.position, ReportLevel.WARNING, said[1])
        for code, said in found
        if said is not None
    ]


def _not_installed(planes: Planes) -> Said | None:
    if planes.service.get("installed") is not False:
        return None
    detail = f"the server has it registered ({_status(planes)}), and the host has no proxy service"
    return detail, (
        "Is the name of the proxy still that of this host? If so, let the server deploy the service again: in the "
        "console, Backup Proxies, Upgrade or Rescan."
    )


def _stopped(planes: Planes) -> Said | None:
    state = planes.service.get("state")
    if planes.service.get("installed") is not True or state in (None, "running"):
        return None
    start = "systemctl enable --now" if planes.is_linux else "Start-Service"
    return f"the server says {_status(planes)}, and the service on the host is {state}", (
        f"Start it on the host, and look into its log if it does not stay up:\n  {start} {SERVICE}"
    )


def _deaf(planes: Planes) -> Said | None:
    service, port = planes.service, planes.live.fields.get("port")
    listening = service.get("state") == "running" and service.get("listening") is False
    if not listening or port != planes.proxy.fields.get("port", 9193):
        return None
    return f"the service runs on the host, and nothing listens on the registered port {port}", (
        "Does the service use another port? Rescan the proxy, and restart the service if that changes nothing."
    )


def _unreached(planes: Planes) -> Said | None:
    if not planes.live.proxy.is_offline or planes.service.get("state") != "running":
        return None
    if planes.service.get("listening") is not True:
        return None
    return "the server says Offline, and the service on the host runs and listens", (
        "Look at what is between them: the firewalls, the names both ways, the certificate of the server (workgroup) "
        "or the account (domain). Then rescan the proxy."
    )


def _version(planes: Planes) -> Said | None:
    told, found = planes.live.proxy.build, _numbers(planes.service.get("version"))
    size = min(len(told), len(found))
    if not size or told[:size] == found[:size]:
        return None
    detail = f"the server says version {planes.live.proxy.version}, and the host has {planes.service['version']}"
    if found > told:
        return detail, "The service was upgraded without the server noticing: rescan the proxy."
    return detail, "An upgrade did not finish, or an older package was put back: upgrade the proxy again."


def _numbers(text: Any) -> tuple[int, ...]:
    return build_number(str(text or "").strip())


def _membership(planes: Planes) -> Said | None:
    """The other way round, a workgroup proxy in a domain, works: that is advice of the playbook."""
    domain = planes.facts.get("domain")
    member = domain.get("member") if isinstance(domain, Mapping) else None
    if planes.live.fields.get("type") != "domain" or member is not False:
        return None
    return "it is registered as a domain proxy, and its host is a member of no domain", (
        "Join the host to its domain again, or remove the proxy and add it as a workgroup proxy: the type of a proxy "
        "cannot be changed."
    )


def _name(planes: Planes) -> Said | None:
    """First labels only: a workgroup host often does not know its own domain."""
    host = planes.facts.get("host")
    found = str(host.get("fqdn") or "") if isinstance(host, Mapping) else ""
    told = planes.live.proxy.fqdn
    if not _label(found) or not _label(told) or _label(found) == _label(told):
        return None
    return f"the server knows the proxy as {told}, and the host that answers here calls itself {found}", (
        "Two machines may share the name or the address: compare what the name resolves to on the server and here."
    )


def _label(name: str) -> str:
    """The first label; nothing for an address. Windows cuts a name after fifteen characters where it shows it short."""
    first = name.lower().partition(".")[0]
    return "" if first.isdigit() or ":" in name else first[:15]


def _status(planes: Planes) -> str:
    return planes.live.proxy.word or "nothing of its status"


_DISABLED: Final = ("service-stopped", "service-not-listening", "proxy-not-reached")
"""What is as it should be while the proxy is in maintenance: its service is disabled then."""

RESCANNED: Final = ("proxy-not-reached", "version-differs")
"""What may be over once the server looks at the proxy again: it does so now and then only."""

_RULES: Final[Mapping[str, Callable[[Planes], Said | None]]] = {
    "service-not-installed": _not_installed,
    "service-stopped": _stopped,
    "service-not-listening": _deaf,
    "proxy-not-reached": _unreached,
    "version-differs": _version,
    "domain-membership": _membership,
    "host-name-differs": _name,
}
"""Code of the report to its rule."""
