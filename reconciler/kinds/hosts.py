"""Names and addresses of machines: the one definition of what an inventory takes as a host.

`PATTERN` is also the pattern of `host` in schemas/inventory.schema.json, for editors; a test holds both together.
"""

from __future__ import annotations

import re
import unicodedata
from ipaddress import ip_address
from typing import Final, NamedTuple

_LABEL: Final = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
DOMAIN: Final = rf"(?!(?:.*\.)?[0-9]+$){_LABEL}(?:\.{_LABEL})*"
"""A DNS or NetBIOS name. A last label of digits alone is a part of an IPv4 address (RFC 1123, 2.1)."""
_BYTE: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4: Final = rf"(?:{_BYTE}\.){{3}}{_BYTE}"
_GROUP: Final = "[0-9A-Fa-f]{1,4}"
_SHORT: Final = "|".join(
    f"(?:{_GROUP}:){{1,{before}}}" + (f"(?::{_GROUP}){{1,{7 - before}}}" if before < 7 else ":")
    for before in range(7, 0, -1)
)
_MAPPED: Final = rf"(?:{_GROUP}:){{6}}{_IPV4}|::(?:{_GROUP}:){{0,5}}{_IPV4}"
_IPV6: Final = f"(?:{_GROUP}:){{7}}{_GROUP}|{_SHORT}|:(?:(?::{_GROUP}){{1,7}}|:)|{_MAPPED}"
PATTERN: Final = f"^(?:{DOMAIN}|{_IPV4}|{_IPV6})$"
MESSAGE: Final = "a host is a DNS name or an IP address, without a scheme, a port, a path or spaces"

_HOST: Final = re.compile(PATTERN)
_PLAIN_IPV4: Final = re.compile(_IPV4)
_LONGEST: Final = 253
_BRACKETS: Final = re.compile(r"\[([^\]]*)\](?::([0-9]*))?")
_PORTS: Final = range(1, 65536)


class Authority(NamedTuple):
    """A host, and the port that stands with it; 0 without one."""

    host: str
    port: int


def is_host(text: str) -> bool:
    return len(text) <= _LONGEST and _HOST.fullmatch(text) is not None


def is_address(host: str) -> bool:
    """Whether a host is an IP address."""
    if ":" not in host:  # most hosts are names, and to parse an address is slow
        return host[:1].isdecimal() and _PLAIN_IPV4.fullmatch(host) is not None
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def ascii_host(text: str) -> str:
    """A host as DNS and URLs have it: without the dot of the root, brackets and blanks, and other scripts as A-labels
    (RFC 5890). A label that is not a U-label, such as one with characters of full width, stays as it is."""
    name = text.strip().rstrip(".")
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    return name if name.isascii() else ".".join(map(_a_label, name.split(".")))


def _a_label(label: str) -> str:
    text = unicodedata.normalize("NFC", label.lower())
    is_plain = unicodedata.normalize("NFKC", text) == text and all(map(_is_of_label, text))
    return "xn--" + text.encode("punycode").decode("ascii") if is_plain and not text.isascii() else label


def _is_of_label(char: str) -> bool:
    return char in "-_" or unicodedata.category(char)[0] in "LMN"


def authority(text: str) -> Authority | None:
    """`name`, `name:port` or `[IPv6]:port`, as in a URL. None if it is none of these."""
    bracketed = _BRACKETS.fullmatch(text)
    if bracketed is None and text.count(":") > 1:
        host, port = text, ""
    else:
        host, port = (bracketed[1], bracketed[2] or "") if bracketed else text.partition(":")[::2]
    number = int(port) if port.isascii() and port.isdecimal() and len(port) < 6 else 0
    return Authority(host, number) if is_host(host) and (number in _PORTS or not port) else None


def intended(text: str) -> Authority | None:
    """What someone means who writes a URL, a port, brackets, a path or too many dots. None if it cannot be known."""
    rest = text.strip()
    rest = rest.partition("://")[2] or rest
    rest = re.split(r"[/\\?#]", rest.lstrip("/\\"), maxsplit=1)[0].rpartition("@")[2]
    name, colon, port = rest.partition(":") if rest.count(":") == 1 else (rest, "", "")
    return authority(ascii_host(re.sub(r"\.{2,}", ".", name).strip(".")) + (colon + port if port else ""))
