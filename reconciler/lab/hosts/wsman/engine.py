"""The protocol: a request in, a status and an answer out. Knows nothing of HTTP, TLS or logins."""

from __future__ import annotations

import base64
import binascii
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from threading import Lock
from typing import Final

from reconciler import randomness
from reconciler.lab.hosts.wsman.envelope import (
    CMD_SHELL,
    NS,
    POWERSHELL,
    Fault,
    Message,
    answer,
    parse,
    refusal,
    seconds,
)
from reconciler.lab.hosts.wsman.shell import Command, Program, Shell

_SELECTORS: Final = 2150858843
_TIMED_OUT: Final = 2150858793
_QUOTA: Final = 2150859174  # from memory, not from a recording
_NO_RESOURCE: Final = 2150858752
_BAD_PARAMETER: Final = 87
_INTERNAL: Final = 1359  # ERROR_INTERNAL_ERROR
_FILE_NOT_FOUND: Final = 2147942402
_OVERHEAD: Final = 4000  # bytes of an envelope around its output
_PROVIDER: Final = "Shell cmd plugin"


@dataclass(frozen=True, slots=True)
class Limits:
    """Quotas as Windows has them: bytes of a request, shells of one user."""

    envelope: int = 512_000
    shells: int = 30


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the account, the address, and the URL that was asked."""

    user: str
    address: str
    url: str


def new_ident() -> str:
    return randomness.uuid().upper()


class Engine:
    """The shells of one host. `program` runs command lines, `machine` is the name that faults carry.

    `counts` is the number of requests by verb; `shells` are those that are open.
    """

    def __init__(
        self,
        machine: str,
        program: Program,
        limits: Limits | None = None,
        *,
        new_id: Callable[[], str] = new_ident,
    ) -> None:
        self.machine = machine
        self.limits = limits or Limits()
        self.shells: dict[str, Shell] = {}
        self.counts: Counter[str] = Counter()
        self._program = program
        self._new_id = new_id
        self._lock = Lock()
        self._verbs: dict[str, Callable[[Shell, Message], str]] = {
            "Command": self._command,
            "Receive": self._receive,
            "Send": self._send,
            "Signal": self._signal,
            "Delete": self._delete,
        }

    def handle(self, raw: bytes, caller: Caller) -> tuple[int, bytes]:
        """One request. Never raises: what is refused is answered with a fault and the status 500."""
        relates_to = ""
        try:
            message = parse(raw)
            relates_to = message.ident
            with self._lock:
                self.counts[message.verb] += 1
            body = self._dispatch(message, caller)
        except Fault as fault:
            return 500, refusal(fault, relates_to, self.machine, self._new_id())
        return 200, answer(message.action + "Response", relates_to, body, self._new_id())

    def fault(self, raw: bytes) -> tuple[int, bytes]:
        """The answer to a request that the service cannot carry out, for an internal reason."""
        reason = "The WS-Management service cannot process the request. `lab set` asked for this. "
        fault = Fault(_INTERNAL, "w:InternalError", reason, sender=False)
        return 500, refusal(fault, parse(raw).ident, self.machine, self._new_id())

    def too_late(self, raw: bytes) -> tuple[int, bytes]:
        """The answer to a request that is not done in the time that it gives."""
        return 500, refusal(_timed_out(), parse(raw).ident, self.machine, self._new_id())

    def close(self) -> None:
        """End every command."""
        with self._lock:
            shells = list(self.shells.values())
            self.shells.clear()
        for shell in shells:
            shell.close()
        for shell in shells:
            shell.close(Command.join)

    def _dispatch(self, message: Message, caller: Caller) -> str:
        if message.resource.startswith(POWERSHELL):
            text = (
                "This is the lab of vbo-reconcile: it has no PowerShell remoting (PSRP), which Invoke-Command and "
                "Ansible's psrp use. It has remote shells, which winrs, pywinrm and Ansible's winrm use. "
            )
            raise Fault(_NO_RESOURCE, "a:DestinationUnreachable", text, detail="InvalidResourceURI")
        if message.resource != CMD_SHELL:
            text = "The WS-Management service cannot process the request. The resource URI is not valid. "
            raise Fault(_NO_RESOURCE, "a:DestinationUnreachable", text, detail="InvalidResourceURI")
        if message.verb == "Create":
            return self._create(message, caller)
        handler = self._verbs.get(message.verb)
        if handler is None:
            raise Fault(2150858817, "a:ActionNotSupported", "The action is not supported by the service. ")
        return handler(self._shell_of(message, caller), message)

    def _shell_of(self, message: Message, caller: Caller) -> Shell:
        ident = message.selectors.get("ShellId", "")
        shell = self.shells.get(ident.upper())
        if shell is None or shell.owner != caller.user:
            raise _unknown(
                f"The request for the Windows Remote Shell with ShellId {ident} failed because the shell was not found "
                "on the server. Possible causes are: the specified ShellId is incorrect or the shell no longer exists "
                "on the server. "
            )
        return shell

    def _create(self, message: Message, caller: Caller) -> str:
        wanted = message.body.find("rsp:Shell", NS)
        if wanted is None:
            raise Fault(_BAD_PARAMETER, "w:InvalidParameter", "The parameter is incorrect. ")
        shell = Shell(
            ident=(wanted.get("ShellId") or self._new_id()).upper(),
            owner=caller.user,
            environment=tuple(
                (item.get("Name", ""), item.text or "") for item in wanted.iterfind("rsp:Environment/rsp:Variable", NS)
            ),
            directory=wanted.findtext("rsp:WorkingDirectory", "", NS),
            idle=seconds(wanted.findtext("rsp:IdleTimeOut", "PT7200S", NS)),
            streams=(
                wanted.findtext("rsp:InputStreams", "stdin", NS),
                wanted.findtext("rsp:OutputStreams", "stdout stderr", NS),
            ),
        )
        with self._lock:
            if sum(other.owner == caller.user for other in self.shells.values()) >= self.limits.shells:
                raise Fault(
                    _QUOTA,
                    "w:QuotaLimit",
                    "The WS-Management service cannot process the request. This user is allowed a maximum number of "
                    f"{self.limits.shells} concurrent shells, which has been exceeded. ",
                    sender=False,
                )
            self.shells[shell.ident] = shell
        return _created(shell, caller)

    def _command(self, shell: Shell, message: Message) -> str:
        line = message.body.find("rsp:CommandLine", NS)
        if line is None:
            raise Fault(_BAD_PARAMETER, "w:InvalidParameter", "The parameter is incorrect. ")
        text = line.findtext("rsp:Command", "", NS)
        through_cmd = message.options.get("WINRS_SKIP_CMD_SHELL", "FALSE").upper() != "TRUE"
        if not through_cmd and "\\" not in text:
            reason = "The system cannot find the file specified. "
            raise Fault(_FILE_NOT_FOUND, "w:InternalError", reason, sender=False, provider=_PROVIDER)
        arguments = tuple(item.text or "" for item in line.iterfind("rsp:Arguments", NS))
        command = Command(self._new_id(), shell.owner, text, arguments, through_cmd=through_cmd)
        shell.commands[command.ident] = command
        command.start(self._program)
        return f"<rsp:CommandResponse><rsp:CommandId>{command.ident}</rsp:CommandId></rsp:CommandResponse>"

    def _receive(self, shell: Shell, message: Message) -> str:
        wanted = message.body.find("rsp:Receive/rsp:DesiredStream", NS)
        command = _command_of(shell, wanted)
        room = (min(message.limit, self.limits.envelope) - _OVERHEAD) * 3 // 4  # base64 inside one envelope
        output = command.receive(message.timeout, max(room, 1))
        if output is None:
            raise _timed_out()
        streams = "".join(
            f'<rsp:Stream Name="{chunk.stream}" CommandId="{command.ident}">'
            f"{base64.b64encode(chunk.data).decode()}</rsp:Stream>"
            for chunk in output.chunks
        )
        state, code = "Running", ""
        if output.exit_code is not None:
            streams += "".join(
                f'<rsp:Stream Name="{name}" CommandId="{command.ident}" End="true"></rsp:Stream>'
                for name in ("stdout", "stderr")
            )
            state, code = "Done", f"<rsp:ExitCode>{output.exit_code}</rsp:ExitCode>"
        return (
            f'<rsp:ReceiveResponse>{streams}<rsp:CommandState CommandId="{command.ident}" '
            f'State="{NS["rsp"]}/CommandState/{state}">{code}</rsp:CommandState></rsp:ReceiveResponse>'
        )

    def _send(self, shell: Shell, message: Message) -> str:
        for stream in message.body.iterfind("rsp:Send/rsp:Stream", NS):
            command = _command_of(shell, stream)
            try:
                data = base64.b64decode(stream.text or "", validate=True)
            except binascii.Error as error:
                raise Fault(_BAD_PARAMETER, "w:InvalidParameter", "The parameter is incorrect. ") from error
            command.feed(data, end=stream.get("End", "").lower() == "true")
        return "<rsp:SendResponse/>"

    def _signal(self, shell: Shell, message: Message) -> str:
        signal = message.body.find("rsp:Signal", NS)
        command = _command_of(shell, signal)
        command.cancel()
        code = signal.findtext("rsp:Code", "", NS) if signal is not None else ""
        if not code.endswith("ctrl_c") or command.exit_code is not None:
            shell.commands.pop(command.ident, None)
        return "<rsp:SignalResponse/>"

    def _delete(self, shell: Shell, message: Message) -> str:
        del message
        with self._lock:
            self.shells.pop(shell.ident, None)
        shell.close()
        return ""


def _timed_out() -> Fault:
    reason = "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.  "
    return Fault(_TIMED_OUT, "w:TimedOut", reason, sender=False)


def _unknown(text: str) -> Fault:
    return Fault(_SELECTORS, "w:InvalidSelectors", text, detail="UnexpectedSelectors")


def _command_of(shell: Shell, element: ET.Element | None) -> Command:
    ident = element.get("CommandId") if element is not None else None
    if ident is None:
        reason = "The parameter is incorrect. "
        raise Fault(_BAD_PARAMETER, "w:InvalidParameter", reason, detail="InvalidValue", provider=_PROVIDER)
    command = shell.commands.get(ident.upper())
    if command is None:
        raise _unknown(
            "The Windows Remote Shell received a request to perform an operation on a command identifier that does not "
            "exist. Either the command has completed execution or the client specified an invalid command identifier. "
        )
    return command


def _created(shell: Shell, caller: Caller) -> str:
    variables = "".join(
        f'<rsp:Variable Name="{escape(name)}">{escape(value)}</rsp:Variable>' for name, value in shell.environment
    )
    environment = f"<rsp:Environment>{variables}</rsp:Environment>" if variables else ""
    directory = f"<rsp:WorkingDirectory>{escape(shell.directory)}</rsp:WorkingDirectory>" if shell.directory else ""
    return (
        f"<x:ResourceCreated><a:Address>{escape(caller.url)}</a:Address><a:ReferenceParameters>"
        f'<w:ResourceURI>{CMD_SHELL}</w:ResourceURI><w:SelectorSet><w:Selector Name="ShellId">{shell.ident}'
        "</w:Selector></w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>"
        f"<rsp:Shell><rsp:ShellId>{shell.ident}</rsp:ShellId><rsp:ResourceUri>{CMD_SHELL}</rsp:ResourceUri>"
        f"<rsp:Owner>{escape(shell.owner)}</rsp:Owner><rsp:ClientIP>{caller.address}</rsp:ClientIP>{directory}"
        f"{environment}<rsp:IdleTimeOut>PT{shell.idle:.3f}S</rsp:IdleTimeOut>"
        f"<rsp:InputStreams>{escape(shell.streams[0])}</rsp:InputStreams>"
        f"<rsp:OutputStreams>{escape(shell.streams[1])}</rsp:OutputStreams>"
        "<rsp:ShellRunTime>P0DT0H0M0S</rsp:ShellRunTime><rsp:ShellInactivity>P0DT0H0M0S</rsp:ShellInactivity>"
        "</rsp:Shell>"
    )
