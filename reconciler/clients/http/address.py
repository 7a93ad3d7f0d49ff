"""The parts of an address that a user, an environment or a secret gave."""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, urlsplit

from reconciler.model.errors import UntrustedPeer

_HTTPS: Final = 443


def parts_of(address: str, peer: str, what: str) -> tuple[SplitResult, int]:
    """The parts of an address and its port. Raises UntrustedPeer, with `peer` in the place of the address: it is often
    a secret."""
    try:
        url = urlsplit(address)
        port = url.port or _HTTPS
    except ValueError:
        raise UntrustedPeer(peer, what, "its address is not a URL") from None
    return url, port
