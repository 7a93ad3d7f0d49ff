"""How far the clock of the server is ahead, by the `Date` of its answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.clients.vbo.wire import clock_ahead

NOW = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("date", "ahead"),
    [
        ("Sun, 01 Mar 2026 12:00:00 GMT", timedelta(0)),
        ("Sun, 01 Mar 2026 12:12:00 GMT", timedelta(minutes=12)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", timedelta(hours=-1)),
        ("Sun, 01 Mar 2026 13:12:00 +0100", timedelta(minutes=12)),
        ("Sun, 01 Mar 2026 12:00:00 -0000", timedelta(minutes=3)),  # without a zone
        ("yesterday", timedelta(minutes=3)),
        ("", timedelta(minutes=3)),
    ],
)
def test_the_clock_of_the_server(date: str, ahead: timedelta) -> None:
    assert clock_ahead({"Date": date}, NOW, timedelta(minutes=3)) == ahead
