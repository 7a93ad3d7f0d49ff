"""What a proxy does with a session of a job: the work (a short pretence), its log, and the mail about its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from reconciler.clients.smtp import Relay
from reconciler.lab.fleet import MailSettings, SessionOrder, SessionResult

NOTIFIED: Final = {"Success": "success", "Warning": "warning", "Failed": "failure"}
_OBJECTS_A_SECOND: Final = 2000
_LONGEST: Final = 0.2

Sleep = Callable[[float], None]
Send = Callable[[str, Relay, str, Sequence[str], bytes], Mapping[str, str]]
"""Hands in a mail: (host that sends, relay, sender, recipients, message). Gives the recipients that the mail server
refused, and how. Raises OSError if no recipient gets it."""


@dataclass(frozen=True, slots=True)
class Worker:
    """The proxy as its sessions see it: its name, time, and the way out for mail."""

    host: str
    clock: Callable[[], datetime]
    sleep: Sleep
    send: Send

    def run(self, order: SessionOrder) -> SessionResult:
        """Process the objects, then send the mail where the settings ask for one. Never raises for a mail that could
        not be sent: the session has done its work, and its log says what became of the mail."""
        began = self.clock()
        self.sleep(min(_LONGEST, order.objects / _OBJECTS_A_SECOND))
        result = _processed(order)
        if order.mail is None or NOTIFIED[result.status] not in order.mail.notify:
            return result
        message = letter(order.mail, order, result, self.host, began, self.clock())
        sent = f"The notification could not be sent from {self.host}"
        try:
            refused = self.send(self.host, relay_of(order.mail), order.mail.sender, order.mail.recipients, message)
            notes = [f"{sent} to {recipient}: {reason}" for recipient, reason in sorted(refused.items())]
        except OSError as error:
            notes = [f"{sent}: {error}"]
        return replace(result, log=(*result.log, *(("Warning", note) for note in notes)))


def relay_of(mail: MailSettings) -> Relay:
    return Relay(mail.server, mail.port, mail.security, mail.username, mail.password)


def _processed(order: SessionOrder) -> SessionResult:
    kind = "full" if order.full else "incremental"
    log = [("Success", f"Connected to organization {order.organization}."), ("Success", f"Started a {kind} backup.")]
    if order.trouble == "failure":
        log.append(("Error", f"Organization {order.organization} did not answer. `lab set` asked for this."))
        return SessionResult("Failed", 0, tuple(log))
    done = order.objects
    if order.trouble == "warning":
        done = max(0, done - 1)
        log.append(("Warning", "One object was skipped. `lab set` asked for this."))
    log.append(("Success", f"Processed {done} objects."))
    return SessionResult("Warning" if order.trouble == "warning" else "Success", done, tuple(log))


def letter(
    mail: MailSettings, order: SessionOrder, result: SessionResult, host: str, began: datetime, ended: datetime
) -> bytes:
    """The mail about a session. The headers X-Lab-… are the lab's own."""
    issues = sum(kind in ("Warning", "Error") for kind, _ in result.log)
    words = {
        "%JobName%": order.job,
        "%JobResult%": result.status,
        "%OrgName%": order.organization,
        "%ObjectCount%": str(result.processed),
        "%MailboxCount%": str(result.processed),
        "%Issues%": str(issues),
        "%Time%": began.strftime("%Y-%m-%d %H:%M"),
    }
    subject = mail.subject
    for word, value in words.items():
        subject = subject.replace(word, value)
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.recipients)
    message["Subject"] = subject
    message["Date"] = format_datetime(ended)
    message["Message-ID"] = f"<{order.session}.{result.status.lower()}@{host}>"
    message["X-Lab-Proxy"] = host
    message["X-Lab-Job"] = order.job
    message["X-Lab-Result"] = result.status
    lines = [f"Job {order.job} of {order.organization} ended on {host}: {result.status}.", ""]
    lines += [f"{kind}: {text}" for kind, text in result.log]
    message.set_content("\n".join([*lines, ""]))
    return message.as_bytes()


def test_letter(mail: MailSettings, host: str, now: datetime) -> bytes:
    """The test mail of the settings."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.recipients)
    message["Subject"] = "Test email"
    message["Date"] = format_datetime(now)
    message["X-Lab-Proxy"] = host
    message.set_content(f"This is a test email from {host}.\n")
    return message.as_bytes()
