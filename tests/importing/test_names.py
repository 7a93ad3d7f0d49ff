"""Servers with names as people choose them: every one is imported, or left out with a reason."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from reconciler.clients.vbo import Writer, dialect_of
from tests.importing.adoption import assert_adopted
from tests.importing.run import contents, findings, importing
from tests.importing.small import JOB, RETENTION, add_proxy
from tests.promises.server import LabServer

NAMES: Final = (
    *("no", "1e3", "007", "null", "a: b", "- x", "#x", "\U0001f600", "x" * 300, "it's", "[a]", "{b}", "*", '"'),
    *("daily ", "daily", "Daily", "DAILY", "\u0434\u0435\u043d\u044c", "\u0414\u0435\u043d\u044c"),
    *("stra\u00dfe", "STRASSE", "\u0130", "a\u2028b"),
)  # fmt: skip


@pytest.mark.matrix
@pytest.mark.parametrize("rest", [5, 6, 7, 8])
def test_names(rest: int, tmp_path: Path) -> None:
    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(st.lists(st.sampled_from(NAMES), min_size=2, max_size=8, unique_by=_folded), st.data())
    def promise(names: list[str], data: st.DataObject) -> None:
        server = LabServer(rest)
        with server.session() as session, importing(session, tmp_path / "out") as run:
            writer = Writer(session)
            proxy = add_proxy(writer)
            stores = {}
            for at, name in enumerate(names):
                body = {"name": name, "proxyId": proxy, "path": f"D:\\{at}", **RETENTION}
                stores[name] = writer.create("BackupRepositories", body)["id"]
            for at, ident in enumerate(server.state["organizations"]):
                path = dialect_of(rest).job_collection(ident)
                for name in names:
                    body = {
                        "name": name.swapcase() if at else name,
                        "repositoryId": stores[data.draw(st.sampled_from(names))],
                    }
                    writer.create(path, JOB | body | {"organizationId": ident})
            made = run()
            assert made.plan.changes == ()
            assert findings(tmp_path / "out") == []
            assert [item for item in made.facts.omitted if not REASON.search(item.reason)] == []
            before = contents(tmp_path / "out")
            run()
            assert contents(tmp_path / "out") == before
            assert_adopted(session, tmp_path / "out")

    promise()


def _folded(name: str) -> str:
    """Names that differ in letter case and blanks only are one for the server."""
    return name.strip().swapcase().lower()


REASON: Final = re.compile("which the server ignores|which is not imported|has the same name")
