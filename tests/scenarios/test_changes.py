"""One thing changes in the inventory, or by hand on the server: just that is planned, and after an apply nothing."""

from __future__ import annotations

import pytest

from tests.scenarios.rehearsal import Rehearsal


def only(demo: Rehearsal, **wanted: object) -> dict[str, dict[str, list[object]]]:
    """The changes without the runs that follow from them."""
    return {key: fields for key, fields in demo.changes().items() if not key.startswith("run:")}


def test_an_applied_inventory_has_an_empty_plan(demo: Rehearsal) -> None:
    plan = demo.plan()
    assert (plan["changes"], plan["code"], plan["empty"]) == ([], 0, True)
    assert set(plan["requests"]) == {"GET", "LOGIN"}


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("throttle: 100 Mbps", "throttle: 20 MB/s", {"update:proxy.px-lon-1": {"throttle": ["100 Mbps", "20 MB/s"]}}),
        ("throttle: 100 Mbps", 'throttle: "off"', {"update:proxy.px-lon-1": {"throttle": ["100 Mbps", "off"]}}),
        (
            "to: [backup-team@corp.example.com]",
            "to: [backup-team@corp.example.com, night@corp.example.com]",
            {
                "update:smtp": {
                    "to": [
                        ["backup-team@corp.example.com"],
                        ["backup-team@corp.example.com", "night@corp.example.com"],
                    ]
                }
            },
        ),
        (
            "retention: {keep: 7 years}",
            "retention: {keep: 10 years}",
            {"update:repository.fabrikam": {"retention.keep": ["7 years", "10 years"]}},
        ),
        (
            "schedule: {every: 4 hours}",
            "schedule: {every: 30 minutes}",
            {"update:job.northwind-mail": {"schedule": [{"every": "4 hours"}, {"every": "30 minutes"}]}},
        ),
        (
            "items: [mailbox, archive-mailbox]",
            "items: [mailbox]",
            {"update:job.contoso-mail": {"items": [["mailbox", "archive-mailbox"], ["mailbox"]]}},
        ),
        (
            "cloud: {description: Proxies for object storage}",
            "cloud: {description: For object storage}",
            {"update:pool.cloud": {"description": ["Proxies for object storage", "For object storage"]}},
        ),
    ],
)
def test_a_changed_field_is_just_that_change(
    demo: Rehearsal, old: str, new: str, expected: dict[str, dict[str, list[object]]]
) -> None:
    demo.replace(old, new)
    assert only(demo) == expected
    demo.converges()


@pytest.mark.matrix
def test_a_changed_port_is_opened_on_the_host_and_moved(demo: Rehearsal) -> None:
    demo.replace("port: 9393", "port: 9494")
    found = only(demo)
    assert found["update:proxy.px-dmz-2"] == {"port": [9393, 9494]}
    assert set(found) == {"update:host.px-dmz-2", "update:proxy.px-dmz-2"}
    demo.converges()


@pytest.mark.matrix
def test_a_proxy_that_leaves_its_pool_is_a_change_of_the_pool(demo: Rehearsal) -> None:
    demo.replace(
        "px-lnx-2: {host: px-lnx-2.example.net, group: cloud}",
        "px-lnx-2: {host: px-lnx-2.example.net, os: linux, type: workgroup, credentials: linux-admin}",
    )
    assert only(demo) == {"update:pool.cloud": {"members": [["px-lnx-1", "px-lnx-2"], ["px-lnx-1"]]}}
    demo.converges()


@pytest.mark.matrix
def test_an_organization_that_is_processed_elsewhere_is_a_change_of_its_job(demo: Rehearsal) -> None:
    demo.replace("repository: contoso-files", "repository: contoso-mail")
    demo.replace("contoso.example.com: {proxies: [px-lon-1, px-dmz-1]}", "contoso.example.com: {proxies: [px-lon-1]}")
    assert only(demo) == {"update:job.contoso-files": {"repository": ["contoso-files", "contoso-mail"]}}
    demo.converges()


