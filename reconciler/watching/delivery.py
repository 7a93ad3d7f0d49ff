"""Notices of changes of state: put into the outbox with the change, and sent from there until a receiver takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from reconciler.journal import Notice
from reconciler.model.errors import ReconcileError
from reconciler.watching.ledger import Moment, is_announced
from reconciler.watching.notices import FORMS, Channel, message

if TYPE_CHECKING:
    from reconciler.journal import Outbox
    from reconciler.model.finding import Transition
    from reconciler.watching.state import ServerState

_CLAIM: Final = timedelta(minutes=2)
"""For how long a notice belongs to the process that sends it."""
_FIRST: Final = timedelta(seconds=30)
_LONGEST: Final = timedelta(hours=1)
"""Pauses after failed attempts: doubled from the first one."""


def notices_of(
    server: str,
    state: ServerState,
    transitions: Sequence[Transition],
    channels: Sequence[Channel],
    moment: Moment,
    *,
    lab: bool,
) -> list[Notice]:
    """One notice for each channel, about all changes of state that are notified of."""
    announced = [item for item in transitions if is_announced(item)]
    if not announced:
        return []
    host = state.facts.host if state.facts else ""
    made = []
    for channel in channels:
        name = moment.new_id()
        data = message(name, server, host, moment.at, announced, lab=lab)
        made.append(Notice(name, server, channel.name, data, moment.at, moment.at))
    return made


def deliver(
    outbox: Outbox,
    server: str,
    channels: Sequence[Channel],
    send: Callable[[Channel, Mapping[str, Any]], bool],
    clock: Callable[[], datetime],
) -> None:
    """Send the notices that are due. One that is not taken is due again later. Raises JournalError."""
    known = {channel.name: channel for channel in channels}
    if not known:
        return
    now = clock()
    for notice in outbox.claim(server, sorted(known), now, now + _CLAIM):
        channel = known[notice.channel]
        try:
            send(channel, FORMS[channel.form](notice.message))
        except ReconcileError as error:
            pause = min(_LONGEST, _FIRST * 2 ** min(notice.attempts, 10))
            outbox.failed(notice, str(error), clock(), clock() + pause)
        else:
            outbox.sent(notice.id, clock())
