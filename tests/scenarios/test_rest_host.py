"""The REST service on a separate machine: it is reached there, everything else knows the server by its own name."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from reconciler.clients.vbo import connect
from reconciler.inventory import load
from reconciler.lab.lab import Lab
from reconciler.model.connection import ConnectionContext
from reconciler.model.errors import UntrustedPeer
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix

HOST = "host: vbo01.corp.example.com"
REST = "vbo-rest.corp.example.com"


def test_a_server_with_its_rest_service_elsewhere(demo: Rehearsal) -> None:
    demo.replace(HOST, f"{HOST}\n  rest_host: {REST}")
    assert demo.plan()["server"]["host"] == "vbo01.corp.example.com"
    demo.replace("throttle: 100 Mbps", "throttle: 50 Mbps")
    demo.converges()
    ended = demo.run("doctor", "--lab", str(demo.file), "--format", "json")
    rows = {(item["subject"], item["check"]): item for item in json.loads(ended.out)["checks"]}
    assert ended.code == 0, ended.out
    assert rows["server", "certificate"]["level"] == rows["server.powershell", "answer"]["level"] == "ok"


def test_its_certificate_is_for_its_own_name(demo: Rehearsal) -> None:
    """A lab that shows the certificate of the server there would prove nothing."""
    demo.replace(HOST, f"{HOST}\n  rest_host: {REST}")
    inventory, _ = load(demo.file)
    assert inventory is not None
    with Lab.open(inventory, demo.folder / "another-lab") as lab:
        access = lab.redirect(inventory.access)
        context = ConnectionContext(lab.resolver, access.root)
        with connect(access.server, context) as session:
            assert session.host == REST
        with pytest.raises(UntrustedPeer, match="another name"):
            connect(replace(access.server, rest_host=""), context)


def test_the_file_of_trust_names_both(demo: Rehearsal) -> None:
    pins = demo.folder.parent / "trust.yml"
    pins.write_text("version: 1\nservers: [vbo01.corp.example.com]\nhosts: ['*']\n")
    demo.replace(HOST, f"{HOST}\n  rest_host: {REST}")
    ended = demo.run("plan", "--trust", str(pins), str(demo.file))
    assert ended.code == 1
    assert f"servers: [{REST}]" in ended.err
