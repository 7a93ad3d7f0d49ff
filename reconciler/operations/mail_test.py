"""`send_test_mail`: the management server sends a test mail with its current settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.operations.execution import Mails, mails_of, new_mails
from reconciler.operations.inventory_loader import load_inventory
from reconciler.operations.runtime import Runtime


@dataclass(frozen=True, slots=True)
class MailTest:
    """`settings` are those of the server, in the words of its API. `mails` were received; only the lab shows them."""

    settings: Mapping[str, Any]
    mails: Mails


def send_test_mail(path: Path | str, *, lab: bool = False, runtime: Runtime | None = None) -> MailTest:
    """Let the server of the inventory at `path` send a test mail with the settings that it has, not those of the
    inventory. Changes nothing there, so it takes no lock. Raises Diagnosed, RemoteError and SecretError."""
    from reconciler.operations.session import open_session

    runtime = runtime or Runtime()
    inventory = load_inventory(Path(path), runtime, lab=lab)
    with open_session(inventory, runtime, lab=lab) as session:
        before = mails_of(session)
        settings = session.reader.get("VboEmailSettings")
        with runtime.waiting(f"Waiting for {session.access.server.rest_name} to send the mail"):
            session.writer().act("VboEmailSettings", "SendTestEmail")
        return MailTest(settings, new_mails(before, mails_of(session)))
