"""The parts of `apply` over a fleet: batches, the approval of all, and interrupts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.fleet_apply import Gate
from reconciler.cli.interrupts import Interrupts
from reconciler.cli.stops import Stops
from reconciler.inventory.fleet import Member
from reconciler.model.diagnostic import Diagnosed, Diagnostic
from reconciler.operations.fleet import MemberResult, each, server_batches, worst
from reconciler.operations.status import Status
from tests.cli.running import call
from tests.fleet.writing import write_fleet


def members(names: str) -> list[Member]:
    return [Member(name, Path(f"{name}.yml")) for name in names]


@pytest.mark.parametrize(
    ("batch", "hosts", "found"),
    [
        ("", {}, [["abcde"]]),
        ("1", {}, [["a"], ["b"], ["c"], ["d"], ["e"]]),
        ("1,50%", {}, [["a"], ["bc"], ["de"]]),
        ("", {"a": "x", "c": "x", "d": "x"}, [["abe", "c", "d"]]),
        ("3", {"a": "x", "b": "x"}, [["ac", "b"], ["de"]]),
    ],
)
def test_servers_are_applied_in_batches_and_one_server_at_a_time(
    batch: str, hosts: dict[str, str], found: list[list[str]]
) -> None:
    made = server_batches(members("abcde"), batch, hosts)
    assert [["".join(member.name for member in turn) for turn in turns] for turns in made] == found


class Ended:
    def __init__(self, status: Status) -> None:
        self.status = status


def test_what_one_raises_is_its_own_result() -> None:
    def operation(member: Member) -> Ended:
        if member.name == "b":
            raise Diagnosed([Diagnostic("plan-expired", "Expired", "It is.")])
        if member.name == "c":
            raise ZeroDivisionError
        return Ended(Status.PENDING)

    ended: list[str] = []
    results = each(members("abcd"), operation, side_by_side=2, ended=lambda result: ended.append(result.member.name))
    assert [result.status for result in results] == [Status.PENDING, Status.STALE, Status.ERROR, Status.PENDING]
    assert sorted(ended) == ["a", "b", "c", "d"]
    not_started: MemberResult[Any] = MemberResult(members("a")[0])
    assert not_started.status is Status.PENDING


@pytest.mark.parametrize(
    ("statuses", "found"),
    [
        ([], Status.OK),
        ([Status.OK, Status.PENDING], Status.PENDING),
        ([Status.LOCKED, Status.ERROR, Status.REFUSED], Status.ERROR),
        ([Status.ERROR, Status.PARTIAL], Status.PARTIAL),
        ([Status.PARTIAL, Status.INTERRUPTED], Status.INTERRUPTED),
    ],
)
def test_the_worst_status_decides(statuses: list[Status], found: Status) -> None:
    assert worst(statuses) is found


def test_all_wait_for_one_approval() -> None:
    gate = Gate(3)
    planned: Any = None
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(gate.approve, planned) for _ in range(2)]
        gate.ended()  # the third has nothing to change
        assert gate.wait() == 2
        gate.decide(yes=True)
        assert [future.result() for future in waiting] == [True, True]


def test_nothing_is_asked_if_all_have_ended() -> None:
    gate = Gate(1)
    gate.ended()
    assert gate.wait() == 0


def test_an_interrupt_reaches_all_also_those_that_begin_later() -> None:
    left: list[int] = []
    stops, heard = Stops(Interrupts(left.append)), list[str]()
    first, second = stops.for_member(), stops.for_member()
    with first.redirected(lambda: heard.append("first")):
        stops.request()
        with second.redirected(lambda: heard.append("second")):
            stops.request()
            second.leave()
            assert left == []
    second.leave()
    assert (heard, left) == (["first", "second", "first", "second"], [130])


def test_without_a_terminal_an_approval_is_required(tmp_path: Path) -> None:
    ended = call("apply", str(write_fleet(tmp_path, "inventories: [sites/*.yml]\n")))
    assert (ended.code, "Approval is required" in ended.err) == (4, True)


@pytest.mark.parametrize("option", [("--resume", "last"), ("--inventory", "x.yml"), ("--require-signature", "x")])
def test_options_of_one_inventory_are_refused(tmp_path: Path, option: tuple[str, str]) -> None:
    file = write_fleet(tmp_path, "inventories: [sites/*.yml]\n")
    ended = call("apply", str(file), "--auto-approve", *option)
    assert (ended.code, f"{option[0]} is for one inventory" in ended.err) == (64, True)


def test_batches_of_servers_are_for_a_fleet(tmp_path: Path) -> None:
    write_fleet(tmp_path, "inventories: [sites/*.yml]\n")
    ended = call("apply", str(tmp_path / "sites" / "rome.yml"), "--server-batch", "1")
    assert (ended.code, "--server-batch is for a fleet" in ended.err) == (64, True)


def test_the_page_of_a_fleet_needs_a_file(tmp_path: Path) -> None:
    file = write_fleet(tmp_path, "inventories: [sites/*.yml]\n")
    ended = call("plan", str(file), "--format", "html")
    assert (ended.code, "give html=FILE" in ended.err) == (64, True)
