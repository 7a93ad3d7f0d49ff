"""What the mail server does with logins, recipients and mails."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any, Final

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from reconciler.lab.hosts.accounts import matches
from reconciler.lab.state import Document

_KEPT: Final = 1000


class Inbox:
    """Keeps mails in the `mails` of `document`: `{from, to, subject, proxy, peer, job, result, body, tls, login, at}`.

    `proxy`, `job` and `result` are what the sender says of itself in the headers X-Lab-…, `peer` is the address that
    it came from.
    """

    def __init__(self, document: Document, clock: Callable[[], datetime]) -> None:
        self._document = document
        self._clock = clock

    @property
    def hooks(self) -> SimpleNamespace:
        """The methods under the names that aiosmtpd looks for."""
        return SimpleNamespace(handle_MAIL=self._mail, handle_RCPT=self._rcpt, handle_DATA=self._data)

    def authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        del server, session, envelope, mechanism
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        name = data.login.decode("utf-8", "replace")
        with self._document.lock:
            kept = self._document.data["accounts"].get(name, "")
        good = bool(kept) and matches(kept, data.password.decode("utf-8", "replace"))
        return AuthResult(success=good, handled=False, auth_data=name if good else None)

    async def _mail(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        """A login is asked for here: aiosmtpd's own way warns where TLS is not asked for as well."""
        del server
        with self._document.lock:
            wanted = self._document.data["login"]
        if wanted and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def _rcpt(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        del server, session, options
        with self._document.lock:
            refusal = self._document.data["refuse"].get(address.lower())
        if refusal:
            return str(refusal)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def _data(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content if isinstance(envelope.content, bytes) else str(envelope.content).encode()
        transport = server.transport
        mail = {
            "from": str(envelope.mail_from or ""),
            "to": sorted(str(address) for address in envelope.rcpt_tos),
            **read_mail(content),
            "peer": str(session.peer[0]) if session.peer else "",
            "tls": transport is not None and transport.get_extra_info("ssl_object") is not None,
            "login": str(session.auth_data or ""),
            "at": self._clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        with self._document.lock:
            mails = self._document.data["mails"]
            mails.append(mail)
            del mails[:-_KEPT]
            self._document.save()
        return "250 OK, kept by the lab"


def read_mail(content: bytes) -> dict[str, str]:
    """What the lab keeps of a mail. One that the standard library cannot take apart, which raises various errors for
    odd headers and character sets, is kept as its text."""
    try:
        return _parts(content)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        text = content.decode("utf-8", "replace").replace("\r\n", "\n")
        return {"subject": "", "proxy": "", "job": "", "result": "", "body": text}


def _parts(content: bytes) -> dict[str, str]:
    message = message_from_bytes(content, policy=policy.default)
    part = message.get_body(("plain",)) if isinstance(message, EmailMessage) else None
    return {
        "subject": " ".join(str(message.get("Subject", "")).split()),  # a long one is folded
        "proxy": str(message.get("X-Lab-Proxy", "")),
        "job": str(message.get("X-Lab-Job", "")),
        "result": str(message.get("X-Lab-Result", "")),
        "body": str(part.get_content()).replace("\r\n", "\n") if isinstance(part, EmailMessage) else "",
    }
