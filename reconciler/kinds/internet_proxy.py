"""How a proxy reaches the internet, piece by piece. Product facts: useInternetProxy, internetProxyType and
RESTProxyInternetProxySettings. The server shows the user name of a login, and not its password: whether a PUT without
it keeps it is not documented (facts, U2), so each one repeats it while this user name is in place (`on_put`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.kinds.field import CREDENTIAL, Context, Field, Mode, Raw

NO_LOGIN: Final = "none"


def encode_way(value: Any, context: Context) -> Mapping[str, Any]:
    if value == "none":
        return {"useInternetProxy": False}
    if value == "server":
        return {"useInternetProxy": True, "internetProxyType": "FromManagementServer"}
    return {
        "useInternetProxy": True,
        "internetProxyType": "Custom",
        "internetProxySettings": {"hostName": value["host"]},
    }


def decode_way(raw: Raw, context: Context) -> Any:
    if not raw["useInternetProxy"]:
        return "none"
    if raw["internetProxyType"] == "FromManagementServer":
        return "server"
    return {"host": raw["internetProxySettings"]["hostName"]}


def _settings(raw: Raw) -> Raw | None:
    """The settings that are in use; None if another way is."""
    custom = raw["useInternetProxy"] and raw["internetProxyType"] == "Custom"
    return raw["internetProxySettings"] if custom else None


def encode_port(value: Any, context: Context) -> Mapping[str, Any]:
    return {"internetProxySettings": {"port": value}}


def decode_port(raw: Raw, context: Context) -> Any:
    settings = _settings(raw)
    return settings["port"] if settings is not None else None


def encode_login(value: Any, context: Context) -> Mapping[str, Any]:
    if value == NO_LOGIN:
        return {"internetProxySettings": {"useAuthentication": False}}
    login = context.credential(value)
    found = {"username": login.username, "userPassword": context.reveal(login.password)}
    return {"internetProxySettings": {"useAuthentication": True, **found}}


def decode_login(raw: Raw, context: Context) -> Any:
    settings = _settings(raw)
    return settings["username"] if settings is not None and settings["useAuthentication"] else NO_LOGIN


def shown_login(value: Any, context: Context) -> Any:
    return NO_LOGIN if value == NO_LOGIN else context.credential(value).username


def has_own(fields: Mapping[str, Any]) -> bool:
    """Whether a proxy has its own internet proxy."""
    return isinstance(fields["internet_proxy"], Mapping)


FIELDS: Final = (
    Field(
        "internet_proxy",
        "none, server (as the management server), or a map with host, port and credentials.",
        encode=encode_way,
        decode=decode_way,
        implies=("internetProxySettings", "internetProxyType", "useInternetProxy"),
        severe=True,
        starts_jobs=True,
    ),
    Field(
        "internet_proxy.port",
        "TCP port of the internet proxy.",
        encode=encode_port,
        decode=decode_port,
        severe=True,
        starts_jobs=True,
    ),
    Field(
        "internet_proxy.credentials",
        "Account of the internet proxy, or none.",
        mode=Mode.WRITE_ONLY,
        refers=(CREDENTIAL,),
        encode=encode_login,
        decode=decode_login,
        shown=shown_login,
        on_put=True,
        sent_with=("internet_proxy",),
        implies=("username",),
        severe=True,
        starts_jobs=True,
        imported=has_own,
    ),
)
