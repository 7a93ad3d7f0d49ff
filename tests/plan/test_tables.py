"""The constant tables of `reconciler/plan` are those of tables.txt; see `tests.tables`."""

from __future__ import annotations

from tests.tables import file_of, lines


def test_the_tables_are_those_of_the_record() -> None:
    assert list(lines("plan")) == file_of("plan").read_text(encoding="utf-8").splitlines()
