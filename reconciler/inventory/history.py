"""What git knows of an inventory: the commit, what is not committed yet, who wrote which line, and how it was before.

Where git is absent, or the inventory stands in no work tree, there is simply no history.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.inventory import git
from reconciler.model.diagnostic import Diagnosed, Diagnostic

MANY_LINES = 200
"""Lines of one file from which on all of it is asked for."""

_PARTS = (".yml", ".yaml", ".ps1", ".sh")
"""What an inventory and its own playbooks are made of."""

_BLAME = ("--no-textconv", "--no-ignore-revs-file", "--line-porcelain")


class UnknownRevision(Diagnosed):
    """A name that git does not know."""

    def __init__(self, revision: str) -> None:
        detail = f"git knows no commit {revision!r} here."
        fix = "Correct the name. A shallow clone lacks older commits: fetch them, e.g. with `fetch-depth: 0`."
        super().__init__([Diagnostic("base", "No such base", detail, fix)])


class MissingFiles(Diagnosed):
    """A commit whose files this clone does not hold: a partial clone. Nothing is fetched to answer a question."""

    def __init__(self, commit: str, reason: str) -> None:
        detail = f"git cannot give the files of commit {commit}: {reason}."
        fix = "This is a partial clone. Clone without `--filter`, or fetch the rest:\n  git fetch --refetch --no-filter"
        super().__init__([Diagnostic("base", "The base is incomplete", detail, fix)])


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
            top = Path(git.ask(folder, "rev-parse", "--show-toplevel").decode().rstrip("\n"))
        except (git.Failed, UnicodeDecodeError):
            return None
        below = os.path.relpath(os.path.realpath(folder), os.path.realpath(top))
        return cls(top, "" if below == "." else Path(below).as_posix())

    @staticmethod
    def why_none(folder: Path) -> str:
        """What git says where `of` finds nothing: no repository, one that belongs to another user, no git at all."""
        try:
            git.ask(folder, "rev-parse", "--show-toplevel")
        except git.Failed as error:
            return str(error)
        return ""

    def commit(self) -> str:
        """The commit that is checked out; empty where there is none yet."""
        try:
            return git.ask(self.top, "rev-parse", "--verify", "--quiet", "HEAD^{commit}").decode().strip()
        except git.Failed:
            return ""

    def is_dirty(self, files: Collection[str]) -> bool:
        """Whether one of `files` (from the folder of the inventory) is not as committed, or not committed at all. True
        where git cannot say."""
        try:
            paths = [self.path(file) for file in sorted(files)]
            return bool(git.ask(self.top, "status", "--porcelain", "--no-renames", "--ignored", "--", *paths))
        except git.Failed:
            return True

    def commits(self, file: str, lines: Collection[int]) -> Mapping[int, str]:
        """The commit that last touched each of `lines` of a file, where a line is committed. A shallow clone does not
        know it for lines that are older than what it holds."""
        ranges = [f"-L{line},{line}" for line in sorted(lines)] if len(lines) <= MANY_LINES else []
        try:
            shallow = git.ask(self.top, "rev-parse", "--is-shallow-repository").strip() == b"true"
            output = git.ask(self.top, "blame", *_BLAME, *ranges, "--", self.path(file))
        except git.Failed:
            return {}
        known = ((line, commit) for line, commit, oldest in _blamed(output) if not (oldest and shallow))
        return {line: commit for line, commit in known if line in lines and commit.strip("0")}

    def base(self, revision: str) -> str:
        """The commit where what is checked out left `revision`; `revision` itself where the two never met, as in a
        shallow clone. Raises UnknownRevision."""
        try:
            named = git.ask(self.top, "rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}")
        except git.Failed as error:
            raise UnknownRevision(revision) from error
        commit = named.decode().strip()
        try:
            return git.ask(self.top, "merge-base", commit, "HEAD").decode().strip()
        except git.Failed:
            return commit

    def export(self, commit: str, into: Path, more: Collection[str] = ()) -> Path:
        """Write the inventories of `commit` and their playbooks below `into` as they are in the commit, whatever
        attributes say, and the files `more` (from the folder of the inventory). Gives the folder of this inventory
        there, made or not. Raises MissingFiles."""
        try:
            named = {self.path(file) for file in more}
            tree = git.tree(self.top, commit)
            entries = [entry for entry in tree if entry.path.endswith(_PARTS) or entry.path in named]
        except git.Failed:
            return into / self.folder
        try:
            contents = git.blobs(self.top, [entry.blob for entry in entries])
        except git.Failed as error:
            raise MissingFiles(commit, str(error)) from error
        for entry in entries:
            if entry.blob not in contents:
                raise MissingFiles(commit, f"{entry.path} is missing")
            _write(into, entry, contents[entry.blob])
        return into / self.folder

    def path(self, file: str) -> str:
        """Of a file that is named from the folder of the inventory: its path from the top."""
        return posixpath.normpath(posixpath.join(self.folder, file))


def _write(into: Path, entry: git.Entry, content: bytes) -> None:
    """Files are written; links only if they lead to what is exported as well."""
    path = into / entry.path
    path.parent.mkdir(parents=True, exist_ok=True)
    if entry.mode != git.LINK:
        path.write_bytes(content)
    elif _leads_inside(entry.path, target := os.fsdecode(content)):
        path.symlink_to(target)


def _leads_inside(path: str, target: str) -> bool:
    """Whether a link from `path` to `target` stays below the top. `..` counts only at the start of a target: behind a
    name, which may be a link itself, its target is unknown."""
    folders, parts = path.count("/"), target.split("/")
    ups = next((number for number, part in enumerate(parts) if part != ".."), len(parts))
    return not target.startswith("/") and ups <= folders and ".." not in parts[ups:]


def _blamed(output: bytes) -> Iterator[tuple[int, str, bool]]:
    """(line, commit, whether that is the oldest one here) of `git blame --line-porcelain`: for each line a header,
    facts of the commit, and the line itself behind a tab."""
    line, commit, oldest = 0, "", False
    for row in output.split(b"\n"):
        words = row.split(b" ")
        if row.startswith(b"\t"):
            yield line, commit, oldest
        elif row == b"boundary":
            oldest = True
        elif len(words[0]) >= 40 and len(words) in (3, 4):
            line, commit, oldest = int(words[2]), words[0].decode(), False
