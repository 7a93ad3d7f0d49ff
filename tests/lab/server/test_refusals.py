"""What the server refuses: status by version, error body by version, and that a refusal changes nothing."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lab.server.world import Client, World
from tests.openapi.judge import answer_problems

CASES = yaml.safe_load((Path(__file__).parent / "cases" / "refusals.yml").read_text(encoding="utf-8"))
COLLECTIONS = {
    "proxy": "proxies",
    "pool": "pools",
    "repository": "repositories",
    "organization": "organizations",
    "job": "jobs",
    "account": "accounts",
}
BODIES = {6: {"message"}, 7: {"message", "errorCode"}, 8: {"message", "errorCode", "stackTrace"}}


@pytest.fixture(scope="module")
def built(
    tls: tuple[ssl.SSLContext, ssl.SSLContext], certificate: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, dict[int, Client]]]:
    world = World(tmp_path_factory.mktemp("refusals"), *tls, certificate)
    world.start()
    repository = world.add_disk(world.add_proxy("win-1"))
    world.add_proxy("dom-1")
    world.add_bucket("bucket", proxyPoolId=world.add_pool("lnx-1", "lnx-2"))
    world.add_bucket("single", proxyId=world.add_proxy("lnx-3"))
    world.add_job(repository)
    yield world, {rest: world.client(rest) for rest in (6, 7, 8)}
    world.stop()
    assert world.server.bugs == []


def filled(world: World, value: Any) -> Any:
    """`<proxy win-1>` replaced by the id."""
    text = re.sub(r"<(\w+) ([^>]+)>", lambda found: world.find(COLLECTIONS[found[1]], found[2]), json.dumps(value))
    return json.loads(text)


def resources(world: World) -> str:
    with world.document.lock:
        return json.dumps({name: world.document.data.get(name) for name in [*COLLECTIONS.values(), "email"]})


@pytest.mark.parametrize(
    ("case", "rest"),
    [pytest.param(case, rest, id=f"v{rest} {case['name']}") for case in CASES for rest in case["status"]],
)
def test_a_refusal(built: tuple[World, dict[int, Client]], case: dict[str, Any], rest: int) -> None:
    world, clients = built
    before = resources(world)
    method, path = filled(world, case["request"]).split(" ", 1)
    answer = clients[rest].send(method, path, filled(world, case.get("body")))
    assert answer.status_code == case["status"][rest], answer.text
    body = answer.json()
    assert case["says"].lower() in body["message"].lower()
    assert set(body) | {"errorCode"} == BODIES[rest] | {"errorCode"}
    assert body.get("errorCode") == (case.get("code") if rest == 8 else None)
    assert resources(world) == before


@pytest.mark.parametrize("rest", [6, 7, 8])
def test_the_error_body_is_that_of_the_tables(built: tuple[World, dict[int, Client]], rest: int) -> None:
    answer = built[1][rest].send("GET", "Proxies/none")
    assert answer_problems(rest, "GET", "Proxies/{proxyId}", 404, answer.json()) == []


@pytest.mark.parametrize("rest", [7, 8])
def test_an_offline_proxy_has_a_code_of_its_own_since_v7(built: tuple[World, dict[int, Client]], rest: int) -> None:
    world, clients = built
    world.hosts.hosts["win-1"].online = False
    proxy = world.find("proxies", "win-1")
    try:
        answer = clients[rest].send("PUT", f"Proxies/{proxy}", {"description": "x"})
    finally:
        world.hosts.hosts["win-1"].online = True
    assert (answer.status_code, answer.json()["errorCode"]) == (500, "ProxyOffline")


def test_a_body_that_is_no_json(built: tuple[World, dict[int, Client]]) -> None:
    client = built[1][8]
    headers = {"Authorization": f"Bearer {client.token}"}
    answer = client.http.post("/v8/Proxies", content=b"{", headers=headers)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "ParameterValidationFailure")
    assert client.send("POST", "Proxies").status_code == 400
    assert client.send("POST", "Proxies", ["x"]).status_code == 400
