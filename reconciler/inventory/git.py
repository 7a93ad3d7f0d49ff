"""Questions to git that only read: nothing in a repository gets to run, to be fetched or to be locked for them.

A repository may come from a pull request. Its hooks, file system monitor and textconv programs are not started, a bare
repository inside a work tree is not taken for one, and git is given the few variables of the environment that it
needs: neither secrets, nor what a hook says of the commit that it makes.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

SECONDS = 30.0
"""Time limit of one question."""

FILE, PROGRAM, LINK = "100644", "100755", "120000"
"""Modes of what has content: the other entries of a tree are commits of submodules."""

_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "log.showSignature=false",
    "protocol.allow=never",
    "safe.bareRepository=explicit",
)
_KEPT = frozenset(
    {"PATH", "HOME", "USER", "LOGNAME", "SUDO_UID", "XDG_CONFIG_HOME", "TMPDIR", "GIT_CEILING_DIRECTORIES"}
    | {"APPDATA", "HOMEDRIVE", "HOMEPATH", "LOCALAPPDATA", "PROGRAMDATA", "SYSTEMROOT", "TEMP", "TMP", "USERPROFILE"}
)
"""Where git, the account and its settings are. On Windows the names are in capitals in `os.environ`."""
_CONFIG = "GIT_CONFIG_"
"""Settings of the machine, in files or in the environment: that a checkout of another account is safe, for one."""
_ADDED = {
    "GIT_LITERAL_PATHSPECS": "1",  # a file may be named `:!corp.yml`
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


class Failed(Exception):
    """A question that git did not answer, with its reason."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or symbolic link of a commit: its mode, the object with its content, its path from the top."""

    mode: str
    blob: str
    path: str


def ask(where: Path, *arguments: str, given: bytes = b"") -> bytes:
    """What git prints in the folder `where`, with `given` on its standard input. Raises Failed."""
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    command = ["git", *settings, "-C", str(where), *arguments]
    environment = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_CONFIG)}
    try:
        done = subprocess.run(
            command, env={**environment, **_ADDED}, input=given, capture_output=True, timeout=SECONDS, check=True
        )
    except FileNotFoundError as error:
        raise Failed("git is not installed") from error
    except subprocess.CalledProcessError as error:
        raise Failed(error.stderr.decode("utf-8", "replace").partition("\n")[0].removeprefix("fatal: ")) from error
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise Failed(str(error)) from error
    return done.stdout


def tree(top: Path, commit: str) -> Iterator[Entry]:
    """The files and links of a commit. Raises Failed.

    Names that are no UTF-8 are left out, and so are paths that a work tree cannot have (`..` as a name, for one): git
    refuses to check such a tree out, but not to list it.
    """
    for line in ask(top, "ls-tree", "-r", "-z", "--full-tree", "--end-of-options", commit).split(b"\0"):
        words, _, path = line.partition(b"\t")
        try:
            mode, _, blob = words.decode("ascii").split(" ")
            entry = Entry(mode, blob, path.decode("utf-8"))
        except ValueError:
            continue
        if mode in (FILE, PROGRAM, LINK) and _fits(entry.path):
            yield entry


def blobs(top: Path, names: Collection[str]) -> Mapping[str, bytes]:
    """The content of objects by name, as it is stored. What this clone does not hold is left out. Raises Failed."""
    answer = ask(top, "cat-file", "--batch", given="".join(f"{name}\n" for name in names).encode()) if names else b""
    found, place = {}, 0
    while place < len(answer):
        end = answer.index(b"\n", place)
        name, *words = answer[place:end].decode().split(" ")
        place = end + 1
        if words[0] != "missing":
            size = int(words[1])
            found[name] = answer[place : place + size]
            place += size + 1
    return found


def _fits(path: str) -> bool:
    parts = path.split("/")
    return not any(part in ("", ".", "..") or part.lower() == ".git" or set(part) & {"\\", ":"} for part in parts)
