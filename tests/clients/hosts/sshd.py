"""A small SSH server for the tests: real SSH, real `sh` for the commands, and a record of every command line."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from reconciler.lab.loops import settled


@dataclass
class Sshd:
    """`passwords` and `keys` (public, by user) are who may log in, and who has a certificate by `authority`.

    `folder` is first on the PATH of the commands. With a terminal they find TERM, and one place for both outputs.
    """

    folder: Path
    passwords: dict[str, str] = field(default_factory=dict)
    keys: dict[str, list[str]] = field(default_factory=dict)
    shell: str = "/bin/sh"
    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    commands: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    open: list[asyncssh.SSHServerConnection] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    hang_up: bool = False
    has_sftp: bool = True
    host_certificate: asyncssh.SSHCertificate | None = None
    authority: str = ""
    tunnels: list[tuple[str, int]] = field(default_factory=list)

    @property
    def public(self) -> str:
        """The host key as it is pinned in an inventory."""
        return " ".join(self.host_key.export_public_key().decode().split()[:2])

    def stub(self, name: str, text: str) -> None:
        """Put a command in front of PATH."""
        file = self.folder / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def drop(self) -> None:
        """Break every connection that is open, without a word."""
        for connection in self.open:
            line = connection.get_extra_info("socket")
            if line is not None:  # it is None once the connection has ended
                line.shutdown(socket.SHUT_RDWR)

    async def serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        self.commands.append(process.command or "")
        term = {"TERM": process.term_type} if process.term_type else {}
        environment = term | {"PATH": f"{self.folder}:{os.environ['PATH']}", "HOME": str(self.folder)}
        child = await asyncio.create_subprocess_exec(
            self.shell,
            "-c",
            process.command or "true",
            env=environment,
            stdin=-1,
            stdout=-1,
            stderr=asyncio.subprocess.STDOUT if term else -1,
        )
        try:
            code = await self._relay(process, child)
            if self.hang_up:
                process.channel.get_connection().abort()
            else:
                process.exit(code)
        finally:
            vars(child)["_transport"].close()  # a child that was left behind keeps its pipes open
            await _ended(child)

    async def _relay(self, process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process) -> int:
        assert child.stdin is not None
        assert child.stdout is not None
        feeding = asyncio.create_task(_feed(process, child.stdin))
        closed = asyncio.create_task(process.wait_closed())
        ended = asyncio.gather(_copy(child.stdout, process.stdout), _copy(child.stderr, process.stderr), child.wait())
        await asyncio.wait((ended, closed), return_when=asyncio.FIRST_COMPLETED)
        code = (await ended)[2] if ended.done() else -1
        for task in (feeding, closed, ended):
            task.cancel()
        await asyncio.gather(feeding, closed, ended, return_exceptions=True)
        return code


async def _ended(child: asyncio.subprocess.Process) -> None:
    """Until the child, which was killed, is reaped: also where the server stops and cancels its tasks meanwhile."""
    cancelled = False
    while child.returncode is None:
        try:
            await child.wait()
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError


async def _feed(process: asyncssh.SSHServerProcess[bytes], stdin: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncssh.Error):
        while data := await process.stdin.read(65536):
            stdin.write(data)
            await stdin.drain()
    stdin.close()


async def _copy(reader: asyncio.StreamReader | None, writer: asyncssh.SSHWriter[bytes]) -> None:
    while reader is not None and (data := await reader.read(65536)):
        with contextlib.suppress(OSError, asyncssh.Error):
            writer.write(data)
            await writer.drain()


class _Logins(asyncssh.SSHServer):
    def __init__(self, server: Sshd) -> None:
        self.server = server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.server.connections += 1
        self.server.open.append(conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return bool(self.server.passwords)

    def validate_password(self, username: str, password: str) -> bool:
        self.server.logins.append(f"{username} password")
        return self.server.passwords.get(username) == password

    def public_key_auth_supported(self) -> bool:
        return bool(self.server.keys or self.server.authority)

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self.server.logins.append(f"{username} key")
        known = [text.split()[1] for text in self.server.keys.get(username, [])]
        return key.export_public_key().decode().split()[1] in known

    def validate_ca_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self.server.logins.append(f"{username} certificate")
        return key.export_public_key().decode().split()[:2] == self.server.authority.split()[:2]

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:
        self.server.tunnels.append((dest_host, dest_port))
        return True


@contextlib.contextmanager
def running(server: Sshd) -> Iterator[Sshd]:
    """The server on a free loopback port, in its own thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> asyncssh.SSHAcceptor:
        return await asyncssh.create_server(
            lambda: _Logins(server),
            "127.0.0.1",
            0,
            server_host_keys=[(server.host_key, server.host_certificate)]
            if server.host_certificate
            else [server.host_key],
            process_factory=server.serve,
            sftp_factory=(lambda channel: asyncssh.SFTPServer(channel, chroot=os.fsencode(server.folder)))
            if server.has_sftp
            else None,
            encoding=None,
            login_timeout=20,
        )

    async def stop(acceptor: asyncssh.SSHAcceptor) -> None:
        acceptor.close()
        await acceptor.wait_closed()
        for connection in server.open:
            connection.abort()
            await connection.wait_closed()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await settled()

    acceptor = asyncio.run_coroutine_threadsafe(start(), loop).result(20)
    server.port = acceptor.get_port()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(stop(acceptor), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
