"""POST /token: logging in, refreshing, logging out, and the check of every other request (facts, 1.3)."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl

from reconciler import randomness
from reconciler.lab.server.answer import EDIT, READ, Answer, ApiError, invalid, not_in_the_lab, only
from reconciler.lab.server.api import Api, Item, stamp
from reconciler.lab.server.call import Call, Request
from reconciler.lab.server.faults import Faults
from reconciler.lab.server.routes import Route

# The product's names of the cookie and the header are not documented: these are the lab's own.
COOKIE, HEADER = "LabAntiforgery", "X-Lab-Antiforgery"
GRANTS = ("password", "refresh_token", "urn:ietf:params:oauth:grant-type:jwt-bearer", "operator", "integration")


def digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def authenticate(api: Api, request: Request, rest: int, faults: Faults) -> str | None:
    """Who sent a request; None for a missing, unknown or expired token. Raises `ApiError` where the anti-forgery pair
    is wanted and missing."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    key = digest(token.strip())
    record = api.items("tokens").get(key) if scheme.lower() == "bearer" else None
    if record is None:
        return None
    if faults.has("expired-token"):
        record["expires"] = 0
    if record["expires"] <= api.clock().timestamp():
        return None
    if rest >= 7 and api.options.antiforgery and not pair_given(record, request):
        raise ApiError("The required antiforgery token is missing or not valid.", status=api.options.antiforgery_status)
    return str(record["user"])


def pair_given(record: Mapping[str, Any], request: Request) -> bool:
    wanted = record.get("antiforgery")
    if not wanted:
        return True
    cookies = [part.strip() for part in request.headers.get("cookie", "").split(";")]
    return f"{COOKIE}={wanted}" in cookies and request.headers.get(HEADER.lower()) == wanted


def fields_of(request: Request) -> dict[str, str]:
    """The login, from a form or from JSON; names in lower case."""
    if "json" in request.headers.get("content-type", ""):
        try:
            body = json.loads(request.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise invalid("The request body is not valid JSON.")
        pairs = [(str(name), "" if value is None else str(value)) for name, value in body.items()]
    else:
        pairs = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return {name.lower(): value for name, value in pairs}


def issue(call: Call) -> Answer:
    try:
        fields = fields_of(call.request)
        user = login(call, fields)
    except ApiError as error:
        status = error.status_in(call.rest)
        if call.options.login_error == "oauth" and status < 500:
            return Answer(status, {"error": "invalid_grant", "error_description": error.message})
        raise
    disabled = fields.get("disable_antiforgery_token", "").lower() == "true"
    guard = "" if disabled or call.rest <= 6 else randomness.token_urlsafe(24)
    return new_pair(call, user, guard)


def login(call: Call, fields: Mapping[str, str]) -> str:
    """The user name. Raises `ApiError`."""
    grant = fields.get("grant_type", "")
    if call.rest <= 6 and "disable_antiforgery_token" in fields and call.options.old_antiforgery_flag == "refuse":
        raise invalid("The property disable_antiforgery_token is not known.")
    if grant == "password":
        return by_password(call, fields)
    if grant == "refresh_token":
        return by_refresh(call, fields)
    if grant in GRANTS:
        raise not_in_the_lab(f"the grant type {grant}")
    raise invalid("unsupported_grant_type")


def refused(call: Call, message: str) -> ApiError:
    return ApiError(message, status=call.options.login_error_status)


def by_password(call: Call, fields: Mapping[str, str]) -> str:
    name, password = fields.get("username", ""), fields.get("password", "")
    for user, known in call.api.state["administrators"].items():
        if user.lower() == name.lower() and hmac.compare_digest(str(known).encode(), password.encode()):
            return str(user)
    raise refused(call, "The user name or password is incorrect.")


def by_refresh(call: Call, fields: Mapping[str, str]) -> str:
    """Refresh tokens are used once: the old one ends here."""
    record = call.items("refresh").pop(digest(fields.get("refresh_token", "")), None)
    if record is None or call.faults.has("refuse-refresh") or record["expires"] <= call.api.clock().timestamp():
        raise refused(call, "The refresh token is not valid.")
    if call.rest >= 7 and call.options.antiforgery and not pair_given(record, call.request):
        raise ApiError(
            "The required antiforgery token is missing or not valid.", status=call.options.antiforgery_status
        )
    return str(record["user"])


def new_pair(call: Call, user: str, guard: str) -> Answer:
    issued, options = call.api.clock(), call.options
    expires = issued + timedelta(seconds=options.token_seconds)
    access, refresh = randomness.token_urlsafe(48), randomness.token_urlsafe(48)
    prune(call.items("tokens"), issued.timestamp())
    prune(call.items("refresh"), issued.timestamp())
    call.items("tokens")[digest(access)] = {
        "user": user,
        "expires": expires.timestamp(),
        "antiforgery": guard,
        "refresh": digest(refresh),
    }
    call.items("refresh")[digest(refresh)] = {
        "user": user,
        "expires": issued.timestamp() + options.refresh_seconds,
        "antiforgery": guard,
    }
    body = {
        "access_token": access,
        "token_type": "bearer",
        "expires_in": int(options.token_seconds),
        "refresh_token": refresh,
        "userName": user,
        ".issued": stamp(issued),
        ".expires": stamp(expires),
    }
    headers = {"Cache-Control": "no-store"}
    if guard:
        headers |= {"Set-Cookie": f"{COOKIE}={guard}; Path=/; Secure; HttpOnly", HEADER: guard}
    return Answer(200, body, headers)


def prune(records: dict[str, Item], now: float) -> None:
    for key in [key for key, record in records.items() if record["expires"] <= now]:
        del records[key]


def logout(call: Call) -> None:
    token = call.request.headers.get("authorization", "").partition(" ")[2].strip()
    record = call.items("tokens").pop(digest(token), None)
    if record is not None and call.options.logout_ends_refresh:
        call.items("refresh").pop(record["refresh"], None)


ROUTES = (
    Route("POST", "token", issue, READ, anonymous=True),
    Route("POST", "token/logout", logout, only(EDIT, 7, 8)),
)
