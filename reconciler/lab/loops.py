"""The event loops of the lab's servers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any


def new_loop() -> asyncio.AbstractEventLoop:
    """A loop to which a client that goes away is no news: nobody is left who could be told."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(_hear)
    return loop


def _hear(loop: asyncio.AbstractEventLoop, told: Mapping[str, Any]) -> None:
    if not isinstance(told.get("exception"), ConnectionError):
        loop.default_exception_handler(dict(told))
