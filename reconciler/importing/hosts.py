"""What hosts showed without a login, as an inventory and a report say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

PINS: Final = ("connection.host_keys", "connection.fingerprint")
"""What stands at one host, and is shared with no other."""
UNVERIFIED: Final = "# Keys and certificates below were seen, not verified: compare them, and remove this line."
COMPARE: Final = "Compare the keys and certificates below Hosts with those on the hosts: they were seen, not verified."


@dataclass(frozen=True, slots=True)
class HostScan:
    """One host. `transport` is `SSH` or `WinRM`; `error` says why it was not reached. `fingerprint` is that of the SSH
    `host_key`, or of a certificate that no authority here vouches for. `other_pin` is set if the inventory pins another
    one."""

    transport: str
    address: str = ""
    listener: str = "https"
    host_key: str = ""
    fingerprint: str = ""
    error: str = ""
    other_pin: bool = False

    @property
    def is_unverified(self) -> bool:
        return bool(self.fingerprint)

    def said(self) -> Mapping[str, Any]:
        """What an inventory says of the connection. Names are resolved anew each time, so no address."""
        found: dict[str, Any] = {"connection.listener": "http"} if self.listener == "http" else {}
        if self.host_key:
            found["connection.host_keys"] = [self.host_key]
        elif self.fingerprint:
            found["connection.fingerprint"] = self.fingerprint
        return found

    def text(self) -> str:
        """For a report."""
        return ", ".join(self._parts())

    def _parts(self) -> Iterator[str]:
        if self.error:
            yield f"{self.transport}: not reached: {self.error}"
            return
        yield f"{self.transport} at {self.address}"
        if self.listener == "http":
            yield "over HTTP only (`listener: http`)"
        elif not self.fingerprint:
            yield "its certificate is trusted on this machine"
        else:
            what = f"{self.host_key.partition(' ')[0]} key" if self.host_key else "certificate"
            yield f"{what} `{self.fingerprint}`, seen and not verified"
        if self.other_pin:
            yield "**the inventory pins another one**"


def is_pinned(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of `proxies` pins what its host showed."""
    found = entry.get("connection")
    return isinstance(found, Mapping) and any(path.partition(".")[2] in found for path in PINS)
