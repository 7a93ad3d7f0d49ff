"""Files that cannot be read, files that are too large, and files that an inventory names."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.inventory import load, source
from reconciler.inventory.document import MAX_LENGTH
from reconciler.model.diagnostic import Diagnosed
from reconciler.requirements import load_for
from tests.inventory.writing import HEAD, codes, findings, sound, write
from tests.rights import held_to_modes


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert codes(tmp_path / "no.yml") == ["no-inventory"]
    assert codes(tmp_path / "no" / "no.yml") == ["no-inventory"]
    write(tmp_path, {"file.yml": HEAD})
    assert codes(tmp_path / "file.yml" / "x.yml") == ["no-inventory"]


def test_names_that_are_none(tmp_path: Path) -> None:
    assert codes(tmp_path / "a\0b.yml") == ["no-inventory"]
    assert codes(tmp_path / ("x" * 5000)) == ["unreadable"]


@pytest.mark.parametrize("size", [300, 5000])
def test_names_that_no_file_system_takes(tmp_path: Path, size: int) -> None:
    long = "y" * size
    path = write(tmp_path, {"inventory.yml": f"{HEAD}include: [{long}.yml]\n"})
    (found,) = findings(path)
    assert (found.code, str(found.position)) == ("unreadable", f"inventory.yml:{HEAD.count(chr(10)) + 1}:11")
    assert len(found.detail) < 400
    inventory, _ = load(write(tmp_path, {"inventory.yml": f"{HEAD}playbooks: [{long}]\n"}))
    assert inventory is not None
    with pytest.raises(Diagnosed) as caught:
        load_for(inventory)
    assert caught.value.diagnostics[0].detail.endswith("has no linux.yml or windows.yml.")


@pytest.mark.skipif(os.name != "posix", reason="permissions are a POSIX matter")
@pytest.mark.parametrize("name", ["my secret", "$(id)", "-x"])
def test_a_printed_command_is_the_one_that_was_meant(tmp_path: Path, name: str) -> None:
    text = HEAD.replace("secret://env/P", f"'secret://file/{name}'")
    assert text != HEAD
    (tmp_path / name).write_text("x", "utf-8")
    (tmp_path / name).chmod(0o644)
    (found,) = [item for item in load(write(tmp_path, {"inventory.yml": text}))[1] if item.code == "open-secret"]
    subprocess.run(["sh", "-c", found.fix.splitlines()[1]], check=True, cwd=tmp_path)
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name != "posix", reason="named pipes are a POSIX matter")
def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "inventory.yml")
    assert codes(tmp_path / "inventory.yml") == ["unreadable"]


@pytest.mark.skipif(os.name != "posix", reason="permissions are a POSIX matter")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = write(tmp_path, {"inventory.yml": HEAD})
    path.chmod(0)
    with held_to_modes():
        assert codes(path) == ["unreadable"]


def test_a_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    write(tmp_path, {"corp/inventory.yml": HEAD})
    monkeypatch.setattr(Path, "iterdir", refuse)
    (found,) = findings(tmp_path / "corp")
    assert (found.code, found.detail) == ("unreadable", "The folder corp is not readable: permission denied.")


def test_a_large_file_is_not_even_opened(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yml"
    with path.open("wb") as file:
        file.truncate(source.MAX_BYTES + 1)
    assert codes(path) == ["too-large"]


def test_a_file_that_grows_is_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, {"inventory.yml": HEAD})
    monkeypatch.setattr(source, "MAX_BYTES", path.stat().st_size - 1)
    assert codes(path) == ["too-large"]


def test_a_folder_in_the_place_of_an_included_file(tmp_path: Path) -> None:
    (tmp_path / "sites").mkdir()
    found = findings(write(tmp_path, {"inventory.yml": HEAD + "include: [sites]\n"}))
    assert [(item.code, str(item.position)) for item in found] == [("unreadable", "inventory.yml:5:11")]


def test_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "inventory.yml").symlink_to("inventory.yml")
    assert codes(tmp_path / "inventory.yml") == ["unreadable"]


def test_two_names_of_one_file_are_one_file(tmp_path: Path) -> None:
    path = write(tmp_path, {"inventory.yml": HEAD + "include: [b.yml, c.yml]\n", "b.yml": "version: 1\npools: {}\n"})
    (tmp_path / "c.yml").symlink_to("b.yml")
    assert sound(path).files == ("inventory.yml", "b.yml")


LONG = "y" * (MAX_LENGTH + 1)


@pytest.mark.parametrize(
    "text",
    [
        f"pools: {{p: {{proxies: [{LONG}]}}}}",
        f"pools: {{p: {{proxies: ['{LONG}']}}}}",
        f"pools: {{p: {{proxies: [&long {LONG}, *long]}}}}",
        f"pools: {{p: {{proxies: [!!str {LONG}]}}}}",
        f"pools: {{p: {{? {LONG}\n  : 1}}}}",
        f"pools: {{p: {{? &long {LONG}\n  : 1}}}}",
        f"policy:\n  waive: |\n    {LONG[:40000]}\n    {LONG[:40000]}",
    ],
    ids=["plain", "in quotes", "with an anchor", "with a tag", "a key", "a key with an anchor", "a block"],
)
def test_a_value_that_is_too_long_is_cut_and_reported(tmp_path: Path, text: str) -> None:
    found = findings(write(tmp_path, {"inventory.yml": f"{HEAD}{text}\n"}))
    said = [item for item in found if item.code == "too-long"]
    assert [item.position.line for item in said if item.position] == [6 if "waive" in text else 5]
    assert said[0].detail.endswith("characters begin here; the maximum is 65,536.")
    assert max(len(item.detail + item.fix + item.source) for item in found) < 2000


def test_a_file_that_is_one_long_value(tmp_path: Path) -> None:
    assert "too-long" in codes(write(tmp_path, {"inventory.yml": LONG}))


def test_a_value_of_the_greatest_length_is_read(tmp_path: Path) -> None:
    text = f"proxies: {{p: {{host: p.example.com, description: {LONG[1:]}}}}}\n"
    assert "too-long" not in codes(write(tmp_path, {"inventory.yml": HEAD + text}))


def test_what_is_cut_of_a_secret_is_not_shown(tmp_path: Path) -> None:
    text = HEAD.replace("password: secret://env/P", f"password: {'hunter2' * 10_000}")
    found = findings(write(tmp_path, {"inventory.yml": text}))
    assert "too-long" in [item.code for item in found]
    assert not any("hunter2" in str(item) for item in found)


CERTIFICATE = "certificates: {c: {pfx: c.pfx, passphrase: secret://file/secret}}\n"


def test_files_are_looked_at_only_if_asked(tmp_path: Path) -> None:
    path = write(tmp_path, {"inventory.yml": HEAD + CERTIFICATE})
    assert codes(path) == ["missing-file"]
    assert load(path, look_at_files=False)[1] == []
    (tmp_path / "c.pfx").write_bytes(b"")
    assert codes(path) == []


@pytest.mark.skipif(os.name != "posix", reason="permissions are a POSIX matter")
def test_secrets_that_everybody_can_read(tmp_path: Path) -> None:
    path = write(tmp_path, {"inventory.yml": HEAD + CERTIFICATE, "secret": "x", "c.pfx": ""})
    (tmp_path / "secret").chmod(0o644)
    found = findings(path)
    assert [(item.code, item.severity.value, str(item.position)) for item in found] == [
        ("open-secret", "warning", "inventory.yml:5:44")
    ]
    assert "chmod 600 secret" in found[0].fix
    (tmp_path / "secret").chmod(0o600)
    assert findings(path) == []


@pytest.mark.parametrize("enabled", [True, False])
def test_the_garbage_collector_is_left_as_it_was(tmp_path: Path, enabled: bool) -> None:
    was = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        load(tmp_path / "no.yml")
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if was else gc.disable)()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_that_are_not_utf8_are_names(tmp_path: Path) -> None:
    """In messages and documents each byte that is not text has a sign in its place."""
    odd = os.fsdecode(b"sit\xe9")
    folder = tmp_path / odd
    requirement = "{name: a, fact: disk.free_gb, at_least: 1, why: So., manual: Add it.}"
    book = f"version: 1\nos: linux\nrequirements:\n  - {requirement}\n"
    texts = {f"{odd}.yml": HEAD + "include: [more/*.yml]\nplaybooks: [house]\n", f"more/{odd}.yml": "version: 1\n"}
    write(folder, {**texts, "house/linux.yml": book, f"house/linux/{odd}.sh": "true\n"})
    for path in (folder, folder / f"{odd}.yml"):
        inventory, found = load(path)
        assert inventory is not None, found
        assert set(inventory.files) == {"sit\ufffd.yml", "more/sit\ufffd.yml"}
        assert "house/linux/sit\ufffd.sh" in inventory.file_digests
        json.dumps([inventory.files, dict(inventory.file_digests)], ensure_ascii=False).encode()


def test_a_package_has_a_separate_digest(tmp_path: Path) -> None:
    """It may be a gigabyte, and its SHA-256 is declared."""
    text = (
        "version: 1\nname: corp\nserver: {host: vbo01, credentials: svc, tls: {ca_file: pki/ca.pem}}\n"
        "credentials: {svc: {username: svc, password: secret://file/login}}\n"
        "proxies:\n  px-1:\n    host: px-1\n    type: domain\n    credentials: svc\n"
        f"    service: {{install: package, package: {{source: pkg/proxy_8.5.0.1014.msi, sha256: {'a' * 64}}}}}\n"
    )
    (tmp_path / "inventory.yml").write_text(text, encoding="utf-8")
    inventory, problems = load(tmp_path / "inventory.yml", look_at_files=False)
    assert inventory is not None, problems
    assert [*inventory.file_digests] == ["pki/ca.pem"]
