"""Which live proxy is which declared one, by the names that either side knows."""

from __future__ import annotations

import pytest

from reconciler.kinds.proxy_matching import Matches, Names, match

FQDN = "px-lon-1.corp.example.com"


def matched(declared: dict[str, Names], *live: Names) -> Matches:
    return match(declared, live)


@pytest.mark.parametrize(
    ("declared", "live"),
    [
        (Names.of(FQDN), Names.of("PX-LON-1.Corp.Example.COM")),
        (Names.of(FQDN), Names.of("PX-LON-1", [FQDN])),
        (Names.of(FQDN), Names.of("172.17.53.53", [FQDN])),
        (Names.of(FQDN), Names.of("PX-LON-1")),
        (Names.of(FQDN), Names.of("PX-LON-1", ["px-lon-1"])),
        (Names.of(FQDN, ["172.17.53.53"]), Names.of("172.17.53.53")),
        (Names.of("172.17.53.53", [FQDN]), Names.of(FQDN)),
        (Names.of("172.17.53.53", [FQDN]), Names.of("10.0.0.1", [FQDN])),
        (Names.of("2001:DB8:0::7"), Names.of("2001:db8::7")),
        (Names.of("172.17.53.53"), Names.of("172.17.53.53", [FQDN])),
        (Names.of("172.17.53.53", (), lambda: (FQDN, "PX-LON-1")), Names.of(FQDN)),
        (Names.of("172.17.53.53", (), lambda: ("", "PX-LON-1")), Names.of("px-lon-1")),
        (Names.of("px-lon-1"), Names.of(FQDN)),
        (Names.of("a-very-long-name-1.example.com"), Names.of("A-VERY-LONG-NAM")),
        (Names.of(FQDN), Names.of(f" {FQDN}. ")),
        (Names.of("xn--bro-1-kva.example.com"), Names.of("B\u00dcRO-1.example.com")),
        (Names.of("xn--bro-1-kva.example.com"), Names.of("bu\u0308ro-1.example.com.")),
        (Names.of("fd00::1"), Names.of("[FD00::1]")),
    ],
)
def test_it_is_the_same_proxy(declared: Names, live: Names) -> None:
    assert matched({"px": declared}, Names.of("other.example.com"), live) == Matches({1: "px"}, [])


@pytest.mark.parametrize(
    ("declared", "live"),
    [
        (Names.of(FQDN), Names.of("px-lon-1.dmz.example.com")),
        (Names.of(FQDN), Names.of("PX-LON-1", ["px-lon-1.dmz.example.com"])),
        (Names.of(FQDN), Names.of("px-lon")),
        (Names.of(FQDN, ["10.0.0.1"]), Names.of("172.17.53.53")),
        (Names.of(FQDN), Names.of("172.17.53.53", ["px-2.example.com"])),
        (Names.of("172.17.53.5"), Names.of("172.17.53.53")),
        (Names.of("172.17.53.53"), Names.of("172")),
        (Names.of("localhost.localdomain"), Names.of("px-9", ["localhost.localdomain"])),
        (Names.of(FQDN), Names()),
        (Names.of(FQDN, (), lambda: ("",)), Names()),
    ],
)
def test_it_is_another_proxy(declared: Names, live: Names) -> None:
    assert matched({"px": declared}, live) == Matches()


def test_the_more_certain_name_decides() -> None:
    found = matched(
        {"a": Names.of(FQDN), "b": Names.of("px-lon-1.dmz.example.com")}, Names.of("PX-LON-1"), Names.of(FQDN)
    )
    assert found == Matches({1: "a", 0: "b"}, [])


def test_two_live_ones_for_one_declared_are_ambiguous() -> None:
    assert matched({"a": Names.of(FQDN)}, Names.of(FQDN), Names.of("10.0.0.7", [FQDN])).ambiguous == [(("a",), (0, 1))]


def test_one_live_one_for_two_declared_is_ambiguous() -> None:
    found = matched({"a": Names.of("px.one.example.com"), "b": Names.of("px.two.example.com")}, Names.of("PX"))
    assert found == Matches({}, [(("a", "b"), (0,))])


def test_ambiguity_is_left_to_a_person_even_if_a_later_name_would_decide() -> None:
    declared = {"a": Names.of("px.one.example.com", (), lambda: ("PX",)), "b": Names.of("px.two.example.com")}
    assert matched(declared, Names.of("PX")).found == {}


@pytest.mark.parametrize("fqdn", ["", "localhost"])
def test_an_address_that_nothing_is_known_of_may_be_any_new_one(fqdn: str) -> None:
    declared = {"a": Names.of(FQDN), "b": Names.of("px-2.example.com"), "c": Names.of("px-3.example.com")}
    found = matched(declared, Names.of("px-2"), Names.of("172.17.53.53", [fqdn]))
    assert found == Matches({0: "b"}, [(("a", "c"), (1,))])


def test_what_hosts_report_is_not_waited_for_without_need() -> None:
    def never() -> tuple[str, ...]:
        raise AssertionError("nothing is left to match")

    assert matched({"a": Names.of(FQDN, (), never)}, Names.of(FQDN)).found == {0: "a"}
    assert matched({"a": Names.of(FQDN, (), never)}).found == {}


def test_the_order_of_a_group_does_not_depend_on_that_of_the_answer() -> None:
    declared = {name: Names.of(f"px.{name}.example.com") for name in ("b", "a")}
    live = (Names.of("PX"), Names.of("other"), Names.of("px"))
    assert matched(declared, *live).ambiguous == matched(declared, *reversed(live)).ambiguous == [(("a", "b"), (0, 2))]
