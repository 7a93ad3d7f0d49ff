"""What a world answers after an apply, without what differs from one world to the next: to compare two of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

ASKED = (
    "ServiceInstance",
    "Proxies",
    "ProxyPools",
    "BackupRepositories",
    "Jobs",
    "Organizations",
    "VboEmailSettings",
    "Proxies/00000000-0000-4000-8000-000000000000",
    "Nothing",
)
_VOLATILE = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    (re.compile(r"\d+\.\d+\.\d+\.\d+(?=\")"), "ADDRESS"),
    (
        re.compile(r"\"(ends|free_gb|days_left|objects|usedSpaceBytes|freeSpaceBytes)\": (\[[^]]*\]|\d+|null)"),
        r'"\1": 0',
    ),
    (re.compile(r"[0-9A-F]{40}"), "THUMBPRINT"),
)
_HEADERS = ("content-type", "x-lab", "allow")


def masked(value: Any) -> Any:
    text = json.dumps(value, sort_keys=True, default=str)
    for pattern, word in _VOLATILE:
        text = pattern.sub(word, text)
    return json.loads(text)


def answers(ask: Callable[[str], httpx.Response]) -> list[Any]:
    """Of every collection, of an object that does not exist and of a path that does not: status, headers and body."""
    found = []
    for path in ASKED:
        answer = ask(path)
        headers = {name: answer.headers.get(name) for name in _HEADERS}
        body = answer.json() if answer.content else None
        if isinstance(body, dict) and isinstance(body.get("results"), list):
            body["results"].sort(key=lambda item: str(item.get("hostName") or item.get("name")))
        found.append(masked([path, answer.status_code, headers, body]))
    return found


@contextmanager
def facts_read() -> Iterator[dict[str, Any]]:
    """The facts of hosts that are read inside."""
    from reconciler.observe import probe

    found: dict[str, Any] = {}
    read = probe.run_facts_scripts

    def spy(*args: Any, **options: Any) -> Any:
        facts = read(*args, **options)
        found[options["peer"]] = masked(facts)
        return facts

    probe.run_facts_scripts = spy
    try:
        yield found
    finally:
        probe.run_facts_scripts = read
