"""Machines that are not the lab's own."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from reconciler.inventory import load
from reconciler.lab.fleet import DeployError, Deployment
from reconciler.lab.hosts import push
from reconciler.lab.hosts.login import HostLogin
from reconciler.lab.lab import Lab
from reconciler.lab.network import FALLBACK, Network
from reconciler.lab.outside import Machine, Outside
from reconciler.lab.pki import Authority
from reconciler.model.script import Script
from tests.ports import refused_port

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEl0IGlzIG5vdCByZWFsbHkgYSBrZXkgYXQgYWxs"
DEMO = Path(__file__).parents[2] / "inventories" / "demo.yml"


def test_a_machine_is_where_it_is() -> None:
    network = Network("seed")
    network.point("PX-1.example.net", "10.77.0.11")
    assert network.resolve("px-1.example.net", 22) == ("10.77.0.11", 22)
    assert network.resolve("px-1.example.net", 9193) == ("10.77.0.11", 9193)
    assert network.names == {"px-1.example.net": "10.77.0.11"}
    network.close()


def test_in_an_area_of_its_own_the_lab_has_the_ports_themselves() -> None:
    network = Network("seed", "127.3")
    address = network.add("smtp.example.net")
    if address == FALLBACK:
        pytest.skip("this system binds no other loopback address")
    assert address.startswith("127.3.")
    with socket.socket() as trial:
        try:
            trial.bind((address, 587))
        except PermissionError:
            pytest.skip("this user may not listen on port 587")
    assert network.resolve("smtp.example.net", 587) == (address, 587)
    network.close()


def test_the_lab_emulates_the_others(tmp_path: Path) -> None:
    demo, found = load(DEMO)
    assert demo is not None, found
    outside = Outside({"px-lnx-1.example.net": Machine("127.0.0.99", KEY)})
    with Lab.open(demo, tmp_path / "lab", outside) as lab:
        connections = lab.redirect(demo.access).connections
        assert (connections["px-lnx-1"].address, connections["px-lnx-1"].port) == ("127.0.0.99", 22)
        assert connections["px-lnx-1"].trust.host_keys == (KEY,)
        assert connections["px-lnx-2"].address not in ("", "127.0.0.99")
        assert "px-lnx-1.example.net" not in lab.status()["hosts"]
        assert "px-lnx-2.example.net" in lab.status()["hosts"]


def test_a_machine_has_push_scripts_of_its_own(tmp_path: Path) -> None:
    outside = Outside({"px-1.example.net": Machine("127.0.0.99", KEY)}, push=lambda name: Script(name, "echo ours"))
    assert outside.script("PX-1.example.net", "push-proxy.sh").text == "echo ours"
    assert outside.script("px-2.example.net", "push-proxy.sh") == push.script("push-proxy.sh")


def test_a_machine_that_is_off_is_unreachable(tmp_path: Path) -> None:
    network = Network(str(tmp_path))
    network.point("px-1.example.net", "127.0.0.1")
    login = Outside().script
    with refused_port() as port:
        ssh = {"port": port, "account": "a"}
        order = Deployment("px-1.example.net", "linux", False, 9193, "8.0", "vbo", "", ssh=ssh)
        with pytest.raises(DeployError) as answer, HostLogin(order, network, Authority(tmp_path / "pki"), login):
            pass
    assert answer.value.code == "unreachable"
    network.close()
