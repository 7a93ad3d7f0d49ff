"""Steps through workers: each call reaches one worker once, and a file that lies here reaches it whole."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest

from reconciler.clients.cluster import files, worker
from reconciler.clients.cluster import session as worker_session
from reconciler.clients.cluster.errand import Answer, Declined, Errand, Once
from reconciler.clients.cluster.files import Kept, Piece, send, take_piece
from reconciler.clients.cluster.packing import pack
from reconciler.clients.cluster.sealing import WorkerKey, seal
from reconciler.clients.cluster.session import Run, run_script
from reconciler.clients.cluster.worker import carry_out, greet, visit
from reconciler.inventory.secrets import Resolver
from reconciler.model.connection import Connection, ConnectionContext, Credential, Transport
from reconciler.model.errors import (
    BadAnswer,
    ConnectionLost,
    DeadlineExceeded,
    ReconcileError,
    Refused,
    RemoteError,
    ScriptFailed,
    Unreachable,
)
from reconciler.model.script import Script
from reconciler.model.secret import Secret, SecretRef
from tests.clients.cluster.fake_client import cluster

LOGIN = Credential("admin", "CORP\\svc", password=SecretRef("env", "PW"))
HOST = Connection("px-1", "px-1.example.net", Transport.WINRM, LOGIN, site="paris")
SCRIPT = Script("windows/change.ps1", "exit")


@dataclass
class Host:
    """A session on a host that notes what it is asked."""

    ran: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    uploaded: list[tuple[str, bytes]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    opened: list[Connection] = field(default_factory=list)
    answer: Any = None
    fails: bool = False

    def __call__(self, connection: Connection, context: ConnectionContext) -> Self:
        assert context.reveal(LOGIN.password) == "hunter2"
        self.opened.append(connection)
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def execute(self, script: Script, params: Mapping[str, Any], *, deadline: float) -> Any:
        self.ran.append((script.name, params))
        if self.fails:
            raise ScriptFailed("px-1", f"running {script.name}", "no", exit_code=7)
        return self.answer

    def upload(self, source: Path, sha256: str, *, deadline: float) -> str:
        data = source.read_bytes()
        assert hashlib.sha256(data).hexdigest() == sha256
        self.uploaded.append((source.suffix, data))
        return f"C:\\{source.name}"

    def remove(self, path: str, *, deadline: float) -> None:
        self.removed.append(path)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    found = Host(answer={"done": True})
    monkeypatch.setattr(worker_session, "open_host", found)
    return found


@pytest.fixture
def context(tmp_path: Path) -> ConnectionContext:
    return ConnectionContext(Resolver(str(tmp_path), environment={"PW": "hunter2"}), str(tmp_path))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of the workers."""
    made = tmp_path / "of-the-workers"
    made.mkdir()
    return made


def package(folder: Path, data: bytes) -> tuple[Path, str]:
    file = folder / "proxy.MSI"
    file.write_bytes(data)
    return file, hashlib.sha256(data).hexdigest()


def test_a_script_runs_on_a_worker_of_the_site_and_its_parameters_travel_sealed(
    host: Host, context: ConnectionContext, folder: Path
) -> None:
    found, client = cluster(folder, a={"site:rome": 1}, b={"site:paris": 1})
    with found.session(HOST, context) as session:
        assert session.execute(SCRIPT, {"LICENSE": "my-license-key"}, deadline=60) == {"done": True}
        assert not session.is_usable()
    assert (host.ran, client.asked) == ([("windows/change.ps1", {"LICENSE": "my-license-key"})], ["b"])
    assert all(b"my-license-key" not in sent and b"hunter2" not in sent for sent in client.sent)


def test_a_secret_is_no_parameter(host: Host, context: ConnectionContext, folder: Path) -> None:
    found, client = cluster(folder, a={"site:paris": 1})
    with pytest.raises(TypeError):
        found.session(HOST, context).execute(SCRIPT, {"password": Secret("x")}, deadline=60)
    assert (host.ran, client.asked) == ([], [])


def test_an_error_of_the_host_is_the_error_of_the_session(host: Host, context: ConnectionContext, folder: Path) -> None:
    host.fails = True
    found, client = cluster(folder, a={"site:paris": 1}, b={"site:paris": 1})
    with pytest.raises(ScriptFailed) as caught:
        found.session(HOST, context).execute(SCRIPT, {}, deadline=60)
    assert (caught.value.exit_code, len(client.asked)) == (7, 1)


@pytest.mark.parametrize("declined", [Declined.OTHER_KEY, Declined.BEGUN])
def test_a_worker_that_may_have_begun_is_a_lost_connection(
    host: Host, context: ConnectionContext, folder: Path, declined: Declined
) -> None:
    """The worker that comes with the same address declines."""
    found, client = cluster(folder, a={"site:paris": 1}, b={"site:paris": 1})
    client.answers = [Answer(declined=declined)]
    with pytest.raises(ConnectionLost, match=r"running windows/change.ps1: the worker a ended meanwhile"):
        found.session(HOST, context).execute(SCRIPT, {}, deadline=60)
    assert (host.ran, client.asked) == ([], ["a"])


