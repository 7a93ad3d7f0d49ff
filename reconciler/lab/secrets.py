"""Secrets in the lab: all of them are invented, and none is resolved where its reference points to.

So a rehearsal needs no secret, starts no program for one, and keeps no real one in its folder. Everything still logs in
with what the inventory names.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import RLock

from reconciler import randomness
from reconciler.lab import pki
from reconciler.model.connection import Credential
from reconciler.model.secret import Secret, SecretRef

Maker = Callable[[], str]


class LabSecrets:
    """A SecretResolver. `folder` keeps what is invented.

    A value is derived from the reference and a random key of the lab, so that it stays the same from one command to the
    next, and another reference has another value. A file has one, from whatever folder an inventory names it: relative
    paths start from `root`. References to SSH keys, and those that `supply` names, get a real key instead.
    """

    def __init__(self, folder: Path, credentials: Mapping[str, Credential], root: str = "/") -> None:
        self._folder = folder
        self._root = root
        self._lock = RLock()
        self._values: dict[SecretRef, Secret] = {}
        self._makers: dict[SecretRef, Maker] = {}
        for credential in credentials.values():
            if credential.private_key is not None:
                key = self._first_name(credential.private_key)
                self._makers[key] = self._key_maker(key, credential.passphrase)

    def resolve(self, reference: SecretRef) -> Secret:
        """The value; never fails."""
        with self._lock:
            reference = self._first_name(reference)
            if reference not in self._values:
                self._values[reference] = Secret(self._make(reference))
            return self._values[reference]

    def key_file(self, reference: SecretRef) -> str:
        """Where an SSH key is kept, without passphrase."""
        self.resolve(reference)
        return str(self._key_path(self._first_name(reference)))

    def _key_path(self, reference: SecretRef) -> Path:
        return self._folder / f"{hashlib.sha256(str(reference).encode()).hexdigest()[:16]}.key"

    def supply(self, reference: SecretRef, value: str) -> None:
        """Let `reference` be `value` from now on."""
        with self._lock:
            self._values[self._first_name(reference)] = Secret(value)

    def _first_name(self, reference: SecretRef) -> SecretRef:
        """The reference by which the lab knew a file first."""
        if reference.scheme != "file":
            return reference
        place, names = os.path.normpath(Path(self._root, reference.path)), self._folder / "files.json"
        with self._lock:
            known = json.loads(names.read_bytes()) if names.exists() else {}
            if place not in known:
                known[place] = reference.path
                pki.write_private(names, json.dumps(known, indent=2, sort_keys=True).encode())
        return SecretRef("file", known[place])

    def _make(self, reference: SecretRef) -> str:
        maker = self._makers.get(reference)
        return maker() if maker else self._derive(reference)

    def _derive(self, reference: SecretRef) -> str:
        """20 letters and digits, with what password policies ask for in front."""
        digest = hmac.digest(self._seed(), str(reference).encode(), hashlib.sha256)
        return "Lab-1" + base64.b32encode(digest).decode().lower()[:20]

    def _seed(self) -> bytes:
        path = self._folder / "seed"
        if not path.exists():
            pki.write_private(path, randomness.token_bytes(32))
        return path.read_bytes()

    def _key_maker(self, reference: SecretRef, passphrase: SecretRef | None) -> Maker:
        def make() -> str:
            key = pki.ssh_key(self._key_path(reference))
            phrase = self.resolve(passphrase).reveal() if passphrase else ""
            return (pki.locked_ssh_key(key, phrase) if phrase else key).decode()

        return make
