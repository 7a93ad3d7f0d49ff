"""Everything that can go wrong below the journal becomes one error, with what to do about it and without a secret."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, ProgrammingError

from reconciler.apply import Result
from reconciler.journal import ChangeState, Journal, JournalError, LeaseLost, RunRecorder
from reconciler.journal.error_mapping import journal_error
from reconciler.journal.location import JournalLocation, find_location
from reconciler.journal.store import Store
from reconciler.model.errors import ReconcileError
from reconciler.model.event import Outcome, StepStarted
from reconciler.operations.execution import Execution
from tests.journal.cluster import Cluster
from tests.journal.processes import contender, lines
from tests.journal.samples import WHO, done, ended, key, plan, started

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a file system needs root")


def refused(place: str | Path) -> JournalError:
    """The error of opening the journal there."""
    with pytest.raises(JournalError) as caught:
        Journal.open(place).close()
    assert isinstance(caught.value, ReconcileError)
    assert caught.value.hint
    return caught.value


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(ballast: Path) -> None:
    """Leave no byte free."""
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 512)


def write_on(run: RunRecorder) -> None:
    """More than the pages that the file has can take."""
    for index in range(1, 200):
        run.permit(StepStarted(key("b"), index, "x" * 2000))


@ROOT_ONLY
def test_a_full_disk_stops_the_next_step_and_nothing_is_lost(small_disk: Path) -> None:
    with Journal.open(small_disk / "journal.db") as journal:
        run = journal.begin(plan("a", "b"), WHO)
        done(run, "a")
        started(run, "b")
        ballast = small_disk / "ballast"
        fill(ballast)
        with pytest.raises(JournalError, match="no space left") as full:
            write_on(run)
        assert full.value.code == "journal-full"
        assert "Free some space" in full.value.hint
        ended(run, "b", Outcome.FAILED)
        assert [change.state for change in journal.run(run.id).changes] == [ChangeState.DONE, ChangeState.IN_FLIGHT]
        ballast.unlink()
        run.permit(StepStarted(key("b"), 0, "again"))
    with Journal.open(small_disk / "journal.db") as journal:
        assert [change.state.value for change in journal.run(run.id).changes] == ["done", "failed"]


@ROOT_ONLY
def test_a_read_only_disk_is_named_as_such(small_disk: Path) -> None:
    Journal.open(small_disk / "journal.db").close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert refused(small_disk / "journal.db").code == "journal-read-only"


@ROOT_ONLY
def test_a_disk_without_room_for_a_journal_is_full(small_disk: Path) -> None:
    fill(small_disk / "ballast")
    assert refused(small_disk / "journal.db").code == "journal-full"


def test_a_limit_on_file_sizes_is_no_traceback_and_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    with contender("outgrow", str(file), "150000") as other:
        run, *answer = list(lines(other))
        assert other.wait(30) == 0
    assert answer[-1].startswith("journal-io: The journal cannot be written: reading or writing failed")
    assert "the limit on file sizes" in answer[-1]
    with Journal.open(file) as journal:
        [change, _] = journal.run(run).changes
        assert [f"began {step.index}" for step in change.steps] == answer[:-1]


def test_a_folder_that_others_own_is_denied(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with contender("trespass", str(tmp_path / "journal.db")) as other:
        assert list(lines(other)) == ["journal-denied"]


def test_a_file_that_is_something_else_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    file.write_bytes(b"a letter to my mother " * 100)
    assert refused(file).code == "journal-damaged"
    assert file.read_bytes().startswith(b"a letter")


def test_a_folder_is_no_journal(tmp_path: Path) -> None:
    assert "Is a directory" in str(refused(tmp_path))
    (tmp_path / "file").touch()
    assert "Not a directory" in str(refused(tmp_path / "file" / "journal.db"))


def test_another_process_that_keeps_it_locked_is_waited_for_and_named(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    with Journal.open(file):
        pass
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(JournalError) as caught:
        Store.open(find_location(file), busy=0.05)
    other.close()
    assert caught.value.code == "journal-locked"


def test_a_transaction_that_somebody_left_open_is_not_waited_for_without_end(cluster: Cluster) -> None:
    import psycopg

    url = cluster.url()
    schema = url.rpartition("%3D")[2]
    Journal.open(url).close()
    store = Store.open(find_location(url), busy=0.05)
    with psycopg.connect(host=str(cluster.folder), user="vbo", dbname="postgres") as other:
        other.execute(f"LOCK TABLE {schema}.locks".encode())
        with pytest.raises(JournalError, match="another process keeps it locked") as caught:
            store.write(lambda connection: connection.execute(text("DELETE FROM locks")))
    store.close()
    assert caught.value.code == "journal-locked"


class Answer(Exception):
    """What a driver raises, with the state that the server gave."""

    def __init__(self, state: str) -> None:
        super().__init__("ERROR: no\nDETAIL: Key (scope)=(private) is wrong")
        self.sqlstate = state


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("53100", "journal-full"),
        ("53300", "journal-unreachable"),
        ("25006", "journal-read-only"),
        ("42501", "journal-denied"),
        ("55P03", "journal-locked"),
        ("40P01", "journal-locked"),
        ("28P01", "journal-login"),
        ("3D000", "journal-login"),
        ("08006", "journal-unreachable"),
        ("57P01", "journal-unreachable"),
        ("58030", "journal-io"),
        ("42P01", "journal-failed"),
    ],
)
def test_what_postgresql_says_is_told_in_our_words(state: str, code: str) -> None:
    error = ProgrammingError("SELECT secret", {"password": "hunter2"}, Answer(state))
    answer = journal_error(error, JournalLocation("the database"), "written")
    assert (answer.code, str(answer).count("\n")) == (code, 0)
    assert "private" not in str(answer)
    assert "hunter2" not in str(answer)
    assert "SELECT" not in str(answer)


FAILED = "01 02 03 09 0A 0B 0F 0L 0P 0Z 10 20 21 22 23 24 25 26 27 2B 2D 2F 34 38 39 3B 42 44 54 55 57 72 F0 HV P0 XX"
CLASSES = dict.fromkeys(FAILED.split(), "journal-failed") | {
    "08": "journal-unreachable",
    "28": "journal-login",
    "3D": "journal-login",
    "3F": "journal-denied",
    "40": "journal-locked",
    "53": "journal-full",
    "58": "journal-io",
}
ALONE = {
    "08P01": "journal-failed",  # a pooler gives it to whatever it refuses; then the text counts
    "25006": "journal-read-only",
    "42501": "journal-denied",
    "53300": "journal-unreachable",
    "55P03": "journal-locked",
    **dict.fromkeys(("57P01", "57P02", "57P03", "57P04", "57P05"), "journal-unreachable"),
}


def test_each_class_of_states_of_postgresql_has_its_place() -> None:
    """Every error that the driver knows: one of a class that is not in the table fails here."""
    errors = pytest.importorskip("psycopg.errors")
    found = {getattr(kind, "sqlstate", None) for kind in vars(errors).values()}
    states = sorted(state for state in found if isinstance(state, str))
    assert len(states) > 200
    location = JournalLocation("the database")
    said = {state: journal_error(ProgrammingError("", {}, Answer(state)), location, "written") for state in states}
    assert all(error.hint for error in said.values())
    table = {state: ALONE.get(state) or CLASSES.get(state[:2]) for state in states}
    assert {state: error.code for state, error in said.items()} == table


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ('connection to server at "h" failed: FATAL: password authentication failed for user "x"', "journal-login"),
        ("connection to server failed: fe_sendauth: no password supplied", "journal-login"),
        ('connection failed: FATAL: no pg_hba.conf entry for host "h"', "journal-login"),
        ("connection failed: Connection refused", "journal-unreachable"),
        ("failed to resolve host 'h'", "journal-unreachable"),
        ("the sky is falling", "journal-failed"),
        ('connection to server at "h" failed: FATAL:  bouncer config error', "journal-login"),
        ('connection to server at "h" failed: FATAL:  no such database: vbo', "journal-login"),
        ('connection failed: FATAL:  password authentication failed for user "x"', "journal-login"),
        ('connection failed: FATAL:  role "x" is not permitted to log in', "journal-login"),
        ("connection failed: FATAL:  sorry, too many clients already", "journal-unreachable"),
        ("connection failed: FATAL:  the database system is starting up", "journal-unreachable"),
        ("connection failed: server closed the connection unexpectedly", "journal-unreachable"),
        ("connection timeout expired", "journal-unreachable"),
        ("transaction blocks not allowed in statement pooling mode", "journal-pooling"),
        ("connection failed: FATAL:  unsupported startup parameter: options", "journal-options"),
        ('invalid connection option "foo"', "journal-options"),
        ('connection is bad: invalid sslmode value: "foo"', "journal-options"),
        ("bad value for connect_timeout: 'abc'", "journal-options"),
        ('connection is bad: invalid port number: "99999"', "journal-options"),
        ('connection is bad: definition of service "x" not found', "journal-options"),
        ('connection failed: root certificate file "/x.crt" does not exist', "journal-tls"),
        ("connection failed: server does not support SSL, but SSL was required", "journal-tls"),
        ('connection failed: server certificate for "a" does not match host name "b"', "journal-tls"),
        ("connection failed: SSL error: certificate verify failed", "journal-tls"),
        ("connection failed: received invalid response to SSL negotiation: H", "journal-stranger"),
        ("failed: SSL error: unexpected eof\nfailed: expected authentication request from server", "journal-stranger"),
    ],
)
def test_what_a_driver_says_without_a_state_is_told_too(reason: str, code: str) -> None:
    assert journal_error(OperationalError("", {}, Exception(reason)), JournalLocation("h"), "opened").code == code


def test_an_outage_of_several_hosts_names_each_of_them_once() -> None:
    one, two = (f"host: 'h{end}', hostaddr: '10.0.0.{end}': connection failed: Connection refused" for end in "12")
    said = f"""connection failed: Connection refused
