"""What the README shows is so."""

from __future__ import annotations

import re
from pathlib import Path

from reconciler.cli import exits
from reconciler.cli.root import COMMANDS
from reconciler.inventory import load
from reconciler.operations import Status

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_its_inventory_is_valid(tmp_path: Path) -> None:
    (shown,) = re.findall(r"```yaml\n(# yaml-language-server.*?)```", TEXT, re.DOTALL)
    file = tmp_path / "corp.yml"
    file.write_text(shown, encoding="utf-8")
    inventory, found = load(file, look_at_files=False)
    assert found == []
    assert inventory
    assert inventory.name == "corp"


def test_it_names_every_command() -> None:
    table = TEXT[TEXT.index("| Command |") : TEXT.index("| Exit code |")]
    assert [name for name in COMMANDS if f"| `{name}" not in table] == []


def test_it_names_every_exit_code() -> None:
    table = TEXT[TEXT.index("| Exit code |") : TEXT.index("# Reference")]
    answer = " ".join(re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE))
    assert {int(code) for code in answer.replace(",", " ").split()} == {
        *Status,
        *(value for name, value in vars(exits).items() if name.isupper()),
    }


def test_the_files_that_it_names_exist() -> None:
    names = re.findall(r"`?(inventories/\w+\.yml|schemas/[\w.]+\.json)", TEXT)
    assert names
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_makefile_and_readme_agree() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^    make (\w+)", TEXT, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_what_a_user_must_know_first_is_short() -> None:
    assert TEXT[: TEXT.index("# Reference")].count("\n") <= 200
