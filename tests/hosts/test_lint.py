"""The shipped scripts, judged without running them: right for Windows PowerShell 5.1 and for any POSIX shell."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest
import tree_sitter
import tree_sitter_powershell

from reconciler.package_data import playbooks_folder
from tests.hosts.powershell import engine
from tests.programs import shellcheck

FOLDER = playbooks_folder()
POWERSHELL = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.ps1"))
SCRIPTS = [name for name in POWERSHELL if name != "bootstrap.ps1"]
SHELL = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.sh"))
LANGUAGE = tree_sitter.Language(tree_sitter_powershell.language())

LOOKING = {
    "Connect-VBOServer",
    "ConvertFrom-Csv",
    "ConvertTo-Json",
    "Disconnect-VBOServer",
    "ForEach-Object",
    "Import-Module",
    "Join-Path",
    "New-Object",
    "Resolve-DnsName",
    "Select-Object",
    "Set-StrictMode",
    "Test-Path",
    "Where-Object",
    "whoami.exe",
}
CHANGING = {
    "server/set-certificate.ps1": {
        "New-Item",
        "Out-Null",
        "Remove-Item",
        "Set-VBOSecuritySettings",
    },
    "server/update-proxy.ps1": {
        "New-Item",
        "New-VBOLinuxCredential",
        "Out-Null",
        "Remove-Item",
        "Start-Sleep",
        "Update-VBOProxy",
    },
    "server/upgrade-repository.ps1": {"Out-Null", "Start-VBORepositoryUpgradeSession"},
    "windows/open-port.ps1": {"New-NetFirewallRule", "Set-NetFirewallRule", "Sort-Object"},
    "windows/package-install.ps1": {
        "ConvertFrom-Json",
        "Remove-Item",
        "Set-Service",
        "Sort-Object",
        "Start-Process",
        "Start-Service",
        "Start-Sleep",
    },
    "windows/package-registered.ps1": {"Remove-Item"},
    "windows/upload.ps1": {
        "Move-Item",
        "New-Item",
        "Out-Null",
        "Remove-Item",
        "icacls.exe",
    },
    "windows/remote-registry.ps1": {"Set-ItemProperty", "Set-Service", "Start-Service"},
}
"""What a script may call beyond LOOKING and `Get-…`. Scripts that are not named here change nothing."""

NOT_IN_5_1 = {
    "a chain of pipelines": r"&&|\|\|",
    "a null operator": r"\?\?|\?\.\w|\?\[",
    "parallel pipelines": r"ForEach-Object\s+-Parallel",
    "hash tables from JSON": r"-AsHashtable",
    "depth of JSON": r"ConvertFrom-Json[^\n]*-Depth",
    "Join-String": r"\bJoin-String\b",
    "bytes from Get-Content": r"-AsByteStream",
    "platform variables": r"\$Is(?:Windows|Linux|MacOS|CoreCLR)\b",
}
FORBIDDEN = {
    "text into code": r"\b(?:Invoke-Expression|iex)\b",
    "talk on the console": r"\bWrite-(?:Host|Output|Warning|Verbose|Progress)\b",
    "aliases": r"\|\s*(?:%|\?|select|where|foreach|sort)\s",
    "dates as such": r"\$Get-Date\s*\|\s*ConvertTo-Json",
}


def text_of(name: str) -> str:
    return (FOLDER / name).read_text("ascii")


def code_of(name: str) -> str:
    """Without comments, so that a rule may be explained in one."""
    return "\n".join(line for line in text_of(name).splitlines() if not line.lstrip().startswith("#"))


def nodes(name: str) -> Iterator[tree_sitter.Node]:
    waiting = [tree_sitter.Parser(LANGUAGE).parse((FOLDER / name).read_bytes()).root_node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.children


@pytest.mark.parametrize("name", POWERSHELL)
def test_powershell_can_be_parsed(name: str) -> None:
    broken = [(node.start_point.row + 1, node.type) for node in nodes(name) if node.type == "ERROR" or node.is_missing]
    assert broken == []


@pytest.mark.parametrize("name", POWERSHELL)
@pytest.mark.parametrize("rule", [*NOT_IN_5_1, *FORBIDDEN])
def test_powershell_holds_nothing_that_it_must_not(name: str, rule: str) -> None:
    pattern = {**NOT_IN_5_1, **FORBIDDEN}[rule]
    assert re.search(pattern, code_of(name)) is None


@pytest.mark.parametrize("name", SCRIPTS)
def test_powershell_scripts_have_one_shape(name: str) -> None:
    code = code_of(name).strip()
    assert text_of(name).startswith("# ")
    assert code.startswith("param($Arguments)\n\nSet-StrictMode -Version 2.0\n$ErrorActionPreference = 'Stop'\n")
    assert code.count("[Console]::Out.WriteLine(") == 1
    assert code.splitlines()[-1].startswith("[Console]::Out.WriteLine(")
    assert max(len(line) for line in text_of(name).splitlines()) <= 120


@pytest.mark.parametrize("name", SCRIPTS)
def test_powershell_calls_only_what_it_may(name: str) -> None:
    called = {
        node.text.decode()
        for node in nodes(name)
        if node.type == "command_name" and node.text and b"$" not in node.text
    }
    own = set(re.findall(r"^function ([\w-]+)", text_of(name), re.MULTILINE))
    looking = {command for command in called if command.startswith("Get-")} | LOOKING
    assert called - own - looking == CHANGING.get(name, set())


def test_powershell_fits_the_parser_of_a_real_engine() -> None:
    files = ", ".join(f"'{FOLDER / name}'" for name in POWERSHELL)
    program = f"""
        $found = foreach ($file in {files}) {{
            $tokens = $errors = $null
            $tree = [System.Management.Automation.Language.Parser]::ParseFile($file, [ref]$tokens, [ref]$errors)
            foreach ($item in $errors) {{ "$file $($item.Extent.StartLineNumber): $($item.Message)" }}
            $new = $tree.FindAll({{ $args[0].GetType().Name -in 'PipelineChainAst', 'TernaryExpressionAst' }}, $true)
            foreach ($item in $new) {{ "$file $($item.Extent.StartLineNumber): $($item.GetType().Name)" }}
        }}
        ConvertTo-Json @($found) -Compress"""
    done = subprocess.run(
        [engine(), "-NoProfile", "-NonInteractive", "-Command", program], capture_output=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("name", SHELL)
def test_shell_scripts_pass_shellcheck(name: str) -> None:
    found = shellcheck()
    done = subprocess.run([found, "-s", "sh", str(FOLDER / name)], capture_output=True, check=False, timeout=60)
    assert done.stdout.decode() == ""


@pytest.mark.parametrize("name", SHELL)
def test_shell_scripts_have_one_shape(name: str) -> None:
    text = text_of(name)
    assert text.startswith("# ")
    assert re.search(r"^set -euf?$", text, re.MULTILINE)
    assert max(len(line) for line in text.splitlines()) <= 120
    assert not re.search(r"(?<!\$)\$\((?:sudo|curl|wget)|\bsudo\b|\bcurl\b|\bwget\b|\beval\b", text)


def test_the_facts_of_linux_start_few_processes() -> None:
    """Every command substitution is a process on every host at every plan; those of firewalld run where it does."""
    text = text_of("linux/facts.sh")
    begin, end = text.index("ask_firewalld() {"), text.index("# A rich rule that accepts")
    assert len(re.findall(r"\$\((?!\()", text[:begin] + text[end:])) <= 20


def test_line_ends_are_those_of_unix() -> None:
    """The digest of a script is its identity, so it must not depend on a checkout's settings."""
    for name in [*POWERSHELL, *SHELL]:
        assert b"\r" not in (FOLDER / name).read_bytes()
