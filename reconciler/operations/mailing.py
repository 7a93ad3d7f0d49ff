"""Sending a notice by mail through the SMTP server that an inventory declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.model.diagnostic import Diagnosed
from reconciler.model.errors import ReconcileError
from reconciler.operations.inventory_loader import load_inventory
from reconciler.operations.session import open_endpoints

if TYPE_CHECKING:
    from reconciler.clients.smtp import Relay
    from reconciler.model.inventory import Inventory
    from reconciler.operations.runtime import Runtime
    from reconciler.operations.session import Endpoints

_STANDARD_PORT: Final = 587


def send_mail(path: Path, recipients: str, message: Mapping[str, Any], runtime: Runtime, *, lab: bool) -> bool:
    """Send `message` (`id`, `subject`, `text`) to `recipients`, separated by commas; without any to those of `smtp`. It
    goes through the `smtp` server of the inventory at `path`, with its login, port and sender. The lab sends none: then
    it returns False. Raises RemoteError, SecretError, and ReconcileError if the inventory cannot be used."""
    from reconciler.clients.mail import hand_in

    if lab:
        return False
    try:
        inventory = load_inventory(path, runtime)
    except Diagnosed as error:
        raise ReconcileError(f"no mail can be sent: {error}") from error
    settings = _settings(inventory)
    to = [item.strip() for item in recipients.split(",") if item.strip()] or list(settings.get("to", ()))
    sender = str(settings.get("from", ""))
    if not (sender and to):
        raise ReconcileError("no mail can be sent: `smtp` of the inventory has no `from`, or there are no recipients")
    _check_trust(str(settings["server"]), inventory, runtime)
    with open_endpoints(inventory, runtime, lab=False) as endpoints:
        relay = _relay(settings, inventory, endpoints)
        refused = hand_in(relay, sender, to, letter(message, sender, to, runtime), root=endpoints.access.root)
    for recipient, reason in sorted(refused.items()):
        runtime.report(f"The mail server {relay.host} refuses {recipient}; the others have the mail: {reason}")
    return True


def _settings(inventory: Inventory) -> Mapping[str, Any]:
    (smtp,) = inventory.of_kind("smtp") or (None,)
    if smtp is None or not smtp.fields.get("server"):
        raise ReconcileError("no mail can be sent: the inventory declares no SMTP server (`smtp.server`)")
    return smtp.fields


def _check_trust(host: str, inventory: Inventory, runtime: Runtime) -> None:
    """The mail and the login go to a server that the inventory names. Raises ReconcileError."""
    from reconciler.inventory.trust_file import distrusts_host, load_trust

    missing = distrusts_host(host, load_trust(runtime.trust, inventory.access.root)) if runtime.trust else ""
    if missing:
        raise ReconcileError(f"no mail can be sent: add to the file of --trust, if {host} is right: hosts: {missing}")


def _relay(settings: Mapping[str, Any], inventory: Inventory, endpoints: Endpoints) -> Relay:
    from reconciler.clients.smtp import Relay

    login = inventory.access.credentials.get(str(settings.get("credentials", "none")))
    secret = endpoints.context.secret(login.password) if login is not None and login.password is not None else None
    return Relay(
        str(settings["server"]),
        int(settings.get("port", _STANDARD_PORT)),
        str(settings.get("security", "tls")),
        login.username if login is not None else "",
        secret.reveal() if secret is not None else "",
    )


def letter(message: Mapping[str, Any], sender: str, to: Sequence[str], runtime: Runtime) -> bytes:
    """The id of the message is that of the notice: a mail that comes again can be recognized."""
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = sender, ", ".join(to), str(message["subject"])
    letter["Date"] = format_datetime(runtime.clock())
    letter["Message-ID"] = f"<{message['id']}@vbo-reconcile>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(str(message["text"]))
    return letter.as_bytes()
