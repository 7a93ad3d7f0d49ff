"""Encryption keys of object storage. REST has no way to change the password of one: another password is another key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.apply.context import ApplyContext
from reconciler.kinds.references import references_of
from reconciler.kinds.storage_settings import NONE, PREFIX

_KEY: Final = f"{PREFIX}encryption_key"
ENCRYPTION_CREDENTIALS: Final = f"{PREFIX}encryption_credentials"
_COLLECTION: Final = "EncryptionKeys"


def with_encryption_key(
    context: ApplyContext, fields: Mapping[str, Any], declared: Mapping[str, Any], *, renew: bool
) -> dict[str, Any]:
    """`fields` of a repository with the id of its encryption key, which is created if the server does not have it.

    With `renew` the password is a new one, so a key that was there before this apply is not it. A key that an earlier
    attempt created is used: without it a lost answer would leave one more behind.
    """
    hint = declared.get(_KEY)
    if ENCRYPTION_CREDENTIALS not in fields or hint in (None, NONE):
        return dict(fields)
    with context.encrypting:
        before = {item.id.lower() for item in context.live.references.get("encryption_key", ())}
        listed = context.reader.list(_COLLECTION)
        named = [raw for raw in listed if hint in (raw.get("description"), raw.get("id"))]
        fit = [raw for raw in named if not renew or str(raw.get("id")).lower() not in before]
        if not fit:
            login = context.access.credentials[fields[ENCRYPTION_CREDENTIALS]]
            body = {"description": hint, "password": context.naming.reveal(login.password)}
            fit = [context.writer.create(_COLLECTION, body)]
        context.naming.refer({"encryption_key": references_of("encryption_key", [*listed, *fit])})
    return {**fields, _KEY: str(fit[-1]["id"])}
