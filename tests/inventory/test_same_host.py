"""Two proxies of one host are an error, in whichever order of their names they are declared."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from tests.inventory.writing import HEAD, findings, write


@pytest.mark.parametrize("names", list(permutations(("a", "b", "c"))))
def test_each_proxy_of_a_host_but_the_first_is_told(tmp_path: Path, names: tuple[str, ...]) -> None:
    hosts = dict(zip(names, ("px.example.com", "other.example.com", "PX.example.com"), strict=True))
    body = "proxies:\n" + "".join(
        f"  {name}: {{host: {host}, type: domain, credentials: admin}}\n" for name, host in hosts.items()
    )
    (found,) = findings(write(tmp_path, {"inventory.yml": HEAD + body}))
    assert found.address == f"proxy.{names[2]}"
    assert found.severity == "error"
