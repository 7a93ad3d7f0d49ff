"""What can be made to happen in a lab from outside: `lab set TARGET KEY=VALUE`."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import fields
from typing import Any, Final

from reconciler.lab.errors import LabError
from reconciler.lab.hosts.host import Host, Switch
from reconciler.lab.population import Population
from reconciler.lab.server import LabServer
from reconciler.lab.server.options import Options
from reconciler.lab.state import Document

SIGN_INS: Final = ("CustomSmtp", "GoogleGmail", "Microsoft365")
REST_CERTIFICATES: Final = ("valid", "expired", "other-name")


def switch(
    population: Population,
    server: Document,
    mail: Document,
    running: LabServer | None,
    jobs: Collection[str],
    target: str,
    key: str,
    value: str,
) -> str:
    """TARGET is a host, a job (trouble), an organization (name), `server` or `smtp`. `jobs` are those of the inventory.
    Gives a sentence. Raises LabError."""
    if not _is_text(value):
        raise LabError(f"the value of {key} is not text in UTF-8")
    if target == "server":
        _server(population, server, running, key, value)
    elif target == "smtp":
        _smtp(mail, key, value)
    else:
        host = find(population, target)
        if host is not None and key == "registered-as":
            _register(population, server, host, value)
        elif host is not None:
            _change(host, key, value)
        elif not (_organization(server, target, key, value) or _job(server, jobs, target, key, value)):
            raise LabError(
                f"the lab knows no host or job {target}; it has {', '.join(host.name for host in population)}"
            )
    return f"{target}: {key} is {value}"


def _is_text(value: str) -> bool:
    """Without bytes that are not UTF-8, which Python keeps as single surrogates: no state file can hold them. JSON can
    write one as well, with an escape."""
    try:
        value.encode()
        json.dumps(_plain(value), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def find(population: Population, target: str) -> Host | None:
    """By its name, by the name of its proxy in the inventory, or by its first label where no other begins like that."""
    exact = population.find(target)
    if exact is not None:
        return exact
    named = [host for host in population if host.state.get("proxy_name") == target]
    if named:
        return named[0]
    similar = [host for host in population if host.name.partition(".")[0] == target.lower()]
    return similar[0] if len(similar) == 1 else None


def _register(population: Population, server: Document, host: Host, name: str) -> None:
    """`registered-as=PX-1` or `=172.17.53.53`: the proxy was added by this name, as people do in the console."""
    population.register(host, name)
    with server.lock:
        proxies = {ident: dict(item) for ident, item in server.data.get("proxies", {}).items()}
    found = [item for item in proxies.values() if item["fqdn"] == host.name]
    if not found:
        raise LabError(f"the server of the lab has no proxy on {host.name}")
    found[0]["hostName"] = name
    _put(server, "proxies", proxies)


def _change(host: Host, key: str, value: str) -> None:
    try:
        host.change(key, value)
    except Switch as error:
        raise LabError(str(error)) from error


def _server(population: Population, server: Document, running: LabServer | None, key: str, value: str) -> None:
    """`build=…` installs another build; `sign-in=Microsoft365` is a sign-in for the mail, made in the console;
    `rest-certificate=expired` is what the REST API shows from then on;
    `coverage=anew` lets the witness begin again; `faults=[…]` sets them (JSON); options by their names; else the
    machine's."""
    known = {item.name for item in fields(Options)}
    if key == "build" and running is not None:
        running.upgrade_server(value)
    elif key == "rest-certificate":
        if value not in REST_CERTIFICATES:
            raise LabError(f"rest-certificate is one of {', '.join(REST_CERTIFICATES)}, not {value}")
        _put(server, "rest_certificate", value)
    elif key == "coverage" and value == "anew":
        _put(server, "coverage", None)
    elif key == "faults":
        _put(server, "faults", _parsed(key, value, list))
    elif key == "sign-in":
        _sign_in(server, value)
    elif key in known:
        with server.lock:
            options = {**server.data.get("options", {}), key: _plain(value)}
        _put(server, "options", options)
    else:
        host = population.find(str(server.data.get("host", "")))
        if host is None:
            raise LabError(f"the server has no switch {key}")
        _change(host, key, value)


def _sign_in(server: Document, mode: str) -> None:
    """The mail settings after a sign-in at Microsoft or Google in the console: no SMTP server, and a mailbox. `lapsed`
    ends the sign-in."""
    if mode not in (*SIGN_INS, "lapsed"):
        raise LabError(f"sign-in is one of {', '.join(SIGN_INS)} and lapsed, not {mode}")
    with server.lock:
        email = dict(server.data["email"])
    if mode == "lapsed":
        _put(server, "email", email | {"isAuthenticated": False})
        return
    signed = mode != "CustomSmtp"
    email |= {"authenticationType": mode, "isAuthenticated": signed or None}
    if signed:
        email |= {"smtpServer": "", "useAuthentication": False, "username": "", "from": "vbo@contoso.onmicrosoft.com"}
        email |= {"userId": "vbo@contoso.onmicrosoft.com", "mailApiUrl": "https://graph.microsoft.com"}
    _put(server, "email", email)


def _smtp(mail: Document, key: str, value: str) -> None:
    """`refuse=ADDRESS` lets the mail server refuse a recipient, `accept=ADDRESS` ends it."""
    if key not in ("refuse", "accept"):
        raise LabError("smtp has the switches refuse=ADDRESS and accept=ADDRESS")
    with mail.lock:
        refused = dict(mail.data["refuse"])
    if key == "refuse":
        refused[value.lower()] = "550 5.1.1 Refused by `lab set`"
    else:
        refused.pop(value.lower(), None)
    _put(mail, "refuse", refused)


def _organization(server: Document, organization: str, key: str, value: str) -> bool:
    """`name=Atlanta` is the display name of an organization, as a user gives it in the console."""
    with server.lock:
        known = {ident: dict(item) for ident, item in server.data.get("organizations", {}).items()}
    found = [item for item in known.values() if item["name"].lower() == organization.lower()]
    if not found:
        return False
    if key != "name" or not value or any(item["name"].lower() == value.lower() for item in known.values()):
        raise LabError("an organization has the switch name=NAME, with a name that no organization has")
    found[0]["name"] = value
    _put(server, "organizations", known)
    return True


def _job(server: Document, jobs: Collection[str], job: str, key: str, value: str) -> bool:
    """`trouble=warning`, `trouble=failure` or `trouble=none` for every later session of a job."""
    with server.lock:
        names = {*jobs, *(str(item.get("name")) for item in server.data.get("jobs", {}).values())}
        troubles = dict(server.data.get("trouble", {}))
    if job not in names:
        return False
    if key != "trouble" or value not in ("warning", "failure", "none"):
        raise LabError("a job has the switch trouble=warning, trouble=failure or trouble=none")
    troubles.pop(job, None)
    if value != "none":
        troubles[job] = value
    _put(server, "trouble", troubles)
    return True


def _put(document: Document, key: str, value: Any) -> None:
    with document.lock:
        document.data[key] = value
        document.save()


def _plain(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _parsed(key: str, value: str, kind: type) -> Any:
    found = _plain(value)
    if not isinstance(found, kind):
        raise LabError(f"{key} is a {kind.__name__} in JSON")
    return found
