"""What `watch` serves: metrics, health, and who may ask for it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from reconciler.lab.pki import Authority
from reconciler.model.event import Outcome
from reconciler.model.secret import Secret
from reconciler.operations.errors import InvalidOption
from reconciler.watching.http import Application, Listening, Page, serving
from reconciler.watching.loop import Loop
from reconciler.watching.metrics import exposition
from reconciler.watching.schedule import Schedule
from tests.watching.automatic import write_run
from tests.watching.samples import NOON, World, observed, plan_of, update

TOKEN = Listening(token=Secret("t0k3n"))


def ask(listening: Listening, path: str = "/page", method: str = "GET", **headers: str) -> tuple[int, str]:
    answered: list[str] = []

    def start(status: str, _headers: list[tuple[str, str]]) -> None:
        answered.append(status)

    pages: Mapping[str, Callable[[], Page]] = {"/page": lambda: Page(200, "here")}
    application = Application(listening, pages, {"/observe": lambda: Page(202, "asked")})
    environ: dict[str, Any] = {"PATH_INFO": path, "REQUEST_METHOD": method, "HTTP_HOST": "localhost:9194"}
    body = b"".join(application(environ | {f"HTTP_{name.upper()}": value for name, value in headers.items()}, start))
    return int(answered[0].split()[0]), body.decode()


def test_on_loopback_everybody_may_look_and_nobody_may_ask_without_a_token() -> None:
    assert ask(Listening()) == (200, "here")
    assert ask(Listening(), "/observe", "POST")[0] == 403
    assert ask(Listening(), "/absent")[0] == 404
    assert ask(Listening(), method="PUT")[0] == 403


def test_on_loopback_the_name_of_another_site_is_refused() -> None:
    assert ask(Listening(), host="attacker.example.com:9194")[0] == 421
    assert ask(Listening(), host="[::1]:9194")[0] == 200


@pytest.mark.parametrize("given", ["", "Bearer wrong", "Basic !!", "Digest t0k3n", "Bearer", "Basic dDBrM24="])
def test_without_the_token_nothing_is_shown(given: str) -> None:
    assert ask(TOKEN, authorization=given)[0] == 401
    assert ask(TOKEN, "/observe", "POST", authorization=given)[0] == 401


def test_the_token_is_a_bearer_token_or_the_password_of_any_user() -> None:
    assert ask(TOKEN, authorization="Bearer t0k3n", host="vbo.example.com") == (200, "here")
    password = base64.b64encode(b"prometheus:t0k3n").decode()
    assert ask(TOKEN, "/observe", "POST", authorization=f"Basic {password}") == (202, "asked")


@pytest.mark.parametrize(
    ("listening", "said"),
    [
        (Listening(host="vbo.example.com", token=Secret("t")), "needs TLS"),
        (Listening(host="vbo.example.com", certificate=Path("c"), key=Path("k")), "needs --token or --client-ca"),
        (Listening(certificate=Path("c")), "belong together"),
        (Listening(client_ca=Path("ca")), "needs --tls-certificate"),
    ],
)
def test_elsewhere_than_on_loopback_both_sides_are_checked(listening: Listening, said: str) -> None:
    with pytest.raises(InvalidOption, match=said):
        listening.check()


def test_it_serves(tmp_path: Path) -> None:
    application = Application(Listening(), {"/page": lambda: Page(200, "here")}, {})
    with serving(application, Listening(port=0)) as port:
        answer = httpx.get(f"http://127.0.0.1:{port}/page", trust_env=False)
    assert (answer.status_code, answer.text) == (200, "here")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_client_certificate_of_the_authority_is_required_by_the_handshake(tmp_path: Path) -> None:
    mine, other = Authority(tmp_path / "mine"), Authority(tmp_path / "other")
    identity = mine.host("localhost").file
    listening = Listening(port=0, certificate=identity, key=identity, client_ca=mine.ca_file)
    listening.check()
    application = Application(listening, {"/metrics": lambda: Page(200, "here")}, {"/observe": lambda: Page(202)})
    with serving(application, listening) as port:
        url = f"https://localhost:{port}"

        def client(certificate: Path | None) -> httpx.Client:
            context = mine.client_context()
            if certificate is not None:
                context.load_cert_chain(certificate)
            return httpx.Client(base_url=url, verify=context, trust_env=False)

        with client(mine.client("prometheus", "prometheus").file) as known:
            assert known.get("/metrics").text == "here"
            assert known.post("/observe").status_code == 202
        for certificate in (None, other.client("prometheus", "prometheus").file):
            with client(certificate) as stranger, pytest.raises(httpx.TransportError):
                stranger.get("/metrics")
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/metrics", verify=other.client_context(), trust_env=False)


def test_runs_of_the_journal_are_metrics(tmp_path: Path) -> None:
    world = World(tmp_path)
    write_run(world, [], "0", Outcome.DONE, "apply")
    world.later(hours=1)
    write_run(world, [], "0", None, "watch")
    watcher = world.watcher("corp")
    watcher.cycle()
    text = exposition(watcher.states.values()).decode()
    assert 'vbo_reconcile_runs{operation="apply",server="corp",state="done"} 1.0' in text
    assert 'vbo_reconcile_runs{operation="watch",server="corp",state="interrupted"} 1.0' in text
    last = 'vbo_reconcile_last_run_start_timestamp_seconds{operation="watch",server="corp",state="interrupted"}'
    assert f"{last} {world.now.timestamp():.9e}"[: len(last) + 8] in text


def test_metrics_are_what_is_found(tmp_path: Path) -> None:
    world = World(tmp_path)
    watcher = world.watcher("corp")
    changes = [update("proxy.px-1", "throttle"), update("proxy.px-2", "throttle"), update("smtp", "port")]
    world.answers["corp"] = observed(plan_of(changes))
    watcher.cycle()
    text = exposition(watcher.states.values()).decode()
    labels = 'kind="drift",object="proxy",server="corp",severity="low",state="open"'
    assert f"vbo_reconcile_findings{{{labels}}} 2.0" in text
    assert 'vbo_reconcile_observations_total{result="success",server="corp"} 1.0' in text
    assert f'last_success_timestamp_seconds{{server="corp"}} {NOON.timestamp():.9g}'[:60] in text
    assert "_created" not in text


def test_health_is_about_cycles_and_readiness_about_the_journal(tmp_path: Path) -> None:
    world = World(tmp_path)
    loop = Loop(world.watcher("corp"), Schedule(60), lambda: world.now)
    assert (loop.healthz().status, loop.readyz().status) == (200, 503)
    loop.run(once=True)
    assert (loop.healthz().status, loop.readyz().status) == (200, 200)
    world.later(hours=1)
    assert loop.healthz().status == 503
    state = loop.watcher.states["corp"]
    loop.watcher.states["corp"] = replace(state, journal_error="no connection")
    assert "no connection" in str(loop.readyz().body)
