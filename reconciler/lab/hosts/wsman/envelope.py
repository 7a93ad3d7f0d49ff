"""SOAP envelopes of WS-Management: text to data and back. Nothing here knows of shells or of HTTP."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Final

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

NS: Final[dict[str, str]] = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
    "p": "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd",
}
CMD_SHELL: Final = NS["rsp"] + "/cmd"
POWERSHELL: Final = "http://schemas.microsoft.com/powershell/"
_WSMAN: Final = NS["w"].removesuffix(".xsd")
_FAULT: Final = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
_DEFAULT_LIMIT: Final = 153600
_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?")
_NOBODY: Final = "00000000-0000-0000-0000-000000000000"


class Fault(Exception):
    """A refusal in the protocol's own words. `code` is the number that Windows gives; `message` its sentence."""

    def __init__(
        self,
        code: int,
        subcode: str,
        message: str,
        *,
        sender: bool = True,
        detail: str = "",
        provider: str = "",
        addressing: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.subcode = subcode
        self.message = message
        self.sender = sender
        self.detail = detail
        self.provider = provider
        self.addressing = addressing


@dataclass(frozen=True, slots=True)
class Message:
    """One request. `verb` is the end of its action; `timeout` in seconds; `limit` the largest answer in bytes."""

    verb: str
    action: str
    ident: str
    resource: str
    selectors: Mapping[str, str]
    options: Mapping[str, str]
    timeout: float
    limit: int
    body: ET.Element


def parse(raw: bytes) -> Message:
    """Raises Fault for an invalid request."""
    if b"<!DOCTYPE" in raw:
        raise Fault(1700, "w:SchemaValidationError", "SOAP forbids document type declarations.")
    try:
        envelope = fromstring(raw)
    except (ET.ParseError, DefusedXmlException) as error:
        raise Fault(1700, "w:SchemaValidationError", "The request is not well-formed XML.") from error
    header, body = envelope.find("s:Header", NS), envelope.find("s:Body", NS)
    if header is None or body is None:
        raise Fault(1700, "w:SchemaValidationError", "The request is not a SOAP envelope.")
    action = header.findtext("a:Action", "", NS).strip()
    limit = header.findtext("w:MaxEnvelopeSize", "", NS).strip()
    return Message(
        verb=action.rpartition("/")[2],
        action=action,
        ident=header.findtext("a:MessageID", _NOBODY, NS).strip(),
        resource=header.findtext("w:ResourceURI", "", NS).strip(),
        selectors=_named(header, "w:SelectorSet/w:Selector"),
        options=_named(header, "w:OptionSet/w:Option"),
        timeout=seconds(header.findtext("w:OperationTimeout", "PT60S", NS).strip()),
        limit=int(limit) if limit.isdigit() else _DEFAULT_LIMIT,
        body=body,
    )


def _named(header: ET.Element, path: str) -> dict[str, str]:
    return {item.get("Name", ""): (item.text or "").strip() for item in header.iterfind(path, NS)}


def seconds(text: str) -> float:
    """An XML duration such as PT20S or P0DT1H. Raises Fault."""
    found = _DURATION.fullmatch(text)
    if not found or not any(found.groups()):
        raise Fault(
            2150858767,
            "a:InvalidMessageInformationHeader",
            "The WS-Management service cannot process the request. The XML contains an invalid timeout field in the "
            f"SOAP header: {text}. ",
            addressing=True,
        )
    return sum(float(value or 0) * unit for value, unit in zip(found.groups(), (86400, 3600, 60, 1), strict=True))


def answer(action: str, relates_to: str, body: str, ident: str) -> bytes:
    """An envelope around `body`, which is XML that uses the prefixes of `NS`."""
    spaces = "".join(f' xmlns:{prefix}="{space}"' for prefix, space in NS.items())
    return (
        f'<s:Envelope xml:lang="en-US"{spaces}><s:Header><a:Action>{action}</a:Action>'
        f"<a:MessageID>uuid:{ident}</a:MessageID><a:To>{NS['a']}/role/anonymous</a:To>"
        f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo></s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def refusal(fault: Fault, relates_to: str, machine: str, ident: str) -> bytes:
    """The envelope of a fault, with the detail that Windows adds."""
    message = escape(fault.message)
    if fault.provider:
        path = r"%systemroot%\system32\winrscmd.dll"
        message = f'<f:ProviderFault provider="{fault.provider}" path="{path}">{message}</f:ProviderFault>'
    detail = f"<w:FaultDetail>{_WSMAN}/faultDetail/{fault.detail}</w:FaultDetail>" if fault.detail else ""
    side = "s:Sender" if fault.sender else "s:Receiver"
    body = (
        f"<s:Fault><s:Code><s:Value>{side}</s:Value><s:Subcode><s:Value>{fault.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{escape(fault.message)}</s:Text></s:Reason><s:Detail>{detail}'
        f'<f:WSManFault xmlns:f="{_FAULT}" Code="{fault.code}" Machine="{escape(machine)}">'
        f"<f:Message>{message}</f:Message></f:WSManFault></s:Detail></s:Fault>"
    )
    action = (NS["a"] if fault.addressing else _WSMAN) + "/fault"
    return answer(action, relates_to, body, ident)
