"""A script that is run on a host: constant text. What it works on reaches it as data on standard input."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Script:
    """`name` is the path below the folder of playbooks (`windows/facts.ps1`), `text` its whole text, ASCII."""

    name: str
    text: str

    @property
    def digest(self) -> str:
        """SHA-256 of the text, in hexadecimal."""
        return sha256(self.text.encode()).hexdigest()

    @property
    def is_powershell(self) -> bool:
        return self.name.endswith(".ps1")
