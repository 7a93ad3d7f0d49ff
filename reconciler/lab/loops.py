"""The event loops of the lab's servers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import asyncssh

_TURNS: Final = 5


def new_loop() -> asyncio.AbstractEventLoop:
    """An event loop that does not log clients that disconnect."""
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(_handle)
    return loop


async def settled() -> None:
    """What was closed has let go of its socket: a transport does that in a later turn of its loop, and a loop that ends
    before leaves the socket open. With TLS over TCP each layer sends its own close."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)


async def close_servers(*servers: asyncio.Server | asyncssh.SSHAcceptor) -> None:
    """Accept nothing more, and close them once what was accepted is a connection: asyncio attaches it to its server in
    a later turn, and leaves the socket open if the server is closed by then."""
    loop = asyncio.get_running_loop()
    for server in servers:
        for listener in server.sockets:
            loop.remove_reader(listener.fileno())
    await settled()
    for server in servers:
        server.close()


def _handle(loop: asyncio.AbstractEventLoop, failure: Mapping[str, Any]) -> None:
    if not isinstance(failure.get("exception"), ConnectionError):
        loop.default_exception_handler(dict(failure))
