"""Rules of jump hosts."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.rules.declared import Declared, Finding, Where
from reconciler.kinds.rules.proxies import is_linux
from reconciler.model.sentences import quoted


def circle(declared: Declared) -> Iterator[Finding]:
    """Each circle is said once, at the first of its hosts in the file."""
    hosts = declared.section("jump_hosts")
    done: set[str] = set()
    for start in hosts:
        way: list[str] = []
        name = start
        while name in hosts and name not in done and name not in way:
            way.append(name)
            name = hosts[name].get("jump", "")
        if name in way:
            ring = way[way.index(name) :]
            detail = f"The jump hosts {' and '.join(map(quoted, ring))} lead back to {quoted(name)}."
            fix = "Remove `jump` from the host that can be reached directly."
            related = tuple(Where("jump_hosts", other, "jump") for other in ring[1:])
            yield Finding(Where("jump_hosts", name, "jump"), detail, fix, related)
        done.update(way)


def for_windows(declared: Declared) -> Iterator[Finding]:
    for name, values in declared.saying("proxies", "connection.jump"):
        if not is_linux(values):
            detail = f"{quoted(name)} runs Windows and is reached with WinRM, which does not go through a jump host."
            fix = "Remove `jump`, or write `os: linux` if the host runs Linux."
            yield Finding(Where("proxies", name, "connection.jump"), detail, fix)
