"""Rules of proxies: how they are reached, by whom, and from where."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.proxy_matching import normal, same
from reconciler.kinds.rules.declared import Declared, Finding, Values, Where
from reconciler.model.inventory import LOCAL
from reconciler.model.sentences import quoted


def is_linux(values: Values) -> bool:
    return bool(values.get("os") == "linux")


def is_absent(values: Values) -> bool:
    return bool(values.get("state") == "absent")


def absent_in_use(declared: Declared) -> Iterator[Finding]:
    """Nothing may refer to a proxy that is to be removed."""
    absent = {name for name, values in declared.saying("proxies", "state") if is_absent(values)}
    if not absent:
        return
    for name, values in declared.saying("repositories", "proxy"):
        if values["proxy"] in absent:
            detail = f"Proxy {quoted(values['proxy'])} is to be removed, but repository {quoted(name)} uses it."
            fix = "Set another `proxy` (or `pool`) for the repository, or remove the repository too."
            yield Finding(Where("repositories", name, "proxy"), detail, fix, (Where("proxies", values["proxy"]),))
    for name, values in declared.saying("organizations", "proxies"):
        for item, proxy in enumerate(values["proxies"]):
            if proxy in absent:
                detail = f"Proxy {quoted(proxy)} is to be removed, but organization {quoted(name)} names it."
                fix = "Remove it from the `proxies` of the organization."
                yield Finding(Where("organizations", name, "proxies", item), detail, fix, (Where("proxies", proxy),))


def without_type(declared: Declared) -> Iterator[Finding]:
    for name, values in declared.saying("proxies", without=("type",)):
        if name != LOCAL and not is_linux(values):
            detail = f"Proxy {quoted(name)} has no `type`: whether it is a member of a domain."
            fix = "Add `type: domain` or `type: workgroup`, here, in its group or under `defaults`."
            yield Finding(Where("proxies", name), detail, fix)


def domain_without_login(declared: Declared) -> Iterator[Finding]:
    for name, values in declared.saying("proxies", "type", without=("credentials",)):
        if values["type"] == "domain" and not is_linux(values):
            detail = f"The server reaches the domain proxy {quoted(name)} with an account, but it has no `credentials`."
            yield Finding(Where("proxies", name, "type"), detail, "Add `credentials`: an entry of `credentials`.")


def workgroup_without_login(declared: Declared) -> Iterator[Finding]:
    for name, values in declared.saying("proxies", "type", without=("certificate", "credentials")):
        if values["type"] == "workgroup" and not is_linux(values):
            detail = f"The workgroup proxy {quoted(name)} has neither `certificate` nor `credentials`."
            fix = "Add `certificate` (a client certificate for WinRM), `credentials` (an account of the host), or both."
            yield Finding(Where("proxies", name, "type"), detail, fix)


def push_without_login(declared: Declared) -> Iterator[Finding]:
    """With a certificate alone the host can be looked at, but the server has no account to deploy with."""
    for name, values in declared.saying("proxies", "type", "certificate", without=("credentials",)):
        by_package = values.get("service.install") == "package"
        if values["type"] == "workgroup" and not is_linux(values) and not by_package:
            detail = (
                f"The server deploys the service to {quoted(name)} with an account of the host, and none is named: "
                "the proxy cannot be added, only looked at."
            )
            yield Finding(Where("proxies", name), detail, "Add `credentials`, unless the proxy is already registered.")


def linux_without_login(declared: Declared) -> Iterator[Finding]:
    for name, values in declared.saying("proxies", "os", without=("credentials",)):
        if is_linux(values):
            detail = f"A Linux proxy is deployed over SSH, but {quoted(name)} has no `credentials`."
            fix = "Add `credentials`: an entry with a private key or a password."
            yield Finding(Where("proxies", name), detail, fix)


def linux_by_agent(declared: Declared) -> Iterator[Finding]:
    """The server logs in by itself: what the operator's agent holds is of no use to it."""
    logins = declared.section("credentials")
    for name, values in declared.saying("proxies", "os", "credentials"):
        login = logins.get(values["credentials"])
        if login is not None and is_linux(values) and not {"password", "private_key"} & login.keys():
            detail = (
                f"The server deploys {quoted(name)} over SSH by itself, and {quoted(values['credentials'])} has only "
                "the SSH agent, which the server cannot ask."
            )
            fix = (
                "Name a credential with a private key or a password here; "
                "the one with the agent can stand in `connection.credentials`."
            )
            related = (Where("credentials", values["credentials"]),)
            yield Finding(Where("proxies", name, "credentials"), detail, fix, related)


