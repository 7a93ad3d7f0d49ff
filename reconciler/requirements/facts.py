"""Parses the document of a facts script: validates and normalizes it, and adds derived facts. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import Any, Final

from reconciler.model.script import Script

_PARTS: Final = ("os", "host", "clock", "dotnet", "firewall", "disk", "reboot", "server", "service")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LOWER: Final = (("host", "fqdn"), ("domain", "name"), ("server", "name"))
_SORTED: Final = (
    ("dotnet", "runtime"),
    ("dotnet", "aspnet"),
    ("powershell", "core"),
    ("server", "addresses"),
    ("server", "reverse"),
)


LONGEST: Final = 1000
"""Characters of a text, and parts of a list or map, that are kept: a host may report anything, and plans show it."""


class NotFacts(ValueError):
    """The document is not the output of a facts script; the message is the reason."""


def parse(document: Any, system: str, now: datetime) -> dict[str, Any]:
    """Facts of a host with the operating system `system`, read at the local time `now` (aware).

    Derived facts are `clock.minutes_off` (whole minutes that the host is ahead), `server.resolves`,
    `server.reverse_matches`, `certificates.days_left` (whole days until the first expiry), `account.deploys` (whether
    the account that deploys the proxy service is an administrator; `of_another_login` where that is not the one that
    read the facts) and `domain.of_server`. Lists are sorted and names are in lower case, because hosts differ in both.
    """
    if not isinstance(document, dict):
        raise NotFacts("it is not an object")
    missing = [part for part in _PARTS if not isinstance(document.get(part), dict)]
    if missing:
        raise NotFacts(f"it has no {', '.join(missing)}")
    facts: dict[str, Any] = bounded(document)
    family = facts["os"].get("family")
    if family != system:
        raise NotFacts(f"it is of a {str(family)[:20]} host, and the inventory declares {system}")
    for part, name in _LOWER:
        if isinstance(_value(facts, part, name), str):
            facts[part][name] = facts[part][name].lower().rstrip(".")
    for part, name in _SORTED:
        if isinstance(_value(facts, part, name), list):
            facts[part][name] = sorted({str(item).lower().rstrip(".") for item in facts[part][name] if item})
    facts["clock"]["minutes_off"] = _minutes_off(facts["clock"].get("utc"), now)
    _add_names(facts["server"])
    if isinstance(facts.get("certificates"), dict):
        facts["certificates"]["days_left"] = _days_left(facts["certificates"].get("ends"), now)
    _add_account_and_domain(facts)
    return facts


def of_another_login(facts: Mapping[str, Any]) -> dict[str, Any]:
    """`facts` of a host where the server deploys with another login than the one that read them: what that one may do
    is not known."""
    if not isinstance(facts.get("account"), Mapping):
        return dict(facts)
    return {**facts, "account": {**facts["account"], "deploys": None}}


def _value(facts: Mapping[str, Any], part: str, name: str) -> Any:
    """None if the host does not report it, or nothing of that part."""
    found = facts.get(part)
    return found.get(name) if isinstance(found, dict) else None


def bounded(value: Any) -> Any:
    """A copy of a value whose texts, lists and maps are cut."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST else value[: LONGEST - 1] + "\u2026"
    if isinstance(value, dict):
        short = value if len(value) <= LONGEST else dict(islice(value.items(), LONGEST))
        return {bounded(key) if len(key) > LONGEST else key: bounded(part) for key, part in short.items()}
    return [bounded(part) for part in value[:LONGEST]] if isinstance(value, list) else value


def example(script: Script) -> dict[str, Any]:
    """The document in the comment at the head of a facts script. Raises ValueError if there is none."""
    head = takewhile(lambda line: line.startswith("#"), script.text.splitlines())
    text = "\n".join(line.removeprefix("#") for line in head)
    found: dict[str, Any] = json.loads(text[text.index("{") :])
    return found


def _minutes_off(utc: Any, now: datetime) -> int | None:
    try:
        host = datetime.fromisoformat(str(utc))
    except ValueError:
        return None
    if host.tzinfo is None:
        host = host.replace(tzinfo=UTC)
    return round((host - now).total_seconds() / 60)


def _days_left(ends: Any, now: datetime) -> int | None:
    """None without a certificate, or if an expiry date cannot be parsed."""
    times = [_end(text) for text in ends] if isinstance(ends, list) else []
    known = [time for time in times if time is not None]
    return min((time - now).days for time in known) if known and len(known) == len(times) else None


def _end(text: Any) -> datetime | None:
    """`2027-05-06T07:08:09Z`, or the format of openssl: `May  6 07:08:09 2027 GMT`."""
    try:
        if str(text).endswith(" GMT"):
            month, rest = str(text)[:3], " ".join(str(text)[3:-4].split())
            number = _MONTHS.index(month) + 1
            return datetime.strptime(f"{number} {rest}", "%m %d %H:%M:%S %Y").replace(tzinfo=UTC)
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _add_account_and_domain(facts: dict[str, Any]) -> None:
    account, domain = facts.get("account"), facts.get("domain")
    if isinstance(account, dict):
        account["deploys"] = account.get("admin")
    if isinstance(domain, dict):
        domain["of_server"] = _is_of_server(domain, str(facts["server"].get("name", "")))


def _is_of_server(domain: Mapping[str, Any], server: str) -> bool | None:
    """Whether the host is a member of the domain that the name of the server is in, or of one above or below it: these
    trust each other. None if the name of the server has no domain."""
    own, other = str(domain.get("name") or ""), server.partition(".")[2]
    if not domain.get("member") or "." not in own or not other.strip("0123456789.") or ":" in server:
        return None
    return f".{own}".endswith(f".{other}") or f".{other}".endswith(f".{own}")


def _add_names(server: dict[str, Any]) -> None:
    addresses, reverse = server.get("addresses"), server.get("reverse")
    server["resolves"] = bool(addresses) if isinstance(addresses, list) else None
    name = server.get("name")
    if not isinstance(name, str) or not isinstance(reverse, list) or not server["resolves"]:
        server["reverse_matches"] = None
        return
    if name in server["addresses"]:
        server["reverse_matches"] = None  # nothing to look up
        return
    short = name.partition(".")[0]
    server["reverse_matches"] = any(item == name or item.partition(".")[0] == short for item in reverse)
