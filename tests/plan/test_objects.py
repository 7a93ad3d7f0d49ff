"""What becomes a change and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model.plan import Reason
from reconciler.model.recall import Recall
from reconciler.model.value import UNKNOWN, digest
from reconciler.plan import interrupted
from reconciler.plan.compare import applied_digests
from tests.plan.world import BUILD, FakeReader, changes, inventory, plan

PROXY = {
    "id": "p1",
    "hostName": "PX-1",
    "type": "Domain",
    "operatingSystem": "Windows",
    "description": "first [vbo-reconcile:corp]",
    "port": 9193,
    "enableNetworkThrottling": True,
    "throttlingValue": 100,
    "throttlingUnit": "Mbps",
    "status": "Online",
    "version": BUILD,
}
WANTED: dict[str, Any] = {
    "type": "domain",
    "os": "windows",
    "description": "first",
    "port": 9193,
    "throttle": "100 Mbps",
    "credentials": "corp",
}


def reader(**proxy: Any) -> FakeReader:
    return FakeReader({"Proxies": [{**PROXY, **proxy}]})


def test_an_object_that_is_as_declared_is_no_change() -> None:
    made = plan(inventory(proxy={"px-1": WANTED}), reader())
    assert made.is_empty
    assert made.unchanged == 1


def test_the_case_of_a_host_name_is_no_difference() -> None:
    assert plan(inventory(proxy={"px-1": WANTED}), reader(hostName="Px-1")).is_empty


@pytest.mark.parametrize(
    ("proxy", "field", "before", "after"),
    [
        ({"port": 9200}, "port", 9200, 9193),
        ({"port": "9200"}, "port", 9200, 9193),
        ({"throttlingValue": 50}, "throttle", "50 Mbps", "100 Mbps"),
        ({"enableNetworkThrottling": False}, "throttle", "off", "100 Mbps"),
        ({"description": "other [vbo-reconcile:corp]"}, "description", "other", "first"),
    ],
)
def test_a_field_that_differs_is_just_that_change(proxy: dict[str, Any], field: str, before: Any, after: Any) -> None:
    made = plan(inventory(proxy={"px-1": WANTED}), reader(**proxy))
    assert changes(made) == {"update:proxy.px-1": {field: (before, after)}}


def test_only_what_is_declared_is_compared() -> None:
    wanted = {key: value for key, value in WANTED.items() if key != "port"}
    assert plan(inventory(proxy={"px-1": wanted}), reader(port=9999)).is_empty


def test_what_an_offline_proxy_hides_is_unknown_and_never_a_change() -> None:
    hidden = reader(status="Offline", throttlingValue=None, throttlingUnit=None, version=None)
    made = plan(inventory(proxy={"px-1": WANTED}), hidden)
    assert made.is_empty
    assert [(item.address, item.path) for item in made.unknown] == [
        ("proxy.px-1", "service.version"),
        ("proxy.px-1", "throttle"),
    ]


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("Offline", "the proxy is offline, and the server does not report the field"),
        ("Online", "the server does not report it"),
    ],
)
def test_what_is_unknown_says_why(status: str, why: str) -> None:
    made = plan(inventory(proxy={"px-1": WANTED}), reader(status=status, throttlingValue=None))
    assert [item.why for item in made.unknown if item.path == "throttle"] == [why]
    wanted = inventory(proxy={"px-1": {**WANTED, "port": UNKNOWN}})
    assert [item.why for item in plan(wanted, reader(status=status)).unknown if item.path == "port"] == [
        "the desired value cannot be computed here"
    ]


def test_an_offline_proxy_that_differs_is_blocked_and_says_why() -> None:
    made = plan(inventory(proxy={"px-1": WANTED}), reader(status="Offline", port=9200))
    assert made.changes[0].blocked.startswith("the proxy is offline")
    assert made.changes[0].steps == ()
    assert not made.can_apply


def test_a_missing_object_is_created_with_every_field_and_its_secret_masked() -> None:
    made = plan(inventory(proxy={"px-1": WANTED}), FakeReader())
    (change,) = made.changes
    assert change.key == "create:proxy.px-1"
    assert {item.path for item in change.fields} == {"host", *WANTED}
    assert next(item for item in change.fields if item.path == "credentials").secret
    assert change.steps[0].params["fields"]["throttle"] == "100 Mbps"


def test_a_field_that_the_version_lacks_is_reported_and_not_planned() -> None:
    made = plan(inventory(proxy={"px-1": {**WANTED, "threads": 64}}), reader())
    assert made.is_empty
    assert [(item.address, item.code) for item in made.reports] == [("proxy.px-1", "not-in-version")]


def test_pools_before_v8_are_an_error_that_says_so() -> None:
    made = plan(inventory(pool={"cloud": {"members": []}}), FakeReader(rest=7))
    assert [item.code for item in made.problems] == ["kind-not-in-version"]
    assert made.has_errors


class TestCauses:
    wanted = inventory(proxy={"px-1": WANTED})

    def cause(self, applied: dict[str, str]) -> tuple[Reason, int]:
        recall = Recall(applied={"proxy.px-1": applied})
        (change,) = plan(self.wanted, reader(port=9200), recall=recall).changes
        cause = change.fields[0].cause
        assert cause is not None
        assert cause.position is not None
        return cause.reason, cause.position.line

    def test_what_was_applied_before_and_differs_now_drifted(self) -> None:
        assert self.cause({"port": digest(9193)}) == (Reason.DRIFT, 14)

    def test_what_was_applied_otherwise_is_a_new_wish(self) -> None:
        assert self.cause({"port": digest(9200)}) == (Reason.INVENTORY, 14)

    def test_what_was_never_applied_is_a_new_wish(self) -> None:
        assert self.cause({}) == (Reason.INVENTORY, 14)


class TestSecrets:
    wanted = inventory(proxy={"px-1": WANTED})

    def made(self, applied: dict[str, str], now: dict[str, str]) -> list[str]:
        recall = Recall(applied={"proxy.px-1": applied}, secrets={"proxy.px-1": now})
        return [change.key for change in plan(self.wanted, reader(), recall=recall).changes]

    def test_a_rotated_password_is_a_change(self) -> None:
        assert self.made({"credentials": "old"}, {"credentials": "new"}) == ["update:proxy.px-1"]

    def test_the_same_password_is_none(self) -> None:
        assert self.made({"credentials": "same"}, {"credentials": "same"}) == []

    def test_nothing_is_planned_where_nothing_was_ever_applied(self) -> None:
        assert self.made({}, {"credentials": "new"}) == []

    def test_what_an_interrupted_creation_sent_is_compared_with(self) -> None:
        """The server may have created the proxy with it, and no answer came."""
        sent = Recall(
            applied=interrupted.marks(interrupted.CREATING, "px-1", {"credentials": "sent"}),
            secrets={"proxy.px-1": {"credentials": "new"}},
        )
        assert [change.key for change in plan(self.wanted, reader(), recall=sent).changes] == ["update:proxy.px-1"]
        same = replace(sent, secrets={"proxy.px-1": {"credentials": "sent"}})
        assert plan(self.wanted, reader(), recall=same).changes == ()

    @pytest.mark.parametrize(
        ("applied", "why"),
        [
            ("old", "the secret changed since it was last applied"),
            (interrupted.ONE_OF_TWO, "an earlier apply was to send another one, and has no result of it"),
        ],
    )
    def test_why_a_secret_is_sent(self, applied: str, why: str) -> None:
        recall = Recall(
            applied={"proxy.px-1": {"credentials": applied}}, secrets={"proxy.px-1": {"credentials": "new"}}
        )
        (change,) = plan(self.wanted, reader(), recall=recall).changes
        assert change.cause.detail == why

    def test_a_secret_that_cannot_be_resolved_is_none(self) -> None:
        assert self.made({"credentials": "old"}, {}) == []

    def test_what_is_remembered_holds_the_fingerprint_and_no_value(self) -> None:
        resource = next(iter(self.wanted.resources.values()))
        recall = Recall(secrets={"proxy.px-1": {"credentials": "mark"}})
        plain = {name: digest(value) for name, value in resource.fields.items() if name not in ("credentials", "type")}
        assert applied_digests(resource, recall) == {**plain, "type": digest("domain"), "credentials": "mark"}


def test_a_new_port_brings_the_login_along_and_a_new_rate_does_not() -> None:
    (port,) = plan(inventory(proxy={"px-1": WANTED}), reader(port=9200)).changes
    (rate,) = plan(inventory(proxy={"px-1": WANTED}), reader(throttlingValue=5)).changes
    assert [step.verb for step in port.steps] == ["sessions.wait", "update", "proxy.verify"]
    assert "credentials" in port.steps[1].params["fields"]
    assert "credentials" not in rate.steps[0].params["fields"]
