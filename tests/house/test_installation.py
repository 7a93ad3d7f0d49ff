"""The command that adds the packages of an extra, for each way in which the program can be installed."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.installation import Installation, install_command
from reconciler.operations import lab
from reconciler.watching import requirements

REQUIRES = (
    "click>=8.1.7",
    "aiosmtpd>=1.4.6; extra == 'dev'",
    "aiosmtpd>=1.4.6; extra == 'lab'",
    'asyncssh>=2.18; (python_version >= "3.11") and extra == "lab"',
    "psycopg[binary]>=3.2; extra == 'postgres'",
)
WHEEL = "vbo_reconcile-0.1.0-py3-none-any.whl"
GIT = {
    "url": "https://git.example.com/tools/vbo-reconcile",
    "vcs_info": {"vcs": "git", "requested_revision": "v0.1.0", "commit_id": "0f" * 20},
}


def installed(prefix: Path, source: Mapping[str, Any] | None = None, *, has_pip: bool = True) -> Installation:
    return Installation(prefix, str(prefix / "bin" / "python"), source or {}, REQUIRES, has_pip)


def of_file(path: Path) -> dict[str, Any]:
    return {"url": path.as_uri(), "archive_info": {}}


def of_uv(folder: Path, requirement: str) -> Path:
    """The environment of a tool that `uv` installed."""
    prefix = folder / "vbo-reconcile"
    prefix.mkdir(exist_ok=True)
    (prefix / "uv-receipt.toml").write_text(f"[tool]\nrequirements = [{requirement}]\n", "utf-8")
    return prefix


def test_pip_is_that_of_the_environment_in_which_the_program_runs(tmp_path: Path) -> None:
    words = shlex.split(installed(tmp_path / "my venv").command("lab"))
    assert words == [str(tmp_path / "my venv" / "bin" / "python"), "-m", "pip", "install", "vbo-reconcile[lab]"]


def test_an_environment_without_pip_is_one_of_uv(tmp_path: Path) -> None:
    words = shlex.split(installed(tmp_path, has_pip=False).command("lab"))
    python = str(tmp_path / "bin" / "python")
    assert words == ["uv", "pip", "install", "--python", python, "aiosmtpd>=1.4.6", "asyncssh>=2.18"]


def test_pipx_gets_the_packages_themselves(tmp_path: Path) -> None:
    prefix = tmp_path / "vbo-reconcile-2"
    prefix.mkdir()
    (prefix / "pipx_metadata.json").write_text("{}")
    assert installed(prefix).command("lab") == "pipx inject vbo-reconcile-2 'aiosmtpd>=1.4.6' 'asyncssh>=2.18'"
    assert installed(prefix).command("postgres") == "pipx inject vbo-reconcile-2 'psycopg[binary]>=3.2'"


def test_a_tool_of_uv_is_installed_from_where_it_came_with_what_was_chosen(tmp_path: Path) -> None:
    wheel, checkout = tmp_path / "dist" / WHEEL, tmp_path / "check out"
    wheel.parent.mkdir()
    wheel.touch()
    checkout.mkdir()
    chosen = '{ name = "vbo-reconcile", extras = ["vault"] }, { name = "keyring", specifier = ">=25" }'
    prefix = of_uv(tmp_path, chosen)
    begin, end = "uv tool install --force", "--with 'keyring>=25'"
    expected = {
        f"{begin} '{wheel}[vault,lab]' {end}": of_file(wheel),
        f"{begin} '{checkout}[vault,lab]' {end}": {"url": checkout.as_uri(), "dir_info": {}},
        f"{begin} --editable '{checkout}[vault,lab]' {end}": {
            "url": checkout.as_uri(), "dir_info": {"editable": True},
        },
        f"{begin} 'vbo-reconcile[vault,lab] @ git+{GIT['url']}@v0.1.0' {end}": GIT,
        f"{begin} 'vbo-reconcile[vault,lab] @ https://example.com/{WHEEL}' {end}": {
            "url": f"https://example.com/{WHEEL}", "archive_info": {},
        },
    }  # fmt: skip
    assert {installed(prefix, source).command("lab") for source in expected.values()} == set(expected)
    wheel.unlink()  # the packages alone, then
    assert installed(prefix, of_file(wheel), has_pip=False).command("postgres").endswith(" 'psycopg[binary]>=3.2'")


def test_a_tool_of_uv_from_an_index_keeps_its_version(tmp_path: Path) -> None:
    prefix = of_uv(tmp_path, '{ name = "vbo-reconcile", extras = ["lab"], specifier = "==0.1.0" }')
    assert installed(prefix).command("lab") == "uv tool install --force 'vbo-reconcile[lab]==0.1.0'"


@pytest.mark.parametrize("receipt", ["not TOML", 'requirements = "odd"', 'requirements = ["odd", {}]'])
def test_a_receipt_that_cannot_be_read_is_none(tmp_path: Path, receipt: str) -> None:
    prefix = of_uv(tmp_path, "")
    (prefix / "uv-receipt.toml").write_text(f"[tool]\n{receipt}\n", "utf-8")
    assert installed(prefix).command("lab") == "uv tool install --force 'vbo-reconcile[lab]'"


def test_code_that_is_not_installed_is_installed_where_it_is(tmp_path: Path) -> None:
    here = Installation(tmp_path, "python3", {}, None)
    checkout = Path(__file__).resolve().parents[2]
    assert shlex.split(here.command("lab"))[3:] == ["install", "--editable", f"{checkout}[lab]"]


def test_another_machine_gets_the_same(tmp_path: Path) -> None:
    assert installed(tmp_path).elsewhere("dask", "0.1.0") == "vbo-reconcile[dask]==0.1.0"
    assert installed(tmp_path, of_file(tmp_path / WHEEL)).elsewhere("dask", "0.1.0") == f"./{WHEEL}[dask]"
    assert installed(tmp_path, {"url": tmp_path.as_uri(), "dir_info": {}}).elsewhere("dask", "0.1.0") == ".[dask]"
    commit = f"vbo-reconcile[dask] @ git+{GIT['url']}@{'0f' * 20}"
    assert installed(tmp_path, GIT).elsewhere("dask", "0.1.0") == commit


def test_powershell_calls_a_program_whose_path_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.quoting.is_windows", lambda: True)
    here = Installation(tmp_path, r"C:\Program Files\Python\python.exe", {}, REQUIRES)
    assert here.command("lab") == r"& 'C:\Program Files\Python\python.exe' -m pip install 'vbo-reconcile[lab]'"
    here = Installation(tmp_path, r"C:\vbo\Scripts\python.exe", {}, REQUIRES)
    assert here.command("lab") == r"C:\vbo\Scripts\python.exe -m pip install 'vbo-reconcile[lab]'"


def test_each_extra_has_the_packages_that_the_project_declares() -> None:
    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
    here = Installation.here()
    for extra, packages in project["optional-dependencies"].items():
        if extra != "dev":
            assert sorted(here._packages(extra)) == sorted(packages)
            assert f"[{extra}]" in install_command(extra)


@pytest.mark.parametrize(("extra", "asked"), [("lab", lab._REQUIRED), ("watch", requirements._REQUIRED)])
def test_what_is_asked_for_is_what_the_extra_has(extra: str, asked: tuple[str, ...]) -> None:
    """Else a package that is missing is a crash."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [
        re.split("[^a-z-]", text)[0].replace("-", "_") for text in project["project"]["optional-dependencies"][extra]
    ]
    assert sorted(asked) == sorted(wanted)
