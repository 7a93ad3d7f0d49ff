"""A server that answers as the tables of the REST API say, and fails the test if they do not describe a request."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import httpx

from reconciler.kinds.api import is_page
from tests.openapi.judge import operation, request_problems

IDENT = "0f3c1c52-0000-4000-8000-0000000000aa"


@dataclass
class ByTheBook:
    """A server of one version. `used` is the methods and templates that were called."""

    rest: int
    used: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix(f"/v{self.rest}/")
        if path == "token":
            return httpx.Response(200, json={"access_token": "t", "refresh_token": "r", "expires_in": 3600})
        assert path != request.url.path, f"{request.url.path} is not a path of v{self.rest}"
        body = json.loads(request.content) if request.content else None
        wrong = request_problems(self.rest, request.method, path, request.url.params, body)
        assert not wrong, "; ".join(wrong)
        assert body is None or request.headers["Content-Type"] == "application/json"
        found = operation(self.rest, request.method, path)
        assert found is not None
        self.used.append((request.method, found.path))
        (status,) = found.answers
        if is_page(self.rest, found.answer):
            return httpx.Response(status, json={"offset": 0, "limit": 10000, "results": [], "_links": {}})
        if found.answer and found.answer.type == "array":
            return httpx.Response(status, json=[])
        return httpx.Response(status, json={} if found.answer else None)
