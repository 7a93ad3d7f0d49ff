"""Connections of httpx through `dial`: the addresses of a name are tried side by side, as for SSH and WinRM."""

from __future__ import annotations

import ssl
from typing import Any, Final

import httpcore
import httpx
from httpcore._backends.sync import SyncStream

from reconciler.clients.sockets import dial

_SECONDS: Final = 15.0
"""Without a timeout for connecting; every client sets one."""


class _Backend(httpcore.SyncBackend):
    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *_others: Any, **_options: Any
    ) -> httpcore.NetworkStream:
        try:
            return SyncStream(dial((host, port), _SECONDS if timeout is None else timeout))
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error


class Transport(httpx.HTTPTransport):
    """No setting of the environment is used. `proxy` is the URL of an HTTP proxy."""

    def __init__(self, verify: ssl.SSLContext, proxy: str | None = None) -> None:
        super().__init__(verify=verify, trust_env=False, proxy=proxy)
        vars(self._pool)["_network_backend"] = _Backend()
