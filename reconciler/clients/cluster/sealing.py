"""Secrets on their way to a worker: sealed to its key, so that neither the scheduler nor another worker reads them.

X25519, HKDF and ChaCha20-Poly1305, with a new key for each message, as in HPKE (RFC 9180). Who the worker is, the TLS
of the cluster decides.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_PURPOSE: Final = b"vbo-reconcile secrets for a worker, 1"
_KEY_BYTES: Final = 32
_ONCE: Final = bytes(12)
"""The nonce: every message has its own key."""


class NotForThisWorker(ValueError):
    """Sealed to another key, or changed on the way."""


class WorkerKey:
    """The key pair of a worker. It never leaves the process."""

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()

    @property
    def public(self) -> bytes:
        return self._private.public_key().public_bytes_raw()

    def unseal(self, sealed: bytes) -> bytes:
        """Raises NotForThisWorker."""
        sender, body = sealed[:_KEY_BYTES], sealed[_KEY_BYTES:]
        try:
            shared = self._private.exchange(X25519PublicKey.from_public_bytes(sender))
            return ChaCha20Poly1305(_key(shared, sender, self.public)).decrypt(_ONCE, body, _PURPOSE)
        except (InvalidTag, ValueError):
            raise NotForThisWorker("the secrets are not sealed to this worker") from None


def seal(data: bytes, public: bytes) -> bytes:
    """`data`, which only the worker with the key `public` can read."""
    own = X25519PrivateKey.generate()
    sender = own.public_key().public_bytes_raw()
    shared = own.exchange(X25519PublicKey.from_public_bytes(public))
    return sender + ChaCha20Poly1305(_key(shared, sender, public)).encrypt(_ONCE, data, _PURPOSE)


def _key(shared: bytes, sender: bytes, receiver: bytes) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=_PURPOSE + sender + receiver).derive(shared)
