"""One mutant at a time: its module in a copy of the tree, the tests that reach it in a separate process."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

_COPIED = ("reconciler", "tests", "schemas", "playbooks", "inventories", "pyproject.toml", "README.md", "Makefile")
_HEAVY = (
    "httpx",
    "cryptography.x509",
    "jsonschema",
    "jsonschema_rs",
    "msgspec",
    "paramiko",
    "rich.console",
    "sqlalchemy",
)
"""Imported once, before processes are forked: nothing of ours, and nothing that pytest rewrites."""
_NOT_FOUND = 4
"""The exit code of pytest for tests that cannot be collected."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`outcome` is killed, survived, or timeout (which counts as killed); `test` is the first one that failed."""

    outcome: str
    seconds: float
    test: str = ""


class Copy:
    """A separate copy of the tree, so that no other process sees a mutant."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = folder
        for name in _COPIED:
            if (root / name).is_dir():
                shutil.copytree(root / name, folder / name, symlinks=True)
            elif (root / name).exists():
                shutil.copy2(root / name, folder / name)
        for name in (*_HEAVY, "pytest"):
            import_module(name)

    def judge(self, path: str, code: str, tests: Sequence[str], *, limit: float) -> Verdict:
        """Whether any of `tests` fails with `code` in the place of the module at `path`."""
        file = self.root / path
        original, times = file.read_bytes(), file.stat()
        for stale in file.parent.glob(f"__pycache__/{file.stem}.*.pyc"):
            stale.unlink()
        file.write_text(code, encoding="utf-8")
        began = time.monotonic()
        try:
            code_of_exit = self._run(tests, limit)
            if code_of_exit == _NOT_FOUND:  # the mutant may break what tests are made of, so whole files decide
                code_of_exit = self._run(sorted({test.partition("::")[0] for test in tests}), limit)
        finally:
            file.write_bytes(original)
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        seconds = time.monotonic() - began
        if code_of_exit is None:
            return Verdict("timeout", seconds)
        return Verdict("killed" if code_of_exit else "survived", seconds, self._failed() if code_of_exit else "")

    def _run(self, tests: Sequence[str], limit: float) -> int | None:
        """The exit code of pytest, None if it took longer than `limit` seconds."""
        child = os.fork()
        if child == 0:
            os._exit(self._pytest(tests))
        end = time.monotonic() + limit
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return None

    def _pytest(self, tests: Sequence[str]) -> int:
        os.setsid()
        os.chdir(self.root)
        sys.dont_write_bytecode = True
        sys.path[:0] = [str(self.root)]
        os.environ |= {"PYTHONPATH": str(self.root), "PYTHONDONTWRITEBYTECODE": "1"}
        for name in [name for name in sys.modules if name.partition(".")[0] in ("reconciler", "tests")]:
            del sys.modules[name]
        out = os.open(self.root / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(out, 2)
        import pytest

        quiet = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", "--no-header", "--tb=line", "-rf"]
        return int(pytest.main([*quiet, *tests]))

    def _failed(self) -> str:
        text = (self.root / "output.txt").read_text(encoding="utf-8", errors="replace")
        named = [line.split(" ")[1] for line in text.splitlines() if line.startswith(("FAILED ", "ERROR "))]
        return named[0] if named else text[-300:].strip()
