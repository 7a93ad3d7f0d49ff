"""How far the clock of the server is ahead, by the `Date` of its answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.clients.vbo.wire import clock_ahead, retry_after

NOW = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        ("Sun, 01 Mar 2026 12:00:00 GMT", timedelta(0)),
        ("Sun, 01 Mar 2026 12:12:00 GMT", timedelta(minutes=12)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", timedelta(hours=-1)),
        ("Sun, 01 Mar 2026 13:12:00 +0100", timedelta(minutes=12)),
        ("Sun, 01 Mar 2026 12:12:00 -0000", timedelta(minutes=12)),  # without a zone, which is UTC
        ("Sun Mar  1 12:12:00 2026", timedelta(minutes=12)),  # as asctime writes it
        ("Sunday, 01-Mar-26 12:12:00 GMT", timedelta(minutes=12)),
        ("Sun, 01 Mar 2026 12:00:00 +99999999999999", timedelta(minutes=3)),
        ("Sun, 01 Mar 99999999999999999999 12:00:00 GMT", timedelta(minutes=3)),
        ("yesterday", timedelta(minutes=3)),
        ("", timedelta(minutes=3)),
    ],
)
def test_the_clock_of_the_server(date: str, ahead: timedelta) -> None:
    assert clock_ahead({"Date": date}, NOW, timedelta(minutes=3)) == ahead


@pytest.mark.parametrize(("age", "ahead"), [("0", 12), ("720", 3), ("soon", 3)])
def test_a_cache_in_between_does_not_know_the_clock_of_the_server(age: str, ahead: int) -> None:
    headers = {"Date": "Sun, 01 Mar 2026 12:12:00 GMT", "Age": age}
    assert clock_ahead(headers, NOW, timedelta(minutes=3)) == timedelta(minutes=ahead)


@pytest.mark.parametrize("text", ["Sun, 01 Mar 2026 12:00:30 GMT", "Sun Mar  1 12:00:30 2026", "30"])
def test_when_to_come_back(text: str) -> None:
    assert retry_after({"Retry-After": text, "Date": "Sun, 01 Mar 2026 12:00:00 GMT"}) == 30


@pytest.mark.parametrize(
    "text", ["Sun, 01 Mar 2026 12:00:00 +99999999999999", "soon", "-5", "Sat, 28 Feb 2026 12:00:00 GMT"]
)
def test_no_time_to_come_back(text: str) -> None:
    assert retry_after({"Retry-After": text, "Date": "Sun, 01 Mar 2026 12:00:00 GMT"}) == 0
