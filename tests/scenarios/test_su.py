"""Linux hosts without sudo: our login and that of the server become root with su and the password of root."""

from __future__ import annotations

import json

import pytest

from reconciler.lab.secrets import LabSecrets
from reconciler.model.secret import SecretRef
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix

BY_SUDO = "linux-admin: {username: backup, private_key: secret://file/secrets/id_ed25519, sudo: true}"
BY_SU = BY_SUDO.replace("sudo: true", "su: true, root_password: secret://env/ROOT_PASSWORD")


@pytest.fixture
def by_su(demo: Rehearsal) -> Rehearsal:
    """The server has the new login, too."""
    demo.replace(BY_SUDO, BY_SU)
    changes = demo.changes()
    assert [key for key in changes if key.startswith("update:")] == ["update:proxy.px-lnx-1", "update:proxy.px-lnx-2"]
    assert "secret://env/ROOT_PASSWORD" not in json.dumps(changes)
    demo.converges()
    return demo


def test_a_proxy_is_changed_upgraded_and_removed_by_su(by_su: Rehearsal) -> None:
    ended = by_su.run("doctor", "--lab", str(by_su.file), "--format", "json")
    rows = {(item["subject"], item["check"]): item for item in json.loads(ended.out)["checks"]}
    assert rows["host.px-lnx-1", "rights"]["found"] == "root is an administrator of the host"
    assert rows["credential.linux-admin", "secrets"]["found"] == "resolved: private_key, root_password"
    by_su.set("server", "build=8.6.0.1")
    assert {"upgrade:proxy.px-lnx-1", "upgrade:proxy.px-lnx-2"} <= {*by_su.changes()}
    ended = by_su.apply("--waive", "coverage=fabrikam has one proxy")
    assert ended.code == 0, ended.out + ended.err
    assert by_su.plan()["changes"] == []
    by_su.replace(
        "px-lnx-2: {host: px-lnx-2.example.net, group: cloud}",
        "px-lnx-2: {host: px-lnx-2.example.net, group: cloud, state: absent}",
    )
    assert "delete:proxy.px-lnx-2" in by_su.changes()
    by_su.converges()


@pytest.mark.parametrize(("fault", "said"), [("denied", "Permission denied"), ("locked", "Authentication failure")])
def test_a_su_that_refuses(by_su: Rehearsal, fault: str, said: str) -> None:
    by_su.set("px-lnx-1", f"su={fault}")
    ended = by_su.run("plan", "--lab", str(by_su.file))
    assert ended.code == 1
    assert f"becoming root with su: su: {said}" in ended.out + ended.err
    assert "`root_password`" in ended.out + ended.err
    by_su.set("px-lnx-1", "su=works")
    assert by_su.plan()["changes"] == []


def test_the_password_of_root_is_nowhere_on_disk(by_su: Rehearsal) -> None:
    (seed,) = by_su.folder.rglob("secrets/seed")
    password = LabSecrets(seed.parent, {}).resolve(SecretRef("env", "ROOT_PASSWORD")).reveal().encode()
    files = [path for path in by_su.folder.rglob("*") if path.is_file()]
    assert [path for path in files if password in path.read_bytes()] == []
    assert any(path.name == "lab-shadow" for path in files), "hosts of the lab keep a hash of it"
