"""The logins of an import: one for the proxies of each class, one for each user name that the server shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.importing.hosts import HostScan
from reconciler.importing.keys import handle
from reconciler.kinds.proxy_matching import normal
from reconciler.model.live import LiveResource
from reconciler.model.value import UNKNOWN

DOMAIN, WORKGROUP, LINUX = "windows-domain", "windows-workgroup", "linux"
CLASSES: Final = (DOMAIN, WORKGROUP, LINUX)
"""The classes of proxies that one account can be for."""
_USUAL: Final = {DOMAIN: "Administrator", WORKGROUP: "Administrator", LINUX: "root"}
_NAMES: Final = {"smtp": "smtp", "proxy": "internet-proxy"}
"""By kind, what logins are called whose user the server shows."""


def class_of(live: LiveResource) -> str:
    """The class of a proxy. REST v5 shows no type; a proxy of it is taken for one of the domain."""
    if live.fields["os"] == "linux":
        return LINUX
    return WORKGROUP if live.fields["type"] == "workgroup" else DOMAIN


def variable(name: str, what: str) -> str:
    """The environment variable of a secret of the login `name`."""
    return f"{re.sub('[^A-Z0-9]+', '_', name.upper()).strip('_')}_{what}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The account that hosts of a class are deployed with, and how it logs in: password, key or agent. An agent is for
    our connections only: the server, which deploys by itself, cannot ask it."""

    username: str
    method: str = "password"


@dataclass(slots=True)
class Logins:
    """`entries` of `credentials`, as an inventory has them. `answers` are the accounts of classes of proxies that a
    person named, `hosts` the logins of single hosts; `guessed` are logins that a person must fill in. `visited` is
    whether the hosts are visited, `scanned` what they showed, by normal name."""

    entries: dict[str, dict[str, Any]]
    answers: Mapping[str, Answer] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)
    visited: bool = False
    scanned: Mapping[str, HostScan] = field(default_factory=dict)
    guessed: set[str] = field(default_factory=set)
    made: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The entries that this import added."""

    def of_user(self, username: str, kind: str) -> str:
        """The name of the login of a user that the server shows."""
        for name, entry in self.entries.items():
            if entry.get("username") == username and "password" in entry:
                return name
        return self._add(_NAMES[kind], username, "password")

    def of_proxy(self, live: LiveResource) -> Mapping[str, Any]:
        """What an inventory says of how the host of a proxy is reached."""
        found, host = class_of(live), normal(str(live.fields["host"]))
        said: dict[str, Any] = {"credentials": self.hosts.get(host) or self._of_class(found)}
        answer = self.answers.get(found)
        if answer is not None and answer.method == "agent" and host not in self.hosts:
            said["connection.credentials"] = self._of_agent(f"{found}-agent", answer)
        said |= self.scanned[host].said() if host in self.scanned else {}
        if live.fields["type"] is UNKNOWN and found == DOMAIN:
            said["type"] = "domain"
        return said if self.visited else {**said, "connection.enabled": False}

    def _of_class(self, name: str) -> str:
        if name in self.entries:
            return name
        answer = self.answers.get(name)
        if answer is None:
            self.guessed.add(name)
            answer = Answer(_USUAL[name])
        return self._add(name, answer.username, answer.method)

    def _of_agent(self, name: str, answer: Answer) -> str:
        if name not in self.entries:
            self.entries[name] = self.made[name] = {"username": answer.username, "agent": True, "sudo": True}
        return name

    def _add(self, stem: str, username: str, method: str) -> str:
        names = (stem, *(f"{stem}-{number}" for number in range(2, len(self.entries) + 3)))
        name = handle(next(choice for choice in names if choice not in self.entries))
        entry: dict[str, Any] = {"username": username}
        if method == "key":
            entry |= {"private_key": f"secret://env/{variable(name, 'KEY')}", "sudo": True}
        else:
            entry |= {"sudo": True} if stem == LINUX and username != "root" else {}
            entry["password"] = f"secret://env/{variable(name, 'PASSWORD')}"
        self.entries[name] = self.made[name] = entry
        return name
