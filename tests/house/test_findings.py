"""What was found on servers that were set up by hand: each finding has a test of the right value, and keeps it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

import pytest

TESTS: Final = Path(__file__).parents[1]
ENABLED: Final = "scenarios/test_enabled_jobs.py"


class Finding(NamedTuple):
    """`tests` are `file::test` or `file::Class`, below `tests/`."""

    what: str
    tests: tuple[str, ...]


FINDINGS: Final = {
    1: Finding(
        "a change of the schedule alone turned a job of selected objects into one of the entire organization",
        (
            "scenarios/test_nothing_but_the_plan.py::test_a_schedule_leaves_the_items_of_a_job_alone",
            "observe/test_undecoded_digests.py::test_a_saved_plan_covers_unknown_fields_by_their_raw_value",
        ),
    ),
    2: Finding(
        "another recipient took mail out of Microsoft 365 or Google mode",
        ("scenarios/test_nothing_but_the_plan.py::test_a_recipient_leaves_the_sign_in_of_the_mail_alone",),
    ),
    3: Finding(
        "a PUT repeated what a list by hand named, and lost the rest where the server replaces",
        (
            "kinds/test_put_requests.py::test_merge_and_replace_leave_the_same_object",
            "promises/test_nothing_but_the_plan.py::test_nothing_but_the_plan",
        ),
    ),
    4: Finding(
        "what was renamed in the console was deleted and created",
        (
            "worlds/test_identity.py::test_the_name_is_put_back",
            "worlds/test_identity.py::test_a_tenant_id_is_the_same_whatever_the_name",
        ),
    ),
    5: Finding(
        "another size limit of object storage planned a replace of the repository",
        (
            "scenarios/test_storage.py::test_finding_5_limits_are_updated_and_can_be_left_out",
            "scenarios/test_storage.py::test_finding_5_the_account_by_another_of_its_names",
        ),
    ),
    6: Finding(
        "a server that turned v8 ended runs with the storage of v7 declared",
        (
            "scenarios/test_storage.py::test_finding_6_one_form_for_a_server_that_turns_v8_and_back",
            "scenarios/test_storage.py::test_finding_6_the_form_of_v7_on_v8",
        ),
    ),
    7: Finding(
        "a proxy registered by another form of its name was taken over",
        ("observe/test_proxies.py::test_a_proxy_that_has_another_name_on_the_server_is_the_same_one",),
    ),
    8: Finding(
        "a job that was disabled in the console was in sync",
        (f"{ENABLED}::test_a_job_that_is_disabled_in_the_console_is_alarming_drift_and_is_enabled",),
    ),
    9: Finding(
        "a description that was edited in the console took the object out of the inventory",
        ("worlds/test_identity.py::test_the_mark_is_put_back",),
    ),
    10: Finding(
        "the type of a Linux proxy was refused, or planned a replace for ever",
        (
            "scenarios/test_linux_type.py::test_a_linux_host_in_a_domain",
            "observe/test_proxies.py::test_the_type_of_a_linux_proxy_is_not_compared",
        ),
    ),
    11: Finding(
        "REST v5 was never asked for object storage",
        ("scenarios/test_storage.py::test_finding_11_object_storage_of_v5",),
    ),
    12: Finding(
        "a missing account was found in the middle of an apply",
        ("scenarios/test_storage.py::test_finding_12_a_missing_account_is_found_while_planning",),
    ),
    13: Finding(
        "a host with a port was valid, and an empty list of proxies planned takeovers",
        (
            "inventory/test_hosts.py::test_a_fix_works_when_it_is_pasted",
            "inventory/test_hosts.py::test_a_host_is_a_name_or_an_address",
            "observe/test_gaps.py::test_a_gap_changes_nothing_and_is_a_problem",
        ),
    ),
    14: Finding(
        "jobs of an organization that one answer did not list were deleted",
        (
            "observe/test_gaps.py::test_with_a_gap_nothing_else_is_deleted_or_replaced",
            "worlds/test_identity.py::test_nothing_is_created_started_or_deleted",
        ),
    ),
    15: Finding(
        "null, unknown words and another letter case were compared as values",
        (
            "bent/test_bent.py::test_no_bend_causes_anything",
            "kinds/test_typed.py::test_what_is_null_or_absent_is_unknown",
            "kinds/test_typed.py::test_ids_are_compared_without_letter_case",
        ),
    ),
    16: Finding(
        "values that the specification allows ended every command",
        ("kinds/test_typed.py::test_any_json_gives_a_value_or_unknown",),
    ),
}


def exists(test: str) -> bool:
    """Whether there is the test `file::test` or `file::Class::test`."""
    file, *names = test.split("::")
    text = (TESTS / file).read_text(encoding="utf-8")
    return all(re.search(rf"^\s*(def|class) {name}\b", text, re.MULTILINE) for name in names)


def test_no_finding_is_missing() -> None:
    assert list(FINDINGS) == list(range(1, 17))


@pytest.mark.parametrize(
    ("number", "test"), [(number, test) for number, found in FINDINGS.items() for test in found.tests]
)
def test_a_finding_has_its_test(number: int, test: str) -> None:
    assert exists(test), FINDINGS[number].what
