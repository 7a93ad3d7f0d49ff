"""What the server shows as the type of a Linux proxy is unknown: whatever it is, nothing follows from it."""

from __future__ import annotations

import pytest

from tests.scenarios.rehearsal import INVENTORIES, Rehearsal

pytestmark = pytest.mark.matrix


@pytest.mark.parametrize("shown", ["Workgroup", "Domain"])
def test_a_linux_host_in_a_domain(tmp_path_factory: pytest.TempPathFactory, shown: str) -> None:
    demo = Rehearsal.of(tmp_path_factory.mktemp("linux"), INVENTORIES / "demo.yml")
    demo.set("server", f"linux_type={shown}")
    demo.replace("    type: workgroup\n    credentials: linux-admin", "    type: domain\n    credentials: linux-admin")
    demo.converges()
