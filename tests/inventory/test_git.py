"""How git is asked: with which settings, in which environment, and what of its answers is read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler.inventory import git
from tests.git import git as run


def test_the_settings_of_every_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in git's place says what it was given: what a repository configures is overruled in each question."""
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nenv\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("TOKEN", "hunter2")
    said = git.ask(tmp_path, "status").decode().splitlines()
    given = {said[index + 1] for index, word in enumerate(said) if word == "-c"}
    assert given == {
        "core.fsmonitor=false",  # would start a program of the repository
        "core.hooksPath=/dev/null",  # likewise
        "log.showSignature=false",  # would start the program for signatures
        "protocol.allow=never",  # nothing is fetched
        "safe.bareRepository=explicit",  # a folder that looks like a repository is not one
    }
    assert {"GIT_NO_LAZY_FETCH=1", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C"} <= set(said)
    assert not any("hunter2" in line for line in said)


def test_a_name_that_is_no_utf_8_hides_no_other(tmp_path: Path) -> None:
    run(tmp_path, "init", "--quiet")
    for name in (b"a.yml", b"b-\xff.yml", b"c.yml"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text("version: 1\n")
    run(tmp_path, "add", "--all")
    run(tmp_path, "commit", "--quiet", "--message", "x")
    assert [entry.path for entry in git.tree(tmp_path, "HEAD")] == ["a.yml", "c.yml"]


def test_links_programs_and_files_are_listed(tmp_path: Path) -> None:
    run(tmp_path, "init", "--quiet")
    (tmp_path / "a.yml").write_text("version: 1\n")
    (tmp_path / "b.sh").write_text("true\n")
    (tmp_path / "b.sh").chmod(0o755)
    (tmp_path / "c.yml").symlink_to("a.yml")
    run(tmp_path, "add", "--all")
    run(tmp_path, "commit", "--quiet", "--message", "x")
    modes = {entry.path: entry.mode for entry in git.tree(tmp_path, "HEAD")}
    assert modes == {"a.yml": git.FILE, "b.sh": git.PROGRAM, "c.yml": git.LINK}


FIT = {
    "a.yml": True,
    "sites/..a.yml": True,
    "sites/.gitignore": True,
    "": False,
    "sites//a.yml": False,
    "/a.yml": False,
    "./a.yml": False,
    "../a.yml": False,
    "sites/.GIT/config": False,
    "C:a.yml": False,
    "sites\\a.yml": False,
}


@pytest.mark.parametrize("path", FIT)
def test_paths_of_a_commit_that_are_no_paths_below_the_root_are_left_out(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = f"100644 blob {'0' * 40}\t{path}\0".encode()
    monkeypatch.setattr(git, "ask", lambda *_: entry)
    assert [found.path for found in git.tree(tmp_path, "HEAD")] == [path] * FIT[path]
