"""How a process reaches a lab that another process runs: requests in lines of JSON, over TLS on loopback.

Access to the lab's folder is access to the lab: the place and a token stand in `control.json` there, 0600.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import socket
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Condition, Lock
from typing import Any, Final

from reconciler import randomness
from reconciler.lab.errors import LabError, LabGone
from reconciler.lab.hosts.acceptor import Acceptor, Listening
from reconciler.lab.hosts.link import Line, LinkError
from reconciler.lab.network import FALLBACK
from reconciler.lab.pki import Authority, write_private

FILE: Final = "control.json"
_NAME: Final = "lab.localhost"
_SECONDS: Final = 60.0

Handle = Callable[[str, Mapping[str, Any]], Any]
"""(method, arguments) to an answer in JSON. LabError is handed on to the caller."""


class ControlServer:
    """The serving end."""

    def __init__(self, folder: Path, authority: Authority, acceptor: Acceptor, handle: Handle) -> None:
        self._file = folder / FILE
        self._token = randomness.token_urlsafe(32)
        self._handle = handle
        self._guests = 0
        self._closed = False
        self._changed = Condition()
        listener = socket.create_server((FALLBACK, 0))
        address, port = listener.getsockname()[:2]
        context = authority.context(authority.host(_NAME))
        self._listening: Listening = acceptor.open(listener, self._serve, lambda: context)
        write_private(self._file, json.dumps({"address": address, "port": port, "token": self._token}).encode())

    def close(self, patience: float) -> None:
        """Wait for guests, `patience` seconds at most, and take no more."""
        self._file.unlink(missing_ok=True)
        with self._changed:
            self._changed.wait_for(lambda: not self._guests, patience)
            self._closed = True
        self._listening.close()

    def _serve(self, connection: socket.socket) -> None:
        line = Line(connection)
        with contextlib.closing(line):
            hello = line.hear() or {}
            if not hmac.compare_digest(str(hello.get("token", "")), self._token):
                return
            with self._changed:
                if self._closed:  # the guest tries again, and runs the lab itself
                    return
                self._guests += 1
            try:
                line.send({"ok": True})
                while (message := line.hear()) is not None:
                    line.send(self._answer(message))
            finally:
                with self._changed:
                    self._guests -= 1
                    self._changed.notify_all()

    def _answer(self, message: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return {"answer": self._handle(str(message.get("method")), message.get("args") or {})}
        except (LabError, OSError) as error:
            return {"error": str(error)}


class ControlClient:
    """The calling end. Keeps its connection, which keeps the lab up."""

    def __init__(self, folder: Path, ca_file: Path) -> None:
        """Raises LabGone where nothing answers."""
        self._lock = Lock()
        with contextlib.ExitStack() as opened:
            try:
                place = json.loads((folder / FILE).read_text(encoding="ascii"))
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.load_verify_locations(ca_file)
                plain = socket.create_connection((place["address"], place["port"]), timeout=_SECONDS)
                opened.callback(plain.close)
                connection = opened.enter_context(context.wrap_socket(plain, server_hostname=_NAME))
                self._line = opened.enter_context(contextlib.closing(Line(connection)))
                self._line.ask({"token": place["token"]})
            except (OSError, ValueError, KeyError) as error:
                raise LabGone(f"another process holds the lab in {folder}, and it does not answer: {error}") from error
            self._opened = opened.pop_all()

    def call(self, method: str, args: Mapping[str, Any] | None = None) -> Any:
        """Raises LabError."""
        try:
            with self._lock:
                return self._line.ask({"method": method, "args": dict(args or {})})["answer"]
        except LinkError as error:
            raise LabError(str(error)) from error
        except OSError as error:
            raise LabError(f"the process that runs the lab is gone: {error}") from error

    def close(self) -> None:
        self._opened.close()
