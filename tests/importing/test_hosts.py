"""What hosts showed: pinned at each host, never shared, and said to be unverified."""

from __future__ import annotations

from reconciler.importing.compose import Wishes, compose_new
from reconciler.importing.files import Files
from reconciler.importing.hosts import UNVERIFIED, HostScan
from reconciler.kinds import KINDS
from reconciler.model.address import Address
from reconciler.model.live import LiveResource
from reconciler.model.state import ProxyState
from reconciler.model.value import UNKNOWN

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILSRJjopXw5hCyl6SMxBxis4eUAWYSo1mXpiW4VuEa9w"
BASE = {"server": {"host": "vbo", "credentials": "a"}, "credentials": {"a": {"username": "b"}}}


def written(scanned: dict[str, HostScan]) -> Files:
    blank = dict.fromkeys((field.name for field in KINDS["proxy"].fields), UNKNOWN)
    live = {}
    for host in ("lnx-1.example.net", "lnx-2.example.net", "lnx-3.example.net"):
        fields = {**blank, "host": host, "os": "linux", "description": ""}
        live[Address(f"proxy.{host}")] = LiveResource("proxy", host, host, fields, state=ProxyState())
    return compose_new(8, "corp", BASE, live, Wishes(scanned=scanned)).files


def test_a_key_is_pinned_where_it_was_seen_even_if_all_hosts_have_the_same() -> None:
    seen = HostScan("SSH", "192.0.2.1", host_key=KEY, fingerprint="SHA256:x")
    text = written(dict.fromkeys(("lnx-1.example.net", "lnx-2.example.net"), seen))["corp.yml"]
    assert text.count(KEY) == 2
    assert KEY not in text[: text.index("proxies:")]
    assert text.count(UNVERIFIED) == 1
    assert "192.0.2.1" not in text


def test_a_host_that_was_not_reached_is_imported() -> None:
    text = written({"lnx-1.example.net": HostScan("SSH", error="its name does not resolve")})["corp.yml"]
    assert "  lnx-1: {host: lnx-1.example.net" in text
    assert UNVERIFIED not in text


def test_what_is_said_of_a_host() -> None:
    assert HostScan("SSH", error="no answer in time").text() == "SSH: not reached: no answer in time"
    assert HostScan("WinRM", "192.0.2.1").said() == {}
    assert HostScan("WinRM", "192.0.2.1", listener="http").said() == {"connection.listener": "http"}
    pinned = HostScan("WinRM", "192.0.2.1", fingerprint="sha256:00", other_pin=True)
    assert pinned.said() == {"connection.fingerprint": "sha256:00"}
    assert "seen and not verified, **the inventory pins another one**" in pinned.text()
