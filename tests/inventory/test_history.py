"""What git knows of an inventory, asked of a real repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from reconciler.inventory.history import History, MissingFiles, UnknownRevision
from tests.git import git


class Repository:
    def __init__(self, top: Path) -> None:
        self.top = top
        (top / "sites").mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        return git(self.top, *arguments)

    def given(self, text: str, *arguments: str) -> str:
        """What a command makes of its standard input."""
        done = subprocess.run(["git", *arguments], cwd=self.top, input=text, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def write(self, text: str) -> None:
        (self.top / "sites" / "corp.yml").write_text(text, encoding="utf-8")

    def commit(self, text: str) -> str:
        self.write(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "x")
        return self.git("rev-parse", "HEAD")

    @property
    def history(self) -> History:
        found = History.of(self.top / "sites")
        assert found is not None
        return found


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "some where")


def test_outside_of_git_there_is_no_history(tmp_path: Path) -> None:
    assert History.of(tmp_path) is None
    assert History.of(tmp_path / "absent") is None


def test_an_inventory_knows_its_folder(repository: Repository) -> None:
    assert repository.history.folder == "sites"
    top = History.of(repository.top)
    assert top is not None
    assert top.folder == ""


def test_before_the_first_commit(repository: Repository) -> None:
    repository.write("a: 1\n")
    history = repository.history
    assert history.commit() == ""
    assert history.is_dirty(["corp.yml"])
    assert history.commits("corp.yml", [1]) == {}


def test_each_line_has_the_commit_that_wrote_it(repository: Repository) -> None:
    first = repository.commit("a: 1\nb: 1\nc: 1\n")
    second = repository.commit("a: 1\nb: 2\nc: 1\n")
    repository.write("a: 1\nb: 2\nc: 3\n")
    history = repository.history
    assert history.commit() == second
    assert history.commits("corp.yml", [1, 2, 3]) == {1: first, 2: second}
    assert history.commits("corp.yml", range(1, 2000)) == {1: first, 2: second}
    assert history.commits("absent.yml", [1]) == {}


def test_digests_of_a_repository_may_be_longer(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--object-format=sha256")
    file = tmp_path / "a.yml"
    file.write_text("one\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "one")
    file.write_text("one\ntwo\n")
    history = History.of(tmp_path)
    assert history is not None
    assert history.commits("a.yml", [1, 2]) == {1: git(tmp_path, "rev-parse", "HEAD")}
    assert history.export(history.base("HEAD"), tmp_path / "out").joinpath("a.yml").read_text() == "one\n"


def test_a_shallow_clone_does_not_know_who_wrote_older_lines(repository: Repository, tmp_path: Path) -> None:
    repository.commit("a: 1\nb: 1\n")
    repository.commit("a: 2\nb: 1\n")
    last = repository.commit("a: 2\nb: 2\n")
    source = repository.top.as_uri()
    for depth, known in ((1, {}), (2, {2: last})):
        clone = tmp_path / f"clone-{depth}"
        git(tmp_path, "clone", "--quiet", f"--depth={depth}", source, str(clone))
        history = History.of(clone / "sites")
        assert history is not None
        assert history.commits("corp.yml", [1, 2]) == known


def test_a_list_of_commits_to_ignore_is_not_read(repository: Repository) -> None:
    commit = repository.commit("a: 1\n")
    repository.git("config", "blame.ignoreRevsFile", "absent")
    assert repository.history.commits("corp.yml", [1]) == {1: commit}


def test_what_git_ignores_is_not_committed(repository: Repository) -> None:
    repository.commit("a: 1\n")
    (repository.top / ".gitignore").write_text("*.local.yml\n", encoding="utf-8")
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message", "x")
    (repository.top / "sites" / "corp.local.yml").write_text("a: 1\n", encoding="utf-8")
    assert not repository.history.is_dirty(["corp.yml"])
    assert repository.history.is_dirty(["corp.local.yml"])


def test_dirt_is_of_the_files_that_were_asked_for(repository: Repository) -> None:
    repository.commit("a: 1\n")
    (repository.top / "sites" / "other.yml").write_text("x", encoding="utf-8")
    assert not repository.history.is_dirty(["corp.yml"])
    repository.write("a: 2\n")
    assert repository.history.is_dirty(["corp.yml"])


@pytest.mark.parametrize("name", [":!corp.yml", ":(exclude)*", "[a-z]*.yml"])
def test_a_name_of_a_file_is_no_pattern(tmp_path: Path, name: str) -> None:
    """It could take the file beside it out of the question."""
    git(tmp_path, "init", "--quiet")
    for file in ("corp.yml", name):
        (tmp_path / file).write_text("a: 1\n", encoding="utf-8")
    git(tmp_path, "--literal-pathspecs", "add", "--", "corp.yml", name)
    git(tmp_path, "commit", "--quiet", "--message", "x")
    history = History.of(tmp_path)
    assert history is not None
    assert not history.is_dirty(["corp.yml", name])
    (tmp_path / "corp.yml").write_text("a: 2\n", encoding="utf-8")
    assert history.is_dirty(["corp.yml", name])
    assert not history.is_dirty([name])


def test_the_base_is_where_a_branch_left(repository: Repository, tmp_path: Path) -> None:
    left = repository.commit("a: 1\n")
    repository.git("checkout", "--quiet", "-b", "branch")
    repository.commit("a: 2\n")
    repository.git("checkout", "--quiet", "main")
    repository.commit("a: 1\nb: 1\n")
    repository.git("checkout", "--quiet", "branch")
    assert repository.history.base("main") == left
    folder = repository.history.export(left, tmp_path)
    assert (folder / "corp.yml").read_text(encoding="utf-8") == "a: 1\n"


@pytest.mark.parametrize("revision", ["nowhere", "--upload-pack=x", "", "main:sites/corp.yml", "a\nb"])
def test_a_revision_that_git_does_not_know(repository: Repository, revision: str) -> None:
    repository.commit("a: 1\n")
    with pytest.raises(UnknownRevision) as caught:
        repository.history.base(revision)
    assert [item.code for item in caught.value.diagnostics] == ["base"]


def test_a_commit_without_inventories_exports_nothing(repository: Repository, tmp_path: Path) -> None:
    (repository.top / "readme.txt").write_text("x", encoding="utf-8")
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message", "x")
    assert not repository.history.export(repository.git("rev-parse", "HEAD"), tmp_path).exists()


def test_asking_takes_no_lock_and_runs_no_hook(repository: Repository) -> None:
    repository.commit("a: 1\n")
    marker = repository.top / "ran"
    repository.git("config", "core.fsmonitor", f"touch '{marker}'; false")
    before = sorted(path.name for path in (repository.top / ".git").iterdir())
    assert not repository.history.is_dirty(["corp.yml"])
    assert not marker.exists()
    assert sorted(path.name for path in (repository.top / ".git").iterdir()) == before


def test_links_that_lead_elsewhere_are_not_exported(repository: Repository, tmp_path: Path) -> None:
    (repository.top / "sites" / "out.yml").symlink_to("/etc/hostname")
    (repository.top / "sites" / "up.yml").symlink_to("../../../up.yml")
    (repository.top / "sites" / "own.yml").symlink_to("corp.yml")
    commit = repository.commit("version: 1\n")
    folder = repository.history.export(commit, tmp_path / "there")
    assert sorted(item.name for item in folder.iterdir()) == ["corp.yml", "own.yml"]


def test_a_link_never_counts_on_another_one(repository: Repository, tmp_path: Path) -> None:
    """`here.yml/..` is a step up from wherever that link leads, not from where it stands."""
    (repository.top / "sites" / "here.yml").symlink_to("../sites")
    (repository.top / "sites" / "up.yml").symlink_to("here.yml/../../up.yml")
    commit = repository.commit("version: 1\n")
    folder = repository.history.export(commit, tmp_path / "there")
    assert sorted(item.name for item in folder.iterdir()) == ["corp.yml", "here.yml"]


def test_attributes_have_no_say_in_what_is_exported(repository: Repository, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    repository.git("config", "filter.own.smudge", f"touch '{marker}'; cat")
    repository.git("config", "diff.own.textconv", f"touch '{marker}'; cat")
    commit = repository.commit("a: $Format:%H$\n")
    (repository.top / ".gitattributes").write_text(
        "*.yml export-ignore export-subst ident text eol=crlf filter=own diff=own\n", encoding="utf-8"
    )
    assert (repository.history.export(commit, tmp_path / "a") / "corp.yml").read_bytes() == b"a: $Format:%H$\n"
    commit = repository.commit("a: $Format:%H$ 2\n")
    assert (repository.history.export(commit, tmp_path / "b") / "corp.yml").read_bytes() == b"a: $Format:%H$ 2\n"
    assert repository.history.commits("corp.yml", [1]) == {1: commit}
    assert not marker.exists()


def test_names_of_all_kinds_are_exported(repository: Repository, tmp_path: Path) -> None:
    names = ["two words.yml", "line\nbreak.yml", "ümlaut.yaml", "-dash.yml", "a\tb.sh", '"quoted".ps1']
    for number, name in enumerate(names):
        (repository.top / "sites" / name).write_text("x" * number, encoding="utf-8")
    (repository.top / "sites" / "left.txt").write_text("x", encoding="utf-8")
    folder = repository.history.export(repository.commit("version: 1\n"), tmp_path / "there")
    sizes = {item.name: item.stat().st_size for item in folder.iterdir()}
    assert sizes == {name: number for number, name in enumerate(names)} | {"corp.yml": 11}


def test_a_tree_that_no_work_tree_can_have_leads_nowhere(repository: Repository, tmp_path: Path) -> None:
    repository.commit("version: 1\n")
    blob = repository.git("rev-parse", "HEAD:sites/corp.yml")
    tree = repository.given(f"100644 blob {blob}\tescaped.yml\n", "mktree")
    for name in ("..", ".", ".git"):
        tree = repository.given(f"040000 tree {tree}\t{name}\n100644 blob {blob}\tgood.yml\n", "mktree")
    commit = repository.git("commit-tree", "-m", "x", tree)
    repository.history.export(commit, tmp_path / "a" / "there")
    assert [path.name for path in (tmp_path / "a").rglob("*.yml")] == ["good.yml"]


def test_a_partial_clone_says_how_to_complete_it(repository: Repository, tmp_path: Path) -> None:
    first = repository.commit("a: 1\n")
    repository.commit("a: 2\n")
    repository.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    source = repository.top.as_uri().replace("%20", " ")
    git(tmp_path, "clone", "--quiet", "--filter=blob:none", source, str(clone))
    history = History.of(clone / "sites")
    assert history is not None
    with pytest.raises(MissingFiles) as caught:
        history.export(first, tmp_path / "there")
    assert git(clone, "rev-list", "--objects", "--missing=print", first).count("?") == 1
    command = (caught.value.diagnostics[0].fix or "").rpartition("  git ")[2]
    git(clone, *command.split(), "--quiet")
    assert (history.export(first, tmp_path / "there") / "corp.yml").read_text(encoding="utf-8") == "a: 1\n"


def test_git_gets_no_secrets(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.commit("a: 1\n")
    seen = tmp_path / "environment"
    repository.git("config", "filter.own.clean", f"env >>'{seen}'; cat")
    (repository.top / ".gitattributes").write_text("*.yml filter=own\n", encoding="utf-8")
    repository.write("a: 2\n")
    monkeypatch.setenv("VBO_PASSWORD", "hunter2")
    assert repository.history.is_dirty(["corp.yml"])
    assert "GIT_NO_LAZY_FETCH=1" in seen.read_text(encoding="utf-8")
    assert "hunter2" not in seen.read_text(encoding="utf-8")


def test_a_bare_repository_in_a_work_tree_is_not_taken_for_one(repository: Repository) -> None:
    repository.commit("a: 1\n")
    repository.git("init", "--quiet", "--bare", "sites/trap")
    assert History.of(repository.top / "sites" / "trap") is None
    assert "bare" in History.why_none(repository.top / "sites" / "trap")


def test_a_hook_of_another_repository_is_not_mistaken(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = repository.commit("version: 1\n")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "another"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "another" / "index"))
    assert repository.history.commit() == commit
    assert not repository.history.is_dirty(["corp.yml"])


def test_why_there_is_no_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "not a git repository" in History.why_none(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert History.why_none(tmp_path) == "git is not installed"