def test_a_worker_that_is_gone_before_anything_is_sent_costs_nothing(
    host: Host, context: ConnectionContext, folder: Path
) -> None:
    found, client = cluster(folder, a={"site:paris": 1}, b={"site:paris": 1}, c={})
    client.dead.add("a")
    assert found.session(HOST, context).execute(SCRIPT, {}, deadline=60) == {"done": True}
    assert client.asked == ["b"]
    client.dead.add("b")
    with pytest.raises(Unreachable, match="no worker of the site paris is left"):
        found.session(HOST, context).execute(SCRIPT, {}, deadline=60)
    assert len(host.ran) == 1


def test_a_worker_that_is_busy_for_too_long_is_asked_again(
    host: Host, context: ConnectionContext, folder: Path
) -> None:
    found, client = cluster(folder, a={"site:paris": 1})
    client.answers = [Answer(declined=Declined.LATE), Answer(declined=Declined.LATE)]
    assert found.session(HOST, context).execute(SCRIPT, {}, deadline=60) == {"done": True}
    assert (len(host.ran), client.asked) == (1, ["a", "a", "a"])


def test_a_worker_begins_what_changes_something_once_and_in_time(
    host: Host, context: ConnectionContext, folder: Path
) -> None:
    parcel, now = pack(HOST, context, {"port": 1}), greet().monotonic

    def errand(once: Once) -> Errand:
        sealed = seal(parcel.confidential(), greet().public)
        return Errand(run_script, parcel.connection, Run(SCRIPT, 60), parcel.files, sealed, "run", once)

    assert carry_out(errand(Once("late", now - 1)), folder).declined is Declined.LATE
    assert carry_out(errand(Once("one", now + 60)), folder).value() == {"done": True}
    assert carry_out(errand(Once("one", now + 60)), folder).declined is Declined.BEGUN
    other = Errand(run_script, HOST, Run(SCRIPT, 60), {}, seal(parcel.confidential(), WorkerKey().public), "run")
    assert carry_out(other, folder).declined is Declined.OTHER_KEY
    assert host.ran == [("windows/change.ps1", {"port": 1})]


