"""Secrets in Vault: what is asked, what is found, and what is said when there is nothing."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path

import hvac.exceptions
import pytest

from reconciler.clients.vault import _REASONS, VaultSecrets
from reconciler.model.connection import Trust, Vault, VaultLogin
from reconciler.model.errors import SecretError
from reconciler.model.secret import Secret, SecretRef
from tests.clients.vault_server import VaultServer, vault_server

PASSWORD = "correct horse/battery"
NO_FILE = {"HOME": "/nonexistent"}


@pytest.fixture
def server() -> Iterator[VaultServer]:
    with vault_server() as running:
        running.secrets["secret/vbo/admin"] = {"password": PASSWORD, "user": "svc", "port": 4443, "on": True}
        running.secrets["team/kv/smtp"] = {"value": "one"}
        yield running


def _secrets(vault: Vault, environment: Mapping[str, str], root: str = ".") -> VaultSecrets:
    def resolve(reference: SecretRef) -> Secret:
        return Secret(environment[reference.path])

    return VaultSecrets(vault, root, resolve, environment)


def _read(secrets: VaultSecrets, *references: str) -> list[str]:
    try:
        return [secrets.read(SecretRef.parse(text)) for text in references]
    finally:
        secrets.close()


def _refusal(secrets: VaultSecrets, reference: str) -> str:
    with pytest.raises(SecretError) as caught:
        _read(secrets, reference)
    assert PASSWORD not in str(caught.value)
    return str(caught.value).removeprefix(f"{reference}: ")


def _given(server: VaultServer, **environment: str) -> VaultSecrets:
    return _secrets(Vault(server.address), {"VAULT_TOKEN": "given-token", **environment})


def test_one_read_for_all_fields_of_a_path(server: VaultServer) -> None:
    secrets = _given(server)
    found = _read(secrets, "secret://vault/secret/vbo/admin#password", "secret://vault/secret/vbo/admin#user")
    assert found == [PASSWORD, "svc"]
    assert server.asked == ["GET sys/internal/ui/mounts/secret/vbo/admin", "GET secret/data/vbo/admin"]
    assert server.tokens == {"given-token"}  # a token that was given is not revoked


def test_version_1_in_a_nested_mount(server: VaultServer) -> None:
    assert _read(_given(server), "secret://vault/team/kv/smtp#value") == ["one"]


def test_the_only_field_needs_no_name(server: VaultServer) -> None:
    assert _read(_given(server), "secret://vault/team/kv/smtp") == ["one"]


def test_a_number_is_text(server: VaultServer) -> None:
    assert _read(_given(server), "secret://vault/secret/vbo/admin#port") == ["4443"]


@pytest.mark.parametrize("name", ["a b", "ä/ö", "100%", "a#b"[:1], "x?y"])
def test_names_of_paths(server: VaultServer, name: str) -> None:
    server.secrets[f"secret/{name}"] = {"password": PASSWORD}
    assert _read(_given(server), f"secret://vault/secret/{name}#password") == [PASSWORD]


def test_the_environment_names_server_and_namespace(server: VaultServer) -> None:
    server.namespace = "backup"
    environment = {"VAULT_ADDR": server.address, "VAULT_TOKEN": "given-token", "VAULT_NAMESPACE": "backup"}
    assert _read(_secrets(Vault(), environment), "secret://vault/team/kv/smtp#value") == ["one"]


def test_the_token_that_a_login_stored(server: VaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".vault-token").write_text("given-token", "utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _read(_secrets(Vault(server.address), {}), "secret://vault/team/kv/smtp#value") == ["one"]


@pytest.mark.parametrize(
    ("login", "mount", "role"),
    [
        (VaultLogin("approle", "approle", "vbo", SecretRef("env", "S")), "approle", "vbo"),
        (VaultLogin("approle", "ci/role", SecretRef("env", "ROLE"), SecretRef("env", "S")), "ci/role", "from-env"),
        (VaultLogin("jwt", "jwt", "vbo", SecretRef("env", "S")), "jwt", "vbo"),
    ],
)
def test_a_login_is_revoked_at_the_end(server: VaultServer, login: VaultLogin, mount: str, role: str) -> None:
    server.roles[mount] = (role, "s3cret")
    secrets = _secrets(Vault(server.address, login=login), {"S": "s3cret", "ROLE": "from-env"})
    assert _read(secrets, "secret://vault/team/kv/smtp#value") == ["one"]
    assert server.asked[0] == f"POST auth/{mount}/login"
    assert server.asked[-1] == "POST auth/token/revoke-self"
    assert server.tokens == {"given-token"}


def test_a_refused_login_shows_no_secret(server: VaultServer) -> None:
    login = VaultLogin("approle", "approle", "vbo", SecretRef("env", "S"))
    text = _refusal(_secrets(Vault(server.address, login=login), {"S": "s3cret"}), "secret://vault/team/kv/smtp#value")
    assert text.endswith(": the request was refused (invalid role or secret ID ••••••)")


def test_nothing_is_revoked_without_a_login(server: VaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while a server is silent: the end of the command does not wait for it again."""
    login = VaultLogin("approle", "approle", "vbo", SecretRef("env", "S"))
    secrets = _secrets(Vault(server.address, login=login), {"S": "s3cret"})

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(VaultSecrets, "_log_in", interrupted)
    with pytest.raises(KeyboardInterrupt):
        secrets.read(SecretRef.parse("secret://vault/team/kv/smtp#value"))
    secrets.close()
    assert server.asked == []


