"""Hands a mail in at an SMTP server: TLS with the system's authorities, within a limited time."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import Final

from reconciler.clients import smtp
from reconciler.clients.http import tls
from reconciler.clients.sockets import dial
from reconciler.model.connection import Trust
from reconciler.model.errors import DeadlineExceeded, Refused, Unreachable, UntrustedPeer

_SECONDS: Final = 10.0
_WHAT: Final = "sending a mail"


def hand_in(
    relay: smtp.Relay, sender: str, recipients: Sequence[str], message: bytes, *, root: str = "."
) -> Mapping[str, str]:
    """Gives the recipients that the server refuses, and how. Raises RemoteError if no recipient gets it."""

    def context() -> ssl.SSLContext:
        return tls.context_for(tls.Peer(relay.host, (relay.host, relay.port), Trust(), _SECONDS), root)

    def connect(host: str, port: int, seconds: float) -> socket.socket:
        return dial((host, port), seconds)

    try:
        return smtp.send(relay, sender, recipients, message, connect=connect, tls=context, name=_name())
    except smtp.MailError as error:
        raise Refused(relay.host, _WHAT, str(error)) from error
    except ssl.SSLCertVerificationError as error:
        raise UntrustedPeer(relay.host, _WHAT, error.verify_message or str(error)) from error
    except TimeoutError as error:
        raise DeadlineExceeded(relay.host, _WHAT, f"no answer within {_SECONDS:g} s") from error
    except OSError as error:
        raise Unreachable(relay.host, _WHAT, error.strerror or str(error)) from error


def _name() -> str:
    """What this machine calls itself to the server."""
    name = socket.gethostname()
    return name if name.isascii() and " " not in name else "localhost"
