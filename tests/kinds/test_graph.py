"""One graph answers who uses whom, whatever the world: declared, live, or as a plan leaves it."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.kinds import KINDS
from reconciler.kinds.field import CERTIFICATE_ENTRY, CREDENTIAL
from reconciler.kinds.graph import EDGES, Graph, gathered, lets_go, targets
from reconciler.kinds.rules import Declared
from reconciler.kinds.rules.chain import covered_pairs
from reconciler.kinds.rules.references import REFERENCES
from reconciler.model.value import UNKNOWN

WORLD: dict[str, dict[str, Any]] = {
    "job.daily": {"organization": "contoso", "repository": "disk"},
    "job.weekly": {"organization": "contoso", "repository": "cloud"},
    "job.other": {"organization": "fabrikam", "repository": "cloud"},
    "organization.contoso": {"proxies": ["a", "px-1"]},
    "organization.fabrikam": {"proxies": UNKNOWN},
    "pool.a": {"members": ["px-2", "px-3", "px-gone"]},
    "proxy.px-1": {"credentials": "corp"},
    "proxy.px-2": {},
    "proxy.px-3": {},
    "repository.cloud": {"owner": "pool.a"},
    "repository.disk": {"owner": "proxy.px-1"},
    "smtp": {"credentials": "mailer"},
}


def world(**changed: dict[str, Any]) -> Graph:
    return Graph({**WORLD, **{where.replace("_", ".", 1): fields for where, fields in changed.items()}})


def test_every_reference_names_kinds_or_entries_that_exist() -> None:
    known = {*KINDS, CREDENTIAL, CERTIFICATE_ENTRY}
    for kind in KINDS.values():
        for field in kind.fields:
            assert set(field.refers) <= known, (kind.name, field.name)


def test_the_value_of_an_edge_says_the_kind_that_it_names() -> None:
    for kind, fields in EDGES.items():
        for field in fields:
            assert field.addressed or len(field.refers) == 1, (kind, field.name)


def test_the_edges_are_the_fields_that_refer_to_kinds() -> None:
    assert {kind: [field.name for field in fields] for kind, fields in EDGES.items() if fields} == {
        "copy_job": ["job", "organization", "repository"],
        "job": ["organization", "repository"],
        "pool": ["members"],
        "repository": ["owner"],
    }


def test_users_are_the_other_end_of_uses() -> None:
    graph = world()
    forth = {(edge.source, edge.target) for edge in graph.edges()}
    back = {(user, where) for where in {target for _, target in forth} for user in graph.users(where)}
    assert forth == back == {(where, target) for where in WORLD for target in graph.uses(where)}
    assert ("pool.a", "proxy.px-gone") in forth


def test_uses_and_users_of_one_kind() -> None:
    graph = world()
    assert graph.uses("job.daily") == ["organization.contoso", "repository.disk"]
    assert graph.uses("job.daily", "repository") == ["repository.disk"]
    assert graph.users("proxy.px-2") == graph.users("proxy.px-2", "pool") == ["pool.a"]
    assert graph.users("proxy.px-2", "repository") == []
    assert graph.users("organization.contoso") == ["job.daily", "job.weekly"]


def test_a_chain_leads_from_a_job_to_the_proxies_and_leaves_out_what_is_only_referred_to() -> None:
    graph = world()
    assert graph.chain("job.daily") == ["job.daily", "repository.disk", "proxy.px-1"]
    assert graph.chain("job.weekly") == [
        "job.weekly",
        "repository.cloud",
        "pool.a",
        "proxy.px-2",
        "proxy.px-3",
        "proxy.px-gone",
    ]
    assert graph.chain("proxy.px-1") == ["proxy.px-1"]
    assert graph.chain("proxy.nowhere") == ["proxy.nowhere"]


def test_a_chain_with_a_circle_ends() -> None:
    graph = Graph({"repository.a": {"owner": "pool.a"}, "pool.a": {"members": ["px"]}, "proxy.px": {"owner": "pool.a"}})
    assert graph.chain("repository.a") == ["repository.a", "pool.a", "proxy.px"]


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("organization.contoso", {"px-1", "px-2", "px-3"}),
        ("organization.fabrikam", {"px-2", "px-3"}),
        ("organization.elsewhere", set()),
        ("job.other", {"px-2", "px-3"}),
        ("repository.disk", {"px-1"}),
        ("pool.a", {"px-2", "px-3"}),
        ("proxy.px-1", {"px-1"}),
        ("proxy.px-gone", set()),
    ],
)
def test_proxies_behind_an_object_are_those_that_exist(where: str, names: set[str]) -> None:
    assert world().proxies(where) == names


def test_the_owners_behind_the_jobs_of_an_organization() -> None:
    assert world().owners("organization.contoso") == ["proxy.px-1", "pool.a"]


@pytest.mark.parametrize("value", [UNKNOWN, None, 7, {"name": "x"}])
@pytest.mark.parametrize(
    ("user", "field", "used"),
    [
        ("pool.a", "members", "proxy.px-1"),
        ("repository.cloud", "owner", "pool.b"),
        ("job.daily", "repository", "repository.x"),
    ],
)
def test_who_cannot_be_seen_may_use_everything_of_the_kinds_that_it_names(
    user: str, field: str, used: str, value: Any
) -> None:
    graph = Graph({**WORLD, user: {**WORLD[user], field: value}})
    assert graph.hidden_users(used) == [user]
    assert used not in graph.uses(user)


def test_who_names_nothing_is_seen() -> None:
    graph = world(repository_disk={"owner": ""}, pool_a={"members": []})
    assert graph.hidden_users("proxy.px-1") == []
    assert graph.uses("repository.disk") == graph.uses("pool.a") == []


def test_members_of_a_pool_that_cannot_be_seen() -> None:
    assert world().members("pool.a") == ("px-2", "px-3", "px-gone")
    assert world(pool_a={"members": UNKNOWN}).members("pool.a") is None


def test_a_name_of_a_proxy_or_a_pool_means_the_one_that_exists() -> None:
    assert world().processors("organization.contoso") == ["pool.a", "proxy.px-1"]
    assert world().processors("organization.fabrikam") is None


@pytest.mark.parametrize(
    ("kind", "after", "where", "free"),
    [
        ("repository", {"owner": "proxy.px-2"}, "proxy.px-1", True),
        ("repository", {"owner": "proxy.px-1"}, "proxy.px-1", False),
        ("repository", {"description": "x"}, "proxy.px-1", False),
        ("repository", {"owner": None}, "proxy.px-1", True),
        ("pool", {"members": ["px-2"]}, "proxy.px-1", True),
        ("pool", {"members": ["px-1", "px-2"]}, "proxy.px-1", False),
        ("job", {"repository": "cloud"}, "repository.disk", True),
        ("job", {"organization": "fabrikam"}, "repository.disk", False),
        ("host", {"owner": "x"}, "proxy.px-1", False),
    ],
)
def test_a_change_lets_go_of_what_it_names_no_more(kind: str, after: dict[str, Any], where: str, free: bool) -> None:
    assert lets_go(kind, after, where) is free


def test_members_are_said_by_the_proxies_but_for_those_to_be_removed() -> None:
    said = {"b": {"pool": "x"}, "a": {"pool": "x"}, "c": {"pool": "x", "state": "absent"}, "d": {}}
    field = KINDS["pool"].field("members")
    assert gathered(field, said) == {"x": ["a", "b"]}
    assert targets(field, ["a"]) == ("proxy.a",)


def test_pairs_of_organization_and_owner_that_jobs_cover() -> None:
    declared = Declared(
        {
            "proxies": {"px-1": {}, "px-2": {"pool": "a"}, "px-3": {"pool": "a"}},
            "pools": {"a": {}},
            "repositories": {"disk": {"proxy": "px-1"}, "cloud": {"pool": "a"}},
            "jobs": {
                "daily": {"organization": "contoso", "repository": "disk"},
                "weekly": {"organization": "contoso", "repository": "cloud"},
                "loose": {"organization": "contoso", "repository": "elsewhere"},
                "half": {"repository": "disk"},
            },
        },
        {},
        {},
    )
    assert list(covered_pairs(declared)) == [("contoso", "px-1", "daily"), ("contoso", "a", "weekly")]


def test_the_sections_that_names_are_looked_up_in() -> None:
    assert REFERENCES["repositories"] == {
        "pool": ("pools",),
        "proxy": ("proxies",),
        "object_storage.encryption_credentials": ("credentials",),
    }
    assert REFERENCES["organizations"] == {"proxies": ("proxies", "pools")}
    assert REFERENCES["jobs"] == {"organization": ("organizations",), "repository": ("repositories",)}
    assert REFERENCES["proxies"] == {
        "certificate": ("certificates",),
        "connection.credentials": ("credentials",),
        "connection.jump": ("jump_hosts",),
        "credentials": ("credentials",),
        "internet_proxy.credentials": ("credentials",),
        "pool": ("pools",),
    }
    assert REFERENCES["server"] == {
        "certificate": ("certificates",),
        "credentials": ("credentials",),
        "powershell.certificate": ("certificates",),
        "powershell.credentials": ("credentials",),
    }
    assert REFERENCES["smtp"] == {"credentials": ("credentials",)}


def test_a_name_that_is_not_known_is_of_the_first_kind() -> None:
    """An organization names proxies and pools alike; what is neither would be a proxy."""
    named = world(organization_contoso={"proxies": ["a", "px-1", "px-9"]}).processors("organization.contoso")
    assert named == ["pool.a", "proxy.px-1", "proxy.px-9"]
