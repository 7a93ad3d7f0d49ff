"""What can happen, as data: a list of events is drawn from a seed, and can be cut and run again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

Params = dict[str, Any]
_BIG = 1 << 16


@dataclass(frozen=True)
class Event:
    """`pause` is how many seconds pass before it. Numbers choose among what there is: `a` modulo its length."""

    name: str
    pause: float
    params: Params

    def __str__(self) -> str:
        shown = " ".join(f"{key}={value}" for key, value in self.params.items())
        return f"+{self.pause:.2f} s {self.name} {shown}".rstrip()


def _one(random: Random) -> Params:
    return {"a": random.randrange(_BIG)}


def _number(most: int) -> Callable[[Random], Params]:
    return lambda random: {"a": random.randrange(_BIG), "to": random.randint(1, most)}


def _moment(random: Random) -> Params:
    """`late`: it happens as soon as a proxy is drained or installed, if one is to be."""
    return {"a": random.randrange(_BIG), "late": random.random() < 0.6}


def _signal(random: Random) -> Params:
    """`again`: the same signal comes once more, after so many seconds; not at all below 0."""
    name = random.choice(["SIGTERM", "SIGHUP", "SIGINT"])
    return {**_moment(random), "to": name, "again": random.choice([-1.0, -1.0, -1.0, 0.0, 0.5, 5.0])}


def _word(*words: str) -> Callable[[Random], Params]:
    return lambda random: {"a": random.randrange(_BIG), "to": random.choice(words)}


def _wire(random: Random) -> Params:
    kind = random.choice(["status", "reset", "drop", "truncate", "expired-token", "latency"])
    paths = ["*", "*", "Proxies*", "BackupRepositories*", "Jobs*", "Jobs/*/start", "Jobs/*/start", "VboEmailSettings"]
    paths.append("token")
    fault: Params = {
        "kind": kind,
        "method": random.choice(["*", "GET", "POST", "PUT", "DELETE"]),
        "path": random.choice([*paths, "JobSessions*", "ProxyPools*"]),
        "times": random.randint(1, 3),
        "status": random.choice([429, 500, 502, 503, 504]),
        "when": "after" if kind == "drop" else random.choice(["before", "after"]),
        "seconds": random.choice([0.5, 5.0, 70.0]),
    }
    if fault["status"] in (429, 503) and random.random() < 0.5:
        fault["retry_after"] = random.choice([1, 5, 30])
    return {"fault": fault}


EVENTS: dict[str, tuple[float, Callable[[Random], Params]]] = {
    # the inventory changes
    "throttle": (4, _number(900)),
    "describe": (3, _word("a", "b", "c", "")),
    "keep": (3, _word("1 year", "2 years", "5 years", "10 years")),
    "schedule": (3, _number(23)),
    "mail": (2, _word("it", "backup", "night")),
    "credentials": (3, _word("proxy", "organization", "organization")),
    "another repository": (3, lambda random: {"a": random.randrange(_BIG), "to": random.randint(1, 3)}),
    "no other repository": (2, _number(3)),
    # the program
    "apply": (10, lambda random: {"wait": random.choice([0, 0, 30, 120]), "resume": random.random() < 0.15}),
    "signal": (5, _signal),
    "stands still": (1, lambda random: {**_moment(random), "to": random.choice([5, 45, 90, 400])}),
    "kill": (2, _moment),
    "kill at a write": (2, lambda random: {"a": random.randrange(_BIG), "to": random.randint(1, 12)}),
    "the reader goes away": (4, lambda random: {**_moment(random), "to": random.choice(["out", "err", "both"])}),
    "journal": (2, _word("kept", "kept", "comes back")),
    # another user
    "hand changes ours": (4, _number(900)),
    "hand sets what is not declared": (2, _number(64)),
    "hand adds": (2, _one),
    "hand removes a job": (1, _one),
    # things go wrong
    "wire": (14, _wire),
    "host": (5, _word("off", "on", "on", "hung")),
    "login": (2, _word("refused", "accepted", "accepted")),
    "password": (1, _word("wrong", "right", "right")),
    "rotated": (2, _word("hosts", "both", "both", "declared")),
    "slow": (3, _number(90)),
    "server restarts": (4, lambda random: {**_moment(random), "to": random.randint(1, 120)}),
    "server is upgraded": (3, lambda random: {**_moment(random), "to": random.randint(1, 60)}),
    "disk": (2, _word("full", "free", "free")),
    "clock jumps": (1, lambda random: {"to": random.randint(-7200, 7200)}),
    "time passes": (6, lambda random: {"to": random.choice([1, 10, 60, 600, 4000])}),
    "calm": (1, lambda random: {}),
}


_SHARES = (1.0, 1.0, 0.6, 0.3)
"""How much of what goes wrong does so in a storm. Where everything does, an apply always has a reason to fail."""
_ALWAYS = ("throttle", "describe", "another repository", "credentials", "apply", "time passes")


def drawn(random: Random, count: int) -> list[Event]:
    share = random.choice(_SHARES)
    names = [name for name in EVENTS if name in _ALWAYS or random.random() < share]
    weights = [EVENTS[name][0] for name in names]
    found = []
    for name in random.choices(names, weights, k=count):
        pause = random.choice([0.0, 0.0, 0.01, 0.1, 0.5, 2.0]) * random.random() * 2
        found.append(Event(name, round(pause, 3), EVENTS[name][1](random)))
    return found


def shrunk(events: list[Event], fails: Callable[[list[Event]], bool]) -> Iterator[list[Event]]:
    """Ever shorter lists that still fail: delta debugging (Zeller, Hildebrandt)."""
    size = max(1, len(events) // 2)
    while size:
        start, found = 0, False
        while start < len(events):
            shorter = events[:start] + events[start + size :]
            if fails(shorter):
                events, found = shorter, True
                yield events
            else:
                start += size
        if not found or size > len(events):
            size //= 2
