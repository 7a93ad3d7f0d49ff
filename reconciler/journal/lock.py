"""The lock of a management server: it has an owner and a lease, which the owner renews while its process runs. If that
process ran on this machine and is gone, the lock is free; on other machines when the lease has expired.

Times are those of the PostgreSQL server; with SQLite, of the machine that has the file.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, select, update

from reconciler import randomness, timing
from reconciler.journal.errors import JournalError, LeaseLost, LockHeld, NotInJournal
from reconciler.journal.ids import NewId
from reconciler.journal.process import is_gone, this_process
from reconciler.journal.records import Holder
from reconciler.journal.store import Store
from reconciler.journal.tables import locks

LEASE = 60.0
"""Seconds after which the lock of a killed process expires. It is renewed three times in each lease."""

_SHORTEST, _LONGEST = 0.1, 5.0


class Locks:
    """All locks of one journal. A lock is for a management server, not for an inventory: `name` is shown, and `key`
    identifies the server, whatever its name in the inventory."""

    def __init__(
        self,
        store: Store,
        new_id: NewId,
        *,
        sleep: Callable[[float], None] = timing.sleep,
        ticks: Callable[[], float] = timing.monotonic,
    ) -> None:
        self._store = store
        self._new_id = new_id
        self._sleep = sleep
        self._ticks = ticks

    def acquire(
        self,
        name: str,
        *,
        key: str = "",
        owner: str,
        operation: str,
        run: str = "",
        timeout: float = 0.0,
        lease: float = LEASE,
        also: str = "",
        waiting: Callable[[Holder], None] | None = None,
    ) -> HeldLock:
        """The lock on `key`, by default the name, as a context manager. Tries for `timeout` seconds (once where that is
        0), then raises LockHeld.

        `also` is another key that the server was known by: who holds that one is waited for as well. `waiting` is
        called with each owner that is waited for. A thread renews the lock from here on.
        """
        about = {"name": name, "owner": owner, "operation": operation, "run": run, "process": this_process()}
        mine = {"key": key or name, "id": self._new_id(), **about}
        end = self._ticks() + timeout
        pause, seen = _SHORTEST, ""
        while True:
            holder, before = self._try(mine, lease, also)
            if holder.id == mine["id"]:
                return HeldLock(self._store, holder, lease, before)
            if waiting is not None and holder.id != seen:
                seen = holder.id
                waiting(holder)
            left = end - self._ticks()
            if left <= 0:
                raise LockHeld(holder)
            self._sleep(min(left, pause * randomness.uniform(0.5, 1.0)))
            pause = min(_LONGEST, pause * 1.5)

    def list(self) -> list[Holder]:
        """All holders by name, expired ones included."""
        return self._store.read(
            lambda connection: [
                _holder(row) for row in connection.execute(_query(self._store).order_by(locks.c.name, locks.c.key))
            ]
        )

    def held(self, *keys: str) -> Holder | None:
        """Who holds the lock on one of `keys`; None if the lease has expired or the process is gone."""
        found = self._holders(*keys).values()
        return next((holder for holder in found if not holder.expired and not is_gone(holder.process)), None)

    def _holders(self, *keys: str) -> dict[str, Holder]:
        """The holders of locks by key, expired ones included."""
        query = _query(self._store).where(locks.c.key.in_(keys)).order_by(locks.c.key)
        found = self._store.read(lambda connection: [_holder(row) for row in connection.execute(query)])
        return {holder.key: holder for holder in found}

    def break_(self, lock: str) -> Holder:
        """Delete the lock with this id; its owner stops before the next step. Raises NotInJournal."""

        def take(connection: Connection) -> Holder | None:
            holder = _one(connection, self._store, locks.c.id == lock)
            connection.execute(delete(locks).where(locks.c.id == lock))
            return holder

        holder = self._store.write(take)
        if holder is None:
            raise NotInJournal(f"The journal has no lock {lock!r}.", hint="See: vbo-reconcile lock list")
        return holder

    def _try(self, mine: dict[str, str], lease: float, also: str) -> tuple[Holder, Holder | None]:
        """The holder now, and the one whose lock was taken over: its lease has expired, or its process is gone."""
        found = self._holders(mine["key"], also)
        other, before = found.get(also), found.get(mine["key"])
        for holder in (other, before):
            if holder is not None and not holder.expired and not is_gone(holder.process):
                if holder.is_ahead:
                    self._bring_back(holder, lease)
                return holder, None
        gone = [holder.id for holder in found.values() if is_gone(holder.process)]

        def take(connection: Connection) -> Holder | None:
            now = self._store.moment()
            free = (locks.c.expires <= now) | locks.c.id.in_([mine["id"], *gone])
            if also:  # its holder may live on: a lease that has expired is lost only when the lock is taken
                connection.execute(delete(locks).where(locks.c.key == also, free))
                back = _one(connection, self._store, locks.c.key == also)
                if back is not None:
                    return back
            wanted = self._store.insert(locks).values(
                **mine, created=now, renewed=now, expires=self._store.moment(lease)
            )
            columns = {column.name: wanted.excluded[column.name] for column in locks.c if column.name != "key"}
            connection.execute(wanted.on_conflict_do_update(index_elements=[locks.c.key], set_=columns, where=free))
            return _one(connection, self._store, locks.c.key == mine["key"])

        holder = self._store.write(take)
        return (holder, before or other) if holder is not None else self._try(mine, lease, also)

    def _bring_back(self, holder: Holder, lease: float) -> None:
        """The clock was set back after the lease was renewed: it lasts one lease from now, not until that time."""
        ahead = (locks.c.id == holder.id) & (locks.c.renewed > self._store.moment(lease))
        values = {"renewed": self._store.moment(), "expires": self._store.moment(lease)}
        self._store.write(lambda connection: connection.execute(update(locks).where(ahead).values(values)))


class HeldLock:
    """A lock that this process holds, until `lost` is set. `before` is the holder that it took the lock over from."""

    def __init__(
        self,
        store: Store,
        holder: Holder,
        lease: float,
        before: Holder | None = None,
        *,
        ticks: Callable[[], float] = timing.monotonic,
    ) -> None:
        self.id = holder.id
        self.holder = holder
        self.before = before
        self.lost = Event()
        self._why = self._cause = ""
        self._store = store
        self._lease = lease
        self._ticks = ticks
        self._sure = ticks()
        self._over = Event()
        values = {"renewed": store.moment(), "expires": store.moment(lease)}
        self._renewal = update(locks).where(locks.c.id == self.id).values(values)
        self._thread = Thread(target=self._keep, name=f"lease of {holder.name}", daemon=True)
        self._thread.start()

    def raise_if_lost(self) -> None:
        if self.lost.is_set():
            raise LeaseLost(self.holder.name, self._why, self._cause)

    def check(self) -> None:
        """Right before something is changed. A process may have stood still since the lease was renewed: then the
        journal is asked whether the lock is still held. Raises LeaseLost, or JournalError if that is not known."""
        self.raise_if_lost()
        if self._ticks() - self._sure >= self._lease:
            self.renew()
            self.raise_if_lost()

    def renew(self) -> None:
        """Renew the lease; sets `lost` if the lock is not held any more. Raises JournalError."""
        asked = self._ticks()
        self.confirm(self._store.write(self.renew_with), asked)

    def renew_with(self, connection: Connection) -> bool:
        """The same in the transaction of the caller, who calls `confirm` with the result after the commit.

        An expired lease that no other run took over is still held: a takeover changes the id.
        """
        return connection.execute(self._renewal).rowcount > 0

    def write(self, work: Callable[[Connection], None]) -> None:
        """Run `work` in a transaction that renews the lease. Raises LeaseLost if the lock is lost, and then nothing was
        written."""

        def renewed(connection: Connection) -> bool:
            if ours := self.renew_with(connection):
                work(connection)
            return ours

        asked = self._ticks()
        self.confirm(self._store.write(renewed), asked)
        self.raise_if_lost()

    def confirm(self, ours: bool, asked: float) -> None:
        if ours:
            self._sure = asked
        else:
            self._lose("it was broken, or it expired and another run took it over")

    def release(self) -> None:
        """Release the lock. Does nothing the second time, or if the lock is lost. Raises JournalError: then the lease
        expires."""
        if self._over.is_set():
            return
        self._over.set()
        self._thread.join()
        self._store.write(lambda connection: connection.execute(delete(locks).where(locks.c.id == self.id)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.release()
        except JournalError:
            if error is None:
                raise  # else that error matters more, and the lease expires

    def _keep(self) -> None:
        """Renew until it is released. A failure is retried soon, until the lease has expired."""
        pause = self._lease / 3
        while not self._over.wait(pause) and not self.lost.is_set():
            try:
                self.renew()
                pause = self._lease / 3
            except JournalError as error:
                pause = self._lease / 20
                if self._ticks() - self._sure >= self._lease:
                    self._lose(f"it could not be renewed in time ({error})", error.code)

    def _lose(self, why: str, cause: str = "") -> None:
        if not self._why:
            self._why, self._cause = why, cause
        self.lost.set()


def _query(store: Store) -> Select[Any]:
    return select(locks, store.moment().label("now"))


def _one(connection: Connection, store: Store, where: ColumnElement[bool]) -> Holder | None:
    row = connection.execute(_query(store).where(where)).one_or_none()
    return None if row is None else _holder(row)


def _holder(row: Row[Any]) -> Holder:
    values = row._asdict()
    now = values.pop("now")
    granted = values["expires"] - values["renewed"]
    return Holder(**values, remaining=min(granted, values["expires"] - now).total_seconds())
