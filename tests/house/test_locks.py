"""What `make` installs: files by their digest, from the index that pip has, as pyproject.toml allows them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = {file.stem: file.read_text(encoding="utf-8") for file in sorted((ROOT / ".requirements").glob("*.txt"))}
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, GROUPS = DECLARED["project"], DECLARED["dependency-groups"]
BASE, EXTRAS = PROJECT["dependencies"], PROJECT["optional-dependencies"]
ASKED = {
    "dev": [*BASE, *EXTRAS["dev"], *EXTRAS["lab"], *EXTRAS["postgres"], *GROUPS["build"]],
    "lab": [*BASE, *EXTRAS["lab"], *GROUPS["build"]],
    "kerberos": [*BASE, *EXTRAS["kerberos"]],
    "build-kerberos": GROUPS["build-kerberos"],
    "audit": GROUPS["audit"],
    "lock": GROUPS["lock"],
    "mutants": GROUPS["mutants"],
    "peers": GROUPS["peers"],
}
"""The requirements that each lock answers."""

ENTRY = re.compile(r"^(\S+==.*?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)


def locked(name: str) -> dict[str, set[str]]:
    """Package -> the versions that one lock names. There are two where a package dropped an old Python."""
    found: dict[str, set[str]] = {}
    for line, _ in ENTRY.findall(LOCKS[name]):
        requirement = Requirement(line)
        (pin,) = requirement.specifier
        found.setdefault(canonicalize_name(requirement.name), set()).add(pin.version)
    return found


def test_there_is_one_for_everything_that_is_installed() -> None:
    assert LOCKS.keys() == ASKED.keys()


@pytest.mark.parametrize("name", LOCKS)
def test_it_is_made_of_versions_and_digests_alone(name: str) -> None:
    rest = ENTRY.sub("", LOCKS[name])
    assert [line for line in rest.splitlines() if not line.lstrip().startswith("#")] == []
    assert "://" not in LOCKS[name]


@pytest.mark.parametrize("name", LOCKS)
def test_it_answers_what_pyproject_asks_for(name: str) -> None:
    found = locked(name)
    for text in ASKED[name]:
        asked = Requirement(text)
        if asked.name != PROJECT["name"]:
            versions = found.get(canonicalize_name(asked.name), set())
            assert versions, f"{name}: {text} is not locked: make lock UPGRADE="
            assert all(version in asked.specifier for version in versions), f"{name}: {text} is locked as {versions}"


@pytest.mark.parametrize("name", ["lab", "kerberos", "mutants", "audit"])
def test_it_can_go_into_the_environment_of_the_tests(name: str) -> None:
    base = locked("dev")
    other = {package: versions for package, versions in locked(name).items() if package in base}
    assert other == {package: base[package] for package in other}
