"""Sends a notification to a webhook: one POST of JSON over TLS with the system's authorities, within ten seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from reconciler import timing
from reconciler.clients.http.address import parts_of
from reconciler.clients.sockets import socket_deadline
from reconciler.model.connection import Trust
from reconciler.model.errors import DeadlineExceeded, Refused, UntrustedPeer
from reconciler.model.secret import Secret

SECONDS: Final = 10.0
_PEER: Final = "the webhook"
_WHAT: Final = "notifying the webhook"
_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


def post(address: Secret, message: Mapping[str, Any], *, root: str = ".") -> None:
    """Send `message` to `address`. Its path is often a token, so messages contain only its host. `http://` is allowed
    for loopback only. Redirects are not followed.

    Raises UntrustedPeer for an address without TLS or that is none, Refused for an unsuccessful answer, and what a
    connection raises.
    """
    import httpx

    from reconciler.clients.http import faults, proxies, tls
    from reconciler.clients.http.transport import Transport

    peer, port = peer_of(address)
    end = timing.monotonic() + SECONDS
    proxy = None if peer in _LOOPBACK else proxies.proxy_for(address.reveal(), _WHAT)
    try:
        verify = tls.context_for(tls.Peer(peer, (peer, port), Trust(), SECONDS), root)
        with (
            socket_deadline(lambda: end - timing.monotonic()),
            httpx.Client(
                transport=Transport(verify, proxy), timeout=SECONDS, trust_env=False, follow_redirects=False
            ) as client,
        ):
            body = json.dumps(message, ensure_ascii=True).encode()
            answer = client.post(address.reveal(), content=body, headers={"Content-Type": "application/json"})
    except faults.CAUGHT as error:
        if timing.monotonic() >= end:
            raise DeadlineExceeded(peer, _WHAT, f"no answer within {SECONDS:g} s") from None
        fault = faults.translate(error, peer, _WHAT)
        raise type(fault)(peer, _WHAT + proxies.named(proxy), fault.reason.replace(address.reveal(), peer)) from None
    if not answer.is_success:
        raise Refused(peer, _WHAT, f"it answered {answer.status_code}", status=answer.status_code)


def peer_of(address: Secret) -> tuple[str, int]:
    """The host and port of a webhook. Raises UntrustedPeer for an address that nothing is sent to."""
    url, port = parts_of(address.reveal(), _PEER, _WHAT)
    peer = url.hostname or _PEER
    if url.scheme != "https" and not (url.scheme == "http" and peer in _LOOPBACK):
        raise UntrustedPeer(peer, _WHAT, "its address does not begin with https://")
    return peer, port


def is_local(address: Secret) -> bool:
    """Whether a webhook is on this machine. Raises UntrustedPeer for what is no address."""
    return parts_of(address.reveal(), _PEER, _WHAT)[0].hostname in _LOOPBACK