def test_the_login_cannot_be_in_vault(server: VaultServer) -> None:
    login = VaultLogin("token", secret=SecretRef("vault", "secret/token"))
    text = _refusal(_secrets(Vault(server.address, login=login), {}), "secret://vault/team/kv/smtp#value")
    assert text == "the login of `secrets.vault` cannot be in Vault itself (secret://vault/secret/token)"


def test_github_actions_alone_makes_its_tokens(server: VaultServer) -> None:
    login = VaultLogin("github", "jwt", "vbo")
    text = _refusal(_secrets(Vault(server.address, login=login), {}), "secret://vault/team/kv/smtp#value")
    assert "ACTIONS_ID_TOKEN_REQUEST_URL is not set" in text
    assert "id-token: write" in text


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("secret/vbo/admin", "say which field is meant, the path has `#on`, `#password`, `#port` and `#user`"),
        ("secret/vbo/admin#pw", "the field `pw` does not exist; the path has `#on`, `#password`, `#port` and `#user`"),
        ("secret/vbo/admin#on", "the field is not text"),
        ("secret/nothing#pw", "HOST: the path does not exist"),
        (
            "other/vbo#pw",
            "HOST: permission denied: the token is not valid any more, or its policies do not allow to read this path",
        ),
    ],
)
def test_nothing_is_there(server: VaultServer, reference: str, text: str) -> None:
    found = _refusal(_given(server), f"secret://vault/{reference}")
    found = found.replace(server.address.removeprefix("http://"), "HOST")
    assert found in (text, f"{text} (preflight capability check returned 403, please ensure other/vbo is allowed)")


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (503, {"errors": ["Vault is sealed"]}, "the server is sealed or down for maintenance (Vault is sealed)"),
        (501, {"errors": []}, "the server is not initialized"),
        (
            500,
            {"errors": ["1 error\x1b[31m occurred:\n\t* no"]},
            "reports an internal error (1 error [31m occurred: * no)",
        ),
        (429, {"errors": ["request path rate limit quota exceeded"]}, "too many requests; try again later"),
        (502, b"<html>Bad Gateway</html>", "a gateway before the server has no answer from it"),
        (307, None, "it redirects to vault-2.example.net:8200: name that server, if it is right"),
        (200, b"<html>Welcome</html>", "the server answers what is not expected"),
        (200, [], "the server answers what is not expected"),
        (200, {"data": {"keys": []}}, "the server answers what is not expected"),
        (418, {"errors": {"a": 1}}, "the server answers what is not expected"),
        (404, {"data": {"metadata": {"deletion_time": "2026-03-01T12:00:00Z"}}}, "deleted at 2026-03-01T12:00:00Z"),
    ],
)
def test_what_a_server_says(server: VaultServer, status: int, body: object, text: str) -> None:
    server.faults["sys/internal/ui/mounts/team/kv/smtp"] = (status, body)
    assert text in _refusal(_given(server), "secret://vault/team/kv/smtp#value")


