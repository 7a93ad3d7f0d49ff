"""The event loops of the lab's servers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any


def new_loop() -> asyncio.AbstractEventLoop:
    """An event loop that does not log clients that disconnect."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(_handle)
    return loop


def _handle(loop: asyncio.AbstractEventLoop, failure: Mapping[str, Any]) -> None:
    if not isinstance(failure.get("exception"), ConnectionError):
        loop.default_exception_handler(dict(failure))
