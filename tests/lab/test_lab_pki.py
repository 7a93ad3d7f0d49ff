"""Keys and certificates of the lab, and the secrets that it makes up."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from reconciler.lab import pki
from reconciler.lab.certificates import replacements
from reconciler.lab.pki import Authority
from reconciler.lab.secrets import LabSecrets
from reconciler.model.connection import Access, Certificate, Credential, Server
from reconciler.model.secret import SecretRef

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def clock(days: int = 0) -> pki.Clock:
    return lambda: NOW + timedelta(days=days)


def test_what_was_issued_is_used_again_until_it_is_about_to_expire(tmp_path: Path) -> None:
    first = Authority(tmp_path, clock()).host("a.example.com")
    assert Authority(tmp_path, clock(100)).host("a.example.com").thumbprint == first.thumbprint
    late = Authority(tmp_path, clock(3640))
    assert late.host("a.example.com").thumbprint != first.thumbprint
    assert late.certificate.not_valid_before_utc > NOW


def test_certificates_of_another_authority_are_not_used(tmp_path: Path) -> None:
    first = Authority(tmp_path, clock()).host("a.example.com")
    (tmp_path / "ca.pem").unlink()
    second = Authority(tmp_path, clock())
    assert second.host("a.example.com").certificate.issuer == second.certificate.subject != first.certificate.issuer


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "pki", clock())
    authority.host("a.example.com")
    authority.client("logon", "logon@localhost")
    pki.ssh_key(tmp_path / "pki" / "key")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "pki").iterdir()}
    assert (modes, stat.S_IMODE((tmp_path / "pki").stat().st_mode)) == ({0o600}, 0o700)


def test_the_kinds_of_certificates(tmp_path: Path) -> None:
    authority = Authority(tmp_path, clock())
    host = authority.host("a.example.com", ["127.0.0.1"]).certificate
    names = host.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example.com"]
    assert [str(item) for item in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
    client = authority.client("logon", "logon@localhost").certificate
    (upn,) = client.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert isinstance(upn, x509.OtherName)
    assert (upn.type_id, upn.value) == (pki.UPN, b"\x0c\x0flogon@localhost")
    assert authority.expired("a.example.com").certificate.not_valid_after_utc < NOW
    own = authority.self_signed("server")
    assert own.certificate.subject == own.certificate.issuer
    assert pkcs12.load_key_and_certificates(own.pfx("pw"), b"pw")[1] == own.certificate


def test_ssh_keys(tmp_path: Path) -> None:
    key = pki.ssh_key(tmp_path / "key")
    assert pki.ssh_key(tmp_path / "key") == key
    locked = pki.locked_ssh_key(key, "phrase")
    assert pki.ssh_public(locked, "phrase") == pki.ssh_public(key)
    for private, phrase in ((locked, ""), (locked, "wrong"), (b"x", "")):
        with pytest.raises(ValueError, match=r"."):
            pki.ssh_public(private, phrase)


def ref(name: str) -> SecretRef:
    return SecretRef("env", name)


def test_secrets_are_invented_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A", "real")
    secrets = LabSecrets(tmp_path, {})
    made = secrets.resolve(ref("A")).reveal()
    assert LabSecrets(tmp_path, {}).resolve(ref("A")).reveal() == made
    assert made not in ("real", secrets.resolve(ref("B")).reveal())
    assert LabSecrets(tmp_path / "2", {}).resolve(ref("A")).reveal() != made
    assert len(made) >= 20


@pytest.mark.parametrize("scheme", ["env", "file", "keyring", "exec", "vault"])
def test_no_reference_is_followed(tmp_path: Path, scheme: str) -> None:
    """An inventory may name any program here, and a keyring that would ask its user."""
    script = tmp_path / "steal"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\necho real\n")
    script.chmod(0o700)
    assert LabSecrets(tmp_path / "lab", {}).resolve(SecretRef(scheme, str(script))).reveal().startswith("Lab-1")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("phrase", [None, ref("PHRASE")], ids=["plain", "locked"])
def test_keys_are_made_up_as_keys(tmp_path: Path, phrase: SecretRef | None) -> None:
    credential = Credential("c", "backup", private_key=ref("KEY"), passphrase=phrase)
    secrets = LabSecrets(tmp_path, {"c": credential})
    key = secrets.resolve(ref("KEY")).reveal().encode()
    password = secrets.resolve(phrase).reveal() if phrase else ""
    assert pki.ssh_public(key, password) == pki.ssh_public(Path(secrets.key_file(ref("KEY"))).read_bytes())


def access(tmp_path: Path, *certificates: Certificate) -> Access:
    server = Server("vbo.example.com", Credential("a", "admin"))
    return Access(server, {}, {}, {item.name: item for item in certificates}, str(tmp_path))


def made(tmp_path: Path, *certificates: Certificate) -> tuple[dict[str, Certificate], LabSecrets]:
    secrets = LabSecrets(tmp_path / "secrets", {})
    authority = Authority(tmp_path / "pki", clock())
    found = replacements(access(tmp_path, *certificates), secrets, authority, tmp_path / "made")
    return found, secrets


def test_certificates_are_those_of_the_lab(tmp_path: Path) -> None:
    """Also if the user's own are there: their keys are secrets."""
    identity = Authority(tmp_path / "own", clock()).self_signed("own")
    (tmp_path / "dmz.pfx").write_bytes(identity.pfx(""))
    (tmp_path / "logon.pem").write_bytes(identity.cert_pem)
    pfx = Certificate("dmz", pfx="dmz.pfx", passphrase=ref("PFX"))
    pem = Certificate("logon", cert="logon.pem", key=ref("KEY"))
    found, secrets = made(tmp_path, pfx, pem)
    phrase = secrets.resolve(ref("PFX")).reveal().encode()
    first = pkcs12.load_key_and_certificates(Path(found["dmz"].pfx).read_bytes(), phrase)[1]
    assert first is not None
    assert first != identity.certificate
    again, _ = made(tmp_path, replace(pfx, passphrase=ref("OTHER")), pem)
    other = secrets.resolve(ref("OTHER")).reveal().encode()
    assert pkcs12.load_key_and_certificates(Path(again["dmz"].pfx).read_bytes(), other)[1] == first
    assert "PRIVATE KEY" in secrets.resolve(ref("KEY")).reveal()
    assert Path(found["logon"].cert) == tmp_path / "made/logon.crt"
    assert Path(found["logon"].cert).read_text().startswith("-----BEGIN CERTIFICATE")


def test_a_file_is_one_secret_from_whatever_folder_it_is_named(tmp_path: Path) -> None:
    beside = LabSecrets(tmp_path / "lab", {}, "/srv/corp").resolve(SecretRef("file", "keys/a"))
    below = LabSecrets(tmp_path / "lab", {}, "/srv/corp/out")
    assert below.resolve(SecretRef("file", "../keys/a")) == beside
    assert below.resolve(SecretRef("file", "/srv/corp/keys/a")) == beside
    assert below.resolve(SecretRef("file", "../other/a")) != beside
