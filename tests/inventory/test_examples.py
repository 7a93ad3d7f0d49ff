"""The inventories that are shipped."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from reconciler.inventory import load
from reconciler.model.address import Address
from reconciler.model.connection import Transport

FOLDER = Path(__file__).parents[2] / "inventories"
EXAMPLES = sorted(FOLDER.glob("*.yml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_is_sound(path: Path) -> None:
    inventory, diagnostics = load(path, look_at_files=False)
    assert diagnostics == []
    assert inventory is not None
    first = path.read_text("utf-8").partition("\n")[0]
    assert first == "# yaml-language-server: $schema=../schemas/inventory.schema.json"


def test_the_demo_is_what_it_says() -> None:
    inventory, _ = load(FOLDER / "demo.yml", look_at_files=False)
    assert inventory is not None
    assert Counter(resource.kind for resource in inventory.resources.values()) == {
        "certificate": 1,
        "copy_job": 1,
        "job": 5,
        "organization": 3,
        "pool": 1,
        "proxy": 6,
        "repository": 6,
        "smtp": 1,
    }
    proxies = inventory.of_kind("proxy")
    kinds = Counter((proxy.fields["os"], proxy.fields["type"]) for proxy in proxies)
    assert kinds == {("windows", "domain"): 2, ("windows", "workgroup"): 2, ("linux", "workgroup"): 2}
    assert inventory.resources[Address("pool.cloud")].fields["members"] == ["px-lnx-1", "px-lnx-2"]
    transports = Counter(connection.transport for connection in inventory.access.connections.values())
    assert transports == {Transport.WINRM: 4, Transport.SSH: 2}
    assert {job.fields["run"] for job in inventory.of_kind("job")} == {"on-change"}
    assert [len(item.fields["proxies"]) for item in inventory.of_kind("organization")] == [2, 1, 2]
    smtp = inventory.resources[Address("smtp")].fields
    assert (smtp["credentials"], smtp["notify"]) == ("smtp-user", ["success", "warning", "failure"])
    assert {"path", "object_storage.folder"} <= {
        field for item in inventory.of_kind("repository") for field in item.fields
    }


def test_the_demo_names_only_documentation_domains() -> None:
    for path in EXAMPLES:
        inventory, _ = load(path, look_at_files=False)
        assert inventory is not None
        hosts = [connection.host for connection in inventory.access.connections.values()]
        assert all(host.endswith((".example.com", ".example.net")) for host in hosts)
