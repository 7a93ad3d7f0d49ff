"""Troubles of the way in, switched on from outside, as the reconciler's own clients meet them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.clients.host_session import open_host
from reconciler.clients.vbo import connect
from reconciler.inventory import load
from reconciler.lab.errors import LabError
from reconciler.lab.hosts.wsman import TROUBLES
from reconciler.lab.lab import Lab
from reconciler.model.connection import ConnectionContext
from reconciler.model.errors import (
    BadAnswer,
    ConnectionLost,
    DeadlineExceeded,
    Refused,
    RemoteError,
    Unavailable,
    Unreachable,
    UntrustedPeer,
)
from reconciler.model.inventory import Inventory
from reconciler.package_data import shipped_script

DEMO = Path(__file__).parents[2] / "inventories" / "demo.yml"


@pytest.fixture
def demo() -> Inventory:
    inventory, diagnostics = load(DEMO)
    assert inventory is not None, diagnostics
    return inventory


@pytest.fixture
def lab(demo: Inventory, tmp_path: Path) -> Iterator[Lab]:
    with Lab.open(demo, tmp_path / "lab") as opened:
        yield opened


def registry(lab: Lab, demo: Inventory, deadline: float = 10) -> Any:
    access = lab.redirect(demo.access)
    with open_host(access.connections["px-dmz-1"], ConnectionContext(lab.resolver, access.root)) as session:
        return session.execute(shipped_script("windows/remote-registry.ps1"), {}, deadline=deadline)


MET: dict[str, type[RemoteError] | None] = {
    "drop": Unreachable,  # the script was never sent
    "lose": ConnectionLost,
    "half": ConnectionLost,
    "long": ConnectionLost,
    "short": BadAnswer,
    "garbage": BadAnswer,
    "fault": Refused,
    "expire": None,  # the client logs in again
    "busy": Unavailable,
    "late": Unreachable,  # no shell was made in the time given
    "silent": DeadlineExceeded,
}


def test_each_trouble_of_winrm_has_its_error_and_passes(lab: Lab, demo: Inventory) -> None:
    assert set(MET) == set(TROUBLES)
    for trouble, kind in MET.items():
        lab.set("px-dmz-1", "winrm", f"{trouble}:1")
        if kind is None:
            assert registry(lab, demo)
        else:
            with pytest.raises(RemoteError) as caught:
                registry(lab, demo, 1 if trouble == "silent" else 10)
            assert type(caught.value) is kind, trouble
        assert lab.status()["hosts"]["px-dmz-1.example.net"]["faults"] == {}
        assert registry(lab, demo)


def test_a_trouble_without_a_number_stays_until_it_is_taken_away(lab: Lab, demo: Inventory) -> None:
    lab.set("px-dmz-1", "winrm", "busy")
    for _ in range(2):
        with pytest.raises(Unavailable):
            registry(lab, demo)
    for value in ("dance", "drop:0", "drop:often", ""):
        with pytest.raises(LabError):
            lab.set("px-dmz-1", "winrm", value)
    lab.set("px-dmz-1", "winrm", "fine")
    assert registry(lab, demo)


def test_the_rest_api_shows_another_certificate(lab: Lab, demo: Inventory) -> None:
    access = lab.redirect(demo.access)
    for value, words in (("expired", "has expired"), ("other-name", "for another name")):
        lab.set("server", "rest-certificate", value)
        with pytest.raises(UntrustedPeer, match=words):
            connect(access.server, ConnectionContext(lab.resolver, access.root))
    lab.set("server", "rest-certificate", "valid")
    with connect(access.server, ConnectionContext(lab.resolver, access.root)) as session:
        assert session.build
    with pytest.raises(LabError, match="rest-certificate is one of"):
        lab.set("server", "rest-certificate", "revoked")


def test_an_organization_gets_another_display_name_once(lab: Lab) -> None:
    assert lab.set("contoso.example.com", "name", "Contoso") == "contoso.example.com: name is Contoso"
    for key, value in (("name", "Fabrikam.example.com"), ("name", ""), ("trouble", "none")):
        with pytest.raises(LabError, match="with a name that no organization has"):
            lab.set("Contoso", key, value)
    with pytest.raises(LabError, match=r"knows no host or job contoso\.example\.com"):
        lab.set("contoso.example.com", "name", "again")
