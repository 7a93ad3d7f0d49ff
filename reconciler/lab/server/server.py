"""The management server of the lab, as a thing that is started and stopped."""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Thread
from typing import Any

from reconciler import randomness
from reconciler.lab.fleet import Fleet, MailSettings
from reconciler.lab.server import (
    copy_jobs,
    directory,
    email,
    job_items,
    jobs,
    maintenance,
    object_storage,
    organizations,
    owner_changes,
    pools,
    powershell,
    proxies,
    repositories,
    repository_syncs,
    repository_upgrades,
    runner,
    service,
    sessions,
    tokens,
)
from reconciler.lab.server.api import Api
from reconciler.lab.server.dispatch import Dispatcher
from reconciler.lab.server.http import Listener
from reconciler.lab.server.routes import Route, Router
from reconciler.lab.server.seed import SERVED, Seed, plant, settle
from reconciler.lab.server.witness import Witness
from reconciler.lab.state import Document
from reconciler.model.version import version_numbers
from reconciler.timing import utc_now

ROUTES: tuple[Route, ...] = (
    *tokens.ROUTES,
    *service.ROUTES,
    *proxies.ROUTES,
    *maintenance.ROUTES,
    *pools.ROUTES,
    *repositories.ROUTES,
    *repository_syncs.ROUTES,
    *owner_changes.ROUTES,
    *object_storage.ROUTES,
    *organizations.ROUTES,
    *directory.ROUTES,
    *jobs.ROUTES,
    *copy_jobs.ROUTES,
    *job_items.ROUTES,
    *sessions.ROUTES,
    *email.ROUTES,
)


class LabServer:
    """An emulation of the product's REST API v5 to v8 over TLS, and of what its PowerShell module adds.

    `document` holds everything, so a server that is started again goes on where the last one ended. `fleet` are the
    hosts. `certificate` gives the first server certificate (PEM with its key); `ssl_context` is that of the REST API,
    which is another one. `send_test` sends the test mail from the server; without it the test is refused. `alive` says
    whether the proxy service on a host listens, for the witness; without it the witness believes what the server last
    saw.
    """

    def __init__(
        self,
        document: Document,
        fleet: Fleet,
        *,
        ssl_context: ssl.SSLContext,
        certificate: Callable[[], str],
        address: tuple[str, int] = ("127.0.0.1", 0),
        clock: Callable[[], datetime] = utc_now,
        new_id: Callable[[], str] = randomness.uuid,
        send_test: Callable[[MailSettings], None] | None = None,
        alive: Callable[[str], bool] | None = None,
    ) -> None:
        self.document = document
        self._api = Api(document, fleet, clock=clock, new_id=new_id)
        is_alive = (lambda item: alive(item["hostName"])) if alive else self._api.online
        witness = Witness(self._api, is_alive)
        self._api.witness, self._api.away = witness.see, witness.away
        self._api.send_test = send_test
        self._context = ssl_context
        self._address = address
        self._listener: Listener | None = None
        self._thread: Thread | None = None
        with document.lock:
            settle(self._api, certificate)

    @property
    def requests(self) -> Counter[tuple[str, str, int]]:
        """How often each (method, path template such as /v8/Proxies/{proxyId}, status) was answered. Status 0 stands
        for a connection that a fault broke."""
        return self._api.requests

    @property
    def verbs(self) -> Counter[str]:
        """Requests by verb; those to the token endpoint count as LOGIN."""
        return self._api.verbs

    @property
    def bugs(self) -> list[BaseException]:
        """What went wrong in the lab itself. Tests end with a look at this."""
        return self._api.work.bugs

    def witness(self, event: str) -> None:
        """Something happened to a host: the witness counts who works for whom."""
        self._api.witness(event)

    @property
    def certificate(self) -> str:
        """The server certificate of the moment, PEM with its key."""
        with self.document.lock:
            return self._api.certificate

    def seed(self, seed: Seed) -> None:
        """Add what is missing: see `Seed`."""
        with self.document.lock:
            plant(self._api, seed)
            self.document.save()

    def begin(self) -> Dispatcher:
        """Go on where the last server ended. What `start` does before it listens: without a listener the caller brings
        the requests to the dispatcher, and calls `end`."""
        self._api.work.stopping.clear()
        with self.document.lock:
            runner.interrupted(self._api)
            owner_changes.interrupted(self._api)
            repository_upgrades.resumed(self._api)
            repository_syncs.resumed(self._api)
            maintenance.resumed(self._api)
            self._api.witness("the server starts")
        return Dispatcher(self._api, Router(ROUTES))

    def end(self) -> None:
        """End every session, and save."""
        self._api.work.stop()
        self.document.save()

    def start(self) -> tuple[str, int]:
        """Listen and serve in the background. The address and port that it listens on."""
        if self._listener is not None:
            raise RuntimeError("the server has been started already")
        self._listener = Listener(self._address, self._context, self.begin())
        self._thread = Thread(target=self._listener.serve_forever, args=(0.1,), name="lab-server", daemon=True)
        self._thread.start()
        host, port = self._listener.server_address[:2]
        return str(host), int(port)

    def stop(self) -> None:
        """End every connection and every session, and save. Does nothing where the server is not running."""
        if self._listener is None or self._thread is None:
            return
        self._api.work.stopping.set()
        self._listener.end()
        self._thread.join()
        self._listener = self._thread = None
        self.end()

    def powershell(self, script: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """What `server/*.ps1` would print. Raises ValueError with the message of the failure."""
        return powershell.run(self._api, script, args)

    def upgrade_server(self, build: str) -> None:
        """Install a new build: the server and its local proxy have it, the other proxies and the repositories are out
        of date. It serves the REST versions up to its own."""
        with self.document.lock:
            repository_upgrades.outdate(self._api, build)
            self.document.data["build"] = build
            self.document.data["served"] = [rest for rest in SERVED if rest <= version_numbers(build)[0]]
            for item in self._api.items("proxies").values():
                if item["type"] == "Local":
                    item["version"] = build
            self.document.save()
