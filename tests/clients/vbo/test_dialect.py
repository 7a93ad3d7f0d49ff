"""The table of versions, as its callers see it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.clients import vbo
from reconciler.clients.vbo import dialect_of, link_id


@pytest.mark.parametrize(
    ("path", "versions"),
    [
        ("Proxies", {8}),
        ("proxies", {8}),
        ("Jobs/4711/SelectedItems", {8}),
        ("JobSessions", {5, 6, 7, 8}),
        ("Organizations/4711/usedRepositories", {5, 6, 7, 8}),
        ("Organizations/4711/Jobs", set()),
        ("Accounts", set()),
        ("Proxies/4711", set()),
    ],
)
def test_collections_that_come_in_pages(path: str, versions: set[int]) -> None:
    assert {rest for rest in (5, 6, 7, 8) if dialect_of(rest).is_page(path)} == versions


def test_the_view_of_proxies_shows_throttling_and_organizations_are_read_without_asking_proxies() -> None:
    views = {rest: dialect_of(rest).view("Proxies") for rest in (5, 6, 7, 8)}
    assert views == {5: {}, 6: {"extendedView": "true"}, 7: {"extendedView": "true"}, 8: {}}
    assert dialect_of(6).view("Organizations/4711") == {"extendedView": "false"}
    assert dialect_of(7).view("Organizations") == {}


@pytest.mark.parametrize(
    ("rest", "action", "body", "path", "sent"),
    [
        (8, "Rescan", None, "X/1/Rescan", None),
        (5, "Rescan", None, "X/1/action", {"rescan": None}),
        (8, "start", None, "X/1/start", {"full": False}),
        (6, "start", {"full": True}, "X/1/start", {"full": True}),
        (5, "start", None, "X/1/action", {"start": None}),
        (5, "start", {"full": False}, "X/1/action", {"start": None}),
        (5, "start", {"full": True}, "X/1/action", {"start": {"full": True}}),
        (5, "Remove", {"force": False}, "X/1/action", {"remove": {"force": False}}),
        (8, "maintenance/enable", {"username": "a"}, "X/1/maintenance/enable", {"username": "a"}),
        (8, "SendTestEmail", None, "X/1/SendTestEmail", None),
        (7, "SendTestEmail", None, "X/1/SendTest", None),
        (6, "SendTestEmail", None, "X/1/SendTest", None),
    ],
)
def test_actions_in_the_form_of_each_version(rest: int, action: str, body: Any, path: str, sent: Any) -> None:
    assert dialect_of(rest).action("X/1", action, body) == (path, sent)


def test_an_action_that_v5_does_not_have() -> None:
    with pytest.raises(LookupError):
        dialect_of(5).action("Proxies/1", "maintenance/enable")


def test_where_jobs_are_created_and_where_their_sessions_are() -> None:
    assert [dialect_of(rest).job_collection("org") for rest in (5, 6, 7, 8)] == ["Organizations/org/Jobs"] * 3 + [
        "Jobs"
    ]
    assert dialect_of(6).job_sessions("job") == ("Jobs/job/JobSessions", {})
    assert dialect_of(8).job_sessions("job") == ("JobSessions", {"jobId": "job"})


@pytest.mark.parametrize(
    ("href", "found"),
    [
        ("/v6/Organizations/4f0b1d4e", "4f0b1d4e"),
        ("https://vbo01:4443/v5/Organizations/4f0b1d4e/", "4f0b1d4e"),
        ("/v7/Organizations/4f0b1d4e?extendedView=false", "4f0b1d4e"),
        ("", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_the_id_at_the_end_of_a_link(href: Any, found: str) -> None:
    assert link_id({"_links": {"organization": {"href": href}}}, "organization") == found


@pytest.mark.parametrize("raw", [{}, {"_links": None}, {"_links": {}}, {"_links": {"organization": None}}])
def test_no_link_no_id(raw: dict[str, Any]) -> None:
    assert link_id(raw, "organization") == ""


def test_a_version_that_nobody_speaks() -> None:
    with pytest.raises(KeyError):
        dialect_of(4)


MODULES = sorted(Path(vbo.__file__).parent.glob("*.py"))


def compared_versions(source: str) -> Iterator[int]:
    """Lines that compare something called `rest` with a number."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare):
            parts = [node.left, *node.comparators]
            names = {part.id if isinstance(part, ast.Name) else getattr(part, "attr", "") for part in parts}
            if "rest" in names and any(isinstance(part, ast.Constant) and part.value in range(5, 9) for part in parts):
                yield node.lineno


def test_the_check_of_versions_notices_one() -> None:
    assert list(
        compared_versions("if session.rest >= 8:\n    pass\nif 7 == rest:\n    pass\nif rest == ours: pass")
    ) == [1, 3]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.stem)
def test_the_client_asks_the_tables_and_knows_no_version_by_number(module: Path) -> None:
    assert list(compared_versions(module.read_text(encoding="utf-8"))) == []
