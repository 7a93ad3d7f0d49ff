"""`diff OLD NEW`: what a change of the file means, without a server and without secrets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.kinds import KINDS
from reconciler.plan.offline import difference
from tests.plan.test_chain import DAILY, STORAGE, world
from tests.plan.test_objects import WANTED
from tests.plan.world import changes, inventory


def test_an_inventory_does_not_differ_from_itself() -> None:
    assert difference(world(), world()).is_empty
    mail = inventory(smtp={"": {"server": "mail", "credentials": "mailer"}}, certificate={"": {"certificate": "c"}})
    assert difference(mail, mail).is_empty
    assert {item.code for item in difference(mail, mail).reports} <= {"backups"}
    assert [item.code for item in difference(world(), world()).reports] == []


def test_a_changed_field_is_that_change() -> None:
    made = difference(inventory(proxy={"px-1": WANTED}), inventory(proxy={"px-1": {**WANTED, "throttle": "off"}}))
    assert changes(made) == {"update:proxy.px-1": {"throttle": ("100 Mbps", "off")}}


def test_a_field_that_is_said_for_the_first_time_is_a_change() -> None:
    made = difference(
        inventory(proxy={"px-1": {"type": "domain"}}), inventory(proxy={"px-1": {"type": "domain", "port": 9200}})
    )
    assert changes(made) == {"update:proxy.px-1": {"port": (None, 9200)}}


def test_items_that_are_said_for_the_first_time_are_a_change() -> None:
    job = {name: value for name, value in DAILY.items() if name != "items"}
    made = difference(world(job={"daily": job}), world())
    assert changes(made)["update:job.daily"] == {"items": (None, "all")}


def test_another_login_is_a_change_and_a_removed_object_a_delete() -> None:
    one = {**WANTED, "credentials": "corp"}
    made = difference(
        inventory(proxy={"px-1": one, "px-2": one}), inventory(proxy={"px-1": {**one, "credentials": "mailer"}})
    )
    assert [change.key for change in made.changes] == ["update:proxy.px-1", "delete:proxy.px-2"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_longer_declared_is_deleted_if_an_inventory_can_have_created_it(kind: str) -> None:
    """No inventory creates an organization, or settings of the server."""
    old = world(
        smtp={"": {"server": "mail"}},
        certificate={"": {"certificate": "c"}},
        copy_job={"daily": {"job": "daily", "repository": "cloud"}},
    )
    (where,) = [item.address for item in old.of_kind(kind)][:1]
    new = replace(old, resources={name: item for name, item in old.resources.items() if name != where})
    deleted = [change.key for change in difference(old, new).changes if change.key.startswith("delete:")]
    created = kind not in ("certificate", "organization", "smtp")
    assert deleted == ([f"delete:{where}"] if created else [])


def test_another_certificate_is_a_change() -> None:
    made = difference(
        inventory(certificate={"": {"certificate": "old"}}), inventory(certificate={"": {"certificate": "new"}})
    )
    assert changes(made) == {"update:certificate": {"thumbprint": ("old", "new")}}


def test_a_repository_that_moves_starts_its_job() -> None:
    moved = world(repository={"cloud": {"owner": "pool.b", **STORAGE}})
    assert [change.key for change in difference(world(), moved).changes] == ["update:repository.cloud", "run:job.daily"]


def test_inventories_of_other_names_or_servers_are_compared_and_said_to_be() -> None:
    old = inventory(proxy={"px-1": WANTED})
    assert difference(old, old).reports == ()
    made = difference(replace(old, name="branch"), old)
    assert [item.detail for item in made.reports] == [
        "the name differs (old: branch, new: corp); both are compared as one inventory"
    ]


def test_other_keys_for_the_same_objects_are_no_difference() -> None:
    """Each is known by the name on the server, and what refers to it follows."""
    new = inventory(
        proxy={f"lon-{number}": {"host": f"px-{number}", "type": "workgroup"} for number in (1, 2, 3)},
        pool={
            "first": {"name": "a", "members": ["lon-1", "lon-2"]},
            "second": {"name": "b", "members": ["lon-3"]},
        },
        repository={
            "store": {"name": "cloud", "owner": "pool.first", **STORAGE},
            "disk": {"name": "disk", "owner": "proxy.lon-3", "path": "D:"},
        },
        organization={"contoso": {"name": "contoso.example.com", "proxies": ["first"]}},
        job={"nightly": {"name": "daily", "organization": "contoso", "repository": "store", "items": "all"}},
        copy_job={"copy": {"name": "copy", "job": "nightly", "repository": "disk"}},
    )
    old = world(
        repository={
            "cloud": {"owner": "pool.a", **STORAGE},
            "disk": {"owner": "proxy.px-3", "path": "D:"},
        },
        copy_job={"copy": {"job": "daily", "repository": "disk"}},
    )
    made = difference(old, new)
    assert changes(made) == {}
    assert {item.code for item in made.reports} <= {"backups"}


@pytest.mark.parametrize("change", ["deleted", "replaced", "moved"])
def test_no_state_of_the_world_stands_in_the_way_of_a_difference(change: str) -> None:
    """Of a server the same changes are blocked where a proxy may be offline."""
    one = inventory(proxy={"px-1": WANTED})
    pairs = {
        "deleted": (one, inventory()),
        "replaced": (one, inventory(proxy={"px-1": {**WANTED, "type": "workgroup"}})),
        "moved": (world(), world(repository={"cloud": {"owner": "pool.b", **STORAGE}})),
    }
    found = difference(*pairs[change]).changes
    assert found
    assert [item.blocked for item in found if item.blocked] == []
    assert all(item.steps for item in found)
