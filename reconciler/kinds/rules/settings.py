"""Rules of what there is one of: the server, logins, mail and policy."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.rules.declared import Declared, Finding, Values, Where
from reconciler.kinds.smtp import SMTP_MODE
from reconciler.model.sentences import listed, quoted

_OF_SERVER = ("server", "port", "security", "credentials", "from")
"""What only a custom SMTP server has."""


def without_name(declared: Declared) -> Iterator[Finding]:
    if not declared.name:
        detail = "The inventory has no name, which marks the objects that it creates."
        yield Finding(Where(""), detail, "Add for example `name: corp`.")


def without_server(declared: Declared) -> Iterator[Finding]:
    if "server" not in declared.settings and "server" not in declared.unread:
        detail = "The inventory has no `server`: the management server."
        yield Finding(
            Where(""), detail, "Add for example `server: {host: vbo01.corp.example.com, credentials: admin}`."
        )


def empty_login(declared: Declared) -> Iterator[Finding]:
    for name, values in declared.section("credentials").items():
        if not {"password", "private_key"} & values.keys() and not values.get("agent"):
            if values.get("auth") in (
                "certificate",
                "kerberos",
            ):  # Kerberos can use a keytab, or the operator's tickets
                continue
            detail = f"Credential {quoted(name)} has neither a password nor a private key."
            yield Finding(Where("credentials", name), detail, "Add for example `password: secret://env/PASSWORD`.")


def wrong_elevation(declared: Declared) -> Iterator[Finding]:
    for name, values in declared.section("credentials").items():
        if not values.get("su"):
            continue
        if values.get("sudo"):
            detail = f"Credential {quoted(name)} has both `sudo` and `su`, and scripts run through one of them."
            yield Finding(Where("credentials", name, "su"), detail, "Remove `sudo`, or `su` and `root_password`.")
        if "root_password" not in values:
            detail = f"su asks for the password of root, and credential {quoted(name)} has no `root_password`."
            fix = "Add for example `root_password: secret://env/ROOT_PASSWORD`."
            yield Finding(Where("credentials", name, "su"), detail, fix)


def server_without_password(declared: Declared) -> Iterator[Finding]:
    server = declared.setting("server")
    for field in ("credentials", "powershell.credentials"):
        login = declared.section("credentials").get(server.get(field, ""))
        if field != "credentials" and "powershell.certificate" in server:
            continue
        if login is not None and field != "credentials" and login.get("auth") == "kerberos":
            continue
        if login is not None and "password" not in login:
            detail = f"The server requires a password, but {quoted(server[field])} has none."
            related = (Where("credentials", server[field]),)
            yield Finding(Where("server", "", field), detail, "Name a credential with a password.", related)


def powershell_without_login(declared: Declared) -> Iterator[Finding]:
    server = declared.setting("server")
    parts = [field for field in server if field.startswith("powershell.")]
    if parts and "powershell.credentials" not in server and "powershell.certificate" not in server:
        detail = "`powershell` has neither `credentials` nor `certificate`."
        yield Finding(Where("server", "", parts[0]), detail, "Add `credentials` or `certificate` to `powershell`.")


def certificate_without_powershell(declared: Declared) -> Iterator[Finding]:
    server = declared.setting("server")
    if "certificate" in server and not any(field.startswith("powershell.") for field in server):
        detail = "The REST API does not expose the server certificate: it is read and replaced through PowerShell."
        logins = (name for name, values in declared.section("credentials").items() if "password" in values)
        login = next(iter(sorted(logins)), "")
        fix = f"Add `powershell: {{credentials: {login}}}` to `server`." if login else "Add `powershell` to `server`."
        yield Finding(Where("server", "", "certificate"), detail, fix)


def incomplete_mail(declared: Declared) -> Iterator[Finding]:
    """An SMTP server is declared whole or not at all: then what is configured remains."""
    smtp = declared.setting("smtp")
    said = [field for field in _OF_SERVER if field in smtp]
    missing = [field for field in ("server", "from", "to") if field not in smtp]
    if (said or smtp.get("authentication") == SMTP_MODE) and missing and not _signs_in(smtp):
        yield Finding(Where("smtp"), f"Mail cannot be sent without {listed(missing)}.", f"Add {listed(missing)}.")


def unused_mail(declared: Declared) -> Iterator[Finding]:
    smtp = declared.setting("smtp")
    for field in _OF_SERVER:
        if field in smtp and _signs_in(smtp):
            mode = quoted(smtp["authentication"])
            detail = f"`{field}` is of an SMTP server, and with `authentication` {mode} none is used."
            yield Finding(
                Where("smtp", "", field), detail, f"Remove `{field}`, or write `authentication: {SMTP_MODE}`."
            )


def _signs_in(smtp: Values) -> bool:
    return bool(smtp.get("authentication", SMTP_MODE) != SMTP_MODE)


def mail_without_password(declared: Declared) -> Iterator[Finding]:
    name = declared.setting("smtp").get("credentials", "")
    login = declared.section("credentials").get(name)
    if login is not None and "password" not in login:
        detail = f"SMTP authentication requires a password, but {quoted(name)} has none."
        related = (Where("credentials", name),)
        yield Finding(Where("smtp", "", "credentials"), detail, "Name a credential with a password.", related)


def mail_in_the_clear(declared: Declared) -> Iterator[Finding]:
    smtp = declared.setting("smtp")
    if smtp.get("security") == "none" and smtp.get("credentials", "none") != "none":
        detail = f"The password of {quoted(smtp['credentials'])} is sent over the network unencrypted."
        yield Finding(Where("smtp", "", "security"), detail, "Write `security: tls`.")


def unknown_zone(declared: Declared) -> Iterator[Finding]:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

    for where, window in _windows(declared):
        zone = window.get("zone", "UTC")
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            if not available_timezones():
                return
            detail = f"{quoted(zone)} is not a time zone."
            yield Finding(where, detail, "Write it like `Europe/London`.")


def _windows(declared: Declared) -> Iterator[tuple[Where, Values]]:
    policy = declared.setting("policy")
    yield from ((Where("policy", "", "windows", item), window) for item, window in enumerate(policy.get("windows", ())))
    for item, rule in enumerate(policy.get("auto", ())):
        yield from ((Where("policy", "", "auto", item), window) for window in rule.get("windows", ()))
