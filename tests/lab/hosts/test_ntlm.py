"""NTLM on the server's side: the examples of [MS-NLMP] 4.2.4, and pyspnego as the client."""

from __future__ import annotations

import struct

import pytest
import spnego
from spnego._spnego import NegState, NegTokenInit, NegTokenResp, pack_mech_type_list, unpack_token
from spnego.channel_bindings import GssChannelBindings

from reconciler.lab.hosts.ntlm import Acceptor, LoginRefused, Negotiator, Sealing, channel_binding, nt_hash
from reconciler.lab.hosts.ntlm.md4 import md4
from reconciler.lab.hosts.ntlm.messages import SIGNATURE
from reconciler.lab.hosts.ntlm.sealing import BadSignature, hmac_md5, rc4

CERTIFICATE = b"h" * 32
FLAGS = 0xE28A8233
SESSION_KEY = b"\x55" * 16


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        (b"message digest", "d9130a8164549fe818874806e1c7014b"),
        (b"1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_md4_of_rfc_1320(data: bytes, digest: str) -> None:
    assert md4(data).hex() == digest


def test_the_example_of_the_specification() -> None:
    owned = hmac_md5(nt_hash("Password"), "USERDomain".encode("utf-16-le"))
    assert owned.hex() == "0c868a403bfd7a93a3001ef22ef02e3f"
    blob = bytes.fromhex(
        "0101000000000000" + "00" * 8 + "aa" * 8 + "00000000"
        "02000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000"
    )
    proof = hmac_md5(owned, bytes.fromhex("0123456789abcdef") + blob)
    assert proof.hex() == "68cd0ab851e51c96aabc927bebef6a1c"
    key = hmac_md5(owned, proof)
    assert key.hex() == "8de40ccadbc14a82f15cb0ad0de95ca3"
    assert rc4(key).update(SESSION_KEY).hex() == "c5dad2544fc9799094ce1ce90bc9d03e"


def test_the_sealed_example_of_the_specification() -> None:
    sealed = bytes.fromhex("54e50165bf1936dc996020c1811b0f06fb5f")
    signature = bytes.fromhex("010000007fb38ec5c55d497600000000")
    assert Sealing(SESSION_KEY, FLAGS).open(signature, sealed).decode("utf-16-le") == "Plaintext"
    with pytest.raises(BadSignature):
        Sealing(SESSION_KEY, FLAGS).open(signature, sealed[:-1] + b"x")


def accounts(domain: str, user: str) -> bytes | None:
    known = {("CORP", "alice"), ("", "alice"), ("", "alice@CORP.EXAMPLE.COM")}
    return nt_hash("Pä:ss") if (domain, user) in known else None


def log_in(user: str, password: str, certificate: bytes = CERTIFICATE) -> tuple[spnego.ContextProxy, Acceptor]:
    bindings = GssChannelBindings(application_data=b"tls-server-end-point:" + certificate)
    client = spnego.client(user, password, protocol="ntlm", channel_bindings=bindings)
    acceptor = Acceptor("srv.example.com", accounts, channel_binding(CERTIFICATE))
    answer = acceptor.step(client.step() or b"")
    assert acceptor.step(client.step(answer) or b"") == b""
    return client, acceptor


@pytest.mark.parametrize("user", ["CORP\\alice", "alice", "alice@CORP.EXAMPLE.COM"])
def test_login_and_sealed_messages_in_both_directions(user: str) -> None:
    client, acceptor = log_in(user, "Pä:ss")
    sealing = acceptor.sealing
    assert sealing is not None
    for number in range(3):
        wrapped = client.wrap_winrm(b"to the server %d" % number)
        assert sealing.open(wrapped.header, wrapped.data) == b"to the server %d" % number
        signature, sealed = sealing.seal(b"to the client %d" % number)
        assert client.unwrap_winrm(signature, sealed) == b"to the client %d" % number


@pytest.mark.parametrize(
    ("user", "password", "certificate", "reason"),
    [
        ("alice", "wrong", CERTIFICATE, "wrong password"),
        ("bob", "Pä:ss", CERTIFICATE, "no account"),
        ("alice", "Pä:ss", b"x" * 32, "not bound"),
    ],
)
def test_refused_logins(user: str, password: str, certificate: bytes, reason: str) -> None:
    with pytest.raises(LoginRefused, match=reason):
        log_in(user, password, certificate)


def test_messages_that_were_changed_on_their_way() -> None:
    client = spnego.client("alice", "Pä:ss", protocol="ntlm")
    acceptor = Acceptor("srv.example.com", accounts)
    answer = acceptor.step(client.step() or b"")
    token = bytearray(client.step(answer) or b"")
    token[72] ^= 1
    with pytest.raises(LoginRefused, match="changed on their way"):
        acceptor.step(bytes(token))


TOKENS = [b"", b"x", SIGNATURE, SIGNATURE + struct.pack("<II", 1, 0), SIGNATURE + struct.pack("<II", 3, 0)]


@pytest.mark.parametrize("token", TOKENS)
def test_tokens_that_are_none(token: bytes) -> None:
    with pytest.raises(LoginRefused):
        Acceptor("srv", accounts).step(token)


@pytest.mark.parametrize("length", [20, 72, 100])
def test_an_answer_that_is_cut_off(length: int) -> None:
    client = spnego.client("alice", "Pä:ss", protocol="ntlm")
    acceptor = Acceptor("srv.example.com", accounts)
    token = client.step(acceptor.step(client.step() or b"")) or b""
    with pytest.raises(LoginRefused):
        acceptor.step(token[:length])


def test_ntlm_inside_spnego() -> None:
    acceptor = Negotiator(Acceptor("srv.example.com", accounts))
    client = spnego.client("alice", "Pä:ss", protocol="negotiate", options=spnego.NegotiateOptions.use_negotiate)
    token = client.step()
    while token:
        token = client.step(acceptor.step(token))
    assert client.complete
    sealing = acceptor.sealing
    assert sealing is not None
    for number in range(2):
        wrapped = client.wrap_winrm(b"to the server %d" % number)
        assert sealing.open(wrapped.header, wrapped.data) == b"to the server %d" % number
        assert client.unwrap_winrm(*sealing.seal(b"to the client")) == b"to the client"


def answered(token: bytes) -> NegTokenResp:
    found = unpack_token(token)
    assert isinstance(found, NegTokenResp)
    return found


KERBEROS, NTLM = "1.2.840.113554.1.2.2", "1.3.6.1.4.1.311.2.2.10"


@pytest.mark.parametrize("fault", ["", "unsigned", "changed"])
def test_a_client_that_would_rather_use_another_mechanism(fault: str) -> None:
    """Its token is dropped, and both sign the list of mechanisms."""
    acceptor = Negotiator(Acceptor("srv.example.com", accounts))
    client = spnego.client("alice", "Pä:ss", protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
    answer = acceptor.step(NegTokenInit(mech_types=[KERBEROS, NTLM], mech_token=b"a ticket").pack())
    first = answered(answer)
    assert (first.neg_state, first.supported_mech, first.response_token) == (NegState.request_mic, NTLM, None)
    answer = acceptor.step(NegTokenResp(response_token=client.step()).pack())
    token = client.step(answered(answer).response_token)
    signed = pack_mech_type_list([NTLM] if fault == "changed" else [KERBEROS, NTLM])
    mic = None if fault == "unsigned" else client.sign(signed)
    last = NegTokenResp(response_token=token, mech_list_mic=mic).pack()
    if fault:
        with pytest.raises(LoginRefused, match="list of mechanisms"):
            acceptor.step(last)
        return
    done = answered(acceptor.step(last))
    assert done.neg_state == NegState.accept_complete
    assert client.verify(signed, done.mech_list_mic or b"") == 0


@pytest.mark.parametrize(
    "token",
    [
        b"`",
        b"\x60\x80",
        b"\x60\x03abc",
        NegTokenInit(mech_types=[KERBEROS]).pack(),
        NegTokenResp(response_token=b"x").pack(),
        b"\x60\x84\xff\xff\xff\xff",
    ],
)
def test_tokens_of_spnego_that_are_none(token: bytes) -> None:
    with pytest.raises(LoginRefused):
        Negotiator(Acceptor("srv", accounts)).step(token)
