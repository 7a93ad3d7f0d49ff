"""Names of entries: short, and unique whatever the letter case."""

from __future__ import annotations

from reconciler.importing.keys import name_entries
from reconciler.model.address import Address
from reconciler.model.live import LiveResource
from reconciler.model.state import ProxyState


def proxies(*hosts: str) -> dict[Address, LiveResource]:
    return {
        Address(f"proxy.{host}"): LiveResource("proxy", host, host, {"host": host}, state=ProxyState())
        for host in hosts
    }


def jobs(*pairs: tuple[str, str]) -> dict[Address, LiveResource]:
    return {
        Address(f"job.{name} ({at})"): LiveResource("job", name, str(at), {"name": name, "organization": organization})
        for at, (organization, name) in enumerate(pairs)
    }


def test_proxies_have_the_short_name_of_their_host() -> None:
    found = name_entries(proxies("px1.a.example", "px2.a.example", "PX2.b.example", "192.0.2.7", "local.a.example"), ())
    assert sorted(found.values()) == ["192.0.2.7", "PX2.b.example", "local.a.example", "px1", "px2.a.example"]


def test_keys_of_names_in_other_scripts_are_readable_where_they_can_be() -> None:
    found = name_entries(proxies("b\u00fcro.a.example", "\u043f\u0440\u043e\u043a\u0441\u0438.a.example"), ())
    assert sorted(found.values()) == ["buro", "xn--h1adldfi"]


def test_jobs_of_one_name_begin_with_their_organization() -> None:
    found = name_entries(
        jobs(("contoso.example", "Daily"), ("fabrikam.example", "daily"), ("contoso.example", "Weekly")), ()
    )
    assert sorted(found.values()) == ["Weekly", "contoso-Daily", "fabrikam-daily"]


def test_a_name_that_is_taken_is_not_given_again() -> None:
    found = name_entries(jobs(("contoso.example", "daily")), ["DAILY"])
    assert list(found.values()) == ["contoso-daily"]


def test_what_no_name_tells_apart_is_numbered() -> None:
    found = name_entries(jobs(("a.example", " daily"), ("a.example", "daily "), ("a.example", "")), ())
    assert sorted(found.values()) == ["a-job", "daily", "daily-2"]
