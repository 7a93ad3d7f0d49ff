"""Faults on demand: a list of maps in the state, under `faults`, that may be changed at any time.

    {"kind": "status", "status": 503, "method": "GET", "path": "Proxies*", "times": 2}

`method` and `path` (a glob, below /vN/, any case) say which requests it hits, `times` how often (else always), `when`
whether it strikes before or after the work. Kinds:

    latency         wait `seconds`
    status          answer `status` with `message`, and with `Retry-After` if there is `retry_after`
    reset           reset the connection (TCP RST)
    gateway         answer 504 after `seconds` while the work goes on; the work itself takes `work` seconds longer
    drop            do the work, then close the connection without an answer
    truncate        send half of the body
    expired-token   treat the bearer token as expired
    refuse-refresh  refuse the refresh token
    strict          refuse unknown properties
    wrong-next      write `version` (v7) into the link to the next page
    text-numbers    send numbers as text
    effect          do the work, and set property `property` of the object in the path to `value` as well
    word            give property `property` the value `value` in every object
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from reconciler.lab.server.answer import Answer, ApiError
from reconciler.lab.server.work import Background

KINDS = frozenset(
    {
        "latency",
        "status",
        "reset",
        "gateway",
        "drop",
        "truncate",
        "expired-token",
        "refuse-refresh",
        "strict",
        "wrong-next",
        "text-numbers",
        "effect",
        "word",
    }
)


class WireFault(Exception):
    """The connection is to be broken: by a reset, or by closing it."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__("reset" if reset else "close")
        self.reset = reset


class Faults:
    """The faults that hit one request."""

    def __init__(self, hits: Sequence[Mapping[str, Any]], work: Background) -> None:
        self._hits = hits
        self._work = work

    def has(self, kind: str) -> bool:
        return any(fault["kind"] == kind for fault in self._hits)

    @property
    def gateway(self) -> float | None:
        """The seconds after which a gateway in front of the server gives up, None without one."""
        found = [float(fault.get("seconds", 0.1)) for fault in self._hits if fault["kind"] == "gateway"]
        return min(found, default=None)

    def strike(self, when: str) -> None:
        """Latency, statuses and broken connections, before or after the work."""
        for fault in self._hits:
            kind, moment = fault["kind"], fault.get("when", "before")
            if kind == "drop" and when == "after":
                raise WireFault(reset=False)
            if moment != when:
                continue
            if kind == "latency":
                self._work.wait(float(fault.get("seconds", 1.0)))
            elif kind == "gateway":
                self._work.wait(float(fault.get("work", 0.0)))
            elif kind == "reset":
                raise WireFault(reset=True)
            elif kind == "status":
                status = int(fault.get("status", 500))
                headers = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
                message = str(fault.get("message", f"`lab set` asked for the answer {status}."))
                raise ApiError(message, status=status, headers=headers)

    def affect(self, state: Mapping[str, Any], idents: Collection[str]) -> None:
        """Change more of an object than was asked. Call it while holding the lock of the state."""
        for fault in self._hits:
            if fault["kind"] == "effect":
                held = [items for items in state.values() if isinstance(items, dict)]
                for found in (items[ident] for items in held for ident in idents if ident in items):
                    found[fault["property"]] = fault.get("value")

    def bend(self, answer: Answer, rest: int) -> None:
        """Change an answer that is otherwise right."""
        for fault in self._hits:
            bend = BENDS.get(fault["kind"])
            if bend is not None:
                answer.body = bend(answer.body, fault, rest)
            elif fault["kind"] == "truncate":
                answer.cut = True


def due(faults: list[dict[str, Any]], method: str, path: str, work: Background) -> Faults:
    """The faults that hit a request; uses up one of their `times`. Call it while holding the lock of the state."""
    hits = []
    for fault in list(faults):
        if fault.get("kind") not in KINDS:
            raise ValueError(f"the lab has no fault {fault.get('kind')!r}")
        if fault.get("method", "*") not in ("*", method):
            continue
        if not fnmatchcase(path.lower(), str(fault.get("path", "*")).lower()):
            continue
        hits.append(dict(fault))
        if "times" in fault:
            fault["times"] -= 1
            if fault["times"] <= 0:
                faults.remove(fault)
    return Faults(hits, work)


def wrong_next(body: Any, fault: Mapping[str, Any], rest: int) -> Any:
    following = body.get("_links", {}).get("next") if isinstance(body, dict) else None
    if following:
        following["href"] = following["href"].replace(f"/v{rest}/", f"/{fault.get('version', 'v7')}/", 1)
    return body


def text_numbers(body: Any, fault: Mapping[str, Any], rest: int) -> Any:
    if isinstance(body, dict):
        return {name: text_numbers(value, fault, rest) for name, value in body.items()}
    if isinstance(body, list):
        return [text_numbers(value, fault, rest) for value in body]
    return str(body) if isinstance(body, int | float) and not isinstance(body, bool) else body


def word(body: Any, fault: Mapping[str, Any], _rest: int) -> Any:
    items = body.get("results", [body]) if isinstance(body, dict) else body
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and fault.get("property") in item:
            item[fault["property"]] = fault.get("value")
    return body


BENDS: Mapping[str, Callable[[Any, Mapping[str, Any], int], Any]] = {
    "wrong-next": wrong_next,
    "text-numbers": text_numbers,
    "word": word,
}
