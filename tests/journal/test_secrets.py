"""A planted secret goes through a whole run, and is in no table, no file and no message afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from reconciler.journal import Journal, JournalError, RunState
from reconciler.journal.tables import metadata
from reconciler.model.connection import Credential
from reconciler.model.event import ChangeEnded, Outcome, StepStarted
from reconciler.model.live import ServerInfo
from reconciler.model.plan import Action, Cause, Change, ChangeKey, FieldChange, Plan, Reason
from reconciler.model.secret import MASK, Secret, SecretRef
from reconciler.model.steps import UpdateObject
from reconciler.plan import plan_to_json
from tests.journal.cluster import Cluster
from tests.journal.samples import WHO

KEY = ChangeKey("update", "smtp")
CANARY = "c4nary-in-the-m1ne"


def approved() -> Plan:
    """A rotated password, as planning shows it."""
    login = Credential("mailer", "backup-mailer", SecretRef("env", "MAIL"))
    rotated = FieldChange("credentials", MASK, f"{login.name} ({MASK})", secret=True)
    step = UpdateObject(kind="smtp", name="", fields={"credentials": login.name}, changed=["credentials"])
    change = Change("smtp", Action.UPDATE, (rotated,), Cause(Reason.INVENTORY), (step,))
    return Plan("corp", "d1", ServerInfo("vbo01", 8, "8.5"), (change,))


def run(journal: Journal) -> None:
    secret = Secret(CANARY)
    with journal.locks.acquire("vbo01", owner=str(WHO), operation="apply") as lock:
        answer = journal.begin(plan_to_json(approved()), WHO, lock=lock)
        answer.permit(StepStarted(KEY, 0, f"set the login of {secret}"))
        ended = ChangeEnded(KEY, "smtp", "update", Outcome.FAILED, 1.0, f"{secret!r} refused", log=(f"{secret}",))
        answer.listen(ended)
        answer.end(RunState.FAILED)
    mark = journal.applied_state.fingerprint(secret.reveal())
    journal.applied_state.remember("i1/corp", {"smtp": {"credentials": mark}})


def everything(journal: Journal) -> str:
    """Every row of every table."""
    tables = metadata.sorted_tables
    return journal.store.read(
        lambda connection: "\n".join(str(row) for table in tables for row in connection.execute(select(table)))
    )


def test_a_secret_is_in_no_table(journal: Journal) -> None:
    run(journal)
    kept = everything(journal)
    assert "set the login of" in kept
    assert MASK in kept
    assert CANARY not in kept


def test_a_secret_is_in_no_file(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "journal.db") as journal:
        run(journal)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["journal.db", "journal.db-journal", "journal.key"]
    assert not any(CANARY.encode() in file.read_bytes() for file in files)


def test_the_password_of_the_database_is_in_no_table_and_no_message(cluster: Cluster) -> None:
    url = cluster.url().replace("vbo@", f"vbo:{CANARY}@")
    with Journal.open(url) as journal:
        run(journal)
        assert CANARY not in everything(journal)
        assert CANARY not in f"{journal.store.location!r} {journal.store.location.label}"
    with pytest.raises(JournalError) as error:
        Journal.open(url.replace("/postgres?", "/nowhere?"))
    assert CANARY not in f"{error.value} {error.value.hint} {error.value.__cause__}"
