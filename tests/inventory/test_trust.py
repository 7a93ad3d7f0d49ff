"""The file of `--trust`: what it does not allow is refused, each once, with the line that would allow it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.inventory.trust_file import distrusted, load_trust
from reconciler.model.diagnostic import Diagnosed
from reconciler.model.inventory import Inventory
from tests.inventory.writing import load_text, write

HEAD = """\
version: 1
name: corp
server:
  host: vbo.example.com
  credentials: admin
  address: 192.0.2.1
  tls: {ca_file: ca.pem}
  powershell: {credentials: admin, address: ps.example.com}
credentials:
  admin: {username: svc, password: secret://exec/vault/vbo}
  direct: {username: svc, password: secret://exec/tool}
  sealed: {username: svc, password: secret://sops/sealed.yml#vbo.password}
"""
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJp0KtNdAsoSGMkdQEfGBAJGmtDaFpBF3dNTJgL0YGT"
BODY = f"""\
jump_hosts: {{gate: {{host: gate.example.com, credentials: admin, known_hosts: [hosts]}}}}
proxies:
  px:
    host: px.example.com
    os: linux
    type: workgroup
    certificate: c
    credentials: direct
    service:
      install: package
      package: {{source: "https://files.example.com/p_8.5.0.1014.deb", sha256: {"0" * 64}, ca_file: files.pem}}
    connection: {{address: 192.0.2.9, jump: gate, host_keys: [{KEY}]}}
certificates: {{c: {{pfx: c.pfx, passphrase: secret://env/P}}}}
playbooks: [own]
secrets:
  exec: {{vault: [vault, get]}}
  vault: {{address: "https://vault.example.com:8200", tls: {{ca_file: vault.pem}}, login: {{token: secret://exec/token}}}}
"""
FULL: Mapping[str, Any] = {
    "servers": ["vbo.example.com", "192.0.2.1", "PS.example.com"],
    "hosts": ["*.example.com", "192.0.2.?"],
    "authorities": [
        f"sha256:{hashlib.sha256(b'x').hexdigest()}",
        f"sha256:{hashlib.sha256(b'y').hexdigest()}",
        f"sha256:{hashlib.sha256(b'z').hexdigest()}",
        f"sha256:{hashlib.sha256(b'f').hexdigest()}",
        KEY,
    ],
    "commands": {"vault": ["vault", "get"], "tool": ["tool"], "token": ["token"]},
    "encrypted": [f"sha256:{hashlib.sha256(b's').hexdigest()}"],
    "vaults": ["vault.example.com"],
    "scripts": [f"sha256:{hashlib.sha256(b'true').hexdigest()}"],
}


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    folder = tmp_path / "inventory"
    write(
        folder,
        {"ca.pem": "x", "hosts": "y", "vault.pem": "z", "files.pem": "f", "sealed.yml": "s", "own/linux/a.sh": "true"},
    )
    return load_text(folder, BODY, HEAD)


def refused(inventory: Inventory, pins: Mapping[str, Any]) -> list[str]:
    return sorted(item.fix.partition("\n  ")[2] for item in distrusted(inventory, pins))


def test_what_is_allowed_is_not_refused(inventory: Inventory) -> None:
    assert refused(inventory, FULL) == []


@pytest.mark.parametrize("section", sorted(FULL))
def test_every_section_counts(inventory: Inventory, section: str) -> None:
    """What is left out allows nothing, and the lines of the fixes are all that is missing."""
    without = {name: part for name, part in FULL.items() if name != section}
    lines = refused(inventory, without)
    assert lines
    assert all(line.startswith(f"{section}: ") for line in lines)
    parts = [yaml.safe_load(line)[section] for line in lines]
    items = [item for part in parts for item in (part.items() if section == "commands" else part)]
    added: Any = dict(items) if section == "commands" else items
    assert refused(inventory, {**without, section: added}) == []


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        ("host: vbo.example.com", "host: vbo.evil.example", "servers: [vbo.evil.example]"),
        ("address: 192.0.2.1", "address: 198.51.100.1", "servers: [198.51.100.1]"),
        ("address: ps.example.com", "address: ps.evil.example", "servers: [ps.evil.example]"),
        ("host: gate.example.com", "host: gate.evil.example", "hosts: [gate.evil.example]"),
        ("address: 192.0.2.9", "address: 198.51.100.1", "hosts: [198.51.100.1]"),
        ("address: 192.0.2.9", "address: 192.0.2.9, name: px.evil.example", "hosts: [px.evil.example]"),
        ("address: ps.", "name: ps.evil.example, address: ps.", "servers: [ps.evil.example]"),
        ("vault: [vault, get]", "vault: [curl, evil.example]", "commands: {vault: [curl, evil.example]}"),
        ("https://files.example.com", "https://files.evil.example", "hosts: [files.evil.example]"),
        ("https://vault.example.com", "https://vault.evil.example", "vaults: [vault.evil.example]"),
        ("secret://exec/tool", "secret://exec/other", "commands: {other: [other]}"),
    ],
)
def test_what_a_pull_request_would_change(
    tmp_path: Path, inventory: Inventory, before: str, after: str, line: str
) -> None:
    del inventory  # its files
    changed = load_text(tmp_path / "inventory", BODY.replace(before, after), HEAD.replace(before, after))
    assert refused(changed, FULL) == [line]


def test_rest_on_another_machine_needs_both_names(tmp_path: Path, inventory: Inventory) -> None:
    del inventory  # its files
    head = HEAD.replace("  address: 192.0.2.1\n", "  rest_host: rest.evil.example\n")
    changed = load_text(tmp_path / "inventory", BODY, head)
    assert refused(changed, FULL) == ["servers: [rest.evil.example]"]
    alone = {**FULL, "servers": ["rest.evil.example", "ps.example.com"]}
    assert refused(changed, alone) == ["servers: [vbo.example.com]"]


@pytest.mark.parametrize("file", ["ca.pem", "hosts", "own/linux/a.sh"])
def test_files_count_by_their_content(tmp_path: Path, inventory: Inventory, file: str) -> None:
    (Path(inventory.access.root) / file).write_text("another")
    digest = hashlib.sha256(b"another").hexdigest()
    (line,) = refused(load_text(tmp_path / "inventory", BODY, HEAD), FULL)
    assert line.endswith(f"[sha256:{digest}]")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("version: 2\n", "1 was expected"),
        ("version: 1\nhost: [x]\n", "'host' was unexpected"),
        ("version: 1\nscripts: [x]\n", "does not match"),
        ("[", "a bracket is not closed"),
        ("", "1 was expected"),
    ],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "trust.yml"
    file.write_text(text or "version:\n")
    with pytest.raises(Diagnosed) as caught:
        load_trust(file, str(tmp_path / "inventory"))
    assert any(said in item.detail for item in caught.value.diagnostics)


def test_what_the_parser_refuses_does_not_hide_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "trust.yml"
    file.write_text("version: 1\nservers: [!x a]\nhost: [x]\n")
    with pytest.raises(Diagnosed) as caught:
        load_trust(file, str(tmp_path / "inventory"))
    said = " ".join(item.detail for item in caught.value.diagnostics)
    assert "A tag (!) cannot be used here" in said
    assert "'host' was unexpected" in said


def test_the_file_is_kept_where_the_inventory_cannot_change_it(tmp_path: Path) -> None:
    file = tmp_path / "trust.yml"
    file.write_text("version: 1\n")
    (tmp_path / "link.yml").symlink_to(file)
    assert load_trust(file, str(tmp_path / "inventory")) == {"version": 1}
    for inside in (file, tmp_path / "link.yml"):
        with pytest.raises(Diagnosed, match="is in the folder of the inventory"):
            load_trust(inside, str(tmp_path))
    with pytest.raises(Diagnosed, match="does not exist"):
        load_trust(tmp_path / "absent.yml", str(tmp_path / "inventory"))


def test_each_refusal_has_the_place_of_what_it_refuses(inventory: Inventory) -> None:
    found = distrusted(inventory, {})
    places = {
        (item.fix.partition("\n  ")[2].partition(":")[0], item.position.line if item.position else 0, item.address)
        for item in found
    }
    assert places == {
        ("authorities", 3, ""),
        ("authorities", 15, "proxy.px"),
        ("authorities", 27, ""),
        ("commands", 27, ""),
        ("encrypted", 27, ""),
        ("hosts", 15, "proxy.px"),
        ("scripts", 26, ""),
        ("servers", 3, ""),
        ("vaults", 27, ""),
    }
