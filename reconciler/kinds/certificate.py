"""The server certificate that workgroup proxies trust. REST does not know it: PowerShell on the server does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.kinds.field import CERTIFICATE_ENTRY, Context, Field, Kind, Mode, Raw, hidden, nothing
from reconciler.model.value import UNKNOWN


def decode_thumbprint(raw: Raw, context: Context) -> Any:
    """`CertificateThumbprint` of Get-VBOSecuritySettings: SHA-1, hexadecimal."""
    value = raw.get("thumbprint")
    return value.upper() if isinstance(value, str) and value else UNKNOWN


def the_one(raw: Raw, context: Context) -> str:
    return ""


def wanted_key(name: str, fields: Mapping[str, Any]) -> str:
    return ""


CERTIFICATE = Kind(
    name="certificate",
    section="server",
    doc="The TLS certificate of the server that workgroup proxies trust.",
    rank=8,
    singleton=True,
    live_key=the_one,
    wanted_key=wanted_key,
    fields=(
        Field(
            "certificate",
            "Entry of `certificates` that the server uses (`server.certificate`).",
            mode=Mode.LOCAL,
            encode=nothing,
            decode=hidden,
            refers=(CERTIFICATE_ENTRY,),
        ),
        Field(
            "thumbprint",
            "SHA-1 thumbprint of the certificate in use, in upper-case hexadecimal.",
            encode=nothing,
            decode=decode_thumbprint,
            severe=True,
        ),
    ),
)
