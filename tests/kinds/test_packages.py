"""File names and builds of packages, by path and by address."""

from __future__ import annotations

import pytest

from reconciler.kinds.packages import build_in, file_name, is_address

NAMES = {
    "p_8.5.0.1014_amd64.deb": ("p_8.5.0.1014_amd64.deb", "8.5.0.1014"),
    "packages/p_8.5.0.deb": ("p_8.5.0.deb", "8.5.0"),
    "C:\\packages\\Proxy_8.5.0.1014.msi": ("Proxy_8.5.0.1014.msi", "8.5.0.1014"),
    "C:\\8.4.0.1\\Proxy.msi": ("Proxy.msi", ""),
    "https://files.example.com/8.4.0.1/Proxy_8.5.0.1014.msi?token=1.2.3": ("Proxy_8.5.0.1014.msi", "8.5.0.1014"),
    "https://files.example.com/Backup%20Proxy_8.5.0.1.msi#part": ("Backup Proxy_8.5.0.1.msi", "8.5.0.1"),
    "p_8.5.deb": ("p_8.5.deb", ""),
    "p_8.5.0.1014.7_amd64.deb": ("p_8.5.0.1014.7_amd64.deb", ""),
    "p_8.5.0.1-8.5.0.2.deb": ("p_8.5.0.1-8.5.0.2.deb", ""),
    "p_8.5.0.1-8.5.0.1.deb": ("p_8.5.0.1-8.5.0.1.deb", "8.5.0.1"),
}


@pytest.mark.parametrize("source", NAMES)
def test_the_name_and_the_build_in_it(source: str) -> None:
    assert (file_name(source), build_in(source)) == NAMES[source]
    assert is_address(source) == source.startswith("https:")
