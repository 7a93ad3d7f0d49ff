"""An object goes before its groups, a group before the defaults, and all before what the tool says."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from reconciler.inventory import load
from reconciler.model.address import Address
from tests.inventory.writing import HEAD, RETENTION, load_text, sound, write


def _fields(folder: Path, body: str, name: str) -> dict[str, Any]:
    return dict(load_text(folder, body).resources[Address(name)].fields)


SHA256 = "5e" * 32
LAYERED = f"""\
defaults:
  proxy:
    {{port: 1, threads: 1, description: default, service: {{install: package, version: 8.0.0.1, package:
      {{source: a.msi, sha256: {SHA256}}}}}}}
groups:
  one: {{type: workgroup, credentials: admin, port: 2, threads: 2, service: {{version: 8.0.0.2}}}}
  two: {{port: 3}}
proxies:
"""


def test_the_nearest_layer_wins_field_by_field(tmp_path: Path) -> None:
    body = f"{LAYERED}  px: {{host: a.example.com, group: one, port: 4}}\n"
    assert _fields(tmp_path, body, "proxy.px") == {
        "host": "a.example.com",
        "type": "workgroup",
        "credentials": "admin",
        "port": 4,
        "threads": 2,
        "description": "default",
        "service.install": "package",
        "service.version": "8.0.0.2",
        "service.package": {"source": "a.msi", "sha256": SHA256},
        "os": "windows",
    }


def test_the_group_named_last_wins(tmp_path: Path) -> None:
    body = f"{LAYERED}  px: {{host: a.example.com, group: [one, two]}}\n"
    inventory = load_text(tmp_path, body)
    proxy = inventory.resources[Address("proxy.px")]
    assert (proxy.fields["port"], proxy.fields["threads"]) == (3, 2)
    assert str(proxy.positions["port"]) == "inventory.yml:11:9"
    swapped = _fields(tmp_path, f"{LAYERED}  px: {{host: a.example.com, group: [two, one]}}\n", "proxy.px")
    assert swapped["port"] == 2


def test_tool_defaults_come_last(tmp_path: Path) -> None:
    body = f"""\
proxies: {{px: {{host: a.example.com, type: domain, credentials: admin}}}}
repositories: {{r: {{proxy: px, path: 'D:\\r', {RETENTION}}}}}
organizations: {{o.example.com: {{}}}}
jobs: {{j: {{organization: o.example.com, repository: r}}}}
smtp: {{server: s.example.com, from: a@example.com, to: [c@example.com, b@example.com], notify: [failure, success]}}
"""
    resources = load_text(tmp_path, body).resources
    assert list(resources) == sorted(resources)
    shown = {address: dict(resource.fields) for address, resource in resources.items()}
    assert shown == {
        "job.j": {
            "name": "j",
            "organization": "o.example.com",
            "repository": "r",
            "enabled": True,
            "items": "all",
            "run": "on-change",
        },
        "organization.o.example.com": {"name": "o.example.com"},
        "proxy.px": {
            "host": "a.example.com",
            "type": "domain",
            "credentials": "admin",
            "os": "windows",
            "service.install": "push",
            "service.version": "server",
        },
        "repository.r": {
            "name": "r",
            "owner": "proxy.px",
            "path": "D:\\r",
            "retention.type": "item-level",
            "retention.keep": "3 years",
        },
        "smtp": {
            "server": "s.example.com",
            "from": "a@example.com",
            "to": ["b@example.com", "c@example.com"],
            "notify": ["success", "failure"],
            "credentials": "none",
            "enabled": True,
        },
    }


def test_a_default_of_the_other_kind_steps_back(tmp_path: Path) -> None:
    body = f"""\
defaults: {{repository: {{proxy: px, path: 'D:\\shared', {RETENTION}}}}}
proxies:
  px: {{host: a.example.com, type: domain, credentials: admin}}
  lx: {{host: b.example.com, os: linux, type: workgroup, credentials: admin, pool: cloud}}
pools: {{cloud: {{}}}}
repositories:
  disk: {{}}
  bucket: {{pool: cloud, object_storage: {{name: Bucket}}}}
"""
    resources = load_text(tmp_path, body).resources
    assert resources[Address("repository.disk")].fields["owner"] == "proxy.px"
    bucket = resources[Address("repository.bucket")].fields
    assert bucket["owner"] == "pool.cloud"
    assert "path" not in bucket


def test_defaults_reach_mail_pools_and_jobs(tmp_path: Path) -> None:
    body = f"""\
defaults:
  pool: {{description: as code}}
  job: {{schedule: {{daily: "7:05"}}, run: never}}
  smtp: {{security: tls, port: 587}}
