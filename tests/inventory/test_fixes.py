"""A fix that is followed solves its problem: all that can be pasted are, and the inventory is read again."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from reconciler.inventory import load
from reconciler.inventory.fixes import fix_of_value
from reconciler.model.diagnostic import Diagnostic
from tests.inventory.pasting import pastes
from tests.inventory.test_cases import CASES

BASE = r"""version: 1
name: corp
server: {host: vbo01.corp.example.com, credentials: admin}
credentials:
  admin: {username: 'CORP\svc-vbo', password: secret://env/VBO_PASSWORD}
proxies:
  px-1: {host: px-1.corp.example.com, type: domain, credentials: admin}
  px-2: {host: px-2.example.net, os: linux, type: workgroup, credentials: admin}
repositories:
  disk: {proxy: px-1, path: 'D:\VBO', retention: {type: item-level, keep: 3 years}}
organizations:
  contoso.example.com: {proxies: [px-1]}
jobs:
  mail: {organization: contoso.example.com, repository: disk, items: [mailbox], schedule: manual}
smtp: {server: smtp.example.com, security: tls, from: a@example.com, to: [b@example.com], notify: [failure]}
"""
HOST = "px-1.corp.example.com, type: domain, credentials: admin"
SYNTAX = "px-1: {host: px-1.corp.example.com, type: domain, credentials: admin}"
BEGINNERS = {
    "a rate without a unit": (HOST, f"{HOST}, throttle: 100", "For example: throttle: 100 Mbps"),
    "a word other than a result": ("notify: [failure]", "notify: always", "For example: notify: [warning, failure]"),
    "one result without brackets": ("[failure]", "failure", "Write it in brackets: notify: [failure]"),
    "a port with a zero before it": (HOST, f"{HOST}, port: 025", "Write: port: 25"),
    "a port in quotes": (HOST, f"{HOST}, port: '9193'", "Remove the quotes: port: 9193"),
    "a version in quotes": ("version: 1", "version: '1'", "Remove the quotes: version: 1"),
    "a system as the type": (
        "os: linux, type: workgroup",
        "type: linux",
        "Write `os: linux` and `type: workgroup`.",
    ),
    "no security": ("security: tls", "security: no", "Write: security: none"),
    "false security": ("security: tls", "security: false", "Write: security: none"),
    "a login in place of its name": (
        "domain, credentials: admin",
        "domain, credentials: {username: a, password: b}",
        "Write: credentials: admin",
    ),
    "the path of a key": (
        "password: secret://env/VBO_PASSWORD",
        "password: secret://env/VBO_PASSWORD, private_key: ./inventory.yml",
        "Write: private_key: secret://file/inventory.yml",
    ),
    "a value in brackets": ("security: tls", "security: [tls]", "Write: security: tls"),
    "a service that is misspelled": ("items: [mailbox]", "items: mail", "Write: items: [mailbox]"),
    "a service without brackets": ("items: [mailbox]", "items: mailbox", "Write it in brackets: items: [mailbox]"),
    "a colon without a space": (
        SYNTAX,
        "px-1:\n    host:px-1.corp.example.com\n    type: domain\n    credentials: admin",
        "Write: host: px-1.corp.example.com",
    ),
}
PROSE = {
    "another proxy": (
        "proxy: px-1, path",
        "proxy: px-3, path",
        "Declare it under `proxies`, or name one that is declared (`px-1` or `px-2`).",
    ),
    "a key in the home folder": (
        "password: secret://env/VBO_PASSWORD",
        "private_key: ~/.ssh/id",
        "Put the file beside the inventory, and refer to it from there: secret://file/PATH",
    ),
    "a pattern in a list of names": (
        "proxies: [px-1]",
        "proxies: [*]",
        "Put it in quotes: '*'. In a list of names write each name: it takes no patterns.",
    ),
}


TO_CHOOSE = frozenset(
    re.findall(
        r"\S+",
        """
        absent-in-use alias ambiguous-name bad-key bad-name copy-target disk-linux disk-pool documents
        domain-login empty empty-pool encryption-login include-cycle item-both-ways job-incomplete linux-agent
        linux-login mail-incomplete mail-password merge-key missing-file name-taken nesting no-inventory
        not-included not-text package-build package-kind package-missing pair-contradicted pair-open placeholder
        plain-secret powershell-login push-login repository-path same-place server-as-proxy server-password
        storage-endpoint storage-form syntax tag whole-organization windows-password workgroup-login
        """,
    )
)
"""Codes whose fixes name no text to paste: a name, a file, a place or one of two objects is to be chosen, or the file
is no YAML. `BEGINNERS` has what is said of syntax with a line to write."""


def read(file: Path) -> list[Diagnostic]:
    return list(load(file)[1])


def still_wrong(old: Diagnostic, before: list[Diagnostic], again: list[Diagnostic]) -> list[str]:
    """What is said as before, or of the same value, or is broken since."""
    known = {(item.code, item.detail) for item in before}
    return [
        f"{item.position} {item.detail} {item.fix}"
        for item in again
        if (item.code, item.detail, item.address) == (old.code, old.detail, old.address)
        or (item.code == "syntax" and (item.code, item.detail) not in known)
        or (item.code in ("wrong-type", "wrong-value", "unknown-key") and _subject(item) == _subject(old))
    ]


def _subject(item: Diagnostic) -> tuple[str, str]:
    key = re.search(r"`[\w.]+`", item.detail)
    return item.address, key[0] if key else ""


@pytest.mark.parametrize("name", BEGINNERS)
def test_what_beginners_write_is_mended_by_the_fix(name: str, tmp_path: Path) -> None:
    old, new, fix = BEGINNERS[name]
    file = tmp_path / "inventory.yml"
    assert BASE.count(old)
    broken = BASE.replace(old, new, 1)
    file.write_text(broken, encoding="utf-8")
    first = read(file)[0]
    assert first.fix == fix
    if first.code == "syntax":
        assert first.position is not None
        lines = broken.splitlines()
        line = lines[first.position.line - 1]
        lines[first.position.line - 1] = line[: len(line) - len(line.lstrip())] + fix.removeprefix("Write: ")
        mended: list[str] | None = ["\n".join(lines)]
    else:
        mended = pastes(broken, first)
    assert mended, first.fix
    for text in mended:
        file.write_text(text, encoding="utf-8")
        again = read(file)
        assert [item.detail for item in again if item.is_error] == [], text


@pytest.mark.parametrize("name", PROSE)
def test_what_can_not_be_guessed_is_said(name: str, tmp_path: Path) -> None:
    old, new, fix = PROSE[name]
    file = tmp_path / "inventory.yml"
    file.write_text(BASE.replace(old, new, 1), encoding="utf-8")
    assert read(file)[0].fix == fix


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_fix_that_can_be_pasted_mends(case: Path, tmp_path: Path) -> None:
    entry = "inventory.yml" if (case / "inventory.yml").exists() else ""
    folder = tmp_path / "case"
    shutil.copytree(case, folder)
    before = read(folder / entry)
    for found in before:
        if found.position is None or found.code == "syntax" or not (folder / found.position.file).is_file():
            continue
        file = folder / found.position.file
        broken = file.read_bytes()
        try:
            ways = pastes(broken.decode("utf-8"), found)
        except (UnicodeDecodeError, yaml.YAMLError, RecursionError):
            continue  # it has no value to paste something over
        for text in ways:
            file.write_text(text, encoding="utf-8")
            assert still_wrong(found, before, read(folder / entry)) == [], f"{found.detail}\n{found.fix}\n{text}"
        file.write_bytes(broken)


def test_every_problem_has_a_fix_and_all_but_choices_are_pasted() -> None:
    pasted, codes = set(), set()
    for case in CASES:
        entry = case / "inventory.yml"
        for found in read(entry if entry.exists() else case):
            assert found.fix, found
            codes.add(found.code)
            if found.position is not None and found.code not in TO_CHOOSE:
                pasted |= {found.code for _ in pastes((case / found.position.file).read_text("utf-8"), found)}
    assert codes - pasted == TO_CHOOSE


def test_many_keys_are_cut_with_a_word(tmp_path: Path) -> None:
    file = tmp_path / "inventory.yml"
    file.write_text("version: 1\ncolour: red\n", encoding="utf-8")
    (fix,) = [item.fix for item in read(file) if item.code == "unknown-key"]
    assert re.search(r"and \d+ more: vbo-reconcile schema --docs$", fix)


def test_only_the_name_of_an_entry_is_declared_elsewhere() -> None:
    """A section has the name of one, and an item of a list is none."""
    root = {"credentials": "admin", "proxies": {"px-1": {"credentials": ["admin"]}}}
    assert "Declare it" not in fix_of_value(root, ("credentials",), "admin")
    assert "Declare it" not in fix_of_value(root, ("proxies", "px-1", "credentials", 0), "admin")
    assert "Declare it" in fix_of_value(root, ("proxies", "px-1", "credentials"), ["admin", "b"])
