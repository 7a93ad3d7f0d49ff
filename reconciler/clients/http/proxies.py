"""The one policy for proxies of the environment: downloads and webhooks use them, the server and the hosts never."""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Final

from reconciler.clients.http.address import parts_of
from reconciler.model.errors import Unreachable
from reconciler.model.url import split_url

_PORTS: Final = {"http": 80, "https": 443}
"""By scheme of the proxy, for one that is named without a port."""


def proxy_for(address: str, what: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """The proxy for `address` by HTTPS_PROXY (HTTP_PROXY), ALL_PROXY and NO_PROXY, in either case; None without one.

    Raises Unreachable for one that is not an HTTP proxy, UntrustedPeer for what is not a URL. Neither names a password.
    """
    url, port = parts_of(address, "the server", what)
    names = (f"{url.scheme}_proxy", "all_proxy")
    found = next((given for name in names if (given := _value(name, environment))), "")
    if not found or _is_exempt(url.hostname or "", port, _value("no_proxy", environment)):
        return None
    proxy, _ = parts_of(found if "://" in found else f"http://{found}", "the proxy of the environment", what)
    if proxy.scheme not in _PORTS or not proxy.hostname:
        said = f" ({proxy.scheme}://{proxy.hostname or ''})" if proxy.scheme else ""
        reason = f"the environment names a proxy that is not an HTTP proxy{said}"
        hint = "Set HTTPS_PROXY to http://HOST:PORT, or exempt the host in NO_PROXY."
        raise Unreachable(url.hostname or "", what, reason, hint=hint)
    return proxy.geturl()


def named(proxy: str | None) -> str:
    """What errors say about the way: ` through the proxy HOST:PORT`."""
    url = split_url(proxy or "")
    if url is None or not proxy:
        return ""
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    return f" through the proxy {host}:{url.port or _PORTS[url.scheme]}"


def _is_exempt(host: str, port: int, exempt: str) -> bool:
    """By items with commas or spaces between them, as curl and Go read them: a name stands for the names below it too;
    an address, a network such as 10.0.0.0/8, or `*`. An item with a port is about that port alone."""
    return any(_covers(item, _plain(host), port) for item in exempt.lower().replace(",", " ").split())


def _covers(item: str, host: str, port: int) -> bool:
    if item == "*":
        return True
    name, number = _apart(item)
    if number and number != str(port):
        return False
    try:
        address = ip_address(host)
    except ValueError:
        name = _plain(name.removeprefix("*").removeprefix("."))
        return bool(name) and (host == name or host.endswith(f".{name}"))
    try:
        return address in ip_network(name, strict=False)
    except (TypeError, ValueError):  # a name, or IPv6 where the other is IPv4
        return False


def _apart(item: str) -> tuple[str, str]:
    """Name or address, and port if there is one: `[::1]:8443`, `::1`, `example.com:8443`."""
    if item.startswith("["):
        name, _, rest = item[1:].partition("]")
        return (name + rest, "") if rest.startswith("/") else (name, rest.removeprefix(":"))
    name, _, number = item.partition(":")
    return (name, number) if ":" not in number else (item, "")


def _plain(name: str) -> str:
    """A name without the dot of the root, in the letters of DNS."""
    try:
        return name.lower().rstrip(".").encode("idna").decode("ascii")
    except UnicodeError:
        return name.lower()


def _value(name: str, environment: Mapping[str, str]) -> str:
    return (environment.get(name) or environment.get(name.upper()) or "").strip()
