"""Every exception of the libraries below the host clients has its place in our tree of errors."""

from __future__ import annotations

import http.client
import importlib
import inspect
import pkgutil
import re
import socket
import ssl
import xml.etree.ElementTree as ET
from pathlib import Path
from types import ModuleType

import fabric
import invoke
import paramiko
import pytest
import requests.exceptions
import spnego.exceptions
import urllib3
import urllib3.exceptions
import winrm.exceptions

from reconciler.clients.ssh import faults as ssh_faults
from reconciler.clients.winrm import faults as winrm_faults
from reconciler.lab.hosts import wsman
from reconciler.model.errors import (
    AuthenticationFailed,
    BadAnswer,
    ConnectionLost,
    DeadlineExceeded,
    Refused,
    RemoteError,
    Unavailable,
    Unreachable,
    UntrustedPeer,
)

BY_CONTEXT = {
    requests.exceptions.RequestException,
    requests.exceptions.ConnectionError,
    requests.exceptions.ChunkedEncodingError,
    requests.exceptions.RetryError,
    requests.exceptions.SSLError,
    requests.exceptions.UnrewindableBodyError,
    urllib3.exceptions.HTTPError,
    urllib3.exceptions.PoolError,
    urllib3.exceptions.RequestError,
    urllib3.exceptions.ProtocolError,
    urllib3.exceptions.IncompleteRead,
    urllib3.exceptions.MaxRetryError,
    urllib3.exceptions.SSLError,
}
"""Wrappers and roots: what they mean depends on what is inside, and on whether anything was sent."""


def classes(module: ModuleType) -> list[type[Exception]]:
    return sorted(
        {
            kind
            for _, kind in inspect.getmembers(module, inspect.isclass)
            if issubclass(kind, Exception)
            and not issubclass(kind, Warning)
            and kind.__module__.startswith(_root(module))
        },
        key=lambda kind: f"{kind.__module__}.{kind.__name__}",
    )


def _root(module: ModuleType) -> str:
    return module.__name__.partition(".")[0]


def everywhere(package: ModuleType) -> list[type[Exception]]:
    """Classes in all modules of a package but for what it carries along, and those of other systems."""
    found = set(classes(package))
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".vendor" in info.name or info.name.endswith("__main__") or info.name in OF_WINDOWS:
            continue
        found.update(classes(importlib.import_module(info.name)))
    return sorted(found, key=lambda kind: f"{kind.__module__}.{kind.__name__}")


OF_WINDOWS = {"paramiko._winapi", "paramiko.win_openssh", "paramiko.win_pageant"}
SSH_KINDS = [*everywhere(paramiko), *everywhere(invoke), *everywhere(fabric)]


def test_all_modules_of_the_ssh_libraries_are_looked_at() -> None:
    names = {kind.__module__ for kind in SSH_KINDS}
    assert {"paramiko.ssh_exception", "paramiko.ber", "invoke.config", "fabric.exceptions"} <= names


@pytest.mark.parametrize("kind", SSH_KINDS)
def test_each_class_of_paramiko_invoke_and_fabric_is_mapped(kind: type[Exception]) -> None:
    assert issubclass(kind, ssh_faults.CAUGHT)
    nearest = next(base for base in kind.__mro__ if base in ssh_faults.FAULTS or base in ssh_faults.BY_CONTEXT)
    assert nearest is kind or nearest is not paramiko.SSHException


@pytest.mark.parametrize(
    "kind", [*classes(winrm.exceptions), *classes(requests.exceptions), *classes(urllib3.exceptions)]
)
def test_each_class_of_pywinrm_requests_and_urllib3_is_mapped(kind: type[Exception]) -> None:
    assert issubclass(kind, winrm_faults.CAUGHT)
    assert kind in winrm_faults.FAULTS or kind in BY_CONTEXT


@pytest.mark.parametrize("kind", classes(http.client))
def test_each_class_of_http_is_mapped(kind: type[Exception]) -> None:
    assert issubclass(kind, winrm_faults.CAUGHT)
    assert kind in winrm_faults.FAULTS


@pytest.mark.parametrize("kind", classes(spnego.exceptions))
def test_each_class_of_the_login_library_is_a_failed_login(kind: type[Exception]) -> None:
    assert issubclass(kind, winrm_faults.CAUGHT)
    assert winrm_faults._kind(kind.__new__(kind), sent=False) is AuthenticationFailed


@pytest.mark.parametrize("module", ["gssapi.exceptions", "krb5", "requests_ntlm.requests_ntlm", "requests_credssp"])
def test_each_class_of_the_libraries_that_may_be_there_is_mapped(module: str) -> None:
    """requests_ntlm, which pywinrm brings along, is not used; should it grow an exception, no one has to look."""
    found = classes(pytest.importorskip(module))
    if module.startswith("requests"):
        assert found == []
        return
    assert found
    for kind in found:
        assert issubclass(kind, winrm_faults.CAUGHT)
        assert winrm_faults._kind(kind.__new__(kind), sent=False) is AuthenticationFailed


