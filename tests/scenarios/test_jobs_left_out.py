"""Jobs that work through what an apply changes, and are not selected themselves: they are started by the next one."""

from __future__ import annotations

import pytest

from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix


ALONE = (
    "  px-lnx-2: {host: px-lnx-2.example.net, os: linux, type: workgroup, credentials: linux-admin,\n"
    "    connection: {known_hosts: [pki/known_hosts]}}"
)
"""Without its pool."""


def started(demo: Rehearsal) -> dict[str, str]:
    return {change["address"]: change["cause"]["detail"] for change in demo.plan()["changes"]}


@pytest.mark.parametrize("saved", [False, True], ids=["applied", "saved"])
@pytest.mark.parametrize("runs", [True, False], ids=["with runs", "--no-run"])
def test_the_next_apply_starts_them_unless_their_starts_were_declined(demo: Rehearsal, saved: bool, runs: bool) -> None:
    demo.replace("  px-lnx-2: {host: px-lnx-2.example.net, group: cloud}", ALONE)
    select = ["--target", "pool.cloud", "--target", "proxy.px-lnx-2", *([] if runs else ["--no-run"])]
    if saved:
        file = demo.folder / "plan.json"
        assert demo.run("plan", "--lab", str(demo.file), "--out", str(file), *select).code == 0
        done = demo.run("apply", "--lab", str(file), "--inventory", str(demo.file))
    else:
        done = demo.apply(*select)
    assert done.code == 0, done.out + done.err
    why = "an earlier apply changed what it works through, and it was not selected"
    assert started(demo) == ({"job.northwind-files": why} if runs else {})
    demo.converges()
