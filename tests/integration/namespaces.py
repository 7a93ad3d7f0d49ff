"""Separate namespaces: what is started and mounted in them ends with them, and they end with this process.

Their first process is a shell, which reaps what others leave to it and waits for the end of a pipe whose other end is
here. Whatever becomes of the tests, the pipe ends then, the shell ends, and the kernel kills everything else in the
process namespace and takes mounts and links back.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

CLONE_NEWNET = 0x40000000


class NoNamespaces(Exception):
    """They cannot be made here; the message says why."""


class Namespaces:
    """Mount, network and process namespaces, for a `with` block."""

    def __enter__(self) -> Self:
        command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]
        self._outer = subprocess.Popen(
            [*command, "echo up; cat; :"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._outer.stdout is not None
        assert self._outer.stderr is not None
        if self._outer.stdout.readline() != b"up\n":
            said = self._outer.stderr.read().decode(errors="replace").strip()
            self._close()
            raise NoNamespaces(said or "unshare gave nothing")
        self.first = child_of(self._outer.pid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        self._outer.kill()
        self._outer.communicate()

    def command(self, *words: str) -> list[str]:
        """The command line that runs `words` in the namespaces."""
        return ["nsenter", f"--target={self.first}", "--mount", "--net", "--pid", "--", *words]

    def run(self, *words: str) -> str:
        """What a command that runs there prints. Raises CalledProcessError."""
        return run(self.command(*words))

    @contextmanager
    def network(self) -> Iterator[None]:
        """This thread, and those that it starts, talk in the network of the namespaces."""
        with (
            Path("/proc/thread-self/ns/net").open("rb") as before,
            Path(f"/proc/{self.first}/ns/net").open("rb") as ours,
        ):
            _enter_network(ours.fileno())
            try:
                yield
            finally:
                _enter_network(before.fileno())


def run(command: Sequence[str], given: str = "") -> str:
    """What a command prints. Raises AssertionError with all that it said where it fails."""
    ended = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 0, f"{command}: {ended.returncode}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def child_of(parent: int) -> int:
    """The only child of a process."""
    for _ in range(200):
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                    return int(stat.parent.name)
            except (OSError, IndexError):
                continue
        time.sleep(0.05)
    raise NoNamespaces(f"process {parent} has no child")


def _enter_network(namespace: int) -> None:
    """setns(2), which Python has from 3.12 on."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET):
        raise NoNamespaces(f"setns: {os.strerror(ctypes.get_errno())}")
