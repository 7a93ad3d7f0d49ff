"""The limits that a plan must keep."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.model.inventory import AutomaticRule, Drain, Policy, Window

_SECONDS = {"s": 1, "m": 60, "h": 3600}


def build_policy(values: Mapping[str, Any]) -> Policy:
    standard = Policy()
    return Policy(
        max_deletes=values.get("max_deletes", standard.max_deletes),
        max_changes=values.get("max_changes", standard.max_changes),
        protect=tuple(values.get("protect", ())),
        windows=tuple(_window(raw) for raw in values.get("windows", ())),
        coverage=values.get("coverage", standard.coverage),
        drain=_drain(values.get("drain", {})),
        automatic=tuple(_automatic(raw) for raw in values.get("auto", ())),
    )


def _drain(raw: Mapping[str, Any]) -> Drain:
    standard = Drain()
    deadline = int(raw["deadline"][:-1]) * _SECONDS[raw["deadline"][-1]] if "deadline" in raw else standard.deadline
    return Drain(deadline, raw.get("then", standard.then))


def _automatic(raw: Mapping[str, Any]) -> AutomaticRule:
    windows = tuple(_window(window) for window in raw.get("windows", ()))
    return AutomaticRule(tuple(raw["actions"]), tuple(raw["addresses"]), windows)


def _window(raw: Mapping[str, Any]) -> Window:
    length = int(raw["for"][:-1])
    return Window(raw["allow"], length / 60 if raw["for"].endswith("m") else float(length), raw.get("zone", "UTC"))
