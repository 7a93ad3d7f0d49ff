"""The lab's mail server: takes every mail, keeps it in the state and forwards nothing."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import datetime
from threading import Thread
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from aiosmtpd.smtp import SMTP

from reconciler import timing
from reconciler.clients.smtp import IMPLICIT_TLS
from reconciler.lab.hosts.accounts import matches, salted
from reconciler.lab.loops import close_servers, new_loop, settled
from reconciler.lab.mail.inbox import Inbox
from reconciler.lab.state import Document

_T = TypeVar("_T")
_GRACE: Final = 20.0
_Transports = WeakKeyDictionary[asyncio.Transport, socket.socket]
"""Connections of clients, and what each is made over."""


class MailServer:
    """One thread for all listeners. `document` is the state: see `state.new_state`."""

    def __init__(
        self,
        document: Document,
        context: ssl.SSLContext,
        name: str,
        *,
        clock: Callable[[], datetime] = timing.utc_now,
    ) -> None:
        self._document = document
        self._context = context
        self._name = name
        self._inbox = Inbox(document, clock)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._servers: list[asyncio.Server] = []
        self._ports: set[int] = set()
        self._transports: _Transports = WeakKeyDictionary()
        for talkative in ("mail.log", "mail.error", "mail.debug"):
            logging.getLogger(talkative).setLevel(logging.ERROR)

    def demand(self, *, accounts: Mapping[str, str], tls: bool) -> None:
        """Ask for a login with one of `accounts` (names to passwords) where there are any, and for TLS."""
        with self._document.lock:
            data = self._document.data
            for name, password in accounts.items():
                if not matches(data["accounts"].get(name, ""), password):
                    data["accounts"][name] = salted(password)
            data["login"], data["tls"] = bool(accounts), tls
            self._document.save()

    def serves(self, port: int) -> bool:
        return port in self._ports

    def open(self, listener: socket.socket, port: int) -> None:
        """Serve on `listener`, which stands for `port`: on 465 TLS begins at once."""
        self._ports.add(port)
        if self._loop is None:
            self._loop = new_loop()
            self._thread = Thread(target=self._loop.run_forever, name="lab-mail", daemon=True)
            self._thread.start()
        self._servers.append(self._do(self._listen(listener, implicit=port == IMPLICIT_TLS)))

    def close(self) -> None:
        if self._loop is None or self._thread is None:
            return
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_GRACE)
        self._loop.close()
        self._loop = self._thread = None

    def _do(self, work: Coroutine[Any, Any, _T]) -> _T:
        if self._loop is None:
            raise RuntimeError("the mail server is not running")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_GRACE)

    async def _listen(self, listener: socket.socket, *, implicit: bool) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        context = self._context if implicit else None
        return await loop.create_server(lambda: self._protocol(implicit=implicit), sock=listener, ssl=context)

    def _protocol(self, *, implicit: bool) -> SMTP:
        with self._document.lock:
            tls = bool(self._document.data["tls"]) and not implicit
        return _Tracked(
            self._transports,
            self._inbox.hooks,
            hostname=self._name,
            ident="lab",
            tls_context=None if implicit else self._context,
            require_starttls=tls,
            authenticator=self._inbox.authenticate,
            auth_require_tls=tls,
            enable_SMTPUTF8=True,
            loop=asyncio.get_running_loop(),
        )

    async def _end(self) -> None:
        await close_servers(*self._servers)
        self._servers.clear()
        for transport, connection in list(self._transports.items()):
            _abort(transport, connection)
        current = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not current]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await settled()


def _abort(transport: asyncio.Transport, connection: socket.socket) -> None:
    try:
        transport.abort()
    except AttributeError:  # Python 3.11.2: TLS that was closed twice no longer knows its connection, which waits on
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


class _Tracked(SMTP):
    """Makes its transports known, so that they can be ended."""

    def __init__(self, transports: _Transports, hooks: object, **options: Any) -> None:
        super().__init__(hooks, **options)
        self._transports = transports

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if isinstance(transport, asyncio.Transport):
            self._transports[transport] = transport.get_extra_info("socket")
