"""Running the shipped PowerShell scripts in a real engine, on a Windows that is data (see stubs.ps1)."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reconciler.clients.winrm.powershell import blob, encoded_bootstrap
from reconciler.model.script import Script

STUBS = Path(__file__).with_name("stubs.ps1")


def engine() -> str:
    """pwsh on the path, else the one beside the checkout. Skips the test where there is none."""
    beside = Path(__file__).parents[2].parent / "shared" / "pwsh" / "pwsh"
    found = shutil.which("pwsh") or (str(beside) if beside.is_file() else None)
    if found is None:
        pytest.skip("no pwsh on the path and none in ../shared/pwsh")
    return found


@dataclass(frozen=True)
class Outcome:
    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        assert self.code == 0, self.stderr
        return json.loads(self.stdout)

    @property
    def error(self) -> dict[str, str]:
        answer: dict[str, str] = json.loads(self.stderr.strip().splitlines()[-1])
        return answer


def encoded(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-le")).decode()


def bootstrap() -> str:
    return base64.b64decode(encoded_bootstrap()).decode("utf-16-le")


def run_blob(data: bytes, prelude: str = "", environment: Mapping[str, str] | None = None) -> Outcome:
    """The bootstrap as it is sent, with `data` on its standard input. `prelude` stands before it."""
    return run_text(f"{prelude}\n{bootstrap()}", data, environment)


def run_text(
    text: str, data: bytes, environment: Mapping[str, str] | None = None, before: Sequence[str] = ()
) -> Outcome:
    """`before` are the arguments of a program that starts the engine."""
    done = subprocess.run(
        [*before, engine(), "-NoProfile", "-NonInteractive", "-EncodedCommand", encoded(text)],
        input=data,
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, **(environment or {})},
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())


@dataclass
class Windows:
    """One machine. `world` is what the stubs know; `folder` holds it while scripts run."""

    folder: Path
    world: dict[str, Any]

    @property
    def environment(self) -> dict[str, str]:
        (self.folder / "tmp").mkdir(exist_ok=True)
        return {
            "VBO_TEST_WORLD": str(self.folder / "world.json"),
            "VBO_TEST_PROGRAMS": str(self.folder / "programs"),
            "ProgramData": str(self.folder / "data"),
            "TMPDIR": f"{self.folder / 'tmp'}/",
        }

    def run(self, script: Script, args: Mapping[str, Any]) -> Outcome:
        """Run a shipped script through the bootstrap, and take over what it changed."""
        file = self.folder / "world.json"
        file.write_text(json.dumps(self.world))
        outcome = run_blob(blob(script, args), f". '{STUBS}'", self.environment)
        self.world = json.loads(file.read_text())
        return outcome

    def ask(self, script: Script, orders: Sequence[tuple[dict[str, Any], Mapping[str, Any]]]) -> list[Any]:
        """Run a script that changes nothing on many worlds in one engine: starting it takes longer than the script."""
        text = f"""
            . '{STUBS}'
            $script = [ScriptBlock]::Create([IO.File]::ReadAllText('{self.folder / "script.ps1"}'))
            foreach ($order in ([Console]::In.ReadToEnd() | ConvertFrom-Json)) {{
                $global:World = $order.world
                & $script $order.args
            }}"""
        (self.folder / "script.ps1").write_text(script.text)
        (self.folder / "world.json").write_text("{}")
        data = json.dumps([{"world": world, "args": args} for world, args in orders]).encode()
        outcome = run_text(text, data, self.environment)
        assert not outcome.stderr, outcome.stderr
        return [json.loads(line) for line in outcome.stdout.splitlines()]

    def play(self, orders: Sequence[tuple[Script, Mapping[str, Any], str]]) -> list[dict[str, Any]]:
        """Run scripts one after the other in one engine, each after a piece of PowerShell that changes the world. What
        each printed, or `{"error": …}`."""
        text = f"""
            . '{STUBS}'
            foreach ($order in ([Console]::In.ReadToEnd() | ConvertFrom-Json)) {{
                . ([ScriptBlock]::Create($order.before))
                try {{
                    & ([ScriptBlock]::Create($order.script)) $order.args
                }} catch {{
                    [Console]::Out.WriteLine((@{{ error = $_.Exception.Message }} | ConvertTo-Json -Compress))
                }}
            }}
            Save-World"""
        file = self.folder / "world.json"
        file.write_text(json.dumps(self.world))
        named = ("script", "args", "before")
        data = json.dumps([dict(zip(named, (item[0].text, *item[1:]), strict=True)) for item in orders]).encode()
        outcome = run_text(text, data, self.environment)
        assert not outcome.stderr, outcome.stderr
        self.world = json.loads(file.read_text())
        return [json.loads(line) for line in outcome.stdout.splitlines()]

    @property
    def leftovers(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "tmp").iterdir())

    def install_dotnet(self, framework: str, *versions: str) -> None:
        for version in versions:
            (self.folder / "programs" / "dotnet" / "shared" / framework / version).mkdir(parents=True)
