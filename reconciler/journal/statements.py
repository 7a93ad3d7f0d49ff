"""The statements that a run is written with. All of them may be executed twice without harm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, update

from reconciler.journal.tables import changes, events, runs, steps

if TYPE_CHECKING:
    from reconciler.journal.store import Store


class Statements:
    """Made once for a run. Parameters of updates begin with `b_`, those of inserts are named as their columns."""

    def __init__(self, store: Store) -> None:
        this_change = (changes.c.run == bindparam("b_run")) & (changes.c.number == bindparam("b_number"))
        this_step = (
            (steps.c.run == bindparam("b_run"))
            & (steps.c.change == bindparam("b_number"))
            & (steps.c.number == bindparam("b_step"))
        )
        self.add_event = store.insert(events).on_conflict_do_nothing()
        self.start_change = (
            update(changes).where(this_change).values(state=bindparam("b_state"), started=bindparam("b_started"))
        )
        self.end_change = (
            update(changes)
            .where(this_change)
            .values({name: bindparam(f"b_{name}") for name in ("state", "ended", "seconds", "detail", "hint", "log")})
        )
        begun = store.insert(steps)
        self.start_step = begun.on_conflict_do_update(
            index_elements=[steps.c.run, steps.c.change, steps.c.number],
            set_={name: begun.excluded[name] for name in ("text", "started", "ended", "seconds")},
        )
        self.end_step = (
            update(steps).where(this_step).values(ended=bindparam("b_ended"), seconds=bindparam("b_seconds"))
        )
        self.drop_step = delete(steps).where(this_step)
        self.end_run = (
            update(runs)
            .where(runs.c.id == bindparam("b_run"))
            .values(state=bindparam("b_state"), ended=bindparam("b_ended"))
        )
