"""What steps send, report and return is what requests.txt says; see `tests.apply.requests`."""

from __future__ import annotations

from tests.apply.requests import FILE, lines


def test_the_requests_are_those_of_the_record() -> None:
    assert list(lines()) == FILE.read_text(encoding="utf-8").splitlines()
