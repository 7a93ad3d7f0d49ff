"""Debian hosts for the tests of this folder. Where there can be none, everything here is skipped and says why."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.estate import Estate, estate
from tests.integration.hosts import Host, HostNetwork, unified
from tests.integration.image import NoImage, image
from tests.integration.namespaces import Namespaces, NoNamespaces

NEEDED = ("systemd-nspawn", "nsenter", "unshare", "ip", "ssh-keygen", "ssh")


def missing() -> str:
    """Why there can be no hosts here; empty where nothing is known to stand in the way."""
    if os.geteuid() != 0:
        return "hosts are started by root"
    absent = [name for name in NEEDED if shutil.which(name) is None]
    if absent:
        return f"not installed: {', '.join(absent)}"
    if not (unified() / "cgroup.procs").exists():
        return "a cgroup hierarchy of version 2 is missing"
    return ""


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostNetwork]:
    """The network of all hosts."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    try:
        root = image()
        with Namespaces() as spaces:
            yield HostNetwork(spaces, root, tmp_path_factory.mktemp("site"))
    except (NoImage, NoNamespaces) as error:
        pytest.skip(str(error))


@pytest.fixture
def site(ground: HostNetwork) -> Iterator[HostNetwork]:
    """The network of the hosts, which the test is in itself."""
    with ground.entered():
        yield ground


@pytest.fixture
def three(site: HostNetwork) -> Iterator[list[Host]]:
    """Three hosts that are up, and nothing on them but Debian."""
    with site.hosts("px-1.example.net", "px-2.example.net", "px-3.example.net") as hosts:
        yield hosts


@pytest.fixture
def three_in_estate(three: list[Host], tmp_path: Path) -> Iterator[Estate]:
    """The same hosts in an inventory, with a management server that has not met them yet."""
    with estate(tmp_path, three) as made:
        yield made
