"""Every window of a schedule is sent as the 168 hours of a week, whatever a version has no word for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.kinds import KINDS, Field

from .context import context

PERIODIC = "schedule.periodic_window"
WINDOWS = [(kind.name, field) for kind in KINDS.values() for field in kind.fields if field.name.endswith("_window")]


def lists(body: Any) -> Iterator[list[Any]]:
    if isinstance(body, list):
        yield body
    for part in body.values() if isinstance(body, dict) else ():
        yield from lists(part)


@pytest.mark.parametrize("rest", [5, 6, 7, 8])
@pytest.mark.parametrize(("kind", "field"), WINDOWS, ids=lambda item: getattr(item, "name", item))
def test_a_window_has_the_hours_of_a_week(kind: str, field: Field, rest: int) -> None:
    for value, allowed in (("off", 168), ({"monday": "08:00-10:00"}, 2), ({"weekends": "all"}, 48)):
        for hours in lists(field.to_api(value, context(rest))):
            assert (len(hours), sum(hours)) == (168, allowed)


HOURS = {"weekends": "all"}


@pytest.mark.parametrize(
    ("schedule", "window", "imported"),
    [
        ({"every": "4 hours"}, HOURS, {"schedule.offset", "schedule.periodic_window", f"{PERIODIC}.minute_offset"}),
        ({"every": "30 minutes"}, HOURS, {"schedule.periodic_window", f"{PERIODIC}.minute_offset"}),
        ({"every": "30 minutes"}, "off", {"schedule.periodic_window"}),
        ({"daily": "22:00"}, HOURS, set()),
        ("manual", "off", set()),
    ],
)
def test_what_is_imported_of_the_hours_of_a_job(schedule: Any, window: Any, imported: set[str]) -> None:
    """The server keeps the settings of schedules that are not in use, too."""
    fields = {"schedule": schedule, "schedule.periodic_window": window}
    names = {"schedule.offset", "schedule.periodic_window", f"{PERIODIC}.minute_offset"}
    found = {field.name for field in KINDS["job"].fields if field.name in names and field.is_imported(fields)}
    assert found == imported
