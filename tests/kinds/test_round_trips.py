"""What is sent reads back as what was said: every field of every kind, in every version, with drawn values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.kinds import KINDS, Field, Mode
from reconciler.kinds.item_types import BY_WORD, SERVICES
from reconciler.kinds.object_storage import LINKED_FIELDS
from reconciler.kinds.put_requests import overlay
from reconciler.kinds.storage_settings import LINKED
from reconciler.kinds.week_hours import words_of
from reconciler.model.value import UNKNOWN

from .context import CREDENTIALS, IDS, context

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=20).map(str.strip)
NAMES = {kind: st.sampled_from([name for known, name in IDS if known == kind]) for kind, _ in IDS}
NUMBER = st.integers(1, 65535)
HOURS = st.one_of(
    st.just("off"),
    st.lists(st.booleans(), min_size=168, max_size=168).map(words_of),
    st.dictionaries(
        st.sampled_from(["everyday", "workdays", "weekends", "monday", "sunday"]),
        st.one_of(
            st.sampled_from(["all", "none"]), st.builds("{}:00-{}:00".format, st.integers(0, 23), st.integers(0, 24))
        ),
        min_size=1,
    ),
)
CLOCK = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
OBJECTS: dict[str, dict[str, Any]] = {
    "user": {"name": "ann@example.com"},
    "group": {"displayName": "Staff"},
    "site": {"url": "https://example.com/sites/a"},
    "team": {"mail": "team@example.com"},
}


def entries(word: str) -> st.SearchStrategy[Any]:
    """Items of one type with an object that was looked up."""
    seen = OBJECTS[word]
    services = st.lists(st.sampled_from([*BY_WORD[word].flags]), unique=True) if BY_WORD[word].flags else None
    fixed: dict[str, st.SearchStrategy[Any]] = {word: st.just(next(iter(seen.values()))), "object": st.just(seen)}
    return st.fixed_dictionaries({**fixed, **({"services": services} if services is not None else {})})


def selections(least: int) -> st.SearchStrategy[list[Any]]:
    """Lists of services and items, with one item of a type at most."""
    folders = st.lists(st.sampled_from(["Documents", "Music"]), min_size=1, unique=True)
    more = [st.fixed_dictionaries({"onedrive-folders": folders}), st.just({"personal-sites": True})]
    parts = [st.lists(kind, max_size=1) for kind in (*map(entries, OBJECTS), *more)]
    services = st.lists(st.sampled_from([*SERVICES]), unique=True)
    lists = st.builds(lambda *found: [entry for part in found for entry in part], services, *parts)
    return lists.filter(lambda found: len(found) >= least)


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "proxy.host": TEXT,
    "proxy.os": st.sampled_from(["windows", "linux"]),
    "proxy.description": TEXT,
    "proxy.port": NUMBER,
    "proxy.threads": NUMBER,
    "proxy.throttle": st.one_of(
        st.just("off"), st.builds("{} {}".format, NUMBER, st.sampled_from(["Mbps", "MB/s", "KB/s"]))
    ),
    "proxy.internet_proxy": st.one_of(
        st.sampled_from(["none", "server"]),
        st.fixed_dictionaries({"host": st.just("web.example.com")}),
    ),
    "proxy.internet_proxy.port": NUMBER,
    "proxy.internet_proxy.credentials": st.sampled_from(["none", "web-proxy"]),
    "pool.name": TEXT,
    "pool.description": TEXT,
    "repository.name": TEXT,
    "repository.owner": st.sampled_from(["proxy.px-lon-1", "pool.cloud"]),
    "repository.path": TEXT,
    "repository.description": TEXT,
    "repository.retention.type": st.sampled_from(["item-level", "snapshot"]),
    "repository.retention.keep": st.one_of(
        st.just("forever"),
        st.builds("{} {}".format, st.integers(2, 99), st.sampled_from(["days", "months"])),
        st.sampled_from(
            ["1 day", "1 month", "1 year", "2 years", "3 years", "5 years", "7 years", "10 years", "25 years"]
        ),
    ),
    "repository.retention.clean": st.sampled_from(["daily", "monthly"]),
    "repository.retention.daily.time": CLOCK,
    "repository.retention.daily.days": st.sampled_from(["everyday", "workdays", "weekends", "monday", "sunday"]),
    "repository.retention.monthly.time": CLOCK,
    "repository.retention.monthly.day": st.builds(
        "{} {}".format,
        st.sampled_from(["first", "second", "third", "fourth", "last"]),
        st.sampled_from(["monday", "friday", "sunday"]),
    ),
    "repository.object_storage.use_appliance": st.booleans(),
    **{
        f"repository.object_storage.{cloud}_appliance.{part}": values
        for cloud in ("amazon", "azure")
        for part, values in (
            ("size", TEXT),
            ("port", NUMBER),
            ("ip_ranges", st.lists(st.sampled_from(["10.0.0.0/8", "24.48.96.192/32"]), min_size=1, unique=True)),
        )
    },
    "repository.object_storage.cache": TEXT,
    "repository.object_storage.size_limit_gb": st.one_of(st.just("none"), NUMBER),
    "repository.object_storage.immutability_days": st.one_of(st.sampled_from(["none", "retention"]), NUMBER),
    "repository.object_storage.immutability_mode": st.sampled_from(["compliance", "governance"]),
    "repository.object_storage.encryption_key": st.one_of(st.just("none"), NAMES["encryption_key"]),
    "job.name": TEXT,
    "job.organization": NAMES["organization"],
    "job.repository": NAMES["repository"],
    "job.description": TEXT,
    "job.items": st.one_of(st.just("all"), selections(1)),
    "job.exclude": selections(0),
    "job.schedule": st.one_of(
        st.just("manual"),
        st.fixed_dictionaries(
            {
                "daily": st.builds("{}:{:02}".format, st.integers(0, 23), st.integers(0, 59)),
                "days": st.sampled_from(["everyday", "workdays", "weekends", "monday", "sunday"]),
            }
        ),
        st.fixed_dictionaries(
            {"every": st.sampled_from(["5 minutes", "10 minutes", "15 minutes", "30 minutes", "1 hour", "8 hours"])}
        ),
    ),
    "job.schedule.retry.attempts": st.integers(0, 777),
    "job.schedule.retry.wait": st.builds("{} minutes".format, st.integers(1, 999)),
    "job.schedule.offset": st.builds("{} minutes".format, st.integers(0, 59)),
    "job.schedule.backup_window": HOURS,
    "job.schedule.backup_window.minute_offset": st.integers(-840, 840),
    "job.schedule.periodic_window": HOURS,
    "job.schedule.periodic_window.minute_offset": st.integers(-840, 840),
    "job.enabled": st.booleans(),
    "copy_job.job": NAMES["job"],
    "copy_job.organization": NAMES["organization"],
    "copy_job.repository": NAMES["repository"],
    "copy_job.schedule": st.one_of(
        st.just("immediate"),
        st.fixed_dictionaries({"every": st.sampled_from(["5 minutes", "1 hour", "8 hours"])}),
        st.fixed_dictionaries({"daily": st.just("22:00"), "days": st.sampled_from(["everyday", "friday"])}),
    ),
    "copy_job.schedule.backup_window": HOURS,
    "copy_job.schedule.backup_window.minute_offset": st.integers(-840, 840),
    "copy_job.enabled": st.booleans(),
    "smtp.enabled": st.booleans(),
    "smtp.server": TEXT,
    "smtp.port": NUMBER,
    "smtp.security": st.sampled_from(["none", "tls"]),
    "smtp.credentials": st.sampled_from(["none", "smtp-user"]),
    "smtp.from": TEXT,
    "smtp.to": st.lists(st.sampled_from(["a@example.com", "b@example.com", "c@example.com"]), min_size=1, unique=True),
    "smtp.subject": TEXT,
    "smtp.notify": st.lists(st.sampled_from(["success", "warning", "failure"]), unique=True),
    "smtp.suppress_until_last_retry": st.booleans(),
    "smtp.attach_report": st.booleans(),
}
"""Values of every field that is both sent and shown."""

ONE_WAY = {
    "proxy.type": "sent as useDomainNetwork and shown as a word",
    "proxy.credentials": "never shown",
    "pool.members": "observed from the proxies",
    "organization.id": "never sent",
    "organization.name": "never sent",
    "certificate.thumbprint": "not of the REST API",
    "repository.object_storage.name": "sent as the id of what a repository links to",
    "repository.object_storage.encryption_credentials": "never shown",
    **{
        f"repository.object_storage.{name}": "sent at creation, with the others: see test_object_storage.py"
        for name in (
            *("type", "account", "bucket", "folder", "endpoint", "region", "cloud", "storage_class", "thumbprint"),
        )
    },
}
BESIDE: dict[tuple[str, bool], dict[str, Any]] = {
    ("proxy", False): {"useInternetProxy": True, "internetProxyType": "Custom"},
    ("proxy", True): {"useInternetProxy": True, "internetProxyType": "Custom"},
    ("smtp", False): {"authenticationType": "CustomSmtp"},
    ("smtp", True): {"authenticationType": "CustomSmtp"},
    ("repository", False): {"objectStorageCachePath": ""},
}
"""What a server shows beside a field, by kind, before v8 and since: without it some values are ambiguous."""

FIELDS = {f"{kind.name}.{field.name}": field for kind in KINDS.values() for field in kind.fields}


def versions(path: str) -> list[int]:
    kind = KINDS[path.partition(".")[0]]
    return [rest for rest in (5, 6, 7, 8) if kind.in_version(rest) and FIELDS[path].in_version(rest)]


def test_every_field_is_in_one_of_the_tables() -> None:
    sent = {path for path, field in FIELDS.items() if field.mode is not Mode.LOCAL}
    assert {*VALUES, *ONE_WAY} == sent
    assert not VALUES.keys() & ONE_WAY.keys()


@pytest.mark.parametrize("path", VALUES)
@settings(derandomize=True, max_examples=12, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_there_and_back(path: str, data: st.DataObject) -> None:
    value = data.draw(VALUES[path])
    for rest in versions(path):
        _there_and_back(path, rest, value)


def _there_and_back(path: str, rest: int, value: Any) -> None:
    field: Field = FIELDS[path]
    world = context(rest)
    said = field.normalize(value) if field.normalize else value
    body = overlay(BESIDE.get((path.partition(".")[0], rest >= 8), {}), field.to_api(said, world))
    linked = {LINKED: body} if path.partition(".")[2] in LINKED_FIELDS and rest < 8 else body
    shown = field.from_api(linked, world)
    if path in ("copy_job.organization", "job.organization") and rest < 8:
        assert shown is UNKNOWN
    else:
        assert shown == field.as_shown(said, world), f"v{rest}"


@pytest.mark.parametrize("kind", ["proxy", "pool", "repository", "job"])
@pytest.mark.parametrize("text", ["", "Rack 4", "[vbo-reconcile:other]", "ends with ]"])
def test_the_mark_of_the_owner_is_no_part_of_the_text(kind: str, text: str) -> None:
    field = FIELDS[f"{kind}.description"]
    marked, plain = field.to_api(text, context(8)), field.to_api(text, context(8, owner=""))
    assert marked["description"].endswith("[vbo-reconcile:corp]")
    assert plain == {"description": text}
    assert field.from_api(marked, context(8)) == text.removesuffix("[vbo-reconcile:other]") or "other" in text


def test_a_login_for_every_kind_of_credential() -> None:
    """With a password alone it is a Windows account, with a key or sudo an SSH one; nothing of it is shown."""
    field = FIELDS["proxy.credentials"]
    for name in CREDENTIALS:
        body = field.to_api(name, context(8))
        assert ("sshSettings" in body) == name.startswith("linux")
        assert field.from_api(body, context(8)) is UNKNOWN
