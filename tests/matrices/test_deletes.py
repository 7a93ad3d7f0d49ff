"""Deletes in every REST version: from the jobs down, the login of the host where the server keeps none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix

INVENTORY = r"""version: 1
name: old
server:
  host: vbo.corp.example.com
  rest: {rest}
  credentials: admin
credentials:
  admin: {{username: 'CORP\svc-vbo', password: secret://env/VBO_PASSWORD}}
  local: {{username: Administrator, password: secret://env/LOCAL_PASSWORD}}
proxies:
  px-1: {{host: px-1.corp.example.com, type: domain, credentials: admin{first}}}
  px-2: {{host: px-2.example.net, type: workgroup, credentials: local{second}}}
{rest_of_it}policy: {{max_deletes: 10}}
"""
CHAIN = r"""repositories:
  one: {proxy: px-1, path: 'D:\VBO', retention: {type: item-level, keep: 3 years}}
  two: {proxy: px-2, path: 'D:\VBO', retention: {type: item-level, keep: 3 years}}
organizations:
  contoso.example.com: {}
jobs:
  mail: {organization: contoso.example.com, repository: one, items: [mailbox], run: never}
  files: {organization: contoso.example.com, repository: two, items: [onedrive], run: never}
"""


@pytest.mark.parametrize("rest", ["v5", "v6", "v7", "v8"])
def test_everything_goes_in_order(rest: str, tmp_path: Path) -> None:
    world = Rehearsal(tmp_path)

    def write(first: str = "", second: str = "", chain: str = "") -> None:
        text = INVENTORY.format(rest=rest, first=first, second=second, rest_of_it=chain)
        world.file.write_text(text, encoding="utf-8")

    write(chain=CHAIN)
    world.converges()
    write(", state: absent", ", state: absent")
    plan = world.plan()
    assert [change["key"] for change in plan["changes"]] == [
        "delete:job.files",
        "delete:job.mail",
        "delete:repository.one",
        "delete:repository.two",
        "delete:proxy.px-1",
        "delete:proxy.px-2",
    ]
    assert [item["code"] for item in plan["refusals"]] == ["last-proxy"]
    ended = world.apply("--waive", "last-proxy=contoso has left us")
    assert ended.code == 0, ended.out + ended.err
    after = world.plan()
    assert (after["changes"], after["code"]) == ([], 0)
    assert {item["address"] for item in after["reports"] if item["code"] == "gone"} == {"proxy.px-1", "proxy.px-2"}
