"""The WinRM client: pywinrm's protocol over `Wire`, with NTLM, Kerberos or a client certificate."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import xmltodict
from winrm.exceptions import WinRMError, WSManFaultError
from winrm.protocol import Protocol

from reconciler.clients.http.tls import Peer, context_for
from reconciler.clients.winrm.authentication import client_certificate_context, negotiation
from reconciler.clients.winrm.faults import fault_kind
from reconciler.clients.winrm.wire import Wire
from reconciler.model.errors import IncompleteLogin, Refused

if TYPE_CHECKING:
    from reconciler.model.connection import Connection, ConnectionContext

_TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
_CMD = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd"
_SHELL = re.compile(rb"(?:Name=[\"']ShellId[\"'][^>]{0,200}|<(?:\w{1,20}:)?ShellId)>\s*([0-9A-Za-z-]+)\s*<")
_UTF8 = 65001

OPERATION_SECONDS = 10
"""Seconds that the host may hold one request for output open; longer work is polled until the deadline."""
LONGEST_OPERATION = 60
"""Seconds of the other requests at most: Windows' own limit (MaxTimeoutms)."""


class Client(Protocol):
    """pywinrm's protocol over `Wire`."""

    def __init__(self, wire: Wire) -> None:
        super().__init__(
            "http://localhost",  # not used: the wire has the address
            transport="kerberos",  # the only transport that pywinrm accepts without user and password
            operation_timeout_sec=OPERATION_SECONDS,
            read_timeout_sec=OPERATION_SECONDS + 5,
            proxy=None,
        )
        self.transport = self.wire = wire

    def open_named_shell(self, ident: str) -> str:
        """Open a shell with the ShellId `ident`, so that it can be closed even if the answer is lost; returns its name.
        pywinrm lets the host choose the name. See ShellId in [MS-WSMV] 2.2.4.39, shellId of WSManCreateShellEx. A host
        that refuses such a request chooses the name.
        """
        try:
            return self._open_shell({"@ShellId": ident}) or ident
        except WSManFaultError as error:
            if fault_kind(error) is not Refused:
                raise
        shell = self._open_shell({})
        if not shell:
            raise WinRMError("its answer contains no ShellId")
        return shell

    def _open_shell(self, named_shell: Mapping[str, str]) -> str:
        """The ShellId in the answer; empty if it has none."""
        request = {"env:Envelope": self.build_wsman_header(_TRANSFER + "/Create", _CMD)}
        options = {"WINRS_NOPROFILE": "TRUE", "WINRS_CODEPAGE": str(_UTF8)}
        named = [{"@Name": name, "#text": value} for name, value in options.items()]
        request["env:Envelope"]["env:Header"]["w:OptionSet"] = {"w:Option": named}
        shell = {**named_shell, "rsp:InputStreams": "stdin", "rsp:OutputStreams": "stdout stderr"}
        request["env:Envelope"]["env:Body"] = {"rsp:Shell": shell}
        answer = self.send_message(xmltodict.unparse(request))
        if b"Shell" not in answer:
            raise WinRMError("its answer contains no shell")
        found = _SHELL.search(answer)
        return found[1].decode() if found else ""


def open_client(connection: Connection, context: ConnectionContext) -> Client:
    """A client that is ready to log in. Raises SecretError, UntrustedPeer, AuthenticationFailed (incomplete
    credential), and what sockets raise while a pin is compared."""
    return Client(_wire(connection, context))


def by_certificate(connection: Connection) -> bool:
    """Whether the connection uses a client certificate."""
    credential = connection.credential
    return credential.auth == "certificate" if credential is not None else connection.certificate is not None


def _wire(connection: Connection, context: ConnectionContext) -> Wire:
    sealed = connection.listener == "http"
    peer = Peer(connection.peer, connection.target, connection.trust, connection.deadlines.connect)
    if by_certificate(connection):
        if connection.certificate is None or sealed:
            raise _incomplete(
                connection,
                "a client certificate requires HTTPS" if sealed else "the inventory names no certificate",
                "Use the HTTPS listener." if sealed else "Give the proxy a `certificate` with `cert` and `key`.",
            )
        return Wire(connection, client_certificate_context(peer, connection.certificate, context), None)
    if connection.credential is None:
        hint = "Give the proxy `credentials`, or a `certificate` to log in with."
        raise _incomplete(connection, "the inventory names no credential", hint)
    credential = connection.credential
    begin = negotiation(connection, credential, context)
    tls = None if sealed else context_for(peer, context.root)
    password = context.reveal(credential.password)
    if password is None:  # Kerberos with a keytab or with tickets
        return Wire(connection, tls, begin)
    attempt = partial(context.logins.attempt, connection.peer, "logging in", credential.username, password)
    return Wire(connection, tls, begin, attempt)


def _incomplete(connection: Connection, reason: str, hint: str) -> IncompleteLogin:
    return IncompleteLogin(connection.peer, "logging in", reason, hint=hint)
