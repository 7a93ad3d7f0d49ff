"""Defaults and groups: what most objects share stands once, and no object inherits what it does not have."""

from __future__ import annotations

from typing import Any

from reconciler.importing.entries import Entry
from reconciler.importing.sharing import share
from reconciler.kinds import KINDS
from reconciler.model.live import LiveResource


def entry(kind: str, key: str, **said: Any) -> Entry:
    names = {name.replace("__", "."): value for name, value in said.items()}
    return Entry(KINDS[kind], key, LiveResource(kind, key, key, {}), names)


def test_the_value_of_most_is_a_default_and_others_say_theirs() -> None:
    entries = [entry("job", name, schedule="manual") for name in "abc"] + [
        entry("job", "d", schedule={"every": "1 hour"})
    ]
    layers = share(entries, lambda _: "")
    assert layers.defaults == {"job": {"schedule": "manual"}}
    assert [item.said for item in entries] == [{}, {}, {}, {"schedule": {"every": "1 hour"}}]


def test_what_is_not_known_of_one_is_no_default() -> None:
    entries = [entry("job", "a", enabled=True), entry("job", "b", enabled=True), entry("job", "c")]
    assert share(entries, lambda _: "").defaults == {}
    assert entries[0].said == {"enabled": True}


def test_a_usual_value_is_said_beside_another_default() -> None:
    entries = [entry("proxy", name, throttle="100 Mbps") for name in "abc"]
    entries.append(entry("proxy", "d"))
    entries[3].usual["throttle"] = "off"
    layers = share(entries, lambda _: "")
    assert layers.defaults == {"proxy": {"throttle": "100 Mbps"}}
    assert entries[3].said == {"throttle": "off"}


def test_classes_of_proxies_are_groups_if_they_save_lines() -> None:
    one = [entry("proxy", f"w{n}", type="domain", credentials="corp", throttle="off") for n in range(4)]
    other = [entry("proxy", f"l{n}", os="linux", credentials="key", throttle="off") for n in range(4)]
    layers = share([*one, *other], lambda item: "linux" if item.key.startswith("l") else "windows")
    assert layers.defaults == {"proxy": {"throttle": "off"}}
    assert layers.groups == {
        "linux": {"os": "linux", "credentials": "key"},
        "windows": {"type": "domain", "credentials": "corp"},
    }
    assert {tuple(item.said.items()) for item in (*one, *other)} == {(("group", "windows"),), (("group", "linux"),)}


def test_an_internet_proxy_is_inherited_whole_or_not() -> None:
    own = {"internet_proxy": {"host": "web"}, "internet_proxy__port": 8080}
    entries = [entry("proxy", "a", **own), entry("proxy", "b", **own), entry("proxy", "c", internet_proxy="none")]
    layers = share(entries, lambda _: "")
    assert layers.defaults == {"proxy": {"internet_proxy": {"host": "web"}, "internet_proxy.port": 8080}}
    assert entries[2].said == {"internet_proxy": "none"}
