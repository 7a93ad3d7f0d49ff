"""What is ours and no longer wanted goes, in order and only where nothing needs it; what is not ours stays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model.address import address
from reconciler.model.inventory import WHOLE, Inventory, Resource
from reconciler.model.plan import Action, Plan
from reconciler.model.position import Position
from reconciler.model.recall import Identity, Recall
from reconciler.model.steps import DeleteObject
from reconciler.model.value import UNKNOWN
from reconciler.plan.dependencies import Claims
from tests.plan.test_chain import LIVE, STORAGE, keys, proxy, world
from tests.plan.world import FakeReader, changes, inventory, live, plan

OURS = {"description": "ours [vbo-reconcile:corp]"}
OWNED: dict[str, Any] = {
    **LIVE,
    "Proxies": [
        proxy(1, proxyPoolId="pool-a", type="Domain", **OURS),
        proxy(2, proxyPoolId="pool-a", type="Domain", **OURS),
        proxy(3, type="Domain", **OURS),
        {**proxy(4), "id": "local", "hostName": "vbo01", "type": "Local"},
    ],
    "ProxyPools": [{"id": "pool-a", "name": "a", **OURS}],
    "BackupRepositories": [
        {**LIVE["BackupRepositories"][0], **OURS},
        {"id": "default", "name": "Default Backup Repository", "proxyId": "local"},
    ],
    "Jobs": [{**LIVE["Jobs"][0], **OURS}],
}
"""The chain of `world()`, created by the inventory `corp`."""


def chain(**other: Any) -> Any:
    """`OWNED` as it is declared."""
    proxies = {f"px-{number}": {"type": "domain"} for number in (1, 2, 3)}
    return world(**{"proxy": proxies, "pool": {"a": {"members": ["px-1", "px-2"]}}, **other})


def absent(wanted: Inventory, name: str, **fields: Any) -> Inventory:
    """`wanted` with a proxy to be removed."""
    gone = Resource("proxy", name, {"host": name, **fields}, {WHOLE: Position("inventory.yml", 7, 3)})
    return replace(wanted, removed={address("proxy", name): gone})


def blocked(made: Plan) -> dict[str, str]:
    return {change.key: change.blocked for change in made.changes if change.blocked}


def needs(made: Plan, key: str) -> set[str]:
    return set(next(change.depends_on for change in made.changes if change.key == key))


def test_everything_goes_from_the_top_down() -> None:
    made = plan(inventory(organization={"contoso.example.com": {}}), FakeReader(OWNED))
    assert keys(made) == [
        "delete:job.daily",
        "delete:repository.cloud",
        "delete:pool.a",
        "delete:proxy.px-1",
        "delete:proxy.px-2",
        "delete:proxy.px-3",
    ]
    assert needs(made, "delete:repository.cloud") == {"delete:job.daily"}
    assert needs(made, "delete:pool.a") == {"delete:repository.cloud"}
    assert needs(made, "delete:proxy.px-1") == {"delete:pool.a"}
    assert blocked(made) == {}


def test_a_delete_names_the_object_by_its_id_and_the_owner_that_was_seen() -> None:
    made = plan(inventory(), FakeReader({"Proxies": [proxy(3, type="Domain", **OURS)]}))
    expected = {"kind": "proxy", "name": "px-3", "id": "p3", "owner": "corp", "force": False, "credentials": ""}
    assert made.changes[0].steps[-1].params == expected


@pytest.mark.parametrize(
    ("description", "words"),
    [
        ("", "unmanaged object"),
        ("made by hand", "unmanaged object"),
        ("x [vbo-reconcile:other]", "created by the inventory other"),
        ("[vbo-reconcile:corp] and more", "unmanaged object"),
    ],
)
def test_what_is_not_ours_is_reported_and_left_alone(description: str, words: str) -> None:
    made = plan(inventory(), FakeReader({"Proxies": [proxy(1, description=description)]}))
    assert made.is_empty
    (report,) = made.reports
    assert (report.address, report.code) == ("proxy.px-1", "not-ours")
    assert words in report.detail


def test_what_comes_with_the_product_is_not_worth_a_word() -> None:
    local = proxy(9, id="local", type="Local")
    made = plan(inventory(), FakeReader({"Proxies": [local], "BackupRepositories": OWNED["BackupRepositories"][1:]}))
    assert (made.changes, made.reports) == ((), ())


def test_what_another_inventory_created_and_this_one_declares_is_reported() -> None:
    reader = FakeReader({"Proxies": [proxy(1, description="[vbo-reconcile:other]")]})
    made = plan(inventory(proxy={"px-1": {"type": "workgroup"}}), reader)
    assert [(item.address, item.code) for item in made.reports] == [("proxy.px-1", "other-owner")]


def test_a_foreign_repository_keeps_its_proxy_and_is_named() -> None:
    foreign = {"id": "r9", "name": "archive", "proxyId": "p3", "path": "D:\\x"}
    reader = FakeReader({**OWNED, "BackupRepositories": [*OWNED["BackupRepositories"], foreign]})
    made = plan(chain(proxy={f"px-{number}": {"type": "domain"} for number in (1, 2)}), reader)
    assert blocked(made) == {
        "delete:proxy.px-3": "it is in use by repository.archive (external); move or delete its users first"
    }


def test_a_foreign_job_keeps_its_repository_and_what_is_below() -> None:
    foreign = {**LIVE["Jobs"][0], "id": "j9", "name": "theirs", "backupType": "SelectedItems"}
    reader = FakeReader({**OWNED, "Jobs": [*OWNED["Jobs"], foreign]})
    made = plan(inventory(organization={"contoso.example.com": {}}), reader)
    found = blocked(made)
    assert "job.theirs (external)" in found["delete:repository.cloud"]
    assert found["delete:pool.a"] == "it depends on repository.cloud, which is blocked"
    assert found["delete:proxy.px-1"] == "it depends on pool.a, which is blocked"
    assert "delete:job.daily" not in found


def test_a_foreign_pool_keeps_its_members() -> None:
    reader = FakeReader({**OWNED, "ProxyPools": [{"id": "pool-a", "name": "a", "description": "theirs"}]})
    proxies = {"px-1": {"type": "domain"}, "px-3": {"type": "domain"}}
    made = plan(inventory(proxy=proxies), FakeReader({**reader.answers, "BackupRepositories": [], "Jobs": []}))
    assert "pool.a (external)" in blocked(made)["delete:proxy.px-2"]


def test_a_declared_user_that_stays_keeps_its_object() -> None:
    """`owner` is not declared here, so nothing says where else the repository should be."""
    made = plan(
        chain(pool={}, repository={"cloud": {**STORAGE}}),
        FakeReader(OWNED),
    )
    assert blocked(made)["delete:pool.a"].startswith("it is in use by repository.cloud;")


def test_a_member_leaves_its_pool_and_is_removed_after_that() -> None:
    members = chain(proxy={f"px-{number}": {"type": "domain"} for number in (1, 3)}, pool={"a": {"members": ["px-1"]}})
    made = plan(members, FakeReader(OWNED))
    assert keys(made) == ["update:pool.a", "run:job.daily", "delete:proxy.px-2"]
    assert needs(made, "delete:proxy.px-2") == {"update:pool.a", "run:job.daily"}


def test_a_proxy_goes_after_its_repository_moved_and_the_job_ran_there() -> None:
    on_three = {**LIVE["BackupRepositories"][0], **OURS, "proxyPoolId": None, "proxyId": "p3"}
    reader = FakeReader({**OWNED, "BackupRepositories": [on_three]})
    made = plan(chain(proxy={f"px-{number}": {"type": "domain"} for number in (1, 2)}), reader)
    assert keys(made) == ["update:repository.cloud", "run:job.daily", "delete:proxy.px-3"]
    assert needs(made, "delete:proxy.px-3") == {"update:repository.cloud", "run:job.daily"}
    assert blocked(made) == {}


def test_a_repository_that_cannot_move_keeps_its_proxy() -> None:
    on_disk = {"id": "repo", "name": "cloud", "proxyId": "p3", "path": "D:\\x", **OURS}
    wanted = chain(
        proxy={f"px-{number}": {"type": "domain"} for number in (1, 2)},
        repository={"cloud": {"owner": "proxy.px-1", "path": "D:\\x"}},
    )
    found = blocked(plan(wanted, FakeReader({**OWNED, "BackupRepositories": [on_disk]})))
    assert "on a disk" in found["update:repository.cloud"]
    assert found["delete:proxy.px-3"] == "it depends on repository.cloud, which is blocked"


@pytest.mark.parametrize(
    ("hidden", "key"),
    [
        ({"BackupRepositories": [{"id": "r", "name": "odd"}]}, "delete:proxy.px-3"),
        ({"Jobs": [{"id": "j", "name": "odd"}]}, "delete:repository.cloud"),
    ],
)
def test_where_it_cannot_be_seen_what_uses_an_object_it_stays(hidden: dict[str, Any], key: str) -> None:
    seen = {name: [*OWNED[name], *more] for name, more in hidden.items()}
    made = plan(inventory(organization={"contoso.example.com": {}}), FakeReader({**OWNED, **seen}))
    assert blocked(made)[key].startswith("cannot determine whether ")


def test_the_last_repository_is_kept() -> None:
    reader = FakeReader({**OWNED, "BackupRepositories": OWNED["BackupRepositories"][:1]})
    made = plan(inventory(organization={"contoso.example.com": {}}), reader)
    assert "last repository" in blocked(made)["delete:repository.cloud"]


def test_what_only_one_may_have_is_given_back_first() -> None:
    """An organization has one job for all of it, and a proxy is in one pool."""
    job = {"weekly": {"organization": "contoso.example.com", "repository": "cloud", "items": "all"}}
    known = {"job.daily": Identity("job", True), "job.weekly": Identity("j0", True)}
    made = plan(chain(job=job), FakeReader(OWNED), recall=Recall(applied={"job.weekly": {}}, identities=known))
    assert needs(made, "create:job.weekly") == {"delete:job.daily"}
    assert keys(made)[:2] == ["delete:job.daily", "create:job.weekly"]


def test_changes_that_wait_for_each_other_are_blocked_by_name() -> None:
    """Another name for a repository in the same bucket: the new one needs the old one gone, which needs its job moved,
    which needs the new one."""
    wanted = chain(
        repository={"other": {"owner": "pool.a", **STORAGE}},
        job={"daily": {"organization": "contoso.example.com", "repository": "other", "items": "all"}},
    )
    known = {"repository.cloud": Identity("repo", True), "repository.other": Identity("r0", True)}
    recall = Recall(applied={"repository.other": {}}, identities=known)
    found = blocked(plan(wanted, FakeReader(OWNED), recall=recall))
    others = "it and delete repository.cloud, update job.daily depend on each other"
    assert found["create:repository.other"] == f"{others}; to rename an object, declare its old name as `formerly`"
    assert set(found) >= {"create:repository.other", "delete:repository.cloud", "update:job.daily"}


def test_a_copy_says_that_nobody_remembers_it() -> None:
    copied = {**OWNED["Jobs"][0], "id": "j2", "name": "daily (copy)", "backupType": "SelectedItems"}
    reader = FakeReader({**OWNED, "Jobs": [*OWNED["Jobs"], copied]})
    made = plan(chain(), reader, recall=Recall(applied={"job.daily": {}}))
    (change,) = [item for item in made.changes if item.action is Action.DELETE]
    assert change.cause.detail.endswith("it may be a copy of a managed object")


class TestProxies:
    """Uninstalling the service takes a login of the host, which the server keeps for domain proxies only."""

    def made(self, wanted: Inventory, **raw: Any) -> Plan:
        return plan(wanted, FakeReader({"Proxies": [proxy(3, **{**OURS, **raw})]}))

    def test_a_domain_proxy_needs_no_login(self) -> None:
        assert blocked(self.made(inventory(), type="Domain")) == {}

    @pytest.mark.parametrize(
        "raw", [{"type": "Workgroup"}, {"type": "Domain", "operatingSystem": "Linux"}, {"type": 0}]
    )
    def test_any_other_is_blocked_without_one(self, raw: dict[str, Any]) -> None:
        assert "`state: absent`" in blocked(self.made(inventory(), **raw))["delete:proxy.px-3"]

    def test_declared_as_absent_it_has_one(self) -> None:
        made = self.made(absent(inventory(), "px-3", credentials="corp"))
        assert blocked(made) == {}
        assert made.changes[0].steps[-1].params["credentials"] == "corp"
        assert made.changes[0].cause.position == Position("inventory.yml", 7, 3)

    @pytest.mark.parametrize("status", ["Offline", "offline", "OFFLINE"])
    def test_one_that_is_offline_goes_by_force(self, status: str) -> None:
        (gone,) = self.made(inventory(), status=status).changes
        (step,) = gone.steps
        assert isinstance(step, DeleteObject)
        assert step.force

    @pytest.mark.parametrize("status", ["Strange", None, "", 1])
    def test_one_of_which_it_is_not_known_whether_it_is_online_does_not_go(self, status: Any) -> None:
        (gone,) = self.made(absent(inventory(), "px-3", credentials="corp"), status=status).changes
        assert gone.steps == ()
        assert "does not report whether it is online" in gone.blocked

    @pytest.mark.parametrize("status", ["Online", "online", "ONLINE"])
    def test_one_that_is_online_in_any_letter_case_does_not_go_by_force(self, status: str) -> None:
        wanted = absent(inventory(), "px-3", credentials="corp")
        assert self.made(wanted, status=status).changes[0].steps[-1].params["force"] is False

    def test_absent_and_not_ours_is_an_error_and_no_change(self) -> None:
        made = self.made(absent(inventory(), "px-3", credentials="corp"), description="by hand")
        assert made.is_empty
        assert [(item.code, item.address) for item in made.problems] == [("not-ours", "proxy.px-3")]
        assert made.has_errors

    def test_absent_and_gone_is_only_a_report(self) -> None:
        wanted = absent(inventory(), "px-3")
        made = plan(wanted, FakeReader())
        assert made.is_empty
        (entry,) = wanted.removed.values()
        assert [(item.address, item.code, item.position) for item in made.reports] == [
            ("proxy.px-3", "gone", entry.position)
        ]

    def test_another_name_for_the_same_host_is_the_same_proxy(self) -> None:
        wanted = inventory(proxy={"london": {"host": "px-3", "type": "workgroup"}})
        assert self.made(wanted).is_empty


MARKS = st.sampled_from(["", "by hand", "[vbo-reconcile:other]", "ours [vbo-reconcile:corp]", "corp"])


@st.composite
def estates(draw: st.DrawFn) -> tuple[dict[str, Any], set[str]]:
    """A server with objects of several owners, linked at random, and what the inventory still declares."""

    def some(count: int, make: Any) -> list[dict[str, Any]]:
        return [{**make(number), "description": draw(MARKS)} for number in range(draw(st.integers(0, count)))]

    pool = st.sampled_from([None, "pool0", "pool1"])
    answers: dict[str, Any] = {
        "Organizations": LIVE["Organizations"],
        "Proxies": some(4, lambda n: proxy(n, id=f"p{n}", type="Domain", proxyPoolId=draw(pool))),
        "ProxyPools": some(2, lambda n: {"id": f"pool{n}", "name": f"pool{n}"}),
        "BackupRepositories": some(
            4, lambda n: {"id": f"r{n}", "name": f"r{n}", "proxyId": f"p{draw(st.integers(0, 3))}", "path": f"D:\\{n}"}
        ),
        "Jobs": some(
            4,
            lambda n: {
                "id": f"j{n}",
                "name": f"j{n}",
                "organizationId": "org",
                "repositoryId": f"r{draw(st.integers(0, 3))}",
                "backupType": "SelectedItems",
            },
        ),
    }
    return answers, draw(st.sets(st.sampled_from(["px-0", "px-1", "px-2", "px-3"])))


@pytest.mark.matrix
@given(estates())
@settings(max_examples=150, deadline=None)
def test_nothing_foreign_is_ever_deleted_and_nothing_in_use_goes_first(estate: tuple[dict[str, Any], set[str]]) -> None:
    answers, declared = estate
    wanted = inventory(proxy={name: {"type": "domain"} for name in sorted(declared)})
    reader = FakeReader(answers)
    found = live(wanted, reader).resources
    made = plan(wanted, reader)
    going = {change.address: change for change in made.changes if change.action is Action.DELETE}
    ours = {str(where) for where, item in found.items() if item.owner == "corp" and where not in wanted.resources}
    assert set(going) == ours
    assert {item.address for item in made.reports if item.code == "not-ours"} == {
        str(where)
        for where, item in found.items()
        if item.owner != "corp" and where not in wanted.resources and item.kind != "organization"
    }
    done: set[str] = set()
    for change in made.changes:
        if change.blocked or change.action is not Action.DELETE:
            continue
        users = {str(where) for where, item in found.items() if change.address in used_by(item)}
        assert users <= done, f"{change.address} would go before {users - done}"
        assert change.steps[-1].params["owner"] == "corp"
        done.add(change.address)


def used_by(item: Any) -> set[str]:
    """What an object uses, computed in another way than by the planner."""
    members = {f"proxy.{name}" for name in item.fields.get("members") or ()}
    return {str(item.fields.get("owner")), f"repository.{item.fields.get('repository')}", *members}


class TestMoves:
    """A repository moves only while both ends can be reached."""

    def why(self, reader: FakeReader, **owner: Any) -> str:
        made = plan(chain(repository={"cloud": {"owner": "proxy.px-3", **STORAGE}}), reader)
        return next(change.blocked for change in made.changes if change.key == "update:repository.cloud")

    def proxies(self, *statuses: str) -> list[dict[str, Any]]:
        return [{**item, "status": status} for item, status in zip(OWNED["Proxies"], statuses, strict=False)]

    @pytest.mark.parametrize(
        ("statuses", "words"),
        [
            (("Online", "Online", "Online"), ""),
            (("Online", "Offline", "Online"), ""),
            (("Offline", "Offline", "Online"), "pool.a is not online, and REST cannot move"),
            (("Online", "Online", "Offline"), "proxy.px-3 is not online"),
        ],
    )
    def test_an_end_that_is_offline_blocks_it(self, statuses: tuple[str, ...], words: str) -> None:
        found = self.why(FakeReader({**OWNED, "Proxies": self.proxies(*statuses)}))
        assert found.startswith(words)
        assert bool(found) is bool(words)


def test_a_member_in_maintenance_does_not_leave_its_pool() -> None:
    resting = {**OWNED["Proxies"][1], "maintenanceModeState": "Enabled"}
    reader = FakeReader({**OWNED, "Proxies": [OWNED["Proxies"][0], resting, OWNED["Proxies"][2]]})
    found = blocked(plan(chain(pool={"a": {"members": ["px-1"]}}), reader))
    assert found["update:pool.a"] == "px-2 cannot leave the pool while in maintenance"


class TestRenames:
    def made(self, **other: Any) -> Plan:
        return plan(chain(**other), FakeReader(OWNED))

    def test_another_name_of_what_is_like_it_is_a_rename(self) -> None:
        """The memory is gone: the mark says that it is ours, and its members that it is the one."""
        assert "update:pool.b" in keys(self.made(pool={"b": {"members": ["px-1", "px-2"]}}))

    def test_another_name_of_what_is_not_is_another_object(self) -> None:
        assert "create:pool.b" in keys(self.made(pool={"b": {"members": ["px-3"]}}))

    @pytest.mark.parametrize(("items", "key"), [("all", "update:job.nightly"), (["mailbox"], "create:job.nightly")])
    def test_a_job_is_told_apart_by_its_items(self, items: Any, key: str) -> None:
        job = {"organization": "contoso.example.com", "repository": "cloud", "items": items, "run": "never"}
        assert key in keys(self.made(job={"nightly": job}))

    def test_a_repository_is_renamed_in_place_and_its_job_stays_on_it(self) -> None:
        job = {"organization": "contoso.example.com", "repository": "other", "items": "all", "run": "never"}
        made = self.made(
            repository={"other": {"owner": "pool.a", **STORAGE, "formerly": "Cloud"}},
            job={"daily": job},
        )
        assert changes(made) == {"update:repository.other": {"name": ("cloud", "other")}}
        (change,) = made.changes
        assert change.steps[0].params["fields"]["name"] == "other"
        assert change.cause.position is not None

    def test_a_pool_and_a_job_are_too(self) -> None:
        job = {"organization": "contoso.example.com", "repository": "cloud", "items": "all", "run": "never"}
        made = self.made(
            pool={"b": {"members": ["px-1", "px-2"], "formerly": "a"}},
            repository={"cloud": {"owner": "pool.b", **STORAGE}},
            job={"nightly": {**job, "formerly": "daily"}},
        )
        assert changes(made) == {
            "update:pool.b": {"name": ("a", "b")},
            "update:job.nightly": {"name": ("daily", "nightly")},
        }

    def test_a_former_name_that_nothing_has_is_nothing(self) -> None:
        assert self.made(pool={"a": {"members": ["px-1", "px-2"], "formerly": "z"}}).is_empty

    def test_the_object_that_has_the_name_already_wins(self) -> None:
        """A user made another pool with the former name since."""
        there = [*OWNED["ProxyPools"], {"id": "pool-z", "name": "z", "description": "by hand"}]
        wanted = chain(pool={"a": {"members": ["px-1", "px-2"], "formerly": "z"}})
        made = plan(wanted, FakeReader({**OWNED, "ProxyPools": there}))
        assert made.is_empty
        assert [item.address for item in made.reports] == ["pool.z"]


def test_a_pool_claims_its_members() -> None:
    claims = Claims(live(chain(), FakeReader(OWNED)))
    found = [claims.in_the_way("pool", {"members": names}) for names in (["px-9", "px-2"], ["px-3"], UNKNOWN)]
    assert found == [["pool.a"], [], []]
