"""Concurrency limits: which resources a change occupies, so that no server or host gets too many requests at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.model.address import kind_of, name_of
from reconciler.model.plan import Change

REST, SSH, WINRM = "rest", "ssh", "winrm"

_OF_VERB = {
    "certificate.set": WINRM,  # PowerShell on the management server
    "proxy.upgrade": WINRM,
    "job.run": "",  # now and then a look at a session: hours of it must not keep others from working
    "sessions.wait": "",
}
"""The lane of a step where it is not REST; steps on a host are in the lane of its transport."""


@dataclass(frozen=True, slots=True)
class ConcurrencyLimits:
    """How many changes may be under way at a time that talk to the server by REST, and to hosts by SSH and WinRM.
    `transports` has the transport of each host. Of the changes of one host there is never more than one."""

    limits: Mapping[str, int] = field(default_factory=lambda: {REST: 8, SSH: 16, WINRM: 16})
    transports: Mapping[str, str] = field(default_factory=dict)

    def of(self, change: Change) -> frozenset[str]:
        lanes = {self._lane(step.verb, step.params.get("host")) for step in change.steps}
        if kind_of(change.address) in ("host", "proxy"):
            lanes.add(f"host {name_of(change.address)}")
        return frozenset(lanes - {""})

    def are_free(self, change: Change, running: Iterable[Change]) -> bool:
        busy = Counter(lane for other in running for lane in self.of(other))
        return all(busy[lane] < (1 if lane.startswith("host ") else self.limits[lane]) for lane in self.of(change))

    def _lane(self, verb: str, host: object) -> str:
        if verb.startswith(("host.", "package.")):
            return self.transports.get(str(host), WINRM)
        return _OF_VERB.get(verb, REST)
