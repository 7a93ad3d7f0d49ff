"""Every unit of every length of time in a policy, and every default."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.inventory.policy import build_policy
from reconciler.kinds import KINDS
from reconciler.model.inventory import AutomaticRule, Drain, Policy, Window
from tests.inventory.writing import load_text

PATTERNS = [pattern for kind in KINDS.values() for pattern in ([kind.name] if kind.singleton else [f"{kind.name}.*"])]


@pytest.mark.parametrize(("said", "seconds"), [("45s", 45), ("2m", 120), ("3h", 10_800)])
@pytest.mark.parametrize("then", ["fail", "skip"])
def test_the_deadline_of_a_drain(said: str, seconds: int, then: str) -> None:
    assert build_policy({"drain": {"deadline": said, "then": then}}).drain == Drain(seconds, then)


@pytest.mark.parametrize(("said", "hours"), [("90m", 1.5), ("60m", 1.0), ("8h", 8.0)])
def test_the_length_of_a_window(said: str, hours: float) -> None:
    window = {"allow": "Sat 20:00", "for": said}
    assert build_policy({"windows": [window, {**window, "zone": "Europe/London"}]}).windows == (
        Window("Sat 20:00", hours, "UTC"),
        Window("Sat 20:00", hours, "Europe/London"),
    )


def test_what_is_not_said_is_the_standard() -> None:
    assert build_policy({}) == Policy()
    assert build_policy({"drain": {}}).drain == Drain()


@pytest.mark.parametrize(("key", "value"), [("max_deletes", 7), ("max_changes", "9%"), ("coverage", "warn")])
def test_what_is_said_is_taken_and_nothing_else_changes(key: str, value: object) -> None:
    standard, found = Policy(), build_policy({key: value})
    assert getattr(found, key) == value
    others = {"max_deletes", "max_changes", "protect", "windows", "coverage", "drain", "automatic"} - {key}
    assert all(getattr(found, name) == getattr(standard, name) for name in others)


def test_a_rule_of_automatic_changes() -> None:
    rule = {"actions": ["update"], "addresses": ["smtp", "job.*"]}
    night = {**rule, "windows": [{"allow": "22:00", "for": "6h"}]}
    assert build_policy({"auto": [rule, night]}).automatic == (
        AutomaticRule(("update",), ("smtp", "job.*")),
        AutomaticRule(("update",), ("smtp", "job.*"), (Window("22:00", 6),)),
    )


@pytest.mark.parametrize("pattern", [*PATTERNS, "host.*", "*"])
def test_objects_of_every_kind_can_be_protected_and_changed_automatically(tmp_path: Path, pattern: str) -> None:
    rules = f"policy: {{protect: ['{pattern}'], auto: [{{actions: [update], addresses: ['{pattern}']}}]}}"
    policy = load_text(tmp_path, rules).policy
    assert policy.protect == (pattern,)
    assert policy.automatic == (AutomaticRule(("update",), (pattern,)),)
