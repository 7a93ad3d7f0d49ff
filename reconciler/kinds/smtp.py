"""Mail settings of the server: one object. Proxies send the mails about jobs through it.

Product facts: RESTNotificationEmailSettingsRequest and -Response. `supressUntilLastRetry` is the product's spelling.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.kinds import codec
from reconciler.kinds.field import CREDENTIAL, Context, Decode, Field, Kind, Mode, Raw, nothing
from reconciler.model.state import MailState
from reconciler.model.value import UNKNOWN

_NOTIFY = {"success": "notifyOnSuccess", "warning": "notifyOnWarning", "failure": "notifyOnFailure"}


def encode_notify(value: Any, context: Context) -> Mapping[str, Any]:
    return {api: word in value for word, api in _NOTIFY.items()}


def decode_notify(raw: Raw, context: Context) -> Any:
    return [word for word, api in _NOTIFY.items() if raw[api]]


def normalize_notify(value: Any) -> Any:
    return [word for word in _NOTIFY if word in value]


def encode_to(value: Any, context: Context) -> Mapping[str, Any]:
    return {"to": ";".join(value)}


def decode_to(raw: Raw, context: Context) -> Any:
    """One text, separated by semicolons on the server."""
    return sorted(part.strip() for part in raw["to"].split(";") if part.strip())


def encode_security(value: Any, context: Context) -> Mapping[str, Any]:
    return {"useSSL": value == "tls"}


MODES_SINCE: Final = 7


def over_smtp(decode: Decode) -> Decode:
    """The decoder of a field that only a custom SMTP server has: unknown unless mail is known to go through one. If a
    person signed in to Microsoft 365 or Google (REST v7), the server, its port and its login are not in use, and
    nothing of ours may take their place."""

    def decode_over_smtp(raw: Raw, context: Context) -> Any:
        if context.rest >= MODES_SINCE and raw["authenticationType"] != "CustomSmtp":
            return UNKNOWN
        return decode(raw, context)

    return decode_over_smtp


def plain(api: str) -> Decode:
    def decode(raw: Raw, context: Context) -> Any:
        return raw[api]

    return decode


def decode_security(raw: Raw, context: Context) -> Any:
    return "tls" if raw["useSSL"] else "none"


def encode_credentials(value: Any, context: Context) -> Mapping[str, Any]:
    if value is None or value == "none":
        return {"useAuthentication": False}
    login = context.credential(value)
    return {"useAuthentication": True, "username": login.username, "userPassword": context.reveal(login.password)}


def decode_credentials(raw: Raw, context: Context) -> Any:
    """The user name can be seen, the password cannot. Whether a PUT without it keeps it is not documented (facts, U2),
    so each one repeats it while this user name is in place (`on_put`)."""
    return raw["username"] if raw["useAuthentication"] else "none"


def shown_credentials(value: Any, context: Context) -> Any:
    return "none" if value is None or value == "none" else context.credential(value).username


def is_off(live: Any, wanted: Any) -> bool:
    """No mails are sent."""
    return live is False


def misses_some(live: Any, wanted: Any) -> bool:
    """A declared recipient gets no mails."""
    return isinstance(live, list) and not {*live} >= {*wanted}


def hides_failures(live: Any, wanted: Any) -> bool:
    """Failures are not reported, and warnings where they are to be: jobs end with them that did not back up all."""
    return isinstance(live, list) and bool(({*wanted} - {*live}) & {"warning", "failure"})


def the_one(raw: Raw, context: Context) -> str:
    return ""


def wanted_key(name: str, fields: Mapping[str, Any]) -> str:
    return ""


SMTP_MODE: Final = "smtp"
_MODES: Final = {SMTP_MODE: "CustomSmtp", "microsoft365": "Microsoft365", "google": "GoogleGmail"}
_, decode_mode = codec.words("authenticationType", _MODES)


def is_signed_in(fields: Mapping[str, Any]) -> bool:
    """Whether a person signed in to Microsoft 365 or Google, in place of an SMTP server."""
    return fields["authentication"] not in (SMTP_MODE, UNKNOWN)


def has_server(fields: Mapping[str, Any]) -> bool:
    return not is_signed_in(fields)


def in_the_clear(fields: Mapping[str, Any]) -> str:
    """A password that is sent unencrypted is a person's decision."""
    is_sent = has_server(fields) and fields["credentials"] not in ("none", UNKNOWN)
    return "its password is sent unencrypted" if is_sent and fields["security"] == "none" else ""


def mail_state(raw: Raw, rest: int) -> MailState:
    """Before REST v7 mails go through an SMTP server."""
    if rest < MODES_SINCE:
        return MailState(SMTP_MODE)
    shown = {theirs: ours for ours, theirs in _MODES.items()}
    signed_in = raw.get("isAuthenticated")
    return MailState(
        shown.get(str(raw.get("authenticationType")), ""), signed_in if isinstance(signed_in, bool) else None
    )


SMTP = Kind(
    name="smtp",
    section="smtp",
    doc="How mails about jobs are sent.",
    rank=10,
    collection="VboEmailSettings",
    singleton=True,
    live_key=the_one,
    wanted_key=wanted_key,
    volatile=frozenset({"isAuthenticated"}),
    state=mail_state,
    fields=(
        Field(
            "authentication",
            "smtp (a server), microsoft365 or google. Only a sign-in in the console changes it.",
            mode=Mode.LOCAL,
            since=MODES_SINCE,
            encode=nothing,
            decode=decode_mode,
            imported=is_signed_in,
        ),
        Field("enabled", "Master switch of the notifications.", "enableNotification", severe=is_off),
        Field(
            "server",
            "Name of the SMTP server.",
            "smtpServer",
            decode=over_smtp(plain("smtpServer")),
            severe=True,
            imported=has_server,
        ),
        Field(
            "port",
            "TCP port of the SMTP server.",
            "port",
            decode=over_smtp(plain("port")),
            severe=True,
            imported=has_server,
        ),
        Field(
            "security",
            "none or tls.",
            encode=encode_security,
            decode=over_smtp(decode_security),
            severe=True,
            imported=has_server,
            why_unsaid=in_the_clear,
        ),
        Field(
            "credentials",
            "Account for SMTP authentication, or none.",
            mode=Mode.WRITE_ONLY,
            refers=(CREDENTIAL,),
            encode=encode_credentials,
            decode=over_smtp(decode_credentials),
            shown=shown_credentials,
            on_put=True,
            implies=("username",),
            severe=True,
            imported=has_server,
        ),
        Field(
            "from",
            "Sender of the mails.",
            "from",
            decode=over_smtp(plain("from")),
            severe=True,  # servers refuse mails of another sender
            imported=has_server,
        ),
        Field("to", "Recipients.", encode=encode_to, decode=decode_to, normalize=sorted, severe=misses_some),
        Field("subject", "Subject with the product's variables, e.g. %JobName%.", "subject"),
        Field(
            "notify",
            "Results to report: success, warning, failure.",
            encode=encode_notify,
            decode=decode_notify,
            normalize=normalize_notify,
            severe=hides_failures,
        ),
        Field("suppress_until_last_retry", "Report a failure only at the last retry.", "supressUntilLastRetry"),
        Field("attach_report", "Attach the detailed report.", "attachDetailedReport"),
    ),
)
