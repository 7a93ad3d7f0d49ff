"""Every REST version and every example: applied twice, with nothing to do the second time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.rehearsal import INVENTORIES, Rehearsal

WITHOUT_POOLS = r"""version: 1
name: old
server:
  host: vbo.corp.example.com
  rest: {rest}
  credentials: admin
  powershell: {{credentials: admin}}
  certificate: dmz
credentials:
  admin: {{username: 'CORP\svc-vbo', password: secret://env/VBO_PASSWORD}}
  local: {{username: Administrator, password: secret://env/LOCAL_PASSWORD}}
certificates:
  dmz: {{pfx: pki/dmz.pfx, passphrase: secret://env/DMZ_PFX}}
proxies:
  px-1: {{host: px-1.corp.example.com, type: domain, credentials: admin, port: 9193, threads: 32, throttle: 5 MB/s}}
  px-2: {{host: px-2.example.net, type: workgroup, credentials: local, description: Perimeter}}
repositories:
  disk: {{proxy: px-1, path: 'D:\VBO', retention: {{type: item-level, keep: 18 months}}}}
  bucket: {{proxy: px-2, {storage}, retention: {{type: snapshot, keep: forever}}}}
organizations:
  contoso.example.com: {{proxies: [px-1, px-2]}}
jobs:
  whole: {{organization: contoso.example.com, repository: disk, items: all, schedule: {{daily: "22:00"}}}}
  mail: {{organization: contoso.example.com, repository: bucket, items: [mailbox], schedule: {{every: 8 hours}}}}
smtp:
  server: smtp.corp.example.com
  port: 25
  security: none
  from: vbo@corp.example.com
  to: [it@corp.example.com]
  notify: [success, failure]
"""

BUCKET = r"object_storage: {name: Bucket, cache: 'D:\Cache'}"
PLACE = "object_storage: {type: s3, account: minio, bucket: vbo, folder: contoso}"
STORAGE = {"v5": PLACE, "v6": BUCKET, "v7": PLACE}
"""An object storage repository by its name and by its place. v5 lists no accounts; it shows neither the type of a proxy
nor the build of the server, which some requirements of hosts depend on."""


@pytest.mark.matrix
@pytest.mark.parametrize("rest", ["v5", *(pytest.param(rest, marks=pytest.mark.matrix) for rest in ("v6", "v7"))])
def test_an_older_version_converges_and_notices_a_change(rest: str, tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    rehearsal.file.write_text(WITHOUT_POOLS.format(rest=rest, storage=STORAGE[rest]), encoding="utf-8")
    rehearsal.converges()
    plan = rehearsal.plan()
    assert plan["server"]["rest"] == rest
    hidden = {item["path"] for item in plan["unknown"] if not item["address"].startswith("host.")}
    assert hidden == ({"type", "object_storage.account"} if rest == "v5" else set())
    rehearsal.replace("throttle: 5 MB/s", "throttle: 512 KB/s")
    assert rehearsal.changes()["update:proxy.px-1"] == {"throttle": ["5 MB/s", "512 KB/s"]}
    rehearsal.converges()


@pytest.mark.parametrize("name", ["small.yml", pytest.param("v7.yml", marks=pytest.mark.matrix), "one-machine.yml"])
def test_an_example_converges(name: str, tmp_path: Path) -> None:
    Rehearsal.of(tmp_path, INVENTORIES / name).converges()


def test_every_kind_is_part_of_the_demo(tmp_path: Path) -> None:
    """A kind that no scenario creates would be a kind that is never applied twice."""
    first = Rehearsal.of(tmp_path, INVENTORIES / "demo.yml").plan()
    kinds = {change["address"].partition(".")[0] for change in first["changes"]}
    assert kinds >= {"smtp", "proxy", "pool", "repository", "job", "copy_job", "host", "certificate"}


@pytest.mark.matrix
def test_an_upgraded_server_upgrades_its_proxies(demo: Rehearsal) -> None:
    demo.set("server", "build=8.6.0.100")
    changes = demo.plan()["changes"]
    upgrades = [change for change in changes if change["key"].startswith("upgrade:proxy.")]
    assert [change["address"] for change in upgrades] == [
        f"proxy.{name}" for name in ("px-dmz-1", "px-dmz-2", "px-lnx-1", "px-lnx-2", "px-lon-1", "px-lon-2")
    ]
    assert all(change["disrupts"] for change in upgrades)
    assert "upgrade:repository.contoso-files" in {change["key"] for change in changes}
    ended = demo.apply("--waive", "coverage=one proxy each")
    assert ended.code == 0, ended.out + ended.err
    assert demo.plan()["changes"] == []
