"""The event loops of the lab's servers."""

from __future__ import annotations

import logging

import pytest

from reconciler.lab.loops import new_loop


@pytest.mark.parametrize(
    ("error", "said"), [(ConnectionResetError(104, "reset by peer"), []), (ValueError("wrong"), ["ERROR"])]
)
def test_a_client_that_goes_away_is_no_news(
    error: Exception, said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    loop = new_loop()
    with caplog.at_level(logging.DEBUG, "asyncio"):
        loop.call_exception_handler({"message": "Future exception was never retrieved", "exception": error})
    loop.close()
    assert [record.levelname for record in caplog.records if record.levelno >= logging.WARNING] == said
