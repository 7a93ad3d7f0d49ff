"""Lines as they may be shown."""

from __future__ import annotations

import pytest

from reconciler.inventory.masking import masked
from reconciler.model.secret import MASK

SHOWN = (
    "host: px-1.example.com",
    "  admin: {username: svc, password: secret://env/P, passphrase: 'secret://env/Q'}",
    "credentials: admin",
    "  host_keys: [ssh-ed25519 AAAA]",
    "secrets: {exec: {vault: [vault, kv, get]}}",
    "password:",
)
HIDDEN = {
    "password: hunter2": f"password: {MASK}",
    '"password": "hunter2" # note': f'"password": {MASK}',
    "a: {username: x, Password: hunter2, b: c}": f"a: {{username: x, Password: {MASK}",
    "{password: secret://env/P, passphrase: hunter2}": f"{{password: secret://env/P, passphrase: {MASK}",
    "smtp_pw: hunter2": f"smtp_pw: {MASK}",
    "pasword:hunter2": f"pasword:{MASK}",
    "password: secret:hunter2": f"password: {MASK}",
    "-----BEGIN OPENSSH PRIVATE KEY-----": MASK,
    "  b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW": MASK,
}


@pytest.mark.parametrize("line", SHOWN)
def test_shows(line: str) -> None:
    assert masked(line) == line


@pytest.mark.parametrize("line", HIDDEN)
def test_hides(line: str) -> None:
    assert masked(line) == HIDDEN[line]


@pytest.mark.parametrize("part", ["a-", "key ", "pas", "x" + " " * 1000, "-"])
def test_long_lines_are_read_in_one_pass(part: str) -> None:
    line = part * (3_000_000 // len(part)) + "!"
    assert masked(line) == line
