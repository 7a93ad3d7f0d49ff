"""Saved plans: what was approved is what is applied, change by change, or that change is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.model.diagnostic import Diagnosed
from reconciler.model.plan import Action, Cause, Change, FieldChange, Reason
from reconciler.model.steps import VerifyInterrupted
from reconciler.model.value import UNKNOWN, digest
from reconciler.plan.batches import as_approved
from reconciler.plan.document import change_to_json, plan_to_json
from reconciler.plan.recheck import recheck
from reconciler.plan.saved import Origin, read_document, read_plan, sealed, to_bytes
from tests.plan.test_chain import LIVE, world
from tests.plan.test_objects import PROXY, WANTED
from tests.plan.world import FakeReader, inventory, plan

NOW = datetime(2026, 3, 7, 21, 0, tzinfo=UTC)


def document_of(wanted: Any, reader: FakeReader) -> dict[str, Any]:
    document = plan_to_json(plan(wanted, reader))
    document["inventory"] |= {"folder": "backup", "main": "corp.yml"}
    return document


def in_file(document: dict[str, Any]) -> bytes:
    return to_bytes(sealed(document, origin=Origin("0.1.0"), created=NOW, expires=NOW + timedelta(hours=24)))


def saved(wanted: Any, reader: FakeReader) -> bytes:
    return in_file(document_of(wanted, reader))


def read(data: bytes, now: datetime = NOW) -> Any:
    return read_plan(data, name="plan.json", now=now)


def forged(data: bytes, *path: str | int, to: Any) -> bytes:
    """A plan file with another value at `path`, and its digest computed again."""
    document = json.loads(data)
    del document["digest"]
    node: Any = document
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = to
    return to_bytes({**document, "digest": digest(document)})


def test_the_same_inputs_give_the_same_bytes() -> None:
    assert saved(world(), FakeReader(LIVE)) == saved(world(), FakeReader(LIVE))


def test_a_plan_file_names_its_inventory_and_holds_nothing_of_it() -> None:
    data = saved(world(), FakeReader(LIVE))
    assert read(data).inventory == "backup/corp.yml"
    assert "snapshot" not in json.loads(data)
    for part in (b"secret://", b"credentials", b"vbo.example.com:"):
        assert part not in data.replace(b'"credentials"', b"")


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("snapshot",), {}, "plan-format"),
        (("inventory",), {"name": "corp", "digest": "0" * 64}, "plan-format"),
        (("mode",), "drift", "plan-unreadable"),
        (("expires",), "soon", "plan-unreadable"),
        (("expires",), "2999-01-01", "plan-unreadable"),
        (("inventory", "folder"), "/etc", "plan-unreadable"),
        (("inventory", "folder"), "../elsewhere", "plan-unreadable"),
        (("inventory", "main"), "..\\elsewhere.yml", "plan-unreadable"),
        (("inventory", "folder"), "D:", "plan-unreadable"),
        (("changes", 0, "address"), "proxy.px-9", "plan-unreadable"),
        (("changes", 0, "key"), "delete:proxy.px-1", "plan-unreadable"),
        (("counts", "delete"), 7, "plan-unreadable"),
        (("empty",), True, "plan-unreadable"),
        (("batches",), [["upgrade:proxy.px-1"]], "plan-unreadable"),
    ],
)
def test_a_plan_file_that_is_forged_is_refused_though_its_digest_fits(
    path: tuple[Any, ...], value: Any, code: str
) -> None:
    with pytest.raises(Diagnosed) as refusal:
        read(forged(saved(world(), FakeReader({"Organizations": LIVE["Organizations"]})), *path, to=value))
    assert [item.code for item in refusal.value.diagnostics] == [code]
    assert "plan INVENTORY --out FILE" in refusal.value.diagnostics[0].fix


def test_a_change_or_a_field_that_is_listed_twice_is_refused() -> None:
    data = saved(inventory(proxy={"px-1": WANTED}), FakeReader())
    (change,) = json.loads(data)["changes"]
    for path, value in ((("changes",), [change] * 2), (("changes", 0, "fields"), change["fields"][:1] * 2)):
        with pytest.raises(Diagnosed) as refusal:
            read(forged(data, *path, to=value))
        assert "twice" in refusal.value.diagnostics[0].detail


def test_a_plan_is_applied_only_with_the_inventory_that_it_was_made_of() -> None:
    found = read(saved(world(), FakeReader(LIVE)))
    about, host = found.document["inventory"]["digest"], found.document["server"]["host"]
    found.check_made_of(about, host)
    for other in ((about.replace(about[0], "0" if about[0] != "0" else "1"), host), (about, "vbo.attacker.example")):
        with pytest.raises(Diagnosed) as refusal:
            found.check_made_of(*other)
        assert refusal.value.diagnostics[0].code == "plan-inventory"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda data: b"\xff\xfe", "plan-unreadable"),
        (lambda data: b"[]", "plan-unreadable"),
        (lambda data: b"{}", "plan-unreadable"),
        (lambda data: data.replace(b"corp.yml", b"test.yml"), "plan-tampered"),
        (lambda data: data.replace(b'"format_version": "1.', b'"format_version": "2.'), "plan-format"),
        (lambda data: data[:-30], "plan-unreadable"),
    ],
)
def test_a_spoiled_file_is_refused(spoil: Any, code: str) -> None:
    with pytest.raises(Diagnosed) as refusal:
        read(spoil(saved(world(), FakeReader(LIVE))))
    assert [item.code for item in refusal.value.diagnostics] == [code]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("changes",), 5),
        (("changes", 0, "fields"), "x"),
        (("changes", 0, "cause"), None),
        (("server",), [1]),
    ],
)
def test_what_is_not_as_plans_are_is_refused_with_its_place(path: tuple[Any, ...], value: Any) -> None:
    document = plan_to_json(plan(inventory(proxy={"px-1": WANTED}), FakeReader()))
    node: Any = document
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    with pytest.raises(Diagnosed) as refusal:
        read_document(json.dumps(document).encode(), name="plan.json")
    assert ".".join(map(str, path)) in refusal.value.diagnostics[0].detail


def test_half_a_character_and_endless_nesting_are_refused() -> None:
    text = json.dumps(plan_to_json(plan(world(), FakeReader(LIVE))))
    for value in ('"\\ud800"', "[" * 900 + "]" * 900):
        with pytest.raises(Diagnosed) as refusal:
            read_document(text.replace("{", '{"more": ' + value + ", ", 1).encode(), name="plan.json")
        assert refusal.value.diagnostics[0].code == "plan-unreadable"


def test_an_expired_plan_is_refused() -> None:
    with pytest.raises(Diagnosed) as refusal:
        read(saved(world(), FakeReader(LIVE)), NOW + timedelta(hours=24))
    assert refusal.value.diagnostics[0].code == "plan-expired"


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ({"verb": "proxy.dance"}, "unknown step 'proxy.dance'"),
        ({"params": {"kind": "proxy"}}, "`create`: Object missing required field `name`"),
        ({"params": {"kind": "proxy", "name": "px-1", "fields": {}, "more": 1}}, "`create` has no parameter 'more'"),
    ],
)
def test_a_step_that_this_version_cannot_run_is_refused_with_its_place(step: dict[str, Any], reason: str) -> None:
    wanted = inventory(proxy={"px-1": WANTED})
    document = document_of(wanted, FakeReader())
    document["changes"][0]["steps"][0] |= step
    with pytest.raises(Diagnosed) as refusal:
        read(in_file(document))
    assert refusal.value.diagnostics[0].code == "plan-format"
    assert refusal.value.diagnostics[0].detail == (
        f"plan.json has a step that this version cannot run: step 1 of create:proxy.px-1: {reason}."
    )


class TestRecheck:
    wanted = inventory(proxy={"px-1": WANTED, "px-2": {**WANTED, "description": "second"}})

    def world(self, one: dict[str, Any], two: dict[str, Any]) -> FakeReader:
        second = {**PROXY, "id": "p2", "hostName": "px-2", "description": "second [vbo-reconcile:corp]"}
        return FakeReader({"Proxies": [{**PROXY, **one}, {**second, **two}]})

    def approved(self) -> list[dict[str, Any]]:
        made: dict[str, Any] = json.loads(saved(self.wanted, self.world({"port": 9200}, {"port": 9200})))
        return list(made["changes"])

    def test_nothing_moved_everything_is_done(self) -> None:
        found = recheck(self.approved(), plan(self.wanted, self.world({"port": 9200}, {"port": 9200})))
        assert [change.address for change in found.plan.changes] == ["proxy.px-1", "proxy.px-2"]
        assert not found.stale

    def test_what_moved_is_refused_with_the_difference_and_the_rest_is_done(self) -> None:
        found = recheck(self.approved(), plan(self.wanted, self.world({"port": 9300}, {"port": 9200})))
        assert [change.address for change in found.plan.changes] == ["proxy.px-2"]
        assert [(item.address, item.differences) for item in found.stale] == [
            ("proxy.px-1", ("port: live value was 9200 at approval, is now 9300",))
        ]

    def test_a_field_that_nobody_approved_refuses_the_change(self) -> None:
        found = recheck(
            self.approved(), plan(self.wanted, self.world({"port": 9200, "throttlingValue": 5}, {"port": 9200}))
        )
        assert found.stale[0].differences == ("throttle: now differs as well, 5 Mbps instead of 100 Mbps",)

    @pytest.mark.parametrize(
        ("part", "value"),
        [
            ("address", "proxy.px-9"),
            ("precondition", ""),
            ("steps", []),
            ("disrupts", []),
            ("fields", lambda fields: [{**fields[0], "secret": True}]),
            ("fields", lambda fields: [{**fields[0], "unknown": True}]),
            ("fields", lambda fields: [*fields, {**fields[0], "path": "throttle"}]),
            ("fields", lambda fields: fields * 2),
        ],
    )
    def test_a_change_that_shows_something_else_than_what_would_be_done_is_refused(self, part: str, value: Any) -> None:
        made = plan(self.wanted, self.world({"port": 9200}, {"port": 9200}))
        made = replace(made, changes=tuple(replace(change, disrupts=("contoso",)) for change in made.changes))
        approved = [change_to_json(change) for change in made.changes]
        assert not recheck(approved, made).stale
        approved[0][part] = value(approved[0][part]) if callable(value) else value
        found = recheck(approved, made)
        assert [item.key for item in found.stale] == ["update:proxy.px-1"]
        assert found.stale[0].differences
        assert [change.address for change in found.plan.changes] == ["proxy.px-2"]

    def test_batches_are_those_that_were_approved(self) -> None:
        made = replace(plan(self.wanted, self.world({}, {})), batches=(("a", "b"), ("c",), ("new",)))
        assert as_approved(made, [["c"], ["gone"], ["b"], ["a"]]).batches == (("c",), ("b",), ("a",), ("new",))
        assert as_approved(made, []).batches == made.batches

    def test_a_change_of_something_undeclared_refuses_too(self) -> None:
        found = recheck(self.approved(), plan(self.wanted, self.world({"port": 9200, "id": "p9"}, {"port": 9200})))
        assert found.stale[0].differences == ("another property of the object changed after approval",)

    def test_what_somebody_did_meanwhile_is_neither_done_nor_refused(self) -> None:
        found = recheck(self.approved(), plan(self.wanted, self.world({"port": 9193}, {"port": 9200})))
        assert found.done == ("update:proxy.px-1",)
        assert not found.stale

    def test_nothing_is_done_that_is_not_in_the_file(self) -> None:
        only_first = [change for change in self.approved() if change["address"] == "proxy.px-1"]
        found = recheck(only_first, plan(self.wanted, self.world({"port": 9200}, {"port": 9200})))
        assert [change.address for change in found.plan.changes] == ["proxy.px-1"]
        assert found.extra == ("update:proxy.px-2",)

    def test_of_a_change_that_was_begun_less_may_be_left(self) -> None:
        """An earlier run set the port and was killed before it set the throttle."""
        both = self.world({"port": 9200, "throttlingValue": 5}, {})
        approved = [change_to_json(change) for change in plan(self.wanted, both).changes]
        left = plan(self.wanted, self.world({"throttlingValue": 5}, {}))
        assert recheck(approved, left).stale[0].differences == ("port: already has the approved value 9193",)
        assert recheck(approved, left, ["update:proxy.px-1"]).plan.changes == left.changes
        wished = inventory(
            proxy={"px-1": {**WANTED, "throttle": "7 Mbps"}, "px-2": {**WANTED, "description": "second"}}
        )
        other = plan(wished, self.world({"throttlingValue": 5}, {}))
        assert recheck(approved, other, ["update:proxy.px-1"]).plan.changes == ()

    def test_what_an_interrupted_run_sent_is_verified_first_also_if_nothing_is_left(self) -> None:
        both = self.world({"port": 9200}, {"port": 9200})
        approved = [change_to_json(change) for change in plan(self.wanted, both).changes]
        one, two = "update:proxy.px-1", "update:proxy.px-2"
        steps = {
            key: [VerifyInterrupted(read=key, of=item["steps"][0])]
            for key, item in zip((one, two), approved, strict=True)
        }
        left = plan(self.wanted, self.world({}, {"port": 9200}))
        found = recheck(approved, left, [one, two], resumed=True, unverified=steps)
        assert [(str(change.key), change.steps) for change in found.plan.changes] == [
            (one, tuple(steps[one])),
            (two, (*steps[two], *left.changes[0].steps)),
        ]
        assert (found.done, found.stale) == ((), ())

    def test_what_a_resumed_run_drained_is_given_back_though_no_plan_said_so(self) -> None:
        """What waits for the proxy that comes back is not refused because of it."""
        made = plan(self.wanted, self.world({}, {"port": 9200}))
        cause = Cause(Reason.DRIFT, "left behind")
        back = Change("proxy.px-1", Action.UPDATE, (FieldChange("maintenance", True, False),), cause)
        waiting = tuple(replace(change, depends_on=(back.key,)) for change in made.changes)
        now = replace(made, changes=(back, *waiting))
        approved = [change_to_json(change) for change in made.changes]
        assert recheck(approved, now, resumed=True).plan.changes == now.changes
        refused = recheck(approved, now)
        assert refused.plan.changes == ()
        assert refused.extra == (back.key,)


def test_what_waits_for_a_refused_change_is_refused() -> None:
    empty = {"Organizations": LIVE["Organizations"]}
    approved = json.loads(saved(world(), FakeReader(empty)))["changes"]
    approved[0]["precondition"] = "another"
    found = recheck(approved, plan(world(), FakeReader(empty)))
    assert found.stale[0].address == "proxy.px-1"
    assert "it depends on proxy.px-1, which is refused" in [item.why for item in found.stale]
    assert [change.address for change in found.plan.changes] == ["proxy.px-2", "proxy.px-3", "pool.b"]


def test_a_field_in_a_document_says_what_is_unknown_and_which_items_differ() -> None:
    fields = (
        FieldChange("items", ["mailbox"], ["mailbox", "onedrive"]),
        FieldChange("exclude", UNKNOWN, []),
        FieldChange("repository", "old", "new", unknown=True),
    )
    change = Change("job.daily", Action.UPDATE, fields, Cause(Reason.INVENTORY))
    items, exclude, repository = change_to_json(change)["fields"]
    assert [item["unknown"] for item in (items, exclude, repository)] == [False, True, True]
    assert (exclude["before"], repository["before"]) == (None, "old")
    assert (items["added"], items["removed"], "added" in repository) == ([], [], False)
    assert items["changed"]
