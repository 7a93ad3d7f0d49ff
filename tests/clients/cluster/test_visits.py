"""What travels to a worker and back: nothing in clear that is secret, and nothing lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.clients.cluster.errand import Ahead, Errand, of_error
from reconciler.clients.cluster.packing import pack
from reconciler.clients.cluster.roster import Roster, Worker, sites_of
from reconciler.clients.cluster.sealing import NotForThisWorker, WorkerKey, seal
from reconciler.clients.cluster.worker import carry_out, greet
from reconciler.inventory.secrets import Resolver
from reconciler.model import errors
from reconciler.model.connection import Certificate, Connection, ConnectionContext, Credential, Transport, Trust
from reconciler.model.errors import AuthenticationFailed, RemoteError, SecretError
from reconciler.model.secret import SecretRef
from tests.clients.cluster.fake_client import cluster, loaded, written

PASSWORD = "hunter2-hunter2"
LOGIN = Credential("admin", "CORP\\svc", password=SecretRef("env", "PW"), keytab="pki/svc.keytab")
HOST = Connection("px-1", "px-1.example.net", Transport.WINRM, LOGIN, trust=Trust(ca_file="pki/ca.pem"), site="paris")


@dataclass(frozen=True, slots=True)
class Asked:
    what: str
    clock: Callable[[], datetime]


def seen(connection: Connection, context: ConnectionContext, asked: Asked) -> dict[str, Any]:
    """Whatever a visit has at hand."""
    login = connection.credential
    assert login is not None
    return {
        "what": asked.what,
        "password": context.reveal(login.password),
        "ca": context.file(connection.trust.ca_file).read_text(),
        "keytab": context.file(login.keytab).read_bytes(),
    }


def refuses(connection: Connection, context: ConnectionContext, asked: Asked) -> None:
    login = connection.credential
    assert login is not None
    with context.logins.attempt(connection.peer, "logging in", login.username, PASSWORD) as attempt:
        attempt.refuse()
    raise AuthenticationFailed(connection.peer, asked.what, "wrong", hint="Correct it.")


@pytest.fixture
def context(tmp_path: Path) -> ConnectionContext:
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki" / "ca.pem").write_text("the authority")
    (tmp_path / "pki" / "svc.keytab").write_bytes(b"keys of the account")
    return ConnectionContext(Resolver(str(tmp_path), environment={"PW": PASSWORD}), str(tmp_path))


def errand(context: ConnectionContext, function: Any = seen, connection: Connection = HOST, run: str = "run") -> Errand:
    parcel = pack(connection, context)
    asked = Asked("reading", Ahead(timedelta()))
    return Errand(function, parcel.connection, asked, parcel.files, seal(parcel.confidential(), greet().public), run)


def test_only_the_worker_opens_what_is_sealed_to_it() -> None:
    key = WorkerKey()
    sealed = seal(b"secret", key.public)
    assert key.unseal(sealed) == b"secret"
    assert seal(b"secret", key.public) != sealed
    for other, changed in ((WorkerKey(), sealed), (key, sealed[:-1] + bytes([sealed[-1] ^ 1])), (key, b"short")):
        with pytest.raises(NotForThisWorker):
            other.unseal(changed)


def test_an_errand_is_pickled_and_shows_no_secret(context: ConnectionContext, tmp_path: Path) -> None:
    sent = written(errand(context))
    assert PASSWORD.encode() not in sent
    assert b"keys of the account" not in sent
    assert b"the authority" in sent  # a certificate of an authority is public
    answer = carry_out(loaded(sent), tmp_path)
    assert answer.value() == seen(HOST, context, Asked("reading", Ahead(timedelta())))


def test_a_secret_that_is_missing_is_the_same_error_on_a_worker(context: ConnectionContext, tmp_path: Path) -> None:
    nowhere = replace(HOST, credential=replace(LOGIN, password=SecretRef("env", "NOT_SET")))
    with pytest.raises(SecretError) as here:
        seen(nowhere, context, Asked("", Ahead(timedelta())))
    with pytest.raises(SecretError) as there:
        carry_out(errand(context, connection=nowhere), tmp_path).value()
    assert (str(there.value), there.value.hint) == (str(here.value), here.value.hint)


def test_a_worker_resolves_what_it_is_to_resolve(
    context: ConnectionContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PW", "of the worker")
    own = replace(HOST, credential=replace(LOGIN, resolve="worker"))
    assert not pack(own, context).secrets
    assert carry_out(errand(context, connection=own, run="one"), tmp_path).value()["password"] == "of the worker"
    monkeypatch.setenv("PW", "rotated")
    assert carry_out(errand(context, connection=own, run="one"), tmp_path).value()["password"] == "of the worker"
    assert carry_out(errand(context, connection=own, run="two"), tmp_path).value()["password"] == "rotated"


def test_files_from_outside_are_below_the_folder_of_the_worker(context: ConnectionContext, tmp_path: Path) -> None:
    ca = tmp_path / "pki" / "ca.pem"
    for name in (str(ca), f"../{tmp_path.name}/pki/ca.pem"):
        away = replace(HOST, trust=Trust(ca_file=name))
        assert carry_out(errand(context, connection=away), tmp_path).value()["ca"] == "the authority"
    hostile = replace(errand(context), files={"../../escaped": b"x"})
    with pytest.raises(ValueError, match="not below"):
        carry_out(hostile, tmp_path)


def test_ssh_hosts_are_judged_by_the_known_hosts_of_the_user(
    context: ConnectionContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    ssh = Connection("px-2", "px-2.example.net", Transport.SSH, Credential("l", "u"))
    assert list(pack(ssh, context).files.values()) == [b""]
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "known_hosts").write_text("px-2.example.net ssh-ed25519 AAAA")
    assert list(pack(ssh, context).files.values()) == [b"px-2.example.net ssh-ed25519 AAAA"]


def test_certificates_with_keys_travel_sealed(context: ConnectionContext, tmp_path: Path) -> None:
    (tmp_path / "logon.pfx").write_bytes(b"with a key")
    host = replace(HOST, credential=None, certificate=Certificate("logon", pfx="logon.pfx"))
    parcel = pack(host, context)
    assert parcel.private == {"logon.pfx": b"with a key"}
    assert "logon.pfx" not in parcel.files


KINDS = sorted(
    (kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, RemoteError)),
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_comes_back_as_it_was(kind: type[RemoteError]) -> None:
    error = kind("px-1", "asking", "it says no", hint="Ask again.")
    error.__dict__.update({name: 7 for name in ("status", "exit_code") if hasattr(error, name)})
    with pytest.raises(kind) as back:
        loaded(written(of_error(error))).value()
    assert type(back.value) is kind
    assert back.value.__dict__ == error.__dict__


def test_an_error_of_a_secret_comes_back_with_its_hint() -> None:
    with pytest.raises(SecretError) as back:
        loaded(written(of_error(SecretError("secret://env/PW is not set", hint="Set it.")))).value()
    assert (str(back.value), back.value.hint) == ("secret://env/PW is not set", "Set it.")


def test_the_error_of_a_client_is_the_one_of_the_model() -> None:
    class Busy(errors.Unreachable):
        pass

    assert of_error(Busy("px-1", "asking", "busy")).error == "Unreachable"


def worker(name: str, *sites: str) -> Worker:
    return Worker(f"tls://{name}:1", name, frozenset(sites), greet().public)


def test_a_worker_of_the_site_is_taken_and_the_one_with_the_least_to_do() -> None:
    roster = Roster()
    roster.replace([worker("a", "london"), worker("b", "london", "paris"), worker("c")])
    assert sites_of({"site:london": 1.0, "GPU": 1}) == {"london"}
    taken = [found.name for found in (roster.take("london") for _ in range(4)) if found is not None]
    assert taken == ["a", "b", "a", "b"]
    paris, anywhere = roster.take("paris"), roster.take("")
    assert (paris and paris.name, anywhere and anywhere.name) == ("b", "c")
    assert roster.take("rome") is None
    roster.give(worker("a", "london"))
    roster.give(worker("a", "london"))
    again = roster.take("london")
    assert again is not None
    assert again.name == "a"


def asked() -> Asked:
    return Asked("reading", lambda: datetime.now(UTC))


def test_a_worker_that_dies_costs_another_visit_on_the_same_site(context: ConnectionContext, tmp_path: Path) -> None:
    found, client = cluster(tmp_path, a={"site:paris": 1, "dies": 1}, b={"site:rome": 1}, c={"site:paris": 1})
    assert found.visit(seen, HOST, context, asked())["what"] == "reading"
    assert client.asked == ["a", "c"]
    assert found.width == 2
    client.dead |= {"c"}
    found.refresh()
    with pytest.raises(errors.Unreachable, match="no worker of the site paris is left"):
        found.visit(seen, HOST, context, asked())


def test_how_far_the_clock_of_a_worker_is_off_is_learned_from_its_quickest_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one waits for imports; and one that has ended makes none of the others look late."""
    found, client = cluster(tmp_path, a={}, b={}, c={})
    now, late = 1000.0, {"a": [2.0, 0.01], "b": [40.0], "c": [9.0, 5.0, 2.0, 6.0]}

    def delay(name: str) -> None:
        nonlocal now
        now += late[name].pop(0)

    client.delay = delay
    client.dead |= {"b"}
    for clock in ("epoch", "monotonic"):
        monkeypatch.setattr(f"reconciler.timing.{clock}", lambda: now)
    found.refresh()
    workers = {worker.name: worker.ahead.total_seconds() for worker in found._roster.of_site("")}
    assert workers == pytest.approx({"a": -0.005, "c": -1.0})
    assert late == {"a": [], "b": [], "c": []}


def test_a_password_that_one_worker_saw_refused_is_tried_by_no_other(
    context: ConnectionContext, tmp_path: Path
) -> None:
    found, client = cluster(tmp_path, a={}, b={})
    with pytest.raises(AuthenticationFailed, match="wrong"):
        found.visit(refuses, replace(HOST, site=""), context, asked())
    other = replace(HOST, name="px-9", host="px-9.example.net", site="")
    with pytest.raises(AuthenticationFailed, match=r"not tried: px-1 \(px-1.example.net\) did not accept"):
        found.visit(seen, other, context, asked())
    assert len(client.asked) == 1


def test_what_only_the_user_has_stays_on_this_machine(tmp_path: Path) -> None:
    found, _ = cluster(tmp_path, a={})
    tickets = Credential("k", "svc@CORP", auth="kerberos")
    agent = Credential("a", "svc", agent=True)
    jump = replace(HOST, jump=replace(HOST, credential=agent))
    assert [found.takes(item) for item in (HOST, replace(HOST, credential=tickets), jump)] == [True, False, False]
    assert found.missing(["rome", ""]) == ["rome"]
