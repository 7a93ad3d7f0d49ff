"""The parts of an address that a user, an environment or a secret gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reconciler.model.errors import UntrustedPeer
from reconciler.model.url import split_url

if TYPE_CHECKING:
    from urllib.parse import SplitResult

_HTTPS: Final = 443


def parts_of(address: str, peer: str, what: str) -> tuple[SplitResult, int]:
    """The parts of an address and its port. Raises UntrustedPeer, with `peer` in the place of the address: it is often
    a secret."""
    url = split_url(address)
    if url is None:
        raise UntrustedPeer(peer, what, "its address is not a URL")
    return url, url.port or _HTTPS
