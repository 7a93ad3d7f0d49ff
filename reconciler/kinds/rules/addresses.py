"""Rules of addresses: the host of a URL is held to the definition of hosts, and an address is not a name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.kinds import hosts
from reconciler.kinds.rules.declared import Declared, Finding, Where
from reconciler.model.sentences import quoted
from reconciler.model.url import split_url

_ADDRESSES = (
    ("proxies", "service.package", "source"),
    ("repositories", "object_storage", "endpoint"),
)
"""Section, field, and the part of its map that may be an address."""
_MESSAGE: Final = "it is a DNS name or an IP address (IPv6 in brackets), and may have a port"


def wrong_host(declared: Declared) -> Iterator[Finding]:
    for where, part, text in _all(declared):
        wrong = _wrong_host(text)
        if wrong:
            detail = f"The host of `{part}` ({quoted(wrong)}) is not valid: {_MESSAGE}."
            yield Finding(where, detail, _fix(text, wrong, part))


def _all(declared: Declared) -> Iterator[tuple[Where, str, str]]:
    """(place, part, text) of every address. The field that holds it is a map, or a separate one."""
    for section, field, part in _ADDRESSES:
        dotted = f"{field}.{part}"
        for name, values in declared.saying(section, field):
            whole = values[field]
            if isinstance(whole, dict) and isinstance(text := whole.get(part), str):
                yield Where(section, name, field), part, text
        for name, values in declared.saying(section, dotted):
            if isinstance(text := values[dotted], str):
                yield Where(section, name, dotted), part, text
    vault = declared.setting("secrets").get("vault.address")
    if isinstance(vault, str):
        yield Where("secrets", "", "vault.address"), "address", vault


def address_as_name(declared: Declared) -> Iterator[Finding]:
    """`name` does not say where to connect."""
    found = [("proxies", name, "connection", said) for name, said in declared.saying("proxies", "connection.name")]
    for section, name, part, values in [*found, ("server", "", "powershell", declared.setting("server"))]:
        text = str(values.get(f"{part}.name", ""))
        if hosts.is_address(text):
            detail = f"{quoted(text)} is an address, and `{part}.name` is the name that the host is verified by."
            fix = f"Write `address: {text}` instead of `name` if that is where to connect; else write its name."
            yield Finding(Where(section, name, f"{part}.name"), detail, fix)


def _wrong_host(text: str) -> str:
    """The host, with its port, of an address that has none that is valid."""
    scheme, _, rest = text.partition("://")
    if not rest or not scheme.isalpha():
        return ""
    authority = rest.partition("/")[0]
    if split_url(text) is None:
        return authority
    found = authority.rpartition("@")[2]
    return "" if hosts.authority(found) else found


def _fix(text: str, wrong: str, part: str) -> str:
    meant = hosts.intended(wrong)
    if meant is None or "@" in text:
        return f"Correct the host of `{part}`."
    name = f"[{meant.host}]" if ":" in meant.host else meant.host
    right = f"{name}:{meant.port}" if meant.port else name
    return f"Write: {part}: {text.replace(wrong, right, 1)}"