def windows_without_password(declared: Declared) -> Iterator[Finding]:
    keys = {name for name, _ in declared.saying("credentials", without=("password",))}
    for name, values in declared.saying("proxies", "credentials") if keys else ():
        if values["credentials"] in keys and not is_linux(values):
            detail = f"{quoted(name)} runs Windows, and {quoted(values['credentials'])} has a key but no password."
            fix = "Name a credential with a password, or write `os: linux` if the host runs Linux."
            related = (Where("credentials", values["credentials"]),)
            yield Finding(Where("proxies", name, "credentials"), detail, fix, related)


def wrong_transport(declared: Declared) -> Iterator[Finding]:
    for name, values in declared.saying("proxies", "connection.transport"):
        transport = values["connection.transport"]
        wanted = "ssh" if is_linux(values) else "winrm"
        if transport != wanted:
            system = "Linux" if is_linux(values) else "Windows"
            detail = f"{quoted(name)} runs {system}, which is not reached through {transport}."
            fix = f"Remove `transport` (the default is {wanted}), or correct `os`."
            yield Finding(Where("proxies", name, "connection.transport"), detail, fix)


def same_host(declared: Declared) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name, values in declared.section("proxies").items():
        host = values.get("host")
        if host is not None and (first := seen.setdefault(normal(host), name)) != name:
            detail = (
                f"{quoted(name)} and {quoted(first)} have the same host {quoted(host)}, which can be only one proxy."
            )
            fix = "Remove one of them, or correct its `host`."
            yield Finding(Where("proxies", name, "host"), detail, fix, (Where("proxies", first, "host"),))


def server_as_proxy(declared: Declared) -> Iterator[Finding]:
    server = str(declared.setting("server").get("host", ""))
    for name, values in declared.saying("proxies", "host") if server else ():
        if same(values["host"], server):
            detail = f"{quoted(name)} is the management server, whose own proxy is declared as `{LOCAL}`."
            fix = f"Write `{LOCAL}: {{}}` in its place, and `{LOCAL}` where it is named; or correct its `host`."
            yield Finding(Where("proxies", name, "host"), detail, fix, (Where("server", "", "host"),))


def open_listener(declared: Declared) -> Iterator[Finding]:
    """Over plain HTTP the login has to encrypt, so there must be one that can; and TLS has nothing to check."""
    found = [("proxies", name, "connection.", said) for name, said in declared.saying("proxies", "connection.listener")]
    for section, name, prefix, values in [*found, ("server", "", "powershell.", declared.setting("server"))]:
        if values.get(f"{prefix}listener") != "http":
            continue
        where = Where(section, name, f"{prefix}listener")
        for key in ("ca_file", "fingerprint"):
            if f"{prefix}{key}" in values:
                detail = f"Over plain HTTP the server presents no certificate to compare with `{key}`."
                yield Finding(where, detail, f"Remove `{key}`, or use the HTTPS listener.")
        if _logs_in_by_certificate(declared, values, prefix):
            detail = "A client certificate works only over HTTPS."
            yield Finding(where, detail, f"Use the HTTPS listener, or set `{prefix}credentials` with a password.")


def _logs_in_by_certificate(declared: Declared, values: Values, prefix: str) -> bool:
    login = values.get(f"{prefix}credentials")
    if login is None and prefix == "connection.":
        login = values.get("credentials")
    certificate = values.get("certificate" if prefix == "connection." else f"{prefix}certificate")
    if login is None:
        return certificate is not None
    return declared.section("credentials").get(login, {}).get("auth") == "certificate"
