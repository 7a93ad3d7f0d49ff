"""What git knows of an inventory: the commit, what is not committed yet, who wrote which line, and how it was before.

Only asks: no command here takes a lock or runs a hook. Where git is absent, or the inventory stands in no work tree,
there is simply no history.
"""

from __future__ import annotations

import io
import os
import posixpath
import subprocess
import tarfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler.model.diagnostic import Diagnosed, Diagnostic

SECONDS = 30.0
"""How long one question to git may take."""

MANY_LINES = 200
"""Lines of one file from which on all of it is asked for."""

_PARTS = (".yml", ".yaml", ".ps1", ".sh")
"""What an inventory and its own playbooks are made of."""

_QUIETLY = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false")
_OF_A_HOOK = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY"})
"""What git tells a hook about the commit that it makes. The inventory's own folder says which repository is meant."""

_NOT_COMMITTED = "0" * 40


class UnknownRevision(Diagnosed):
    """A name that git does not know."""

    def __init__(self, revision: str) -> None:
        detail = f"git knows no commit {revision!r} here."
        fix = "Correct the name. A shallow clone lacks older commits: fetch them, e.g. with `fetch-depth: 0`."
        super().__init__([Diagnostic("base", "No such base", detail, fix)])


class _Failed(Exception):
    """A question that git did not answer, with its reason."""


@dataclass(frozen=True, slots=True)
class History:
    """The work tree that an inventory stands in. `top` is its root, `folder` the inventory's below it ("" for the top
    itself), with forward slashes."""

    top: Path
    folder: str

    @classmethod
    def of(cls, folder: Path) -> History | None:
        """The history of the inventory in `folder`; None outside of git."""
        try:
            top = Path(_git(folder, "rev-parse", "--show-toplevel").decode().rstrip("\n"))
        except (_Failed, UnicodeDecodeError):
            return None
        below = os.path.relpath(os.path.realpath(folder), os.path.realpath(top))
        return cls(top, "" if below == "." else Path(below).as_posix())

    @staticmethod
    def why_none(folder: Path) -> str:
        """What git says where `of` finds nothing: no repository, one that belongs to somebody else, no git at all."""
        try:
            _git(folder, "rev-parse", "--show-toplevel")
        except _Failed as error:
            return str(error)
        return ""

    def commit(self) -> str:
        """The commit that is checked out; empty where there is none yet."""
        try:
            return _git(self.top, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").decode().strip()
        except _Failed:
            return ""

    def is_dirty(self, files: Collection[str]) -> bool:
        """Whether one of `files` (from the folder of the inventory) is not as committed. True where git cannot say."""
        try:
            paths = [self._path(file) for file in sorted(files)]
            return bool(_git(self.top, "status", "--porcelain", "--no-renames", "--", *paths))
        except _Failed:
            return True

    def commits(self, file: str, lines: Collection[int]) -> Mapping[int, str]:
        """The commit that last touched each of `lines` of a file, where a line is committed."""
        ranges = [f"-L{line},{line}" for line in sorted(lines)] if len(lines) <= MANY_LINES else []
        try:
            told = _git(self.top, "blame", "--line-porcelain", *ranges, "--", self._path(file))
        except _Failed:
            return {}
        return {line: commit for line, commit in _blamed(told) if line in lines and commit != _NOT_COMMITTED}

    def base(self, revision: str) -> str:
        """The commit where what is checked out left `revision`; `revision` itself where the two never met, as in a
        shallow clone. Raises UnknownRevision."""
        try:
            named = _git(self.top, "rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}")
        except _Failed as error:
            raise UnknownRevision(revision) from error
        commit = named.decode().strip()
        try:
            return _git(self.top, "merge-base", commit, "HEAD").decode().strip()
        except _Failed:
            return commit

    def export(self, commit: str, into: Path) -> Path:
        """Write the inventories of `commit` and their playbooks below `into`. Gives the folder of this one there, made
        or not."""
        try:
            names = _git(self.top, "ls-tree", "-r", "-z", "--name-only", commit).split(b"\0")
            there = [part for part in _PARTS if any(name.endswith(part.encode()) for name in names)]
            if not there:
                return into / self.folder
            packed = _git(self.top, "archive", "--format=tar", commit, "--", *(f":(glob)**/*{part}" for part in there))
        except _Failed:
            return into / self.folder
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            for member in archive:
                with suppress(tarfile.FilterError):  # links that lead elsewhere were never a part of an inventory
                    archive.extract(member, into, filter="data")
        return into / self.folder

    def _path(self, file: str) -> str:
        return posixpath.normpath(posixpath.join(self.folder, file))


def _blamed(told: bytes) -> Iterator[tuple[int, str]]:
    """(line, commit) of `git blame --line-porcelain`: a header for each line, and the line itself behind a tab."""
    for row in told.split(b"\n"):
        words = row.split(b" ")
        if len(words[0]) >= 40 and len(words) in (3, 4) and not row.startswith(b"\t"):
            yield int(words[2]), words[0].decode()


def _git(where: Path, *arguments: str) -> bytes:
    known = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    environment = {**known, "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    command = ["git", *_QUIETLY, "-C", str(where), *arguments]
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=True
        )
    except FileNotFoundError as error:
        raise _Failed("git is not installed") from error
    except subprocess.CalledProcessError as error:
        raise _Failed(error.stderr.decode("utf-8", "replace").partition("\n")[0].removeprefix("fatal: ")) from error
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise _Failed(str(error)) from error
    return done.stdout
