"""The one reader of URLs that a user, an environment, a secret or a server gave."""

from __future__ import annotations

from urllib.parse import SplitResult, urljoin, urlsplit


def split_url(address: str) -> SplitResult | None:
    """The parts of an address; None for what is not a URL. Its port can be read."""
    try:
        url = urlsplit(address)
        _ = url.port
    except ValueError:
        return None
    return url


def host_of(address: str) -> str:
    """The host of an address in lower case, without brackets; empty if it has none or is not a URL."""
    url = split_url(address)
    return (url.hostname or "") if url else ""


def joined(address: str, location: str) -> str:
    """Where a redirect from `address` leads; empty if that is not a URL."""
    try:
        return urljoin(address, location)
    except ValueError:
        return ""