AUTH = paramiko.ssh_exception.AuthenticationException
SSH_CASES: list[tuple[Exception, bool, type[RemoteError], str]] = [
    (AUTH("Authentication failed."), False, AuthenticationFailed, "does not accept"),
    (AUTH("Authentication timeout."), False, Unreachable, "Authentication timeout."),
    (AUTH("Authentication failed: transport shut down or saw EOF"), False, Unreachable, "shut down"),
    (paramiko.BadAuthenticationType("bad", ["publickey"]), False, AuthenticationFailed, "accepts only publickey"),
    (paramiko.SSHException("Error reading SSH protocol banner"), False, Unreachable, "banner"),
    (paramiko.SSHException("SSH session not active"), True, ConnectionLost, "not active"),
    (paramiko.ChannelException(2, "Connect failed"), False, Unavailable, "Connect failed"),
    (socket.gaierror(-2, "Name or service not known"), False, Unreachable, "does not resolve"),
    (TimeoutError("timed out"), False, Unreachable, "in time"),
    (TimeoutError("timed out"), True, DeadlineExceeded, "in time"),
    (ConnectionResetError(104, "Connection reset by peer"), True, ConnectionLost, "reset by peer"),
    (ConnectionResetError(104, "Connection reset by peer"), False, Unreachable, "reset by peer"),
    (EOFError(), True, ConnectionLost, "EOFError"),
    (UnicodeError("label too long"), False, Unreachable, "label too long"),
]


@pytest.mark.parametrize(("error", "sent", "kind", "said"), SSH_CASES)
def test_errors_of_ssh(error: Exception, sent: bool, kind: type[RemoteError], said: str) -> None:
    found = ssh_faults.translate(error, "px", "doing", sent=sent)
    assert type(found) is kind
    assert said in found.reason
    assert found.hint


def fault(subcode: str, code: int = 1) -> winrm.exceptions.WSManFaultError:
    return winrm.exceptions.WSManFaultError(500, "bad", "<x/>", "It  says\n no.", "s:Sender", subcode, code)


def verify(code: int, message: str) -> requests.exceptions.SSLError:
    inner = ssl.SSLCertVerificationError(1, f"certificate verify failed: {message}")
    inner.verify_code, inner.verify_message = code, message
    pool = urllib3.HTTPSConnectionPool("px")
    return requests.exceptions.SSLError(urllib3.exceptions.MaxRetryError(pool, "/", urllib3.exceptions.SSLError(inner)))


WINRM_CASES: list[tuple[Exception, bool, type[RemoteError], str]] = [
    (winrm.exceptions.InvalidCredentialsError("rejected"), False, AuthenticationFailed, "does not accept"),
    (winrm.exceptions.WinRMTransportError("http", 503, ""), True, Unavailable, "503"),
    (winrm.exceptions.WinRMTransportError("http", 404, ""), False, BadAnswer, "404"),
    (winrm.exceptions.WinRMTransportError("http", 403, ""), False, AuthenticationFailed, "403"),
    (winrm.exceptions.WinRMOperationTimeoutError(), True, DeadlineExceeded, "OperationTimeout"),
    (winrm.exceptions.WinRMOperationTimeoutError(), False, Unreachable, "OperationTimeout"),
    (fault("w:QuotaLimit"), False, Unavailable, "It says no."),
    (fault("w:AccessDenied"), False, AuthenticationFailed, "It says no."),
    (fault("w:InternalError", 5), False, AuthenticationFailed, "It says no."),
    (fault("w:InvalidSelectors"), True, Refused, "It says no."),
    (verify(10, "certificate has expired"), False, UntrustedPeer, "has expired"),
    (verify(62, "Hostname mismatch"), False, UntrustedPeer, "hostname mismatch"),
    (verify(20, "unable to get local issuer certificate"), False, UntrustedPeer, "issuer"),
    (
        requests.exceptions.ConnectionError(ssl.SSLError(1, "tlsv13 alert certificate required")),
        False,
        AuthenticationFailed,
        "certificate required",
    ),
    (requests.exceptions.SSLError(ssl.SSLError(1, "wrong version number")), False, Unreachable, "wrong version"),
    (requests.exceptions.ConnectTimeout(), False, Unreachable, "in time"),
    (requests.exceptions.ReadTimeout(), True, DeadlineExceeded, "in time"),
    (
        requests.exceptions.ConnectionError(
            urllib3.exceptions.ProtocolError("gone", ConnectionResetError(104, "Reset"))
        ),
        True,
        ConnectionLost,
        "reset",
    ),
    (ET.ParseError("no element"), False, BadAnswer, "not WS-Management"),
    (StopIteration(), False, BadAnswer, "not WS-Management"),
]


@pytest.mark.parametrize(("error", "sent", "kind", "said"), WINRM_CASES)
def test_errors_of_winrm(error: Exception, sent: bool, kind: type[RemoteError], said: str) -> None:
    found = winrm_faults.translate(error, "px", "doing", sent=sent)
    assert type(found) is kind
    assert said in found.reason
    assert found.hint


def test_every_fault_of_the_service_has_its_class_and_hint() -> None:
    """The lab's service answers with those that Windows documents; one without a class or a hint fails here."""
    sources = "".join(file.read_text("utf-8") for file in Path(wsman.__file__).parent.glob("*.py"))
    subcodes = set(re.findall(r'\bFault\(\s*[^"]*?"([aw]:\w+)"', sources))
    kinds = {"w:QuotaLimit": Unavailable, "w:AccessDenied": AuthenticationFailed}
    assert {"w:QuotaLimit", "w:InvalidSelectors", "w:InternalError", "w:TimedOut"} <= subcodes, subcodes
    for subcode in sorted(subcodes - {"w:TimedOut"}):  # pywinrm has a separate exception for it
        found = winrm_faults.translate(fault(subcode), "px", "doing", sent=False)
        assert type(found) is kinds.get(subcode, Refused), subcode
        assert found.hint, subcode


def test_what_a_certificate_lacks_decides_the_hint() -> None:
    hints = {code: winrm_faults.translate(verify(code, "x"), "px", "doing", sent=False).hint for code in (10, 20, 62)}
    assert "Renew" in hints[10]
    assert "pin" in hints[20]
    assert "`address`" in hints[62]
