"""SSH servers of the lab's Linux hosts: asyncssh, an implementation other than the client's. One thread for all.

Commands are real: they run through `/bin/sh` as the user of the lab, with the lab's own commands first on the path and
nothing of the lab's environment. They see the root folder of the host as `/`, as SFTP does, if they can be confined.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Final, Protocol, TypeVar

import asyncssh

from reconciler.lab.hosts.ssh_commands import Start, run, run_in_terminal, send_signal
from reconciler.lab.loops import close_servers, new_loop, settled

log = logging.getLogger(__name__)
_GRACE: Final = 20.0
logging.getLogger("asyncssh").setLevel(logging.ERROR)  # it logs every login otherwise
_FIRST_MEGABYTE: Final = 1 << 20
_T = TypeVar("_T")


class SshAccounts(Protocol):
    """The accounts of one host, as its logins ask for them."""

    def accepts(self, user: str, password: str) -> bool: ...

    def keys(self, user: str) -> Sequence[str]:
        """Public keys (`ssh-ed25519 AAAA…`) that may log in as `user`."""
        ...


@dataclass(frozen=True, slots=True)
class SshHost:
    """`key` is the private host key (OpenSSH), `settle` is called after every command, before its client hears of the
    end: what the command changed is in effect by then. `confining` are the arguments after which a command line is run
    in the root folder; without them it is run on this machine.
    """

    name: str
    key: bytes
    root: Path
    accounts: SshAccounts
    settle: Callable[[], None]
    cuts: Callable[[], bool] = lambda: False
    confining: Sequence[str] = ()

    def home(self, user: str) -> str:
        """As the host itself calls it."""
        return "/root" if user == "root" else f"/home/{user}"

    def environment(self, user: str) -> dict[str, str]:
        root = "" if self.confining else str(self.root)
        return {
            "PATH": f"{root}/lab-bin:/usr/bin:/bin",
            "HOME": f"{root}{self.home(user)}",
            "USER": user,
            "LOGNAME": user,
            "LAB_USER": user,
            "LANG": "C.UTF-8",
            "VBO_RECONCILE_ROOT": root,
        }

    def command_line(self, command: str) -> Sequence[str]:
        return (*(self.confining or ("/bin/sh", "-c")), command)


class _Login(asyncssh.SSHServer):
    """Judges one connection."""

    def __init__(self, host: SshHost, connections: set[asyncssh.SSHServerConnection]) -> None:
        self._host = host
        self._connections = connections
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if self._connection is not None:
            self._connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        del username
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return self._host.accounts.accepts(username, password)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        offered = key.export_public_key().split()[1].decode()
        return any(line.split()[1:2] == [offered] for line in self._host.accounts.keys(username))


class _Files(asyncssh.SFTPServer):
    """SFTP below the root folder of a host. It starts in the home of the user, as sshd's does."""

    def __init__(self, host: SshHost, channel: asyncssh.SSHServerChannel[bytes]) -> None:
        super().__init__(channel, chroot=os.fsencode(host.root))
        self._cuts = host.cuts
        self._home = os.fsencode(host.home(str(channel.get_extra_info("username")))) + b"/"

    def write(self, file_obj: object, offset: int, data: bytes) -> int | Awaitable[int]:
        """The connection breaks after the first megabyte where uploads are cut by `lab set`."""
        if offset >= _FIRST_MEGABYTE and self._cuts():
            self.connection.abort()
            raise asyncssh.SFTPFailure("uploads are cut by `lab set`")
        return super().write(file_obj, offset, data)

    def exit(self) -> None:
        """scp fails where a session of SFTP ends without an exit code."""
        if self.channel.get_subsystem() == "sftp" and not self.channel.is_closing():
            self.channel.exit(0)

    def map_path(self, path: bytes) -> bytes:
        return super().map_path(path if path.startswith(b"/") else self._home + path)


class SshService:
    """The event loop that all SSH hosts of a lab share. It starts with the first host."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._beginning = Lock()
        self._children: set[asyncio.subprocess.Process] = set()

    def open(self, host: SshHost, listener: socket.socket) -> Callable[[], None]:
        """Serve `host` on `listener`. Gives the function that ends it together with its connections."""
        connections: set[asyncssh.SSHServerConnection] = set()
        server = self._do(self._listen(host, listener, connections))
        return lambda: self._finish(_end(server, connections))

    def close(self) -> None:
        """End what still runs, and the thread."""
        if self._loop is None or self._thread is None:
            return
        self._finish(self._kill())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_GRACE)
        self._loop.close()
        self._loop = self._thread = None

    def _finish(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what ends something. A busy machine may take longer than anybody wants to wait for that: whatever is left
        ends with the process."""
        try:
            self._do(work)
        except TimeoutError:
            log.debug("an SSH host of the lab did not end within %s s", _GRACE)

    def _do(self, work: Coroutine[Any, Any, _T]) -> _T:
        future: Future[_T] = asyncio.run_coroutine_threadsafe(work, self._running())
        try:
            return future.result(_GRACE)
        except TimeoutError:
            future.cancel()
            raise

    def _running(self) -> asyncio.AbstractEventLoop:
        """Hosts start side by side: the first one begins the loop, and there is one."""
        with self._beginning:
            if self._loop is None:
                self._loop = new_loop()
                self._thread = Thread(target=self._loop.run_forever, name="lab-ssh", daemon=True)
                self._thread.start()
            return self._loop

    async def _listen(
        self, host: SshHost, listener: socket.socket, connections: set[asyncssh.SSHServerConnection]
    ) -> asyncssh.SSHAcceptor:
        async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
            await self._run(host, process)

        return await asyncssh.listen(
            sock=listener,
            server_factory=lambda: _Login(host, connections),
            server_host_keys=[asyncssh.import_private_key(host.key)],
            process_factory=serve,
            encoding=None,
            sftp_factory=lambda channel: _Files(host, channel),
            allow_scp=True,
            line_editor=False,
            server_version="lab",
        )

    async def _run(self, host: SshHost, process: asyncssh.SSHServerProcess[bytes]) -> None:
        if process.command is None:
            process.stderr.write(b"This is a host of the lab: it runs commands and has no interactive shell.\n")
            process.exit(1)
            return
        environment = host.environment(str(process.get_extra_info("username")))
        place = host.root if host.confining else environment["HOME"]
        start = Start(host.command_line(process.command), environment, place, self._children)
        code = await (run if process.term_type is None else run_in_terminal)(process, start)
        host.settle()
        process.exit(code if code >= 0 else 128 - code)

    async def _kill(self) -> None:
        """A client that went away leaves its command running, as on a real host, until the lab ends."""
        children = list(self._children)
        for child in children:
            send_signal(child, signal.SIGKILL)
        for child in children:
            await child.wait()
        current = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not current]
        if tasks:
            await asyncio.wait(tasks, timeout=1)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await settled()


async def _end(server: asyncssh.SSHAcceptor, connections: set[asyncssh.SSHServerConnection]) -> None:
    await close_servers(server)
    ending = list(connections)
    for connection in ending:
        connection.abort()
    for connection in ending:
        await connection.wait_closed()
    await server.wait_closed()
