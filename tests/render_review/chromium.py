"""Chromium without a window, spoken to over two pipes: no port, no driver, nothing to install for Python."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
PATIENCE = 60.0

# Chromium reads commands from descriptor 3 and answers on 4; Popen cannot place descriptors, so a small program does.
_PLACE = (
    "import fcntl,os,sys; high=[fcntl.fcntl(int(n), fcntl.F_DUPFD, 10) for n in sys.argv[1:3]]; "
    "os.dup2(high[0], 3); os.dup2(high[1], 4); os.execv(sys.argv[3], sys.argv[3:])"
)


def executable() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Chromium:
    """One browser. `messages` gathers the events of the page that is open."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands, self._answers = commands, answers
        self._number, self._buffer = 0, b""
        self.messages: list[dict[str, Any]] = []

    def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        self._number += 1
        command: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session:
            command["sessionId"] = session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while True:
            message = self._read()
            if message.get("id") == self._number:
                assert "error" not in message, f"{method}: {message['error']}"
                return dict(message["result"])
            self.messages.append(message)

    def until(self, event: str) -> None:
        while not any(message.get("method") == event for message in self.messages):
            self.messages.append(self._read())

    def _read(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, end - time.monotonic()))
            assert ready, "Chromium does not answer"
            chunk = os.read(self._answers, 1 << 20)
            assert chunk, "Chromium has ended"
            self._buffer += chunk
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))

    def show(self, url: str, *, width: int, dark: bool = False, scripts: bool = True, media: str = "") -> Page:
        """Open `url` in a fresh tab of `width` pixels and wait until it is loaded. `media` can be `print`."""
        self.messages.clear()
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = str(self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable", session)
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", session, **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", session, media=media, features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", session, value=not scripts)
        self.messages.clear()
        self.call("Page.navigate", session, url=url)
        self.until("Page.loadEventFired")
        return Page(self, session)


class Page:
    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser, self._session = browser, session

    def evaluate(self, expression: str) -> Any:
        answer = self._browser.call("Runtime.evaluate", self._session, expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    @property
    def complaints(self) -> list[str]:
        """Whatever the console would show in red, or at all."""
        names = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        return [json.dumps(message["params"]) for message in self._browser.messages if message.get("method") in names]

    @property
    def requests(self) -> list[str]:
        """Addresses that were asked for."""
        found = [message for message in self._browser.messages if message.get("method") == "Network.requestWillBeSent"]
        return [message["params"]["request"]["url"] for message in found]


@contextmanager
def running() -> Iterator[Chromium]:
    """A browser with its own empty profile; it ends with the block."""
    program = executable()
    assert program
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            start = [sys.executable, "-c", _PLACE, str(theirs_in), str(theirs_out), program, *FLAGS]
            with subprocess.Popen(
                [*start, f"--user-data-dir={profile}", "about:blank"],
                pass_fds=(theirs_in, theirs_out),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as process:
                browser = Chromium(ours_out, ours_in)
                try:
                    yield browser
                    browser.call("Browser.close")
                    process.wait(PATIENCE)
                finally:
                    process.kill()
    finally:
        for descriptor in (theirs_in, ours_out, ours_in, theirs_out):
            os.close(descriptor)
