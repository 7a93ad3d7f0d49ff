"""What an operation takes from the process that calls it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from reconciler.operations.events import Message, Notice, NoticeListener, ignore


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """`environment` is where secrets, folders (XDG) and the review base of a pipeline are looked up. `listen` is called
    with every notice, from the thread that called the operation. `clock` returns an aware time."""

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    listen: NoticeListener = ignore
    clock: Callable[[], datetime] = utc_now

    def report(self, text: str) -> None:
        self.listen(Message(text))

    def detail(self, text: str) -> None:
        self.listen(Message(text, verbose=True))

    def notify(self, notice: Notice) -> None:
        self.listen(notice)
