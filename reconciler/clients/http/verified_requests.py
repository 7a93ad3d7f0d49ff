"""Sessions of requests, for libraries that bring it, with the project's own verification of TLS.

requests would take authorities, proxies and passwords from the environment, and trust its own list of authorities.
"""

from __future__ import annotations

import ssl
from typing import Any

from requests import Session
from requests.adapters import HTTPAdapter


class _Verified(HTTPAdapter):
    """Connections of one context. None is for addresses without TLS."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **pool: Any) -> None:
        super().init_poolmanager(connections, maxsize, block=block, ssl_context=self._context, **pool)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing is added to what the context trusts."""

    def close(self) -> None:
        """Now, and not when the last error that mentions a connection is gone, as urllib3 does."""
        for key in list(self.poolmanager.pools.keys()):
            self.poolmanager.pools[key].close()
        super().close()

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {"ssl_context": self._context} if host["scheme"] == "https" else {}


def verified_session(context: ssl.SSLContext | None) -> Session:
    """A session whose connections are verified by `context`, through no proxy and with no password of a netrc file.
    None refuses TLS."""
    session = Session()
    session.trust_env = False
    session.mount("https://", _Verified(context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)))
    session.mount("http://", _Verified(None))
    return session
