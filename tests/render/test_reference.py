"""The generated reference of the inventory holds every property, with what `kinds` knows of it."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest

from reconciler.kinds import KINDS, Mode
from reconciler.render.reference import reference_markdown
from tests.cli.running import call

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "inventory.schema.json").read_text(encoding="utf-8"))


@cache
def reference() -> str:
    return reference_markdown(SCHEMA)


@cache
def sections() -> dict[str, str]:
    """Text of each section, by its key in the inventory."""
    parts = re.split(r"^## `(\w+)`$", reference(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def row(section: str, name: str) -> list[str]:
    found = re.search(rf"^\| `{re.escape(name)}` \|.*$", sections()[section], re.MULTILINE)
    assert found, f"{section} has no row for {name}"
    return [column.strip() for column in re.split(r"(?<!\\)\|", found.group())[1:-1]]


@pytest.mark.parametrize("section", SCHEMA["properties"])
def test_each_section_has_a_row_for_each_property(section: str) -> None:
    names = {
        "proxies": "proxy",
        "pools": "pool",
        "repositories": "repository",
        "jobs": "job",
        "organizations": "organization",
        "smtp": "smtp",
        "server": "server",
        "policy": "policy",
        "credentials": "credential",
        "certificates": "certificate",
        "jump_hosts": "jumpHost",
        "groups": "proxyDefaults",
    }
    for name, raw in SCHEMA["$defs"].get(names.get(section, ""), {}).get("properties", {}).items():
        assert row(section, name)[5] == raw.get("description", row(section, name)[5]).replace("|", "\\|")
    assert SCHEMA["properties"][section]["description"] in sections()[section]


def test_columns_say_what_the_kinds_know() -> None:
    assert row("proxies", "type")[3:5] == ["replace", ""]
    assert row("proxies", "os")[3:5] == ["replace", "from v8"]
    assert row("proxies", "threads")[3:5] == ["in place", "up to v7"]
    assert row("proxies", "credentials")[3:5] == ["in place", ""]
    assert row("jobs", "run")[1:4] == ["`on-change`, `always`, `never`", "`on-change`", "local"]
    assert row("server", "host")[2:4] == ["required", ""]
    said = {Mode.KEY: "identity", Mode.CREATE_ONLY: "replace", Mode.MUTABLE: "in place", Mode.LOCAL: "local"}
    shown = 0
    for kind in KINDS.values():
        for field in kind.fields:
            if kind.collection and field.mode in said and f"| `{field.name}` |" in sections()[kind.section]:
                assert row(kind.section, field.name)[3] == said[field.mode]
                shown += 1
    assert shown > 30


def test_the_command_prints_it() -> None:
    done = call("schema", "--docs")
    assert (done.code, done.out) == (0, reference())
    assert call("schema", "--docs", "plan").code == 64
