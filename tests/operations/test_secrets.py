"""`validate --secrets`: every secret of an inventory is resolved, and what cannot be is reported where it stands."""

from __future__ import annotations

from pathlib import Path

from reconciler.operations import Status, validate
from tests.clients.vault_server import vault_server

INVENTORY = """\
version: 1
name: corp
server: {host: vbo.example.com, credentials: admin}
credentials:
  admin: {username: svc, password: 'secret://vault/team/kv/vbo#admin'}
  linux: {username: svc, private_key: secret://env/KEY, passphrase: 'secret://vault/team/kv/vbo#phrase'}
certificates:
  dmz: {pfx: dmz.pfx, passphrase: secret://file/phrase}
secrets:
  vault:
    address: ADDRESS
    login: {approle: {role_id: vbo, secret_id: secret://env/SECRET_ID}}
"""


def _file(folder: Path, address: str) -> Path:
    path = folder / "corp.yml"
    path.write_text(INVENTORY.replace("ADDRESS", address), "utf-8")
    (folder / "dmz.pfx").write_bytes(b"")
    return path


def test_all_of_them_with_one_login(tmp_path: Path) -> None:
    with vault_server() as server:
        server.roles["approle"] = ("vbo", "s3cret")
        server.secrets["team/kv/vbo"] = {"admin": "a", "phrase": "p"}
        path = _file(tmp_path, server.address)
        (tmp_path / "phrase").write_text("x", "utf-8")
        (tmp_path / "phrase").chmod(0o600)
        found = validate(path, secrets={"KEY": "k", "SECRET_ID": "s3cret"})
        assert (found.status, found.diagnostics) == (Status.OK, ())
        assert [line for line in server.asked if "login" in line] == ["POST auth/approle/login"]
        assert server.tokens == {"given-token"}
        server.asked.clear()
        assert validate(path).status is Status.OK
        assert server.asked == []  # offline without the flag


def test_what_cannot_be_resolved_is_reported_at_once(tmp_path: Path) -> None:
    with vault_server() as server:
        server.roles["approle"] = ("vbo", "s3cret")
        server.secrets["team/kv/vbo"] = {"admin": "a"}
        found = validate(_file(tmp_path, server.address), secrets={"SECRET_ID": "s3cret"})
    assert found.status is Status.ERROR
    texts = [f"{item.position}: {item.detail} {item.fix}".removeprefix(str(tmp_path)) for item in found.diagnostics]
    assert texts == [
        (
            "corp.yml:6:39: `private_key` of credentials.linux is secret://env/KEY: the environment variable KEY is "
            "not set. Set it in the environment of this command, or correct the reference."
        ),
        (
            "corp.yml:6:69: `passphrase` of credentials.linux is secret://vault/team/kv/vbo#phrase: the field "
            "`phrase` does not exist. The path has `#admin`."
        ),
        (
            "corp.yml:8:35: `passphrase` of certificates.dmz is secret://file/phrase: the file does not exist. Create "
            "it, or correct the path, which is relative to the folder of the inventory."
        ),
    ]
