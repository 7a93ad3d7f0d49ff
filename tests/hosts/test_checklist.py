"""The checklist in the README of the playbooks is of the scripts as they are, and can be printed from anywhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from reconciler.doctor.checklist import HEADING, checklist_text
from reconciler.package_data import playbooks_folder, shipped_script
from reconciler.requirements.facts import example, parse
from tests.hosts import windows
from tests.hosts.documents import NOW
from tests.hosts.powershell import STUBS, Windows, run_text

TEXT = checklist_text()
FACTS = "windows/facts.ps1"
STEPS = {
    script.replace("\\", "/"): json.loads(expected)
    for script, expected in re.findall(r"\.\\([\w\\-]+\.ps1) [^\n]*\n\n +```json\n(.*?)```", TEXT, re.DOTALL)
} | {FACTS: example(shipped_script(FACTS))}
ASK = {
    "port": 9193,
    "server": "vbo01.corp.example.com",
    "smtp": "",
    "smtp_port": 587,
    "hosts": ["px-1.corp.example.com"],
    "targets": "127.0.0.1:1",
}


def shape(value: Any) -> Any:
    """Keys all the way down; a list is as its first item. Scalars are alike: a host may not know."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in sorted(value.items())}
    return [shape(item) for item in value[:1] if isinstance(item, dict)] if isinstance(value, list) else ""


def test_every_powershell_script_is_in_it() -> None:
    names = {path.stem for path in playbooks_folder().glob("*/*.ps1")}
    assert names
    assert {name for name in names if not re.search(rf"\b{name}(\.ps1|`)", TEXT)} == set()
    assert set(STEPS) <= {
        path.relative_to(playbooks_folder()).as_posix() for path in playbooks_folder().glob("*/*.ps1")
    }
    assert len(STEPS) == 7


def test_it_says_plainly_what_was_never_run_and_stands_in_the_readme() -> None:
    assert TEXT.startswith(HEADING)
    assert "**They were never run on a real Windows" in " ".join(TEXT.split())
    assert TEXT in (playbooks_folder() / "README.md").read_text("utf-8")


def world_of(name: str) -> dict[str, Any]:
    world = windows.server() if name.startswith("server/") else windows.host()
    world["dns"] = {"px-1.corp.example.com": ["10.0.0.7"], "10.0.0.7": ["px-1.corp.example.com"]}
    if name.endswith("remote-registry.ps1"):
        world["cim"]["Win32_Service"] = [windows.service("RemoteRegistry", "Manual", "Stopped")]
    return world


def test_each_step_shows_what_its_script_prints(tmp_path: Path) -> None:
    """All of them in one engine: starting it takes longer than the scripts."""
    orders = [{"script": shipped_script(name).text, "world": world_of(name), "args": ASK} for name in STEPS]
    (tmp_path / "world.json").write_text("{}")
    text = f"""
        . '{STUBS}'
        foreach ($order in ([Console]::In.ReadToEnd() | ConvertFrom-Json)) {{
            $global:World = $order.world
            & ([ScriptBlock]::Create($order.script)) $order.args
        }}"""
    outcome = run_text(text, json.dumps(orders).encode(), Windows(tmp_path, {}).environment)
    assert not outcome.stderr, outcome.stderr
    found = [shape(json.loads(line)) for line in outcome.stdout.splitlines()]
    assert dict(zip(STEPS, found, strict=True)) == {name: shape(expected) for name, expected in STEPS.items()}


def test_its_facts_are_facts() -> None:
    facts = parse(STEPS[FACTS], "windows", NOW)
    assert facts["certificates"]["days_left"] == 430
    assert facts["server"]["reverse_matches"] is True
