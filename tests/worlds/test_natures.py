"""Every field of every kind is changed once, and what is planned for it is what its nature asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.kinds import KINDS, Mode
from reconciler.model.plan import Change
from tests.worlds.base import STORAGE, Edit, applied, changes, inventory, planned
from tests.worlds.world import World


def put(section: str, name: str, *path: str, value: Any) -> Edit:
    """An edit that sets one value of an object."""

    def edit(document: dict[str, Any]) -> None:
        place = document[section] if section == "smtp" else document[section][name]
        for part in path[:-1]:
            place = place.setdefault(part, {})
        place[path[-1]] = value

    return edit


def rename(section: str, name: str, new: str) -> Edit:
    def edit(document: dict[str, Any]) -> None:
        document[section][new] = {**document[section].pop(name), "formerly": name}
        for job in document["jobs"].values():
            job["repository"] = new if (section, job["repository"]) == ("repositories", name) else job["repository"]
        for item in (*document["proxies"].values(), *document["repositories"].values()):
            if (section, item.get("pool")) == ("pools", name):
                item["pool"] = new

    return edit


def into_the_pool(document: dict[str, Any]) -> None:
    store = document["repositories"]["spare-bucket"]
    del store["proxy"]
    store["pool"] = "cloud"


EDITS: dict[str, tuple[Edit, str, str, tuple[str, ...]]] = {
    "proxy.description": (put("proxies", "px-1", "description", value="Rack 9"), "update:proxy.px-1", "update", ()),
    "proxy.port": (put("proxies", "px-1", "port", value=9293), "update:proxy.px-1", "update", ("px-1",)),
    "proxy.throttle": (put("proxies", "px-1", "throttle", value="5 MB/s"), "update:proxy.px-1", "update", ()),
    "proxy.internet_proxy": (
        put("proxies", "px-1", "internet_proxy", value="server"),
        "update:proxy.px-1",
        "update",
        (),
    ),
    "proxy.internet_proxy.port": (
        put("proxies", "px-2", "internet_proxy", "port", value=3128),
        "update:proxy.px-2",
        "update",
        (),
    ),
    "proxy.type": (put("proxies", "px-6", "type", value="workgroup"), "replace:proxy.px-6", "create", ("px-6",)),
    "pool.name": (rename("pools", "cloud", "cloudy"), "update:pool.cloudy", "update", ()),
    "pool.description": (put("pools", "cloud", "description", value="new"), "update:pool.cloud", "update", ()),
    "repository.name": (rename("repositories", "disk-1", "disk-9"), "update:repository.disk-9", "update", ()),
    "repository.owner": (
        into_the_pool,
        "update:repository.spare-bucket",
        "repository.move",
        (),
    ),
    "repository.path": (
        put("repositories", "spare-disk", "path", value="E:\\1"),
        "replace:repository.spare-disk",
        "create",
        (),
    ),
    "repository.description": (
        put("repositories", "disk-1", "description", value="new"),
        "update:repository.disk-1",
        "update",
        (),
    ),
    "repository.retention.keep": (
        put("repositories", "disk-1", "retention", "keep", value="30 days"),
        "update:repository.disk-1",
        "update",
        (),
    ),
    "repository.retention.clean": (
        put("repositories", "disk-1", "retention", "clean", value="monthly"),
        "update:repository.disk-1",
        "update",
        (),
    ),
    **{
        f"repository.object_storage.{part}": (
            put("repositories", "spare-bucket", "object_storage", value={**STORAGE, "folder": "two", part: value}),
            "replace:repository.spare-bucket",
            "create",
            (),
        )
        for part, value in (
            ("type", "wasabi"),
            ("bucket", "other"),
            ("folder", "three"),
            ("endpoint", "https://two.example.net"),
            ("region", "eu"),
        )
    },
    "job.name": (rename("jobs", "mail", "post"), "update:job.post", "update", ()),
    "job.repository": (put("jobs", "mail", "repository", value="disk-2"), "update:job.mail", "update", ()),
    "job.description": (put("jobs", "mail", "description", value="new"), "update:job.mail", "update", ()),
    "job.items": (put("jobs", "mail", "items", value=["mailbox", "sites"]), "update:job.mail", "job.item.change", ()),
    "job.exclude": (put("jobs", "mail", "exclude", value=["teams"]), "update:job.mail", "job.item.add", ()),
    "job.schedule": (put("jobs", "mail", "schedule", value={"every": "4 hours"}), "update:job.mail", "update", ()),
    **{
        f"job.schedule.{path}": (
            put("jobs", "mail", "schedule", *path.split("."), value=value),
            "update:job.mail",
            "update",
            (),
        )
        for path, value in (
            ("retry.attempts", 0),
            ("retry.wait", "30 minutes"),
            ("offset", "15 minutes"),
            ("periodic_window", "off"),
            ("periodic_window.minute_offset", 60),
            ("backup_window", {"weekends": "all"}),
            ("backup_window.minute_offset", 60),
        )
    },
    "job.enabled": (put("jobs", "mail", "enabled", value=False), "update:job.mail", "job.switch", ()),
    "smtp.enabled": (put("smtp", "", "enabled", value=False), "update:smtp", "update", ()),
    "smtp.server": (put("smtp", "", "server", value="mail.example.com"), "update:smtp", "update", ()),
    "smtp.port": (put("smtp", "", "port", value=25), "update:smtp", "update", ()),
    "smtp.security": (put("smtp", "", "security", value="none"), "update:smtp", "update", ()),
    "smtp.from": (put("smtp", "", "from", value="new@example.com"), "update:smtp", "update", ()),
    "smtp.to": (put("smtp", "", "to", value=["a@example.com", "b@example.com"]), "update:smtp", "update", ()),
    "smtp.subject": (put("smtp", "", "subject", value="%JobName%"), "update:smtp", "update", ()),
    "smtp.notify": (put("smtp", "", "notify", value=["warning"]), "update:smtp", "update", ()),
    "smtp.suppress_until_last_retry": (
        put("smtp", "", "suppress_until_last_retry", value=True),
        "update:smtp",
        "update",
        (),
    ),
    "smtp.attach_report": (put("smtp", "", "attach_report", value=True), "update:smtp", "update", ()),
}
"""For each field that is compared by its value, and that REST v8 has: an edit of it, the change that it needs, the step
that sends it, and the proxies that are disrupted meanwhile."""

LOGINS: dict[str, tuple[Edit, str, str, tuple[str, ...]]] = {
    "proxy.credentials": (
        put("proxies", "px-1", "credentials", value="other"),
        "CORP_PASSWORD",
        "update:proxy.px-1",
        ("px-1",),
    ),
    "proxy.internet_proxy.credentials": (
        put("proxies", "px-2", "internet_proxy", "credentials", value="other"),
        "WEB_PASSWORD",
        "update:proxy.px-2",
        (),
    ),
    "smtp.credentials": (put("smtp", "", "credentials", value="other"), "SMTP_PASSWORD", "update:smtp", ()),
}
"""For each login: an edit that names another one, the secret in it, the change, and the proxies that are disrupted."""

ELSEWHERE = {
    "proxy.host": "its own address: another proxy",
    "proxy.os": "test_a_proxy_of_another_system",
    "proxy.threads": "test_threads_before_v8",
    "pool.members": "test_members_of_a_pool",
    "repository.retention.type": "test_another_kind_of_retention",
    "job.organization": "part of the key: another job",
    "organization.id": "never changed from here",
    "organization.name": "never changed from here",
    "certificate.thumbprint": "tests/plan/test_objects.py",
    **{
        f"copy_job.{field.name}": "tests/scenarios/test_copy_jobs.py"
        for field in KINDS["copy_job"].fields
        if field.mode is not Mode.LOCAL
    },
    **{
        f"repository.object_storage.{part}": "tests/scenarios/test_storage.py"
        for part in (
            *("name", "cache", "account", "cloud", "storage_class", "thumbprint", "size_limit_gb"),
            *("immutability_days", "immutability_mode", "encryption_key", "use_appliance"),
            *(f"{cloud}_appliance.{part}" for cloud in ("amazon", "azure") for part in ("size", "port", "ip_ranges")),
        )
    },
    **{
        f"repository.retention.{part}": "tests/scenarios/test_storage.py"
        for part in ("daily.time", "daily.days", "monthly.time", "monthly.day")
    },
}
COMPARED = [
    f"{kind.name}.{field.name}"
    for kind in KINDS.values()
    for field in kind.fields
    if field.mode not in (Mode.LOCAL, Mode.WRITE_ONLY)
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Applied, and not changed by the tests that use it."""
    return applied(tmp_path_factory.mktemp("natures"))