def test_a_package_reaches_the_worker_in_pieces_and_once(
    host: Host, context: ConnectionContext, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PIECE", 10)
    file, sha256 = package(tmp_path, b"0123456789" * 3 + b"end")
    found, client = cluster(folder, a={"site:paris": 1})
    session = found.session(HOST, context)
    for _ in range(2):
        assert session.upload(file, sha256, deadline=60) == f"C:\\{sha256}.msi"
    assert host.uploaded == [(".msi", file.read_bytes())] * 2
    assert all(b"0123456789" not in sent for sent in client.sent)  # no errand has it
    session.remove("C:\\sent", deadline=60)
    assert host.removed == ["C:\\sent"]


def test_an_upload_that_takes_too_long_is_a_missed_deadline(
    host: Host, context: ConnectionContext, folder: Path, tmp_path: Path
) -> None:
    file, sha256 = package(tmp_path, b"data")
    found, client = cluster(folder, a={"site:paris": 1})
    with pytest.raises(DeadlineExceeded, match="uploading a file: not done after -1 s"):
        found.session(HOST, context).upload(file, sha256, deadline=-1)
    assert (host.uploaded, client.asked) == ([], [])


@pytest.mark.parametrize("data", [b"", b"x", b"0123456789", b"0123456789x"])
def test_what_was_sent_before_is_not_sent_again(
    context: ConnectionContext, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes
) -> None:
    monkeypatch.setattr(files, "PIECE", 5)
    file, sha256 = package(tmp_path, data)
    take_piece(Piece("p.msi", sha256, len(data), 0, data[:5]), folder)
    given: list[Piece] = []

    def give(piece: Piece) -> Kept:
        given.append(piece)
        return take_piece(piece, folder)

    send(file, "p.msi", sha256, give)
    assert b"".join(piece.data for piece in given) == data[5:]
    assert files.kept_file(folder, "p.msi").read_bytes() == data
    assert take_piece(Piece("p.msi", sha256, len(data), 3, b"late"), folder) == Kept(len(data), complete=True)


def test_another_file_is_refused_and_one_that_is_gone_is_an_error(
    context: ConnectionContext, folder: Path, tmp_path: Path
) -> None:
    file, _ = package(tmp_path, b"another")
    with pytest.raises(BadAnswer, match=r"the file has the SHA-256 .* there, expected 00"):
        send(file, "p.msi", "00", lambda piece: take_piece(piece, folder))
    assert not list(files.kept_file(folder, "p.msi").parent.iterdir())
    file.unlink()
    with pytest.raises(ReconcileError, match=r"proxy.MSI cannot be read: No such file"):
        send(file, "p.msi", "00", lambda piece: take_piece(piece, folder))


def test_a_file_that_becomes_shorter_is_an_error(context: ConnectionContext, tmp_path: Path) -> None:
    file, sha256 = package(tmp_path, b"data")

    def give(piece: Piece) -> Kept:
        file.write_bytes(b"da")
        return Kept(2)

    with pytest.raises(ReconcileError, match="became shorter"):
        send(file, "p.msi", sha256, give)


def test_a_worker_keeps_the_files_that_were_used_last(
    context: ConnectionContext, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_MOST_FILES", 2)
    for number, name in enumerate(("a", "b", "c")):
        data = name.encode()
        take_piece(Piece(name, hashlib.sha256(data).hexdigest(), 1, 0, data), folder)
        os.utime(files.kept_file(folder, name), (number, number))
    assert sorted(file.name for file in files.kept_file(folder, "a").parent.iterdir()) == ["b", "c"]


@pytest.mark.parametrize(("call", "kind"), [(greet, Unreachable), (visit, ConnectionLost)])
def test_a_closed_connection_to_the_scheduler_is_an_error_of_its_own(
    host: Host,
    context: ConnectionContext,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: Any,
    kind: type[RemoteError],
) -> None:
    """Dask raises whatever comes then. Until the script is sent nothing has begun, afterwards it may have run."""
    found, client = cluster(folder, a={"site:paris": 1})

    async def answer(name: str, function: Any, arguments: Any) -> Any:
        if function is call:
            client.status = "closed"
            raise RuntimeError("ConnectionPool is closed")
        return function(*arguments)

    monkeypatch.setattr(client, "_answer", answer)
    with pytest.raises(kind, match="the connection to the scheduler scheduler:8786 is lost"):
        found.session(HOST, context).execute(SCRIPT, {}, deadline=60)
    assert host.ran == []


FULL = OSError(errno.ENOSPC, "No space left on device")


def failing(monkeypatch: pytest.MonkeyPatch, name: str, errors: list[OSError]) -> None:
    """As many calls of a function of `files` or `worker` as there are errors fail."""
    room = files if hasattr(files, name) else worker
    original = getattr(room, name)

    def once(*given: Any, **named: Any) -> Any:
        if errors:
            raise errors.pop(0)
        return original(*given, **named)

    monkeypatch.setattr(room, name, once)


@pytest.mark.parametrize("name", ["_append", "_finish", "take_piece"])
def test_a_package_goes_to_another_worker_if_one_cannot_keep_it(
    host: Host, context: ConnectionContext, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    file, sha256 = package(tmp_path, b"data")
    found, client = cluster(folder, a={"site:paris": 1}, b={"site:paris": 1}, c={})
    failing(monkeypatch, name, [FULL])
    assert found.session(HOST, context).upload(file, sha256, deadline=60).endswith(".msi")
    assert (len(host.uploaded), client.asked) == (1, ["b"])


@pytest.mark.parametrize(
    ("error", "reason", "fix"),
    [
        (FULL, "no space left on device", "Free some space in "),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk quota exceeded", "Free some space in "),
        (OSError(errno.EROFS, "Read-only file system"), "read-only file system", "Let the account of the worker write"),
        (
            PermissionError(errno.EACCES, "Permission denied"),
            "permission denied",
            "Let the account of the worker write",
        ),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"), "no usable", "Let the "),
    ],
)
def test_why_no_worker_can_keep_a_package_is_reported_with_a_fix(
    host: Host,
    context: ConnectionContext,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: OSError,
    reason: str,
    fix: str,
) -> None:
    file, sha256 = package(tmp_path, b"data")
    found, client = cluster(folder, a={"site:paris": 1}, b={"site:paris": 1})
    failing(monkeypatch, "_append", [error] * 2)
    with pytest.raises(Refused, match=f"keeping files on the worker b: {reason}") as caught:
        found.session(HOST, context).upload(file, sha256, deadline=60)
    assert caught.value.hint.startswith(fix)
    assert "--local-directory" in caught.value.hint
    assert (host.uploaded, client.asked) == ([], [])


def test_a_package_that_does_not_fit_leaves_nothing(
    context: ConnectionContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, _data: Any) -> int:
            raise FULL

    part = tmp_path / "p.part"
    part.write_bytes(b"what fits")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", lambda *_: Full())
        with pytest.raises(OSError, match="No space left"):
            files._append(part, b"more")
    assert not part.exists()


def test_a_script_goes_to_another_worker_if_one_has_no_room_for_its_files(
    host: Host, context: ConnectionContext, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, client = cluster(folder, a={"site:paris": 1}, b={"site:paris": 1})
    failing(monkeypatch, "_write", [FULL])
    assert found.session(HOST, context).execute(SCRIPT, {}, deadline=60) == {"done": True}
    assert (len(host.ran), client.asked) == (1, ["a", "b"])
    client.folder = folder / "other"
    client.folder.mkdir()
    failing(monkeypatch, "_write", [FULL] * 2)
    monkeypatch.setattr(worker, "_folders", {})
    with pytest.raises(Refused, match=r"on the worker [ab]: no space left"):
        found.session(HOST, context).execute(SCRIPT, {}, deadline=60)
    assert len(host.ran) == 1
