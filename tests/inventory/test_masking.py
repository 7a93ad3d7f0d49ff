"""Lines as they may be shown."""

from __future__ import annotations

import pytest

from reconciler.inventory.masking import masked, masked_text
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


@pytest.mark.parametrize("part", ["a-", "key ", "pas", "x" + " " * 1000, "-", "a\\\\", "@:", "a: "])
def test_long_lines_are_read_in_one_pass(part: str) -> None:
    line = part * (100_000 // len(part)) + "!"
    assert masked(line) == line
    assert masked_text(line) == line


@pytest.mark.parametrize(
    "text",
    [
        "Write: address: 2001:db8::7",
        "host:vbo lacks a blank",
        "Write `allow: Sat 20:00`.",
        "secret://env/P and https://vbo.example.com:4443/v8 and C:\\Program Files",
        "fingerprint: sha256:ab12",
        "`server.host` (`vbo:4443`) is not valid",
    ],
)
def test_a_sentence_without_a_login_stays(text: str) -> None:
    assert masked_text(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (r"`CORP\svc:hunter2 is it` of proxy `p`", rf"`CORP\svc:{MASK}` of proxy `p`"),
        ("`admin=hunter2:` cannot be a name", f"`admin={MASK}` cannot be a name"),
        ("`svc:12345@mail.example.com` is no host", f"`svc:{MASK}@mail.example.com` is no host"),
        ("postgresql://u:hunter2@db/x", f"postgresql://u:{MASK}@db/x"),
        ("host:vbo and svc:hunter2", f"host:vbo and svc:{MASK}"),
    ],
)
def test_a_login_in_a_sentence_is_hidden(text: str, shown: str) -> None:
    assert masked_text(text) == shown
