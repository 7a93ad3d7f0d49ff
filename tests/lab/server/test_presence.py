"""Which proxies answer: two askers at the same time get the same answer, and none waits long for a dead one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event

import pytest

from reconciler.lab.server.presence import Presence, Target
from reconciler.lab.server.work import Background

TARGET = Target("1", "px-1", 9193, True)


@pytest.fixture
def work() -> Iterator[Background]:
    background = Background()
    yield background
    background.stop()


def test_a_second_asker_waits_for_the_answer_that_is_under_way(work: Background) -> None:
    asking, answer = Event(), Event()
    asked: list[str] = []

    def probe(target: Target) -> str:
        asked.append(target.host)
        asking.set()
        assert answer.wait(30)
        return "8.5.0.1014"

    presence = Presence(probe, work)

    def look() -> str | None:
        presence.refresh([TARGET], ttl=0.0, deadline=30)
        return presence.version("1")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(look)
        assert asking.wait(30)
        second = pool.submit(look)
        answer.set()
        assert (first.result(), second.result()) == ("8.5.0.1014", "8.5.0.1014")
    assert set(asked) == {"px-1"}


def test_one_that_is_late_already_is_not_waited_for(work: Background) -> None:
    answer = Event()

    def probe(_target: Target) -> None:
        assert answer.wait(30)

    presence = Presence(probe, work)
    presence.refresh([TARGET], ttl=0.0, deadline=0.0)
    presence.refresh([TARGET], ttl=0.0, deadline=0.0)
    assert presence.version("1") is None
    answer.set()


def test_one_that_answered_before_and_is_late_now_counts_as_offline_until_it_answers(work: Background) -> None:
    answer = Event()

    def probe(_target: Target) -> str:
        assert answer.wait(30)
        return "8.5.0.1014"

    presence = Presence(probe, work)
    presence.put("1", "8.5.0.1000")
    presence.refresh([TARGET], ttl=0.0, deadline=0.0)
    assert presence.version("1") is None
    answer.set()
    while presence.version("1") is None:
        presence.refresh([TARGET], ttl=30.0, deadline=30.0)
    assert presence.version("1") == "8.5.0.1014"


def test_each_answer_gives_the_others_the_whole_deadline(work: Background, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[tuple[int, float]] = []

    def one(
        left: set[Future[None]], *, timeout: float, return_when: str
    ) -> tuple[set[Future[None]], set[Future[None]]]:
        waits.append((len(left), timeout))
        first = min(left, key=id)
        wait([first], timeout=30)
        return {first}, left - {first}

    monkeypatch.setattr("reconciler.lab.server.presence.wait", one)
    presence = Presence(lambda _: "8.5.0.1014", work)
    presence.refresh([Target(name, "px", 9193, True) for name in "abc"], ttl=0.0, deadline=7)
    assert waits == [(3, 7), (2, 7), (1, 7)]
    assert [presence.version(name) for name in "abc"] == ["8.5.0.1014"] * 3


def test_a_thousand_are_all_asked_before_the_answer(work: Background) -> None:
    targets = [Target(str(number), f"px-{number}", 9193, True) for number in range(1000)]
    asked: list[str] = []

    def probe(target: Target) -> str | None:
        asked.append(target.proxy)
        return None if target.proxy == "7" else "8.5.0.1014"

    presence = Presence(probe, work)
    presence.refresh(targets, ttl=60.0, deadline=30)
    assert sorted(asked, key=int) == [target.proxy for target in targets]
    offline = [target.proxy for target in targets if presence.version(target.proxy) is None]
    assert offline == ["7"]
    presence.refresh(targets, ttl=3600.0, deadline=30)
    assert len(asked) == 1000
