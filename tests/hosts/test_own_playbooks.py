"""Folders of playbooks that users bring: over the shipped ones, checked with the line of every mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.model.diagnostic import Diagnosed
from reconciler.model.errors import BadAnswer
from reconciler.model.script import Script
from reconciler.observe.probe import run_facts_scripts
from reconciler.package_data import playbooks_folder
from reconciler.requirements import Playbook, evaluate, load, without_own_scripts
from tests.hosts.documents import NOW, document

GOOD = """\
version: 1
os: linux
facts: linux/house-facts.sh
requirements:
  - name: banner
    fact: own.banner
    equals: "proxy {host}"
    why: Every machine of the house has one.
    change: {script: linux/house-banner.sh, params: {text: "proxy {host}", port: "{port}"}}
  - name: disk
    fact: disk.free_gb
    at_least: 100
    unit: GB
    why: The house wants more room.
    manual: Free some.
"""


def house(folder: Path, text: str = GOOD, **scripts: str) -> Path:
    (folder / "linux").mkdir(parents=True)
    (folder / "linux.yml").write_text(text, encoding="utf-8")
    for name in ("house-facts", "house-banner"):
        (folder / "linux" / f"{name}.sh").write_text(scripts.get(name.replace("-", "_"), "# One.\nset -eu\n"))
    return folder


def over(folder: Path) -> dict[str, Playbook]:
    return load(playbooks_folder(), {"house": folder})


def broken(folder: Path) -> list[str]:
    with pytest.raises(Diagnosed) as caught:
        over(folder)
    return [f"{item.position}: {item.detail}" for item in caught.value.diagnostics]


def test_own_requirements_come_after_the_shipped_ones_or_in_their_place(tmp_path: Path) -> None:
    shipped, found = load(playbooks_folder()), over(house(tmp_path / "house"))
    assert found["windows"] == shipped["windows"]
    names = [item.name for item in shipped["linux"].requirements]
    assert [item.name for item in found["linux"].requirements] == [*names, "banner"]
    (disk,) = [item for item in found["linux"].requirements if item.name == "disk"]
    assert disk.operand == 100
    assert set(found["linux"].scripts) == {*shipped["linux"].scripts, "linux/house-banner.sh"}
    assert [script.name for script in found["linux"].own_facts] == ["linux/house-facts.sh"]


def test_without_own_scripts_only_shipped_ones_are_left(tmp_path: Path) -> None:
    text = (
        GOOD
        + """\
  - name: clock
    fact: clock.skew_seconds
    within: 60
    why: The house is exact.
    change: {script: linux/open-port.sh, params: {port: "{port}"}}
"""
    )
    folder = house(tmp_path / "house", text)
    own, found = over(folder)["linux"], without_own_scripts(over(folder))["linux"]
    shipped = load(playbooks_folder())["linux"]
    assert (found.facts, found.own_facts, set(found.scripts)) == (shipped.facts, (), set(shipped.scripts))
    assert [item.name for item in found.requirements] == [item.name for item in own.requirements]
    remedies = {item.name: item.remedy.script for item in found.requirements if item.remedy}
    assert remedies["clock"] == "linux/open-port.sh"
    (banner,) = [item for item in found.requirements if item.name == "banner"]
    assert (banner.remedy, banner.is_advice) == (None, False)


def test_own_facts_are_asked_over_the_same_session(tmp_path: Path) -> None:
    playbook = over(house(tmp_path / "house"))["linux"]
    ran: list[str] = []

    class Session:
        def __init__(self, answer: Any) -> None:
            self.answer = answer

        def execute(self, script: Script, params: object, *, deadline: float) -> Any:
            ran.append(script.name)
            return document("linux") if script.name == "linux/facts.sh" else self.answer

    session = Session({"banner": "proxy px"})
    facts = run_facts_scripts(session, playbook, {}, peer="px", deadline=5, clock=lambda: NOW)
    assert ran == ["linux/facts.sh", "linux/house-facts.sh"]
    found = {item.requirement: item for item in evaluate(playbook, facts, {"host": "px-1", "port": 9500})}
    assert (found["banner"].observed, found["banner"].required) == ("proxy px", "proxy px-1")
    assert found["banner"].params == {"text": "proxy px-1", "port": 9500}
    assert found["banner"].sha256 == playbook.scripts["linux/house-banner.sh"].digest
    assert found["disk"].required == "100 GB or more"
    session.answer = ["no", "object"]
    with pytest.raises(BadAnswer, match=r"house-facts\.sh"):
        run_facts_scripts(session, playbook, {}, peer="px", deadline=5, clock=lambda: NOW)


def line(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "at", "said"),
    [
        ("equals:", "equal:", "  - name: banner", "'equal' was unexpected"),
        ("os: linux", "os: windows", "os: windows", "`os` in linux.yml is windows"),
        ("{text:", "{oops: '{prot}', text:", "  - name: banner", "proxies have no field prot"),
        ("linux/house-banner.sh", "linux/nowhere.sh", "    change:", "The script linux/nowhere.sh does not exist"),
        ("linux/house-banner.sh", "windows/open-port.ps1", "    change:", "is not a script for linux"),
        ("name: disk", "name: banner", "  - name: banner\n    fact: disk", "requirement banner is declared twice"),
        (
            "    manual: Free some.",
            "    level: advice\n    change: {script: linux/open-port.sh}",
            "",
            "'manual' is a requ",
        ),
    ],
)
def test_a_mistake_is_shown_with_its_line(tmp_path: Path, old: str, new: str, at: str, said: str) -> None:
    text = GOOD.replace(old, new, 1)
    (shown,) = [item for item in broken(house(tmp_path / "house", text)) if said in item]
    assert shown.startswith(f"house/linux.yml:{line(text, at)}:" if at else "house/linux.yml:")


def test_scripts_are_ascii_and_have_names_of_their_own(tmp_path: Path) -> None:
    folder = house(tmp_path / "house", GOOD.replace("house-facts", "facts"), house_banner="# ümlaut\n")
    (folder / "linux" / "facts.sh").write_text("# Mine.\n")
    shown = broken(folder)
    assert any("linux/house-banner.sh contains characters outside ASCII" in item for item in shown)
    assert any("linux/facts.sh is the name of a shipped script" in item for item in shown)


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    assert broken(tmp_path / "nowhere") == ["house:1:1: The folder `house` has no linux.yml or windows.yml."]


def test_a_shipped_script_may_be_used(tmp_path: Path) -> None:
    text = GOOD.replace("linux/house-banner.sh", "linux/open-port.sh")
    assert "linux/open-port.sh" in over(house(tmp_path / "house", text))["linux"].scripts