def disrupted(change: Change) -> tuple[str, ...]:
    """The proxies whose sessions are waited for, or that go into maintenance, first of all."""
    first = change.steps[0]
    return (first.params["name"],) if first.verb in ("sessions.wait", "maintenance.on") else ()


def test_every_field_is_in_one_of_the_tables() -> None:
    secret = [
        f"{kind.name}.{item.name}" for kind in KINDS.values() for item in kind.fields if item.mode is Mode.WRITE_ONLY
    ]
    assert sorted({*EDITS, *ELSEWHERE}) == sorted(COMPARED)
    assert sorted({*LOGINS, "repository.object_storage.encryption_credentials"}) == sorted(secret)


def test_nothing_is_planned_for_what_is_as_declared(world: World) -> None:
    assert planned(world).changes == ()


@pytest.mark.parametrize("path", EDITS)
def test_a_value_that_changes(world: World, path: str) -> None:
    edit, key, verb, proxies = EDITS[path]
    made = planned(world, edit)
    (change,) = [item for item in changes(made).values() if item.key == key]
    assert [item.path for item in change.fields] == [path.partition(".")[2]]
    assert verb in [step.verb for step in change.steps]
    assert disrupted(change) == proxies
    assert change.disrupts == (("alpha.example.com",) if proxies == ("px-1",) else ())
    assert not change.blocked


