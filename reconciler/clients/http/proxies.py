"""The one policy for proxies of the environment: downloads and webhooks use them, the server and the hosts never."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from reconciler.clients.http.address import parts_of
from reconciler.model.errors import Unreachable
from reconciler.model.url import split_url

_SCHEMES: Final = ("http", "https")


def proxy_for(address: str, what: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """The proxy for `address` by HTTPS_PROXY (HTTP_PROXY), ALL_PROXY and NO_PROXY, in either case; None without one.

    Raises Unreachable for one that is not an HTTP proxy, UntrustedPeer for what is not a URL. Neither names a password.
    """
    url, _ = parts_of(address, "the server", what)
    names = (f"{url.scheme}_proxy", "all_proxy")
    found = next((given for name in names if (given := _value(name, environment))), "")
    if not found or _is_exempt(url.hostname or "", _value("no_proxy", environment)):
        return None
    proxy, _ = parts_of(found if "://" in found else f"http://{found}", "the proxy of the environment", what)
    if proxy.scheme not in _SCHEMES or not proxy.hostname:
        reason = f"the environment names a proxy that is not an HTTP proxy ({proxy.scheme}://{proxy.hostname or ''})"
        hint = "Set HTTPS_PROXY to http://HOST:PORT, or exempt the host in NO_PROXY."
        raise Unreachable(url.hostname or "", what, reason, hint=hint)
    return proxy.geturl()


def named(proxy: str | None) -> str:
    """What errors say about the way: ` through the proxy HOST:PORT`."""
    url = split_url(proxy or "")
    return f" through the proxy {url.hostname}:{url.port or 80}" if url and proxy else ""


def _is_exempt(host: str, exempt: str) -> bool:
    """By names, which stand for the names below them too, addresses, or `*`; a port after a name is ignored."""
    for item in exempt.lower().split(","):
        name = item.strip().strip("[]").lstrip("*.")
        name = name.partition(":")[0] if name.count(":") == 1 else name
        if item.strip() == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
    return False


def _value(name: str, environment: Mapping[str, str]) -> str:
    return (environment.get(name) or environment.get(name.upper()) or "").strip()