\tIs the server running?
Multiple connection attempts failed. All failures were:
- {one}
\tIs the server running?
- {two}
\tIs the server running?"""
    answer = str(journal_error(OperationalError("", {}, Exception(said)), JournalLocation("h"), "opened"))
    assert answer.endswith(f"(h: {one}; Is the server running?; {two})")


def test_an_outage_is_reported_once() -> None:
    """What stopped a run also keeps its end out of the journal: in other words, perhaps, but for the same reason."""
    closed, refused = (JournalError(text, code="journal-unreachable") for text in ("closed", "refused"))
    late = LeaseLost("vbo01", "not renewed in time (closed)", "journal-unreachable")
    full = JournalError("full", code="journal-full")
    broken = LeaseLost("vbo01", "it was broken")
    for stopped, last, shown in (
        (closed, refused, [closed]),
        (late, refused, [late]),
        (closed, full, [closed, full]),
        (broken, refused, [broken, refused]),
        (None, refused, [refused]),
    ):
        assert Execution(Result(error=stopped), last, []).errors == shown


def test_a_password_in_a_message_is_masked() -> None:
    place = find_location("postgresql://alice:hunter2@localhost/vbo")
    answer = journal_error(OperationalError("", {}, Exception("no hunter2 here")), place, "opened")
    assert "hunter2" not in f"{answer} {place!r} {place.label}"
    assert str(answer).endswith("(the PostgreSQL database vbo at localhost: no •••••• here)")


def test_without_the_driver_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    error = refused("postgresql://localhost/vbo")
    assert error.code == "journal-driver"
    assert "vbo-reconcile[postgres]" in error.hint


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    error = refused(f"postgresql+psycopg://vbo@/vbo?host={tmp_path}")
    assert error.code == "journal-unreachable"
    assert str(tmp_path) in str(error)


def test_a_database_or_user_that_is_not_there(cluster: Cluster) -> None:
    assert refused(cluster.url_of("public", database="nowhere")).code == "journal-login"
    assert refused(cluster.url_of("public", user="nobody")).code == "journal-login"


def test_a_database_that_may_only_be_read(cluster: Cluster) -> None:
    cluster.execute("CREATE SCHEMA readonly")
    url = cluster.url_of("readonly", more="-cdefault_transaction_read_only=on")
    assert refused(url).code == "journal-read-only"


def test_a_role_without_rights_is_denied(cluster: Cluster) -> None:
    cluster.execute("CREATE ROLE guest LOGIN")
    cluster.execute("CREATE SCHEMA closed")
    assert refused(cluster.url_of("closed", user="guest")).code == "journal-denied"


def test_a_role_that_may_only_read_can_plan(cluster: Cluster) -> None:
    """A pipeline of pull requests needs what was applied, and nothing to write with."""
    url = cluster.url()
    schema = url.rpartition("%3D")[2]
    with Journal.open(url) as journal:
        journal.applied_state.remember("i1/corp", {"smtp": {"port": "1"}})
        mark = journal.applied_state.fingerprint("hunter2")
    cluster.execute("CREATE ROLE reader LOGIN")
    cluster.execute(f"GRANT USAGE ON SCHEMA {schema} TO reader")
    cluster.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO reader")
    with Journal.open(cluster.url_of(schema, user="reader")) as journal:
        assert journal.applied_state.recall("i1/corp") == {"smtp": {"port": "1"}}
        assert journal.applied_state.fingerprint("hunter2") == mark
        with pytest.raises(JournalError) as caught:
            journal.applied_state.forget("i1/corp", "smtp")
    assert caught.value.code == "journal-denied"


def test_a_connection_that_breaks_is_made_again(cluster: Cluster) -> None:
    with Journal.open(cluster.url()) as journal:
        run = journal.begin(plan("a"), WHO)
        for _ in range(2):
            cluster.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
            done(run, "a")
        assert journal.run(run.id).counts[ChangeState.DONE] == 1


def test_a_server_that_went_away_is_an_error_after_some_patience(cluster: Cluster) -> None:
    cluster.execute("CREATE ROLE leaving LOGIN SUPERUSER")
    schema = cluster.url().rpartition("%3D")[2]
    store = Store.open(find_location(cluster.url_of(schema, user="leaving")), pauses=(0.0, 0.01))
    cluster.execute("ALTER ROLE leaving NOLOGIN")
    cluster.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'leaving'")
    with pytest.raises(JournalError, match="The journal cannot be read"):
        store.read(lambda connection: connection.execute(text("SELECT 1")).scalar())
    store.close()


@pytest.mark.parametrize(
    "change",
    ["UPDATE runs SET started = 'x'", "UPDATE runs SET state = 'odd'", "UPDATE journal_schema SET version = 'x'"],
)
def test_a_row_that_no_version_writes_is_damage(tmp_path: Path, change: str) -> None:
    file = tmp_path / "journal.db"
    with Journal.open(file) as journal:
        journal.begin(plan("px-1"), WHO)
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        connection.execute(change)
    with pytest.raises(JournalError) as caught, Journal.open(file) as journal:
        journal.runs(5)
    assert caught.value.code == "journal-damaged"


def test_digests_that_no_version_writes_are_damage(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    with Journal.open(file) as journal:
        journal.applied_state.remember("scope", {"proxy.px-1": {"port": "d"}})
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE applied SET fields = '['")
    with Journal.open(file) as journal, pytest.raises(JournalError) as caught:
        journal.applied_state.recall("scope")
    assert caught.value.code == "journal-damaged"