def test_an_engine_that_is_none(server: VaultServer) -> None:
    server.faults["team/kv/smtp"] = (200, {"data": ["no map"]})
    text = _refusal(_given(server), "secret://vault/team/kv/smtp#value")
    assert text.endswith("answers what is not a secret of a KV engine")


def test_every_error_of_the_library_has_a_sentence() -> None:
    classes = inspect.getmembers(hvac.exceptions, inspect.isclass)
    assert {name for name, _ in classes} - {"VaultError"} == set(_REASONS)


def test_without_a_server_or_a_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    unnamed = _refusal(_secrets(Vault(), {}), "secret://vault/a#b")
    assert unnamed == "no server is named; set `secrets.vault.address` in the inventory, or VAULT_ADDR"
    refused = _refusal(_secrets(Vault("http://127.0.0.1:1"), {"VAULT_TOKEN": "a-token"}), "secret://vault/a#b")
    assert refused == "127.0.0.1:1 cannot be asked: Connection refused"
    text = _refusal(_secrets(Vault("http://127.0.0.1:1"), {}), "secret://vault/a#b")
    assert text == (
        "a login to 127.0.0.1:1 is missing; declare `secrets.vault.login`, set VAULT_TOKEN, or run: vault login"
    )


def test_tls_is_verified(tmp_path: Path) -> None:
    with vault_server(tmp_path) as server:
        server.secrets["team/kv/smtp"] = {"value": "one"}
        environment = {"VAULT_TOKEN": "given-token", "HTTPS_PROXY": "http://127.0.0.1:1"}
        unknown = _refusal(_secrets(Vault(server.address), environment), "secret://vault/team/kv/smtp#value")
        assert "certificate verify failed" in unknown
        assert server.asked == []
        trusted = Vault(server.address, trust=Trust(ca_file=server.ca_file))
        assert _read(_secrets(trusted, environment), "secret://vault/team/kv/smtp#value") == ["one"]
        by_environment = {**environment, "VAULT_CACERT": server.ca_file}
        assert _read(_secrets(Vault(server.address), by_environment), "secret://vault/team/kv/smtp#value") == ["one"]
        pinned = Vault(server.address, trust=Trust(fingerprint="sha256:" + "0" * 64))
        assert "put it into `secrets.vault.tls.fingerprint`" in _refusal(
            _secrets(pinned, environment), "secret://vault/team/kv/smtp#value"
        )


def test_a_server_that_answers_byte_by_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reconciler.clients.vault._DEADLINE", 0.5)
    with vault_server(tmp_path) as server:
        server.drips = 0.1
        server.secrets["team/kv/smtp"] = {"value": "one" * 1000}
        secrets = _secrets(Vault(server.address, trust=Trust(ca_file=server.ca_file)), {"VAULT_TOKEN": "given-token"})
        assert "cannot be asked" in _refusal(secrets, "secret://vault/team/kv/smtp#value")


def test_tls_to_a_server_without_it(server: VaultServer) -> None:
    vault = Vault(server.address.replace("http://", "https://"))
    text = _refusal(_secrets(vault, {"VAULT_TOKEN": "given-token"}), "secret://vault/team/kv/smtp#value")
    assert "cannot be asked" in text
    assert server.asked == []
