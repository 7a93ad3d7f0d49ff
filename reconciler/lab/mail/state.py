"""What the mail server keeps."""

from __future__ import annotations

from typing import Any


def new_state() -> dict[str, Any]:
    """`accounts` holds salted hashes, `refuse` replies (`550 5.1.1 unknown`) for single recipients, `mails` what came
    (see `inbox`). `login` and `tls` say what clients must do."""
    return {"accounts": {}, "refuse": {}, "login": False, "tls": False, "mails": []}
