"""Another user at work: a REST client that is none of ours, logged in to the lab's server of a rehearsal."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from reconciler.inventory import load
from reconciler.lab.lab import Lab
from reconciler.operations.paths import lab_folder
from tests.scenarios.rehearsal import Rehearsal


class Hand:
    """Requests to the server, by the names that the inventory gives it."""

    def __init__(self, client: httpx.Client, host: str, form: dict[str, str]) -> None:
        self._client = client
        self._host = host
        self._form = form
        self.log_in()

    def log_in(self) -> None:
        """Again, after a restart of the server."""
        answer = self.request("POST", "token", data=self._form)
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Any answer, a refusal too."""
        return self._client.request(method, path, extensions={"sni_hostname": self._host}, **more)

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        answer = self.ask(method, path, **more)
        answer.raise_for_status()
        return answer

    def by_name(self, collection: str, key: str, value: str) -> dict[str, Any]:
        listed = self.request("GET", collection).json()
        items: list[dict[str, Any]] = listed if isinstance(listed, list) else listed["results"]
        return next(item for item in items if item[key] == value)

    def change(self, collection: str, key: str, value: str, body: dict[str, Any]) -> None:
        """PUT `body` to the object whose `key` is `value`."""
        self.request("PUT", f"{collection}/{self.by_name(collection, key, value)['id']}", json=body)


@contextmanager
def by_hand(demo: Rehearsal) -> Iterator[Hand]:
    inventory, _ = load(demo.file, look_at_files=False)
    assert inventory is not None
    folder = lab_folder(inventory.name, {"XDG_STATE_HOME": str(demo.folder / "state")})
    with Lab.open(inventory, folder) as lab:
        ends = lab.endpoints()
        context = ssl.create_default_context(cafile=ends["ca_file"])
        host = inventory.access.server.host
        rest = {"auto": "v8"}.get(inventory.access.server.rest, inventory.access.server.rest)
        with httpx.Client(
            base_url=f"{ends['url']}/{rest}/", verify=context, headers={"Host": host}, timeout=60
        ) as client:
            form = {"grant_type": "password", "username": ends["username"], "password": ends["password"]}
            yield Hand(client, host, {**form, **({"disable_antiforgery_token": "true"} if rest > "v6" else {})})