@pytest.mark.matrix
def test_a_repository_on_object_storage_moves_to_another_pool(demo: Rehearsal) -> None:
    demo.replace(
        "px-lnx-2: {host: px-lnx-2.example.net, group: cloud}",
        "px-lnx-2: {host: px-lnx-2.example.net, group: cloud, pool: second}",
    )
    demo.replace(
        "  cloud: {description: Proxies for object storage}",
        "  cloud: {description: Proxies for object storage}\n  second: {}",
    )
    demo.replace("  northwind-cloud:\n    pool: cloud", "  northwind-cloud:\n    pool: second")
    demo.replace("proxies: [px-dmz-2, cloud]", "proxies: [px-dmz-2, second]")
    found = only(demo)
    assert found["update:repository.northwind-cloud"] == {"owner": ["pool.cloud", "pool.second"]}
    assert set(found) == {"create:pool.second", "update:pool.cloud", "update:repository.northwind-cloud"}
    demo.converges()


@pytest.mark.matrix
def test_a_rotated_password_is_just_that_change(demo: Rehearsal) -> None:
    demo.replace("secret://env/SMTP_PASSWORD", "secret://env/SMTP_PASSWORD_2")
    (found,) = only(demo).items()
    assert found[0] == "update:smtp"
    assert list(found[1]) == ["credentials"]
    assert "Lab-1" not in str(found)
    demo.converges()


@pytest.mark.matrix
def test_a_rotated_password_of_proxies_is_a_change_of_each(demo: Rehearsal) -> None:
    demo.replace("secret://env/CORP_PASSWORD", "secret://env/CORP_PASSWORD_2")
    found = only(demo)
    assert {key: list(fields) for key, fields in found.items()} == {
        "update:proxy.px-lon-1": ["credentials"],
        "update:proxy.px-lon-2": ["credentials"],
    }
    demo.apply("--waive", "coverage=rehearsed")
    assert demo.plan()["changes"] == []


def _declare_another_certificate(demo: Rehearsal) -> None:
    demo.replace("  certificate: dmz-2026", "  certificate: dmz-2027")
    demo.replace(
        "  dmz-logon: {cert",
        "  dmz-2027: {pfx: pki/dmz-2027.pfx, passphrase: secret://env/DMZ_PFX}\n  dmz-logon: {cert",
    )


@pytest.mark.matrix
def test_another_server_certificate_is_just_that_change(demo: Rehearsal) -> None:
    _declare_another_certificate(demo)
    (found,) = only(demo).items()
    assert found[0] == "update:certificate"
    assert list(found[1]) == ["thumbprint"]
    demo.converges()


@pytest.mark.matrix
def test_what_is_removed_from_the_inventory_is_deleted(demo: Rehearsal) -> None:
    demo.replace(
        "  northwind-mail:\n    organization: northwind.example.net\n    repository: northwind\n"
        "    items: [mailbox]\n    schedule: {every: 4 hours}\n",
        "",
    )
    demo.replace("northwind.example.net: {proxies: [px-dmz-2, cloud]}", "northwind.example.net: {proxies: [cloud]}")
    assert list(only(demo)) == ["delete:job.northwind-mail"]
    demo.converges()


@pytest.mark.matrix
def test_a_workgroup_proxy_that_goes_offline_after_approval_keeps_the_certificate(demo: Rehearsal) -> None:
    saved = demo.folder / "plan.json"
    _declare_another_certificate(demo)
    assert demo.run("plan", "--lab", str(demo.file), "--out", str(saved)).code == 0
    demo.set("px-dmz-1", "power=off")
    ended = demo.run("apply", "--lab", str(saved), "--inventory", str(demo.file))
    assert ended.code == 4, ended.out
    assert "px-dmz-1 is not online, and would not trust the server" in ended.out
    assert "update:certificate" in demo.changes()
