"""/VboEmailSettings: how mails about jobs are sent (facts, 7). The password is kept and never shown."""

from __future__ import annotations

from typing import Any

from reconciler.lab.fleet import DeployError, MailSettings
from reconciler.lab.server.answer import EDIT, READ, failed, invalid, not_in_the_lab, only
from reconciler.lab.server.api import Api
from reconciler.lab.server.call import Call
from reconciler.lab.server.proxy_model import PORT
from reconciler.lab.server.routes import Route
from reconciler.lab.server.shape import ANYTHING, FLAG, TEXT, Choice, Property, Shape, require

NOTIFY = {"success": "notifyOnSuccess", "warning": "notifyOnWarning", "failure": "notifyOnFailure"}
SETTINGS = Shape(
    Property("enableNotification", FLAG, null=6),
    Property("authenticationType", Choice("CustomSmtp", "GoogleGmail", "Microsoft365"), since=7),
    Property("smtpServer", TEXT),
    Property("port", PORT, null=6),
    Property("useAuthentication", FLAG, null=6),
    Property("username", TEXT),
    Property("userPassword", TEXT, "w"),
    Property("useSSL", FLAG, null=6),
    Property("from", TEXT),
    Property("to", TEXT),
    Property("subject", TEXT),
    Property("notifyOnSuccess", FLAG, null=6),
    Property("notifyOnWarning", FLAG, null=6),
    Property("notifyOnFailure", FLAG, null=6),
    Property("supressUntilLastRetry", FLAG, null=6),
    Property("attachDetailedReport", FLAG, null=6),
    Property("userId", TEXT, since=7),
    Property("mailApiUrl", TEXT, since=7, null=7),
    Property("requestId", TEXT, "w", since=7),
    Property("isAuthenticated", FLAG, "r", since=7, null=7),
    Property("_links", ANYTHING, "r"),
    Property("_actions", ANYTHING, "r"),
)
DEFAULTS: dict[str, Any] = {
    "enableNotification": False,
    "authenticationType": "CustomSmtp",
    "smtpServer": "smtp.office365.com",
    "port": 587,
    "useAuthentication": False,
    "username": "",
    "userPassword": "",
    "useSSL": True,
    "from": "",
    "to": "",
    "subject": "[%JobResult%] %OrgName% - %JobName% (%ObjectCount% objects), %Issues% issues",
    "notifyOnSuccess": False,
    "notifyOnWarning": False,
    "notifyOnFailure": False,
    "supressUntilLastRetry": False,
    "attachDetailedReport": False,
    "mailApiUrl": None,
    "isAuthenticated": None,
}


def read(call: Call) -> Any:
    test = "SendTestEmail" if call.rest >= 8 else "SendTest"
    seen = call.api.state["email"] | {"_links": call.links(self="VboEmailSettings")}
    if call.rest >= 6:
        seen["_actions"] = {"sendTest": {"uri": call.href(f"VboEmailSettings/{test}"), "method": "POST"}}
    return SETTINGS.show(seen, call.rest)


def edit(call: Call) -> None:
    body = call.body(SETTINGS)
    kept = dict(call.api.state["email"])
    mode = body.get("authenticationType", "CustomSmtp")
    if mode not in ("CustomSmtp", kept["authenticationType"]):
        raise not_in_the_lab("the sign-in at Google or Microsoft, which needs a person with a browser")
    if call.options.put_email == "replace":
        kept = DEFAULTS | {name: kept[name] for name in ("isAuthenticated", "userPassword")}
    wanted = kept | body
    if wanted["enableNotification"] and wanted["authenticationType"] == "CustomSmtp":
        require(wanted, ["smtpServer", "from", "to"])
    if wanted["useAuthentication"]:
        require(wanted, ["username"])
    else:
        wanted["userPassword"] = ""
    call.api.state["email"] = wanted


def recipients(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def mail_settings(api: Api) -> MailSettings | None:
    """Mail settings for a session of a proxy; None while notifications are off."""
    settings = api.state["email"]
    return stored(api) if settings["enableNotification"] else None


def stored(api: Api) -> MailSettings:
    settings = api.state["email"]
    used = settings["useAuthentication"]
    return MailSettings(
        server=settings["smtpServer"],
        port=settings["port"],
        security="tls" if settings["useSSL"] else "none",
        username=settings["username"] if used else "",
        password=settings["userPassword"] if used else "",
        sender=settings["from"],
        recipients=recipients(settings["to"]),
        subject=settings["subject"],
        notify=[word for word, name in NOTIFY.items() if settings[name]],
    )


def send_test(call: Call) -> None:
    """With the stored settings. Which host sends is not documented; here it is the server."""
    with call.api.lock:
        settings = stored(call.api)
    if not settings.server or not settings.sender or not settings.recipients:
        raise invalid("Email notification settings are not configured.")
    if call.api.send_test is None:
        raise not_in_the_lab("how to send a mail from the server: it was started without")
    try:
        call.api.send_test(settings)
    except (DeployError, OSError, ValueError) as error:
        raise failed(f"Failed to send a test email: {error}") from error


def sign_in(_call: Call) -> None:
    raise not_in_the_lab("the sign-in at Google or Microsoft, which needs a person with a browser")


ROUTES = (
    Route("GET", "VboEmailSettings", read, READ),
    Route("PUT", "VboEmailSettings", edit, EDIT),
    Route("POST", "VboEmailSettings/SendTest", send_test, only(EDIT, 6, 7), slow=True),
    Route("POST", "VboEmailSettings/SendTestEmail", send_test, only(EDIT, 8), slow=True),
    Route("POST", "VboEmailSettings/PrepareOAuthSignIn", sign_in, only(READ, 7, 8)),
    Route("POST", "VboEmailSettings/CompleteOAuthSignIn", sign_in, only(READ, 7, 8)),
)
