"""Bent answers: whatever a server answers, only what the value itself asks for is done, and nothing is deleted."""

from __future__ import annotations

from functools import cache
from itertools import islice
from random import Random

import pytest

from reconciler.model.errors import BadAnswer
from tests.bent.bends import Bend, Server, bends
from tests.bent.exceptions import ALLOWED, allowed
from tests.bent.record import VERSIONS
from tests.length import length

SAMPLE = 30
EACH = length(7, 1)
"""One bend of so many is tried in the matrix: not a divisor of the number of bends of one value."""

server = cache(Server)


def wrong(rest: int, bend: Bend) -> str:
    """What a bend causes and must not, empty if there is nothing."""
    try:
        caused = server(rest).caused_by(bend)
    except BadAnswer:  # no collection at all: an error that names it, and no plan
        return ""
    kinds = {key.partition(".")[0] for key in caused}
    known = allowed(bend.where, bend.how)
    unknown = kinds - set(known.changes if known else ())
    return f"{bend.where} {bend.how} ({bend.value!r}): {', '.join(caused)}" if unknown else ""


@pytest.mark.parametrize("rest", VERSIONS)
def test_as_it_is_nothing_is_planned(rest: int) -> None:
    assert server(rest).before == set()


@pytest.mark.parametrize("rest", VERSIONS)
def test_a_sample_of_bends_causes_nothing(rest: int) -> None:
    every = list(bends(server(rest).answers))
    assert [text for bend in Random(rest).sample(every, SAMPLE) if (text := wrong(rest, bend))] == []


@pytest.mark.matrix
@pytest.mark.parametrize("rest", VERSIONS)
def test_no_bend_causes_anything(rest: int) -> None:
    assert [
        text for bend in islice(bends(server(rest).answers), rest % EACH, None, EACH) if (text := wrong(rest, bend))
    ] == []


@pytest.mark.matrix
def test_every_exception_is_needed() -> None:
    needed = set()
    for rest in VERSIONS:
        for bend in bends(server(rest).answers):
            known = allowed(bend.where, bend.how)
            if known is not None and server(rest).caused_by(bend):
                needed.add(known)
    assert [item for item in ALLOWED if item not in needed] == []


def test_no_exception_is_a_delete_or_a_replace() -> None:
    actions = {change.partition(":")[0] for item in ALLOWED for change in item.changes}
    assert actions <= {"create", "update", "takeover", "run"}
    assert all(item.reason for item in ALLOWED)
