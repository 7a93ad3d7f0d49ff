"""The token endpoint: grants, expiry, refreshing, logging out, the anti-forgery rule."""

from __future__ import annotations

import httpx
import pytest

from tests.lab.server.world import ADMIN, PASSWORD, Client, World

VERSIONS = (5, 6, 7, 8)


@pytest.mark.parametrize("rest", VERSIONS)
def test_a_login_opens_the_api(world: World, rest: int) -> None:
    client = world.client(rest, login=False)
    assert client.send("GET", "Proxies").status_code == 401
    body = client.login().json()
    assert body["token_type"] == "bearer"
    assert body["userName"] == ADMIN
    assert body["expires_in"] == 3600
    assert body[".issued"] == "2026-01-05T12:00:00.000000Z"
    assert body[".expires"] == "2026-01-05T13:00:00.000000Z"
    assert len(client.results("Proxies")) == 1


def test_json_is_as_good_as_a_form(world: World) -> None:
    client = world.client(login=False)
    form = {"grant_type": "password", "username": "lab\\ADMIN", "password": PASSWORD, "disable_antiforgery_token": True}
    assert client.http.post("/v8/token", json=form).status_code == 200


def test_a_refused_token_is_answered_with_an_empty_401(world: World) -> None:
    client = world.client(login=False)
    client.token = "made up"
    answer = client.send("GET", "Proxies")
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["X-Lab"] == "vbo-reconcile"


def test_versions_that_are_not_served_are_404_for_everybody(world: World) -> None:
    with world.document.lock:
        world.document.data["served"] = [6, 7]
    client = world.client(7)
    probes = {rest: client.http.get(f"/v{rest}/ServiceInstance").status_code for rest in (4, 5, 6, 7, 8, 9)}
    assert probes == {4: 404, 5: 404, 6: 401, 7: 401, 8: 404, 9: 404}
    assert client.http.post("/v8/token", data={"grant_type": "password"}).status_code == 404


@pytest.mark.parametrize("style", ["rest", "oauth"])
@pytest.mark.parametrize("rest", [6, 8])
def test_a_wrong_password_is_refused_in_the_style_of_the_switch(world: World, rest: int, style: str) -> None:
    world.option(login_error=style)
    answer = world.client(rest, login=False).login(password="wrong")
    assert answer.status_code == 400
    wanted = {"error", "error_description"} if style == "oauth" else {"message"}
    assert wanted <= set(answer.json())


def test_an_unknown_grant_and_one_that_the_lab_has_not(world: World) -> None:
    client = world.client(login=False)
    assert client.login(grant_type="magic").status_code == 400
    refused = client.login(grant_type="operator")
    assert refused.status_code == 501
    assert "lab" in refused.json()["message"]


def test_tokens_expire(world: World) -> None:
    world.option(token_seconds=60)
    client = world.client()
    world.clock.advance(59)
    assert client.send("GET", "Proxies").status_code == 200
    world.clock.advance(2)
    answer = client.send("GET", "Proxies")
    assert (answer.status_code, answer.content) == (401, b"")


def refreshed(client: Client) -> httpx.Response:
    return client.login(grant_type="refresh_token", refresh_token=client.refresh)


def test_a_refresh_token_is_good_for_one_time(world: World) -> None:
    client = world.client()
    first = client.refresh
    assert refreshed(client).status_code == 200
    assert client.refresh != first
    client.refresh = first
    assert refreshed(client).status_code == 400


def test_a_refresh_can_be_refused_at_any_time(world: World) -> None:
    client = world.client()
    world.fault(kind="refuse-refresh", times=1)
    assert refreshed(client).status_code == 400


@pytest.mark.parametrize(("rest", "status"), [(6, 404), (7, 200), (8, 204)])
def test_logging_out(world: World, rest: int, status: int) -> None:
    client = world.client(rest)
    answer = client.send("POST", "token/logout")
    assert answer.status_code == status
    if status != 404:
        assert answer.content == b""
        assert client.send("GET", "Proxies").status_code == 401
        assert refreshed(client).status_code == 400


@pytest.mark.parametrize("rest", [7, 8])
def test_without_the_flag_the_antiforgery_pair_is_wanted(world: World, rest: int) -> None:
    client = world.client(rest, login=False)
    answer = client.login(disable_antiforgery_token="false")
    pair = {"X-Lab-Antiforgery": answer.headers["X-Lab-Antiforgery"], "Authorization": f"Bearer {client.token}"}
    client.http.cookies.clear()
    assert client.send("GET", "Proxies").status_code == 400
    assert client.http.get(f"/v{rest}/Proxies", headers=pair).status_code == 400  # the cookie is missing
    pair["Cookie"] = f"LabAntiforgery={pair['X-Lab-Antiforgery']}"
    assert client.http.get(f"/v{rest}/Proxies", headers=pair).status_code == 200
    world.option(antiforgery=False)
    assert client.send("GET", "Proxies").status_code == 200


@pytest.mark.parametrize(("switch", "status"), [("refuse", 400), ("ignore", 200)])
@pytest.mark.parametrize("rest", [5, 6])
def test_old_versions_do_not_know_the_flag(world: World, rest: int, switch: str, status: int) -> None:
    world.option(old_antiforgery_flag=switch)
    assert world.client(rest, login=False).login(disable_antiforgery_token="true").status_code == status


def test_no_password_of_an_administrator_and_no_token_is_kept_in_clear(world: World) -> None:
    client = world.client()
    text = world.document.path.read_text()
    assert client.token not in text
    assert client.refresh not in text
