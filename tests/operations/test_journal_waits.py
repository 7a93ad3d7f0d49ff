"""While an operation reads or writes the journal, which may be a database far away, it says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reconciler.journal.store import Store
from reconciler.model.waiting import Waiting
from reconciler.operations import (
    ApplyOptions,
    DriftOptions,
    PlanOptions,
    Runtime,
    apply,
    drift,
    explain,
    list_locks,
    list_runs,
    plan,
    show_run,
)
from reconciler.operations.journals import JournalOptions
from reconciler.package_data import package_data

pytestmark = pytest.mark.matrix

DEMO = package_data("inventories", "small.yml")


class Said:
    """The newest notice of what is waited for, and the accesses to the journal in silence. The lease is renewed by a
    thread, and steps are recorded while their progress is shown."""

    def __init__(self, folder: Path) -> None:
        self.now, self.is_shown = "", False
        self.silent: list[str] = []
        self.attempts: list[str] = []
        self.runtime = Runtime(environment={"XDG_STATE_HOME": str(folder)}, listen=self.hear, watch=self.watch)

    def hear(self, notice: Any) -> None:
        if isinstance(notice, Waiting):
            self.now = notice.what

    @contextmanager
    def watch(self, _plan: Any, _stop: Any) -> Iterator[Callable[[Any], None]]:
        self.is_shown = True
        yield lambda _: None
        self.is_shown = False

    def attempted(self, doing: str) -> None:
        self.attempts.append(doing)
        if not self.now and not self.is_shown:
            self.silent.append(doing)


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Said:
    heard, attempt = Said(tmp_path), Store._attempt

    def watched(store: Store, work: Any, doing: str, *, writing: bool = False) -> Any:
        heard.attempted(doing)
        return attempt(store, work, doing, writing=writing)

    monkeypatch.setattr(Store, "_attempt", watched)
    return heard


def test_no_access_to_the_journal_is_silent(said: Said) -> None:
    apply(DEMO, ApplyOptions(lab=True), said.runtime, approve=lambda _: True)
    plan(DEMO, PlanOptions(lab=True), said.runtime)
    drift(DEMO, DriftOptions(lab=True), said.runtime)
    explain(DEMO, "smtp", lab=True, runtime=said.runtime)
    options = JournalOptions(lab=True, inventory=DEMO)
    (run,) = list_runs(options=options, runtime=said.runtime)
    show_run(run.id, options, said.runtime)
    list_locks(options, said.runtime)
    assert said.silent == []


@pytest.mark.parametrize("inventory", ["small.yml", "demo.yml"])
def test_a_plan_has_the_same_few_transactions_whatever_its_size(said: Said, inventory: str) -> None:
    where = package_data("inventories", inventory)
    plan(where, PlanOptions(lab=True), said.runtime)  # makes the tables
    said.attempts.clear()
    plan(where, PlanOptions(lab=True), said.runtime)
    assert said.attempts == ["opened", "read", "read", "read"]
