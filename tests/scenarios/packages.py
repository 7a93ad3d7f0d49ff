"""A small world whose proxies are installed by package, and packages that the lab's hosts can read."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from reconciler.lab.packages import text_of
from tests.scenarios.rehearsal import Rehearsal

NEW, OLD = "8.5.0.1014", "8.4.0.1457"
PROXIES = ("px-lnx", "px-win")
_INVENTORY = """\
version: 1
name: packages
server:
  host: vbo01.corp.example.com
  credentials: vbo-admin
  tls: {{ca_file: pki/corp-ca.pem}}
  powershell: {{credentials: vbo-admin, ca_file: pki/corp-ca.pem}}
credentials:
  vbo-admin: {{username: 'CORP\\svc-vbo', password: secret://env/VBO_PASSWORD}}
  dmz-local: {{username: Administrator, password: secret://env/DMZ_PASSWORD}}
  linux-admin: {{username: backup, private_key: secret://file/secrets/id_ed25519, sudo: true}}
defaults:
  proxy:
    type: workgroup
    service: {{install: package}}
proxies:
  px-lnx:
    host: px-lnx.example.net
    os: linux
    credentials: linux-admin
    connection: {{known_hosts: [pki/known_hosts]}}
    service:
      package: {{source: proxy_{build}_amd64.deb, sha256: {sha256}}}
  px-win:
    host: px-win.example.net
    credentials: dmz-local
    connection: {{ca_file: pki/corp-ca.pem}}
    service:
      package: {{source: proxy_{build}.msi, sha256: {sha256}}}
organizations:
  contoso.example.com: {{}}
"""


def world(folder: Path, build: str = NEW, word: str = "") -> Rehearsal:
    folder.mkdir(parents=True, exist_ok=True)
    rehearsal = Rehearsal(folder)
    carry(rehearsal, build, word)
    return rehearsal


def carry(rehearsal: Rehearsal, build: str, word: str = "", *, size: int = 0) -> None:
    """Let the inventory name the packages of `build`, with `size` more bytes."""
    data = text_of(build, word) + b"\n" * size
    for name in (f"proxy_{build}_amd64.deb", f"proxy_{build}.msi"):
        (rehearsal.folder / name).write_bytes(data)
    text = _INVENTORY.format(build=build, sha256=hashlib.sha256(data).hexdigest())
    rehearsal.file.write_text(text, encoding="utf-8")


def before(folder: Path) -> Rehearsal:
    """Both proxies run the build before the last one; the server has the last one since."""
    rehearsal = world(folder, OLD)
    ended = rehearsal.run("lab", "status", str(rehearsal.file))
    assert ended.code == 0, ended.err
    rehearsal.set("server", f"build={OLD}")
    ended = rehearsal.apply()
    assert ended.code == 0, ended.out + ended.err
    rehearsal.set("server", f"build={NEW}")
    return rehearsal


def copied(folder: Path, target: Path) -> Rehearsal:
    shutil.copytree(folder, target)
    return Rehearsal(target)


def hosts(world: Rehearsal) -> dict[str, Any]:
    """Version and state of the proxy service of each host, as the lab knows them."""
    ended = world.run("lab", "status", str(world.file), "--format", "json")
    assert ended.code == 0, ended.err
    answer = json.loads(ended.out)["hosts"]
    found = {name.partition(".")[0]: host["proxy"] for name, host in answer.items()}
    return {name: found[name] and (found[name]["version"], found[name]["running"]) for name in PROXIES}