@pytest.mark.parametrize("path", EDITS)
def test_and_is_as_declared_once_it_is_applied(tmp_path: Path, path: str) -> None:
    world = applied(tmp_path)
    edit, key, _, _ = EDITS[path]
    made = world.apply(inventory(world, edit))
    assert key in changes(made)
    assert {end.outcome.value for end in world.result.outcomes.values()} == {"done"}
    assert planned(world, edit).changes == ()


@pytest.mark.parametrize("path", LOGINS)
@pytest.mark.parametrize("rotated", [False, True])
def test_a_login_that_changes(tmp_path: Path, path: str, *, rotated: bool) -> None:
    """Another name and another password alike: it is sent once, after the proxy was drained, and shown nowhere."""
    world = applied(tmp_path)
    edit, secret, key, proxies = LOGINS[path]
    edits = [] if rotated else [edit]
    if rotated:
        world.secrets.rotated[f"secret://env/{secret}"] = "hunter2"
    change = changes(planned(world, *edits))[key]
    assert [item.path for item in change.fields] == [path.partition(".")[2]]
    assert "hunter2" not in str(change)
    assert disrupted(change) == proxies
    assert world.apply(inventory(world, *edits)).changes
    assert ("hunter2" in str(world.server.logins)) == rotated
    assert planned(world, *edits).changes == ()


@pytest.mark.parametrize(
    ("edit", "sends"),
    [
        (put("proxies", "px-1", "description", value="new"), False),
        (put("proxies", "px-1", "throttle", value="5 MB/s"), False),
        (put("proxies", "px-1", "port", value=9293), True),
        (put("proxies", "px-1", "credentials", value="other"), True),
    ],
)
def test_a_login_is_sent_only_with_what_needs_it(tmp_path: Path, edit: Edit, *, sends: bool) -> None:
    world = applied(tmp_path)
    world.server.logins.clear()
    world.apply(inventory(world, edit))
    assert ("px-1.example.com" in world.server.logins) == sends


def test_a_proxy_of_another_system(world: World) -> None:
    made = changes(planned(world, put("proxies", "px-3", "os", value="windows")))
    change = made["replace:proxy.px-3"]
    assert [item.path for item in change.fields] == ["os"]
    verbs = [step.verb for step in change.steps]
    assert verbs == ["sessions.wait", "delete", "create", "pool.members"]


def test_another_kind_of_retention(world: World) -> None:
    """It can neither be changed nor, at the same place, be made anew."""
    edit = put("repositories", "disk-1", "retention", "type", value="snapshot")
    change = changes(planned(world, edit))["replace:repository.disk-1"]
    assert change.blocked.startswith("retention.type cannot be changed after creation")
    assert change.steps == ()


def test_threads_before_v8(tmp_path: Path) -> None:
    world = applied(tmp_path, rest=7)
    edit = put("proxies", "px-1", "threads", value=32)
    change = changes(planned(world, edit))["update:proxy.px-1"]
    assert [(item.path, item.before, item.after) for item in change.fields] == [("threads", 64, 32)]
    assert disrupted(change) == ()
    world.apply(inventory(world, edit))
    assert planned(world, edit).changes == ()


def test_members_of_a_pool(tmp_path: Path) -> None:
    world = applied(tmp_path)

    def edit(document: dict[str, Any]) -> None:
        del document["proxies"]["px-4"]["pool"]

    change = changes(planned(world, edit))["update:pool.cloud"]
    assert [(item.path, item.before, item.after) for item in change.fields] == [("members", ["px-3", "px-4"], ["px-3"])]
    assert [step.params for step in change.steps] == [{"name": "cloud", "join": [], "leave": ["px-4"]}]
    world.apply(inventory(world, edit))
    assert planned(world, edit).changes == ()


@pytest.mark.parametrize("sudo", [True, False])
def test_the_login_of_a_linux_proxy_is_one_for_ssh(tmp_path: Path, *, sudo: bool) -> None:
    """With a password alone it looks like a Windows account, and is none."""
    world = applied(tmp_path)
    world.apply(inventory(world, lambda document: document["credentials"]["linux"].update(username="root", sudo=sudo)))
    login = world.server.logins["px-3.example.net"]
    shown_to_server = {key: login[key] for key in ("account", "accountPassword", "elevateAccountToRoot", "port")}
    expected = {"account": "root", "accountPassword": "secret://env/LINUX_PASSWORD", "port": 22}
    assert shown_to_server == {**expected, "elevateAccountToRoot": sudo}
