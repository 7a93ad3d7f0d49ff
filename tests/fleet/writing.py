"""Fleets for tests, as text in a temporary folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.inventory.writing import write

HEAD = "version: 1\nfleet: {name: corp}\n"


def inventory(name: str, body: str = "") -> str:
    """A small inventory of one server."""
    return f"""\
version: 1
name: {name}
server: {{host: vbo-{name}.example.com, credentials: admin}}
credentials: {{admin: {{username: svc, password: secret://env/P}}}}
{body}"""


def write_fleet(folder: Path, body: str, files: Mapping[str, str] | None = None, head: str = HEAD) -> Path:
    """The file of a fleet, with inventories for london, paris and rome below `sites/` besides it."""
    sites = {f"sites/{name}.yml": inventory(name) for name in ("london", "paris", "rome")}
    return write(folder, {"fleet.yml": head + body, **sites, **(files or {})})