proxies: {{px: {{host: a.example.com, type: domain, credentials: admin, pool: p}}}}
pools: {{p: {{}}}}
repositories: {{r: {{pool: p, object_storage: {{name: B}}, {RETENTION}}}}}
organizations: {{o.example.com: {{proxies: [p]}}}}
jobs: {{j: {{organization: o.example.com, repository: r, run: always}}}}
smtp: {{server: s.example.com, from: a@example.com, to: [b@example.com], port: 25}}
"""
    resources = load_text(tmp_path, body).resources
    assert resources[Address("pool.p")].fields == {"name": "p", "description": "as code", "members": ["px"]}
    job = resources[Address("job.j")].fields
    assert job["schedule"] == {"daily": "07:05", "days": "everyday"}
    assert job["run"] == "always"
    assert (resources[Address("smtp")].fields["security"], resources[Address("smtp")].fields["port"]) == ("tls", 25)


def test_an_old_rest_version_gets_no_default_that_it_lacks(tmp_path: Path) -> None:
    head = HEAD.replace("credentials: admin}", "credentials: admin, rest: v7}", 1)
    body = "proxies: {px: {host: a.example.com, type: domain, credentials: admin}}\n"
    assert "os" not in load_text(tmp_path, body, head).resources[Address("proxy.px")].fields


def test_maps_of_several_files_are_merged(tmp_path: Path) -> None:
    files = {
        "main/inventory.yml": HEAD
        + "include: [sites/*.yml, ../shared/mail.yml, sites/a.yml]\ndefaults: {job: {run: never}}\n",
        "main/sites/a.yml": "version: 1\nproxies: {a: {host: a.example.com, type: domain, credentials: site}}\n",
        "main/sites/b.yml": "version: 1\ncredentials: {site: {username: x, password: secret://env/X}}\n"
        "proxies: {b: {host: b.example.com, type: domain, credentials: site}}\ninclude: [../more.yml]\n",
        "main/sites/.c.yml": "[[[",
        "main/more.yml": "version: 1\nserver: {port: 4444}\ndefaults: {proxy: {port: 9999}, job: {enabled: true}}\n",
        "shared/mail.yml": "version: 1\nsmtp: {server: s.example.com, from: a@example.com, to: [b@example.com]}\n",
    }
    inventory, found = load(write(tmp_path, files), include_root=tmp_path)
    assert inventory is not None, found
    assert inventory.files == ("inventory.yml", "sites/a.yml", "sites/b.yml", "more.yml", "../shared/mail.yml")
    assert inventory.access.server.port == 4444
    assert set(inventory.access.connections) == {"a", "b"}
    assert inventory.resources[Address("proxy.a")].fields["port"] == 9999


def test_a_folder_is_its_files(tmp_path: Path) -> None:
    proxies = "version: 1\nproxies: {px: {host: a.example.com, type: domain, credentials: admin}}\n"
    write(tmp_path, {"10-main.yml": HEAD, "20-proxies.yaml": proxies, "notes.txt": "x", ".hidden.yml": "[["})
    inventory = sound(tmp_path)
    assert inventory.files == ("10-main.yml", "20-proxies.yaml")
    assert inventory.access.root == str(tmp_path)


def test_the_digest_follows_the_bytes(tmp_path: Path) -> None:
    first = load_text(tmp_path, "").digest
    assert load_text(tmp_path, "").digest == first
    assert load_text(tmp_path, "# more\n").digest != first


def test_nothing_of_an_internet_proxy_is_left_if_a_nearer_layer_names_another_way(tmp_path: Path) -> None:
    body = """
defaults: {proxy: {type: domain, credentials: admin, internet_proxy: {host: web.example.com, port: 8080}}}
proxies:
  a: {host: a.example.com}
  b: {host: b.example.com, internet_proxy: none}
  c: {host: c.example.com, internet_proxy: {host: other.example.com}}
"""
    resources = load_text(tmp_path, body).resources
    parts = ("internet_proxy", "internet_proxy.port")
    found = {item.name: [item.fields.get(part) for part in parts] for item in resources.values()}
    assert found == {
        "a": [{"host": "web.example.com"}, 8080],
        "b": ["none", None],
        "c": [{"host": "other.example.com"}, None],
    }


def test_the_digest_is_that_of_names_and_bytes_in_the_order_of_names(tmp_path: Path) -> None:
    files = {"inventory.yml": f"{HEAD}include: [b.yml, a.yml]\n", "b.yml": "version: 1\n", "a.yml": "version: 1\n# a\n"}
    write(tmp_path, files)
    total = hashlib.sha256()
    for name, text in sorted(files.items()):
        total.update(f"{name}\0{len(text)}\0{text}".encode())
    found, _ = load(tmp_path / "inventory.yml")
    assert found is not None
    assert found.digest == total.hexdigest()
