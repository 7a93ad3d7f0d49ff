"""Mail settings: what is shown, what proxies receive, the test mail."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.lab.fleet import MailSettings
from tests.lab.server.world import World, eventually

SETTINGS = {
    "enableNotification": True,
    "smtpServer": "smtp.example.net",
    "port": 587,
    "useAuthentication": True,
    "username": "mailer",
    "userPassword": "hidden-password",
    "useSSL": True,
    "from": "vbo@example.net",
    "to": "team@example.net; second@example.net;",
    "subject": "%JobName%: %JobResult%",
    "notifyOnSuccess": False,
    "notifyOnWarning": True,
    "notifyOnFailure": True,
}
SETTINGS_SENT = MailSettings(
    server="smtp.example.net",
    port=587,
    security="tls",
    username="mailer",
    password="hidden-password",
    sender="vbo@example.net",
    recipients=["team@example.net", "second@example.net"],
    subject="%JobName%: %JobResult%",
    notify=["warning", "failure"],
)


@pytest.mark.parametrize(("rest", "status"), [(5, 200), (6, 200), (7, 200), (8, 204)])
def test_the_password_is_kept_and_never_shown(world: World, rest: int, status: int) -> None:
    client = world.client(rest)
    answer = client.send("PUT", "VboEmailSettings", SETTINGS)
    assert (answer.status_code, answer.content) == (status, b"")
    found = client.get("vboEMAILsettings")
    assert {name: found[name] for name in SETTINGS if name != "userPassword"} == {
        name: value for name, value in SETTINGS.items() if name != "userPassword"
    }
    assert "hidden-password" not in str(found)
    assert world.document.data["email"]["userPassword"] == "hidden-password"
    assert ("authenticationType" in found) == (rest >= 7)


def test_notifications_are_off_at_first(world: World) -> None:
    found = world.client().get("VboEmailSettings")
    assert (found["enableNotification"], found["notifyOnFailure"], found["port"]) == (False, False, 587)


@pytest.mark.parametrize(("switch", "subject"), [("merge", "%JobName%: %JobResult%"), ("replace", "[%JobResult%]")])
def test_whether_put_merges_is_a_switch(world: World, switch: str, subject: str) -> None:
    client = world.client()
    client.do("PUT", "VboEmailSettings", SETTINGS)
    world.option(put_email=switch)
    client.do("PUT", "VboEmailSettings", {"port": 25})
    found = client.get("VboEmailSettings")
    assert found["port"] == 25
    assert found["subject"].startswith(subject)


def run_daily(world: World, **job: Any) -> MailSettings | None:
    """The mail settings that the proxy got when it ran a job."""
    ident = world.add_job(world.add_disk(world.add_proxy("win-1")), **job)
    world.client().do("POST", f"Jobs/{ident}/start", {})
    eventually(lambda: world.hosts.hosts["win-1"].runs)
    return world.hosts.hosts["win-1"].runs[0].mail


def test_the_proxy_is_told_the_settings_of_the_moment(world: World) -> None:
    world.client().do("PUT", "VboEmailSettings", SETTINGS)
    assert run_daily(world) == SETTINGS_SENT


def test_without_notifications_it_is_told_nothing(world: World) -> None:
    assert run_daily(world) is None


def test_only_the_last_retry_reports_a_failure_where_the_others_are_suppressed(world: World) -> None:
    world.client().do("PUT", "VboEmailSettings", SETTINGS | {"supressUntilLastRetry": True})
    with world.document.lock:
        world.document.data["trouble"]["daily"] = "failure"
    policy = {"retryEnabled": True, "retryNumber": 1, "retryWaitInterval": 1}
    run_daily(world, schedulePolicy=policy)
    runs = world.hosts.hosts["win-1"].runs
    eventually(lambda: len(runs) == 2)
    notify = [list(order.mail.notify) for order in runs if order.mail]
    assert notify == [["warning"], ["warning", "failure"]]


@pytest.fixture
def mailing(
    tls: tuple[ssl.SSLContext, ssl.SSLContext], certificate: str, tmp_path: Path
) -> Iterator[tuple[World, list[MailSettings]]]:
    """A world whose server can send a test mail."""
    sent: list[MailSettings] = []
    world = World(tmp_path, *tls, certificate, send_test=sent.append)
    world.start()
    yield world, sent
    world.stop()


@pytest.mark.parametrize(
    ("rest", "word", "status"), [(6, "SendTest", 200), (7, "SendTest", 200), (8, "SendTestEmail", 204)]
)
def test_the_test_mail_uses_the_stored_settings(
    mailing: tuple[World, list[MailSettings]], rest: int, word: str, status: int
) -> None:
    world, sent = mailing
    client = world.client(rest)
    client.do("PUT", "VboEmailSettings", SETTINGS)
    answer = client.send("POST", f"VboEmailSettings/{word}")
    assert (answer.status_code, answer.content) == (status, b"")
    assert sent == [SETTINGS_SENT]


def test_a_mail_server_that_refuses_is_told(
    mailing: tuple[World, list[MailSettings]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(settings: MailSettings) -> None:
        raise OSError("connection refused")

    world, _ = mailing
    monkeypatch.setattr(world.server._api, "send_test", refuse)
    client = world.client()
    client.do("PUT", "VboEmailSettings", SETTINGS)
    answer = client.send("POST", "VboEmailSettings/SendTestEmail")
    assert (answer.status_code, answer.json()["message"]) == (500, "Failed to send a test email: connection refused")


def test_a_server_without_a_way_to_send_says_so(world: World) -> None:
    world.client().do("PUT", "VboEmailSettings", SETTINGS)
    assert world.client().send("POST", "VboEmailSettings/SendTestEmail").status_code == 501


@pytest.mark.parametrize("word", ["PrepareOAuthSignIn", "CompleteOAuthSignIn"])
@pytest.mark.parametrize("rest", [7, 8])
def test_signing_in_with_a_browser_is_refused_honestly(world: World, rest: int, word: str) -> None:
    answer = world.client(rest).send("POST", f"VboEmailSettings/{word}", {})
    assert answer.status_code == 501
    assert "This is the lab" in answer.json()["message"]
