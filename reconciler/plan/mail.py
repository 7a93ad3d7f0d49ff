"""The way that mails take: an SMTP server, or a sign-in that only a person can make (facts, 7.3).

It is never changed here. Recipients, subject and switches are ordinary fields, whatever the way is.
"""

from __future__ import annotations

from typing import Final

from reconciler.kinds.smtp import MODES_SINCE, SMTP_MODE
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inventory import Resource
from reconciler.model.plan import Report, ReportLevel
from reconciler.model.state import MailState
from reconciler.plan.passes import Inputs, PlanPart

_NAMES: Final = {SMTP_MODE: "an SMTP server", "microsoft365": "Microsoft 365", "google": "Google"}
_CONSOLE: Final = "in the Veeam console, General Options, Notifications"


def mail_state(inputs: Inputs) -> PlanPart:
    """A problem if another way than the declared one is in use, and a report of a sign-in that is not valid."""
    for mail in inputs.inventory.of_kind("smtp"):
        found = inputs.live.resources.get(mail.address)
        if found is not None and isinstance(found.state, MailState):
            return _mail_state(mail, found.state, inputs.naming.rest)
    return PlanPart()


def _mail_state(mail: Resource, state: MailState, rest: int) -> PlanPart:
    wanted = str(mail.fields.get("authentication", ""))
    if wanted not in ("", SMTP_MODE) and rest < MODES_SINCE:
        detail = f"Mail through {_NAMES[wanted]} requires REST v{MODES_SINCE}; the server uses REST v{rest}."
        return PlanPart(problems=(_problem(mail, detail, "Declare an SMTP server, or upgrade the management server."),))
    if wanted and state.mode and wanted != state.mode:
        detail = f"Mails are sent through {_NAMES[state.mode]}, and {_NAMES[wanted]} is declared."
        step = "Select it and save the server" if wanted == SMTP_MODE else "Sign in"
        fix = f"{step} {_CONSOLE}; or declare what is there: authentication: {state.mode}"
        return PlanPart(problems=(_problem(mail, detail, fix),))
    if state.mode not in ("", SMTP_MODE) and state.signed_in is False:
        detail = f"the sign-in at {_NAMES[state.mode]} is missing or has lapsed: no mails are sent"
        report = Report(
            mail.address, "mail-sign-in", detail, mail.position, ReportLevel.WARNING, f"Sign in {_CONSOLE}."
        )
        return PlanPart(reports=(report,))
    return PlanPart()


def _problem(mail: Resource, detail: str, fix: str) -> Diagnostic:
    return Diagnostic(
        code="mail-authentication",
        summary="Mail takes another way",
        detail=detail,
        fix=fix,
        position=mail.positions.get("authentication", mail.position),
        address=mail.address,
    )
