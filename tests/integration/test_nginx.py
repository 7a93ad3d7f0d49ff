"""What users read when nginx in front of the REST API answers instead of it."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.clients.vbo import Reader, Session, Writer, connect
from reconciler.lab.pki import Authority
from reconciler.model.connection import ConnectionContext, Credential, Deadlines, Server, Trust
from reconciler.model.errors import (
    BadAnswer,
    ConnectionLost,
    DeadlineExceeded,
    Refused,
    RemoteError,
    Unavailable,
)
from reconciler.model.secret import Secret, SecretRef
from tests.integration.nginx import missing, nginx
from tests.lab.server.world import ADMIN, PASSWORD, World

pytestmark = pytest.mark.integration


class Given:
    def resolve(self, reference: SecretRef) -> Secret:
        return Secret(PASSWORD)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    if missing():
        pytest.skip(missing())
    authority = Authority(tmp_path / "pki")
    identity, own = authority.host("vbo01.example.com", ["127.0.0.1"]), authority.self_signed("server")
    trusting = ssl.create_default_context(cafile=str(authority.ca_file))
    made = World(tmp_path, authority.context(identity), trusting, (own.cert_pem + own.key_pem).decode())
    (tmp_path / "nginx.pem").write_bytes(identity.cert_pem + identity.key_pem)
    made.start()
    yield made
    made.hosts.gate.set()
    made.stop()
    assert made.server.bugs == []


def session(world: World, port: int, rest: str = "v8", **deadlines: float) -> Session:
    server = Server(
        "127.0.0.1",
        Credential("admin", ADMIN, SecretRef("given", "password")),
        port=port,
        rest=rest,
        trust=Trust(ca_file=str(world.folder / "pki/ca.pem")),
        deadlines=Deadlines(**{"connect": 30, "call": 60, "long": 60, **deadlines}),
    )
    return connect(server, ConnectionContext(Given(), "/"), sleep=lambda seconds: None)


@contextmanager
def gateway(world: World, settings: str = "", location: str = "", upstream: str = "") -> Iterator[int]:
    identity = world.folder / "nginx.pem"
    with nginx(world.folder / "nginx", upstream or world.url, identity, settings=settings, location=location) as port:
        yield port


def page(path: str, answer: str) -> str:
    return f"location {path} {{ default_type text/html; {answer} }}"


@pytest.mark.parametrize(
    ("given", "title", "kind", "hint"),
    [
        ({"upstream": "https://127.0.0.1:9"}, "502 Bad Gateway", Unavailable, "has no answer from the REST API"),
        ({"settings": "deny all;"}, "403 Forbidden", Refused, "allow this machine"),
        ({"settings": page("/v8", "return 500;")}, "500 Internal Server Error", Refused, "see its log"),
        (
            {"location": "limit_req zone=all;", "settings": page("/v8/ServiceInstance", "return 503;")},
            "503 Service Temporarily Unavailable",
            Unavailable,
            "limit_req",
        ),
        (
            {"settings": "ssl_verify_client on; ssl_client_certificate {folder}/pki/ca.pem;"},
            "400 No required SSL certificate was sent",
            Refused,
            "answers with this page",
        ),
        ({"settings": page("/v8", "return 302 https://login.example.com/;")}, "302 Found", BadAnswer, "gateway"),
        ({"settings": page("/v8", "return 200 '<title>Sign in</title>';")}, "Sign in", BadAnswer, "gateway"),
    ],
)
def test_a_login_that_it_answers(
    world: World, given: dict[str, str], title: str, kind: type[RemoteError], hint: str
) -> None:
    given = {name: line.replace("{folder}", str(world.folder)) for name, line in given.items()}
    with gateway(world, **given) as port, pytest.raises(kind) as caught:
        session(world, port).close()
    assert (type(caught.value), f'the web page "{title}"' in caught.value.reason) == (kind, True), caught.value.reason
    assert hint in caught.value.hint


def test_a_body_that_is_too_large_for_it(world: World) -> None:
    with gateway(world, "client_max_body_size 300;") as port, session(world, port) as opened:
        assert len(Reader(opened).list("Proxies")) == 1
        with pytest.raises(Refused, match="413 Request Entity Too Large") as caught:
            Writer(opened).create("ProxyPools", {"name": "p", "description": "x" * 300, "proxyIds": []})
    assert "client_max_body_size" in caught.value.hint


def test_it_stops_waiting(world: World) -> None:
    world.fault(kind="latency", seconds=2, path="Prox*")
    with gateway(world, location="proxy_read_timeout 200ms;") as port, session(world, port) as opened:
        with pytest.raises(Unavailable, match="504 Gateway Time-out") as read:
            Reader(opened).list("Proxies")
        with pytest.raises(DeadlineExceeded, match="504 Gateway Time-out") as written:
            Writer(opened).create("ProxyPools", {"name": "p", "description": "", "proxyIds": []})
    assert "proxy_read_timeout" in read.value.hint
    assert "may still be at work" in written.value.hint


@pytest.mark.parametrize("buffering", ["on", "off"])
def test_an_answer_that_breaks_off_behind_it_is_no_shorter_answer(world: World, buffering: str) -> None:
    world.fault(kind="truncate", path="Proxies*")
    place = f"proxy_buffering {buffering};"
    with gateway(world, location=place) as port, session(world, port) as opened, pytest.raises(ConnectionLost):
        Reader(opened).list("Proxies")


def test_a_lost_answer_to_what_was_done_is_not_said_to_be_refused(world: World) -> None:
    world.fault(kind="drop", path="ProxyPools", times=1)
    with gateway(world) as port, session(world, port) as opened:
        with pytest.raises(Unavailable, match="502 Bad Gateway"):
            Writer(opened).create(
                "ProxyPools", {"name": "p", "description": "", "proxyIds": [{"proxyId": world.add_proxy("lnx-1")}]}
            )
        assert [pool["name"] for pool in Reader(opened).list("ProxyPools")] == ["p"]


@pytest.mark.parametrize(
    "settings", ["gzip on; gzip_types *; gzip_min_length 1;", "keepalive_requests 1;", "chunked_transfer_encoding off;"]
)
def test_what_it_does_to_good_answers(world: World, settings: str) -> None:
    world.add_proxy("lnx-1")
    with gateway(world, settings) as port, session(world, port, "auto") as opened:
        assert [proxy["hostName"] for proxy in Reader(opened).list("Proxies")][1:] == ["lnx-1"]
        assert opened.rest == 8
