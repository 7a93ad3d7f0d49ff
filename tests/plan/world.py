"""Small inventories and live worlds for tests of planning, without files and without a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from reconciler.kinds import KINDS
from reconciler.kinds.naming import Naming
from reconciler.kinds.typed import typed
from reconciler.model.address import address
from reconciler.model.connection import Access, Connection, Credential, Server, Transport
from reconciler.model.inventory import WHOLE, Inventory, Policy, Resource
from reconciler.model.live import HostFacts, Live, ServerInfo
from reconciler.model.plan import Plan
from reconciler.model.position import Position
from reconciler.model.recall import Memory, Recall
from reconciler.model.secret import SecretRef
from reconciler.observe.server import read_server
from reconciler.plan import make_plan
from reconciler.requirements import NO_REQUIREMENTS, Playbook

LOGIN = Credential("corp", "CORP\\svc", SecretRef("env", "CORP"))
MAILER = Credential("mailer", "backup-mailer", SecretRef("env", "MAIL"))
BUILD = "8.5.0.1014"
LOCAL = [{"id": "local", "hostName": "vbo01", "type": "Local", "status": "Online", "version": BUILD}]
"""What a server lists that has no proxies besides its own."""


def access() -> Access:
    shell = Connection("server", "vbo01.corp.example.com", Transport.WINRM, LOGIN)
    server = Server("vbo01.corp.example.com", LOGIN, powershell=shell)
    return Access(server, {}, {"corp": LOGIN, "mailer": MAILER}, {}, "/nowhere")


def inventory(**sections: Mapping[str, Mapping[str, Any]]) -> Inventory:
    """`proxy={"px-1": {...}}` and so on; a singleton is `smtp={"": {...}}`. Line numbers follow the order."""
    resources = {}
    line = 0
    for kind, objects in sections.items():
        for name, fields in objects.items():
            line += 10
            key = {"proxy": {"host": name}, "smtp": {}, "certificate": {}}.get(kind, {"name": name})
            values = {**key, **fields}
            where = Position("inventory.yml", line, 3)
            positions = {item: Position("inventory.yml", line + n + 1, 5) for n, item in enumerate(fields)}
            resources[address(kind, name)] = Resource(kind, name, values, {WHOLE: where, **positions})
    return Inventory("corp", access(), dict(sorted(resources.items())), Policy(), ("inventory.yml",), "digest")


@dataclass
class FakeReader:
    """Answers GETs from a dictionary: a list for a collection, a map for one object."""

    answers: dict[str, Any] = field(default_factory=dict)
    rest: int = 8
    build: str = BUILD
    installation: str = "installation"
    asked: list[str] = field(default_factory=list)

    @property
    def requests(self) -> dict[str, int]:
        return {"GET": len(self.asked)}

    def list(self, path: str, **query: object) -> list[dict[str, Any]]:
        self.asked.append(path)
        pool = path.split("/")[1] if path.startswith("ProxyPools/") else ""
        if pool:
            return [dict(item) for item in self.answers["Proxies"] if item.get("proxyPoolId") == pool]
        return [dict(item) for item in self.answers.get(path, LOCAL if path == "Proxies" else [])]

    def get(self, path: str, **query: object) -> dict[str, Any]:
        self.asked.append(path)
        return dict(self.answers.get(path, {}))


def live(
    wanted: Inventory,
    reader: FakeReader,
    hosts: Mapping[str, HostFacts] | None = None,
    memory: Memory | None = None,
    **raws: Mapping[str, Any],
) -> Live:
    """What `reader` shows, with the facts of `hosts`. `certificate={...}` adds what PowerShell would say."""
    naming = Naming(reader.rest, wanted.access)
    found, gaps = read_server(cast("Any", reader), wanted, naming, memory=memory)
    for name, raw in raws.items():
        from reconciler.model.live import LiveResource

        kind = KINDS[name]
        fields = {item.name: item.from_api(typed(kind, reader.rest, raw), naming) for item in kind.fields}
        found[address(name)] = LiveResource(name, "", name, fields)
    info = ServerInfo(wanted.access.server.host, reader.rest, reader.build, reader.installation)
    return Live(
        info,
        dict(sorted(found.items())),
        dict(hosts or {}),
        reader.requests,
        gaps=gaps,
        references=naming.referred,
        directory=naming.directory,
    )


def plan(
    wanted: Inventory,
    reader: FakeReader,
    *,
    recall: Recall | None = None,
    hosts: Mapping[str, HostFacts] | None = None,
    playbooks: Mapping[str, Playbook] = NO_REQUIREMENTS,
    **raws: Mapping[str, Any],
) -> Plan:
    return make_plan(
        wanted,
        live(wanted, reader, hosts, recall.memory if recall else None, **raws),
        recall or Recall(),
        access=wanted.access,
        playbooks=playbooks,
    )


def changes(made: Plan) -> dict[str, dict[str, tuple[Any, Any]]]:
    """Changes as `{key: {path: (before, after)}}`."""
    return {change.key: {item.path: (item.before, item.after) for item in change.fields} for change in made.changes}
