"""Faults on demand, and what is counted."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.lab.server.world import BUILD, HOST, World, eventually, windows_account


def test_a_status_for_the_next_requests_that_match(world: World) -> None:
    client = world.client()
    world.fault(kind="status", status=503, method="GET", path="proxies*", times=2, message="busy")
    assert client.send("GET", "Organizations").status_code == 200
    answers = [client.send("GET", "Proxies") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].json() == {"message": "busy", "stackTrace": None}
    assert world.document.data["faults"] == []


def test_latency(world: World) -> None:
    client = world.client()
    world.fault(kind="latency", seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        client.http.get("/v8/Proxies", timeout=0.05)
    world.document.data["faults"].clear()
    assert client.send("GET", "Proxies").status_code == 200


@pytest.mark.parametrize(
    ("fault", "done"),
    [
        ({"kind": "reset"}, False),
        ({"kind": "reset", "when": "after"}, True),
        ({"kind": "drop"}, True),
        ({"kind": "status", "status": 504, "when": "after"}, True),
        ({"kind": "status", "status": 504}, False),
    ],
)
def test_a_lost_answer(world: World, fault: dict[str, object], done: bool) -> None:
    client = world.client()
    world.fault(method="POST", path="Proxies", times=1, **fault)
    body = {"hostName": "win-1", **windows_account()}
    if fault["kind"] == "status":
        assert client.send("POST", "Proxies", body).status_code == 504
    else:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            client.send("POST", "Proxies", body)
    hosts = eventually(lambda: [item["hostName"] for item in world.client().results("Proxies")])
    assert ("win-1" in hosts) == done
    assert (world.hosts.hosts["win-1"].owner == HOST) == done


def test_a_gateway_gives_up_and_the_work_goes_on(world: World) -> None:
    client = world.client()
    world.fault(kind="gateway", method="POST", path="Proxies", times=1, seconds=0, work=0.5)
    answer = client.send("POST", "Proxies", {"hostName": "win-1", **windows_account()})
    assert (answer.status_code, answer.content) == (504, b"")
    assert eventually(lambda: "win-1" in [item["hostName"] for item in client.results("Proxies")])


def test_a_gateway_hands_on_what_is_quick(world: World) -> None:
    world.fault(kind="gateway", seconds=30)
    assert world.client().send("GET", "Proxies").status_code == 200


def test_half_an_answer(world: World) -> None:
    client = world.client()
    world.fault(kind="truncate", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        client.send("GET", "Organizations")
    assert len(client.results("Organizations")) == 3


def test_a_token_that_expires_in_the_middle(world: World) -> None:
    client = world.client()
    world.fault(kind="expired-token", path="Jobs", times=1)
    assert client.send("GET", "Proxies").status_code == 200
    answer = client.send("GET", "Jobs")
    assert (answer.status_code, answer.content) == (401, b"")
    assert client.send("GET", "Jobs").status_code == 401
    client.login()
    assert client.send("GET", "Jobs").status_code == 200


def test_unknown_properties_are_ignored_unless_strict(world: World) -> None:
    client = world.client()
    body = {"useInternetProxy": False, "nonsense": 1}
    assert client.send("PUT", "InternetProxySettings", body).status_code == 204
    world.fault(kind="strict")
    answer = client.send("PUT", "InternetProxySettings", body)
    assert (answer.status_code, answer.json()["message"]) == (400, "The property nonsense is not known.")
    job = {"threadsNumber": 5}  # v8 does not have it
    proxy = client.results("Proxies")[0]["id"]
    assert client.send("PUT", f"Proxies/{proxy}", job).status_code == 400
    assert world.client(7).send("PUT", f"Proxies/{proxy}", job).status_code == 200


def test_numbers_as_text_and_new_words(world: World) -> None:
    client = world.client()
    world.fault(kind="text-numbers", path="Proxies", times=1)
    assert client.get("Proxies")["results"][0]["port"] == "9193"
    world.fault(kind="word", path="Proxies", property="status", value="Updating", times=1)
    assert client.get("Proxies")["results"][0]["status"] == "Updating"


def test_a_fault_that_does_not_exist_is_loud(world: World) -> None:
    client = world.client()
    world.fault(kind="earthquake")
    answer = client.send("GET", "Proxies")
    assert answer.status_code == 500
    assert "no fault 'earthquake'" in answer.json()["message"]
    world.server.bugs.clear()


def test_an_option_that_does_not_exist_is_loud(world: World) -> None:
    client = world.client()
    world.option(colour="blue")
    assert "no option colour" in client.send("GET", "Proxies").json()["message"]
    world.server.bugs.clear()


def test_an_unhealthy_server(world: World) -> None:
    world.option(health={"NATS": "Unhealthy"})
    report = world.client().get("Health")
    assert report["status"] == "Unhealthy"
    assert {name: entry["status"] for name, entry in report["entries"].items()} == {
        "NATS": "Unhealthy",
        "PostgreSQL": "Healthy",
    }


def test_requests_are_counted(world: World) -> None:
    client = world.client()
    world.server.requests.clear()
    world.server.verbs.clear()
    proxy = client.results("Proxies")[0]["id"]
    client.get(f"proxies/{proxy}")
    client.send("GET", "Proxies/none")
    client.send("PUT", "InternetProxySettings", {})
    client.send("GET", "Nowhere")
    world.client(7)
    assert world.server.requests == {
        ("GET", "/v8/Proxies", 200): 1,
        ("GET", "/v8/Proxies/{proxyId}", 200): 1,
        ("GET", "/v8/Proxies/{proxyId}", 404): 1,
        ("PUT", "/v8/InternetProxySettings", 204): 1,
        ("GET", "(unknown)", 404): 1,
        ("POST", "/v7/token", 200): 1,
    }
    assert world.server.verbs == {"GET": 4, "PUT": 1, "LOGIN": 1}


def test_every_answer_says_that_it_is_the_lab(world: World) -> None:
    client = world.client()
    answers = [
        client.send("GET", "Proxies"),
        client.send("GET", "None"),
        client.http.get("/v9/x"),
        client.http.get("/"),
    ]
    assert [answer.headers["X-Lab"] for answer in answers] == ["vbo-reconcile"] * 4
    assert client.get("ServiceInstance") == {"installationId": world.document.data["installation"], "version": BUILD}


def test_a_body_in_chunks_is_read(world: World) -> None:
    """As clients send whose bodies are streams."""
    client = world.client()
    head = {"Authorization": f"Bearer {client.token}", "Content-Type": "application/json"}
    settings = json.dumps(client.get("ServiceInstance")).encode()
    answer = client.http.post("/v8/Proxies", content=iter([settings[:5], settings[5:]]), headers=head)
    assert answer.status_code == 400
    assert "hostName" in answer.text, "the body arrived: what it lacks is said"
    assert client.send("GET", "Proxies").status_code == 200


@pytest.mark.parametrize("chunks", [b"x\r\n{}\r\n0\r\n\r\n", b"1\r\n{}\r\n0\r\n\r\n", b"-1\r\n\r\n", b"fffffffff\r\n"])
def test_chunks_that_are_not_framed_correctly_are_refused(world: World, chunks: bytes) -> None:
    client = world.client()
    head = {"Transfer-Encoding": "chunked", "Content-Type": "application/json"}
    assert client.http.post("/v8/Token", content=chunks, headers=head).status_code == 400


def test_a_verb_that_no_path_has_is_not_allowed(world: World) -> None:
    client = world.client()
    for verb in ("TRACE", "PATCH"):
        answer = client.send(verb, "Proxies")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, POST")


def test_half_a_character_is_not_json_and_breaks_nothing(world: World) -> None:
    """A single surrogate: no state file could hold it, and no answer after that."""
    client = world.client()
    head = {"Authorization": f"Bearer {client.token}", "Content-Type": "application/json"}
    body = b'{"hostName": "px-\\ud800", "type": "Windows"}'
    answer = client.http.post("/v8/Proxies", content=body, headers=head)
    assert (answer.status_code, "not valid JSON" in answer.text) == (400, True)
    assert client.send("GET", "Proxies").status_code == 200


@pytest.mark.parametrize("rest", [7, 8])
def test_a_synchronization_needs_a_body(world: World, rest: int) -> None:
    client = world.client(rest)
    organization = client.results("Organizations")[0]["id"]
    assert client.send("POST", f"Organizations/{organization}/Sync").status_code == 400
    client.do("POST", f"Organizations/{organization}/Sync", {})
