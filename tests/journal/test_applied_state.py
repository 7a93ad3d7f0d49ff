"""What was last applied, and the fingerprints that detect a rotated password."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.journal import Journal, JournalError, fingerprints
from reconciler.model.recall import Identity

Opened = Callable[[], Journal]


def test_digests_are_recalled_by_scope(journal: Journal, opened: Opened) -> None:
    journal.applied_state.remember("i1/corp", {"smtp": {"port": "1"}, "proxy.a": {"port": "2"}})
    journal.applied_state.remember("i2/corp", {"smtp": {"port": "3"}})
    again = opened().applied_state
    assert again.recall("i1/corp") == {"smtp": {"port": "1"}, "proxy.a": {"port": "2"}}
    assert again.recall("i2/corp") == {"smtp": {"port": "3"}}
    assert again.recall("i3/corp") == {}


def test_what_is_remembered_again_replaces_what_was(journal: Journal) -> None:
    journal.applied_state.remember("i1/corp", {"smtp": {"port": "1", "server": "2"}, "proxy.a": {"port": "2"}})
    journal.applied_state.remember("i1/corp", {"smtp": {"port": "9"}})
    journal.applied_state.remember("i1/corp", {})
    assert journal.applied_state.recall("i1/corp") == {"smtp": {"port": "9"}, "proxy.a": {"port": "2"}}


def test_what_is_forgotten_is_gone(journal: Journal) -> None:
    journal.applied_state.remember("i1/corp", {"smtp": {"port": "1"}, "proxy.a": {"port": "2"}})
    journal.applied_state.forget("i1/corp", "smtp")
    journal.applied_state.forget("i1/corp", "never.there")
    assert journal.applied_state.recall("i1/corp") == {"proxy.a": {"port": "2"}}
    journal.applied_state.remember("i1/corp", {"job.a": {"port": "1"}, "job.b": {"port": "2"}})
    journal.applied_state.forget("i1/corp", "job.a", "proxy.a")
    journal.applied_state.forget("i1/corp")
    assert journal.applied_state.recall("i1/corp") == {"job.b": {"port": "2"}}


def test_names_may_be_long(journal: Journal) -> None:
    address = "repository." + "r" * 1000
    journal.applied_state.remember("i1/corp", {address: {"path": "1"}})
    assert list(journal.applied_state.recall("i1/corp")) == [address]


def test_a_fingerprint_is_the_same_for_everybody_who_shares_the_journal(journal: Journal, opened: Opened) -> None:
    first = journal.applied_state.fingerprint("hunter2")
    assert opened().applied_state.fingerprint("hunter2") == first
    assert journal.applied_state.fingerprint("hunter3") != first
    assert "hunter2" not in first
    assert len(first) == 64


def test_fingerprints_of_two_journals_cannot_be_compared(tmp_path: Path) -> None:
    marks = []
    for name in ("a.db", "b.db"):
        with Journal.open(tmp_path / name) as journal:
            marks.append(journal.applied_state.fingerprint("hunter2"))
    assert marks[0] != marks[1]


def test_the_key_of_a_file_is_not_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    with Journal.open(file) as journal:
        journal.applied_state.remember(
            "i1/corp", {"smtp": {"credentials": journal.applied_state.fingerprint("hunter2")}}
        )
    key = file.with_suffix(".key").read_bytes()
    assert len(key) == 32
    assert key not in file.read_bytes()
    assert key.hex().encode() not in file.read_bytes()


def test_a_part_of_a_key_left_by_a_crash_is_made_whole(tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    file.with_suffix(".key").write_bytes(b"half a key")
    with Journal.open(file) as journal:
        first = journal.applied_state.fingerprint("hunter2")
    assert len(file.with_suffix(".key").read_bytes()) == 32
    with Journal.open(file) as journal:
        assert journal.applied_state.fingerprint("hunter2") == first


def test_a_key_is_made_once(tmp_path: Path) -> None:
    """The second one has read that there is none, and finds one on its turn."""
    first = fingerprints._make(tmp_path / "journal.key")
    assert fingerprints._make(tmp_path / "journal.key") == first


def test_a_key_that_cannot_be_made_is_an_error_of_the_journal(tmp_path: Path) -> None:
    (tmp_path / "journal.key").mkdir()
    with Journal.open(tmp_path / "journal.db") as journal, pytest.raises(JournalError, match="Is a directory"):
        journal.applied_state.fingerprint("hunter2")


def test_ids_are_remembered_with_what_was_applied(journal: Journal, opened: Opened) -> None:
    state = journal.applied_state
    state.remember(
        "i1/corp", {"job.a": {"path": "1"}}, {"job.a": Identity("ID-1", ours=True), "proxy.b": Identity("2")}
    )
    state.remember("i1/corp", {"job.a": {"path": "2"}})
    state.remember("i1/corp", {}, {"proxy.b": Identity("3")})
    memory = opened().applied_state.memory("i1/corp")
    assert memory.applied == {"job.a": {"path": "2"}}
    assert memory.identities == {"job.a": Identity("ID-1", ours=True), "proxy.b": Identity("3")}
    assert memory.address_of("job", "id-1") == "job.a"
    assert (memory.is_ours("job", "Id-1"), memory.is_ours("proxy", "3")) == (True, False)
    assert memory.address_of("proxy", "id-1") == ""
    state.forget("i1/corp", "job.a")
    assert opened().applied_state.memory("i1/corp").identities.keys() == {"proxy.b"}
    assert opened().applied_state.memory("i2/corp").identities == {}


def test_what_was_recorded_under_a_former_name_goes_on(journal: Journal, opened: Opened) -> None:
    """A server shows its installation from v6 on."""
    state = journal.applied_state
    state.remember(
        "vbo01/corp", {"job.a": {"path": "1"}, "creating.b": {"(create)": "begun"}}, {"job.a": Identity("1")}
    )
    state.remember("vbo01/other", {"job.a": {"path": "9"}})
    before = state.memory("vbo01/corp")
    assert state.memory("i1/corp", "vbo01/corp") == before
    state.carry_over("vbo01/corp", "i1/corp")
    assert opened().applied_state.memory("i1/corp") == before
    state.forget("i1/corp", "creating.b")
    assert state.memory("i1/corp", "vbo01/corp").applied == {"job.a": {"path": "1"}}
    assert state.memory("vbo01/corp").applied == {}
    assert state.recall("vbo01/other") == {"job.a": {"path": "9"}}


def test_what_is_recorded_already_is_not_replaced_by_what_was_under_a_former_name(journal: Journal) -> None:
    state = journal.applied_state
    state.remember("vbo01/corp", {"job.a": {"path": "1"}})
    state.remember("i1/corp", {"job.a": {"path": "2"}})
    assert state.memory("i1/corp", "vbo01/corp").applied == {"job.a": {"path": "2"}}
    state.carry_over("vbo01/corp", "i1/corp")
    state.carry_over("nothing/corp", "i2/corp")
    assert state.recall("i1/corp") == {"job.a": {"path": "2"}}
    assert state.recall("vbo01/corp") == {"job.a": {"path": "1"}}
    assert state.recall("i2/corp") == {}
