"""Messages that NTLM or Kerberos seal, as WinRM frames them ([MS-WSMV] 2.2.9.1): for plain HTTP, where no TLS does."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Final

from winrm.exceptions import WinRMError

if TYPE_CHECKING:
    import spnego

PROTOCOL: Final = "application/HTTP-SPNEGO-session-encrypted"
CONTENT_TYPE: Final = f'multipart/encrypted;protocol="{PROTOCOL}";boundary="Encrypted Boundary"'
_SOAP: Final = "application/soap+xml;charset=UTF-8"
_BOUNDARY: Final = b"--Encrypted Boundary"
_END: Final = _BOUNDARY + b"--\r\n"
_FRAME: Final = re.compile(
    rb"^--Encrypted Boundary\r\n.*?Length=(\d+)\s*\r\n--Encrypted Boundary\r\n[^\r]*octet-stream\r\n", re.DOTALL
)


def seal(context: spnego.ContextProxy, plain: bytes) -> bytes:
    """The body of a request that carries `plain`."""
    sealed = context.wrap_winrm(plain)
    length = len(plain) + sealed.padding_length
    head = f"\r\n\tContent-Type: {PROTOCOL}\r\n\tOriginalContent: type={_SOAP};Length={length}\r\n".encode()
    data = struct.pack("<I", len(sealed.header)) + sealed.header + sealed.data
    return b"".join((_BOUNDARY, head, _BOUNDARY, b"\r\n\tContent-Type: application/octet-stream\r\n", data, _END))


def unseal(context: spnego.ContextProxy, content_type: str, body: bytes) -> bytes:
    """What an answer carries. Raises WinRMError for one that is not sealed, or not framed as it should be, and
    SpnegoError where its signature does not fit."""
    if PROTOCOL.lower() not in content_type.lower():
        raise WinRMError("it answers without encryption where everything has to be encrypted")
    frame = _FRAME.match(body)
    if frame is None or not body.endswith(_END) or len(body) < frame.end() + 4:
        raise WinRMError("its encrypted answer is not framed as it should be")
    data = body[frame.end() : -len(_END)]
    length = int(struct.unpack_from("<I", data)[0])
    plain: bytes = context.unwrap_winrm(data[4 : 4 + length], data[4 + length :])
    if len(plain) != int(frame[1]):
        raise WinRMError("its encrypted answer has another length than it says")
    return plain
