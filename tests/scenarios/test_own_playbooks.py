"""Requirements of the user's own, on the Linux hosts of the lab: planned, applied, and then met."""

from __future__ import annotations

import pytest

from reconciler.lab.hosts.linux.confine import is_possible
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix
confined = pytest.mark.skipif(not is_possible(), reason="no user and mount namespaces can be made here")

PLAYBOOK = """\
version: 1
os: linux
facts: linux/house-facts.sh
requirements:
  - name: banner
    fact: own.banner
    equals: "proxy {host}"
    why: Every machine of the house has one.
    change: {script: linux/house-banner.sh, params: {text: "proxy {host}"}}
"""
FACTS = """\
# What the house wants to know.
set -eu
file=/etc/banner
text=none
[ ! -e "$file" ] || text=$(cat "$file")
printf '{"banner":"%s"}\\n' "$text"
"""
CHANGE = """\
# Writes the banner. Argument: arg_text. A second run changes nothing.
set -eu
printf '%s\\n' "$arg_text" >/etc/banner
printf '{"banner":"%s"}\\n' "$arg_text"
"""


@pytest.fixture
def scripts_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with --lab-run-scripts on each command line."""
    monkeypatch.setenv("VBO_RECONCILE_LAB_RUN_SCRIPTS", "1")


def furnish(demo: Rehearsal) -> None:
    folder = demo.folder / "house" / "linux"
    folder.mkdir(parents=True)
    (folder.parent / "linux.yml").write_text(PLAYBOOK)
    (folder / "house-facts.sh").write_text(FACTS)
    (folder / "house-banner.sh").write_text(CHANGE)
    demo.replace("name: demo\n", "name: demo\nplaybooks: [house]\n")


@confined
@pytest.mark.usefixtures("scripts_run")
def test_they_are_planned_applied_and_then_met(demo: Rehearsal) -> None:
    furnish(demo)
    assert demo.changes() == {
        f"update:host.px-lnx-{number}": {"banner": ["none", f"proxy px-lnx-{number}.example.net"]} for number in (1, 2)
    }
    demo.converges()
    ended = demo.run("doctor", "--lab", str(demo.file))
    assert ended.code == 0, ended.out


def test_without_the_flag_no_script_of_an_inventory_runs_here(demo: Rehearsal) -> None:
    """In the lab a host is this machine: a script of a pull request would run here."""
    furnish(demo)
    ran = demo.folder / "ran"
    book = demo.folder / "house"
    (book / "linux" / "house-facts.sh").write_text(f"touch {ran}\nprintf '{{}}'\n")
    (book / "linux" / "house-banner.sh").write_text(f"touch {ran}\nprintf '{{}}'\n")
    disk = (
        "  - {name: room, fact: disk.free_gb, at_least: 99999, why: 'So.', change: {script: linux/house-banner.sh}}\n"
    )
    (book / "linux.yml").write_text(PLAYBOOK + disk)
    for command in (["plan"], ["apply", "--auto-approve"], ["doctor"], ["drift"]):
        ended = demo.run(command[0], "--lab", str(demo.file), *command[1:])
        assert ended.code in (0, 2), ended.out + ended.err
        assert "--lab-run-scripts" in ended.err, command
    plan = demo.plan()
    assert {(item["address"], item["path"]) for item in plan["unknown"]} >= {
        (f"host.px-lnx-{number}", "banner") for number in (1, 2)
    }
    assert [item["address"] for item in plan["reports"] if item["code"] == "host-room"] == [
        "host.px-lnx-1",
        "host.px-lnx-2",
    ]
    assert plan["changes"] == []
    assert not ran.exists()


@confined
@pytest.mark.usefixtures("scripts_run")
def test_a_script_that_changed_after_the_review_is_not_run(demo: Rehearsal) -> None:
    furnish(demo)
    saved = demo.folder / "saved.json"
    ended = demo.run("plan", "--lab", str(demo.file), "--out", str(saved))
    assert ended.code == 0, ended.err
    script = demo.folder / "house" / "linux" / "house-banner.sh"
    script.write_text(CHANGE.replace("'%s\\n'", "'evil %s\\n'"))
    ended = demo.run("apply", "--lab", str(saved), "--inventory", str(demo.file), "--auto-approve")
    assert ended.code == 5, ended.out + ended.err
    assert demo.changes().keys() == {"update:host.px-lnx-1", "update:host.px-lnx-2"}
    script.write_text(CHANGE)
    demo.converges()


def test_a_mistake_in_them_is_an_error_of_the_inventory(demo: Rehearsal) -> None:
    furnish(demo)
    (demo.folder / "house" / "linux.yml").write_text(PLAYBOOK.replace("equals:", "equal:"))
    ended = demo.run("validate", str(demo.file))
    assert ended.code == 1
    assert "house/linux.yml:5:5" in ended.out
    assert demo.run("plan", "--lab", str(demo.file)).code == 1
