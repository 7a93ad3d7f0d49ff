"""Deployment of proxies: host keys, host logins, and the wait until a proxy is online."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from typing import Any

from reconciler.apply.context import ApplyContext, Reporter
from reconciler.kinds.states import proxy_state
from reconciler.model.errors import UntrustedPeer
from reconciler.model.state import ProxyState


def ssh_settings(context: ApplyContext, name: str, host: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """SSH settings with the port, and with the host key that the server sees, if the inventory trusts it.

    The server reads the key (CheckSshConnectionConfig) and must then expect exactly that one; it never ignores the
    key. Raises UntrustedPeer for another key.
    """
    settings = {**settings, "port": _port(context, name)}
    seen = context.writer.check("Proxies", "CheckSshConnectionConfig", dict(settings), query={"host": host})
    fingerprint, key = str(seen.get("fingerprint") or ""), str(seen.get("publicBase64Key") or "")
    if not _is_trusted(context, name, fingerprint, key):
        raise UntrustedPeer(
            host,
            "comparing the host key that the server sees",
            f"the server sees {fingerprint or 'a key'}, which is none of the keys that the inventory trusts",
            hint="Compare the key on the host itself, then pin it in `connection.host_keys` of the proxy.",
        )
    return {**settings, "fingerprint": fingerprint, "publicBase64Key": key}


def with_login(context: ApplyContext, name: str, host: str, body: dict[str, Any], *, linux: bool) -> dict[str, Any]:
    """The body with the login in the form that the operating system of the host needs. The codec of the field does not
    know the system, and `root` with a password has the form of a Windows account."""
    if linux and "password" in body:
        settings = {"account": body.pop("username"), "accountPassword": body.pop("password")}
        body["sshSettings"] = {**settings, "elevateAccountToRoot": False}
    if "sshSettings" in body:
        body["sshSettings"] = ssh_settings(context, name, host, body["sshSettings"])
    return body


def _port(context: ApplyContext, name: str) -> int:
    """The SSH port for the server. A port that belongs to a separate `address` of the connection is not for it."""
    connection = context.access.connections.get(name)
    own = connection.port if connection is not None and not connection.address else 0
    return own or 22


def _is_trusted(context: ApplyContext, name: str, fingerprint: str, key: str) -> bool:
    from reconciler.clients.host_session import trusted_keys

    connection = context.access.connections.get(name)
    if connection is None:
        return False
    for blob in trusted_keys(connection, context.access.root):
        if key and _decoded(key) == blob:
            return True
        if fingerprint and fingerprint in _fingerprints(blob):
            return True
    return False


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


def _fingerprints(blob: bytes) -> set[str]:
    """The notations of one fingerprint: it is not documented which of them the product uses."""
    sha = hashlib.sha256(blob).digest()
    text = base64.b64encode(sha).decode().rstrip("=")
    return {text, f"SHA256:{text}", sha.hex(), ":".join(f"{byte:02x}" for byte in sha)}


def wait_online(context: ApplyContext, name: str, ident: str, report: Reporter | None = None) -> str:
    """Wait until the server reports the new proxy as Online. Raises DeadlineExceeded."""

    def poll() -> ProxyState | None:
        found = proxy_state(context.reader.get(f"Proxies/{ident}"), context.reader.rest)
        return found if found.is_online else None

    seconds = context.access.server.deadlines.call
    what = "waiting for the proxy to come online"
    found: ProxyState = context.wait(name, what, poll, seconds=seconds, report=report)
    return f"online, {found.version}" if found.version else "online"


def remove_body(
    context: ApplyContext, name: str, host: str, credentials: str, *, linux: bool, force: bool
) -> dict[str, Any]:
    """RESTRemoveProxyOptions. `credentials` is the login of the host, empty if the server keeps one."""
    body: dict[str, Any] = {"force": force}
    if not credentials:
        return body
    if linux:
        from reconciler.kinds.proxy import ssh_settings as settings

        return body | {"sshSettings": ssh_settings(context, name, host, settings(credentials, context.naming))}
    login = context.naming.credential(credentials)
    return body | {"userName": login.username, "userPassword": context.naming.reveal(login.password)}
