"""Values in files of SOPS, with a program in its place that prints what the real one would."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from reconciler.inventory.secrets import Resolver
from reconciler.model.errors import SecretError
from reconciler.model.secret import SecretRef

PROGRAM = f"""#!{sys.executable}
import pathlib, sys
decrypt, kind, json, file = sys.argv[1:]
assert (decrypt, kind, json) == ("--decrypt", "--output-type", "json"), sys.argv
with open("asked", "a") as asked:
    asked.write("x")
text = pathlib.Path(file).read_text()
if text.startswith("exit "):
    print("Failed to get the data key: correct-horse", file=sys.stderr)
    sys.exit(int(text[5:]))
print(text)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin" / "sops"
    program.parent.mkdir()
    program.write_text(PROGRAM, "utf-8")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(program.parent))
    (tmp_path / "s.yml").write_text('{"vbo": {"users": ["a", {"pw": "deep"}], "on": true}, "a.b": "dotted", "n": 7}')
    return tmp_path


def _read(folder: Path, text: str) -> str:
    return Resolver(str(folder)).resolve(SecretRef.parse(text)).reveal()


def _refusal(folder: Path, text: str) -> str:
    with pytest.raises(SecretError) as caught:
        _read(folder, text)
    assert "correct-horse" not in str(caught.value)
    return str(caught.value).removeprefix(f"{text}: ")


def test_one_start_for_all_keys_of_a_file(folder: Path) -> None:
    resolver = Resolver(str(folder))
    keys = {"vbo.users.1.pw": "deep", "vbo.users.0": "a", "a.b": "dotted", "n": "7"}
    found = {key: resolver.resolve(SecretRef.parse(f"secret://sops/s.yml#{key}")).reveal() for key in keys}
    assert found == keys
    assert (folder / "asked").read_text() == "x"


def test_a_binary_file_needs_no_key(folder: Path) -> None:
    (folder / "key.enc").write_text('{"data": "-----BEGIN"}')
    assert _read(folder, "secret://sops/key.enc") == "-----BEGIN"


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("s.yml#vbo.pw", "the key `vbo.pw` does not exist; the file has `#a.b`, `#n` and `#vbo`"),
        ("s.yml#vbo.users.9", "the key `vbo.users.9` does not exist; the file has `#a.b`, `#n` and `#vbo`"),
        ("s.yml", "say which key is meant, the file has `#a.b`, `#n` and `#vbo`"),
        ("s.yml#vbo", "what is there is not text"),
        ("s.yml#vbo.on", "what is there is not text"),
        ("no.yml#a", "the file does not exist"),
    ],
)
def test_nothing_is_there(folder: Path, reference: str, text: str) -> None:
    assert _refusal(folder, f"secret://sops/{reference}") == text


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        ("exit 128", "no key of this machine opens the file; for age set SOPS_AGE_KEY_FILE or SOPS_AGE_KEY"),
        ("exit 51", "the file was changed after sops encrypted it (its MAC does not match)"),
        ("exit 9", "sops ended with exit code 9; run it yourself to see why"),
        ("nothing", "sops did not print JSON"),
        ("[]", "the key `a` does not exist; the file has no keys"),
    ],
)
def test_what_the_program_says(folder: Path, printed: str, text: str) -> None:
    (folder / "s.yml").write_text(printed)
    assert _refusal(folder, "secret://sops/s.yml#a") == text


def test_without_the_program(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    assert _refusal(folder, "secret://sops/s.yml#a") == "sops cannot be started: no such file or directory"
