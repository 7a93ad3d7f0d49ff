"""An inventory against a server in memory: planned and applied with everything of the program but the network."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import yaml

from reconciler.apply import AppliedStateRecorder, ApplyContext, RolloutLimits, ServerHealth, apply
from reconciler.inventory import load
from reconciler.kinds.naming import Naming
from reconciler.model.connection import ConnectionContext
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.inventory import Inventory, Resource
from reconciler.model.live import HostFacts, Live, ServerInfo
from reconciler.model.plan import Plan
from reconciler.model.recall import Identity, Memory, Recall
from reconciler.model.secret import Secret, SecretRef
from reconciler.observe import recall
from reconciler.observe.server import read_server
from reconciler.plan import make_plan
from reconciler.plan.batches import batched
from reconciler.plan.document import plan_to_json
from reconciler.plan.guards import GuardContext, guarded
from reconciler.plan.organization_coverage import coverage_of
from reconciler.requirements import NO_REQUIREMENTS
from tests.apply.fakes import Clock
from tests.worlds.server import HOST_KEY, MemoryServer

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday


class Secrets:
    """Each secret is its own reference, with what was rotated."""

    def __init__(self, rotated: Mapping[str, str] | None = None) -> None:
        self.rotated = dict(rotated or {})

    def resolve(self, reference: SecretRef) -> Secret:
        return Secret(self.rotated.get(str(reference), str(reference)))


class FakeMemory:
    """The part of the journal that remembers what was applied."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, str]] = {}
        self.ids: dict[str, Identity] = {}

    def memory(self, scope: str) -> Memory:
        return Memory(copy.deepcopy(self.rows), dict(self.ids))

    def remember(
        self, scope: str, digests: Mapping[str, Mapping[str, str]], known: Mapping[str, Identity] | None = None
    ) -> None:
        self.rows |= {str(where): dict(fields) for where, fields in digests.items()}
        self.ids |= {str(where): found for where, found in (known or {}).items()}

    def forget(self, scope: str, *addresses: str) -> None:
        for address in addresses:
            self.rows.pop(str(address), None)
            self.ids.pop(str(address), None)

    def fingerprint(self, value: str) -> str:
        return f"fingerprint of {value}"


class HostSessions:
    """Scripts on hosts and on the server, as far as planning sees what they did."""

    def __init__(self, world: World) -> None:
        self.world = world

    @contextmanager
    def lend(self, connection: Any) -> Iterator[Any]:
        def execute(script: Any, arguments: Mapping[str, Any], *, deadline: float) -> dict[str, Any]:
            return self._execute(connection.host, script.name.rpartition("/")[2].partition(".")[0], arguments)

        yield SimpleNamespace(execute=execute)

    def _execute(self, host: str, script: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        server, services = self.world.server, self.world.services
        if script == "update-proxy":
            hosts = sorted(name for group in arguments["groups"] for name in group["proxies"])
            for raw in server.data["Proxies"].values():
                raw["version"] = server.build if raw["hostName"] in hosts else raw["version"]
            server.log += [f"upgrade {name}" for name in hosts]
            return {"results": [{"host": name, "ok": True, "version": server.build} for name in hosts]}
        server.log.append(f"{script} on {host}")
        if script == "package-install":
            version = arguments["version"]
            services[host] = {"installed": True, "version": version, "unregistered": bool(arguments["fresh"])}
            return {"ok": True, "version": version, "before": ""}
        if script == "package-registered":
            services[host] = {**services[host], "unregistered": False}
        return {"staged": True}


@dataclass
class World:
    """`services` is what hosts say of their proxy service, by host; those of `silent` proxies are not reached."""

    folder: Path
    server: MemoryServer = field(default_factory=MemoryServer)
    memory: FakeMemory = field(default_factory=FakeMemory)
    secrets: Secrets = field(default_factory=Secrets)
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def load(self, document: Mapping[str, Any]) -> Inventory | None:
        """None where the inventory is refused."""
        self.folder.mkdir(exist_ok=True)
        file = self.folder / "inventory.yml"
        file.write_text(yaml.dump(dict(document), Dumper=yaml.CSafeDumper, sort_keys=False), encoding="utf-8")
        found, problems = load(file, look_at_files=False)
        return None if any(item.severity.value == "error" for item in problems) else found

    def look(self, inventory: Inventory) -> Live:
        naming = Naming(self.server.rest, inventory.access)
        found, gaps = read_server(cast("Any", self.server), inventory, naming, memory=self.memory.memory("scope"))
        info = ServerInfo(inventory.access.server.host, self.server.rest, self.server.build, self.server.installation)
        hosts = {proxy.name: self._facts(proxy) for proxy in inventory.of_kind("proxy") if not proxy.is_local}
        return Live(info, dict(sorted(found.items())), hosts, {"GET": 1}, gaps=gaps, references=naming.referred)

    def _facts(self, proxy: Resource) -> HostFacts:
        if proxy.name in self.silent:
            problem = Diagnostic("unreachable", "Host cannot be reached", "no answer", "look at it")
            return HostFacts(proxy.name, {}, replace(problem, position=proxy.position, address=f"host.{proxy.name}"))
        return HostFacts(proxy.name, {"service": self.services.get(str(proxy.fields["host"]), {})})

    def recall(self, inventory: Inventory, live: Live) -> Recall:
        state, memory = cast("Any", self.memory), self.memory.memory("scope")
        return recall(inventory, memory, access=inventory.access, context=self._context(inventory), applied_state=state)

    def plan(self, inventory: Inventory) -> Plan:
        live = self.look(inventory)
        known = self.recall(inventory, live)
        return make_plan(inventory, live, known, access=inventory.access, playbooks=NO_REQUIREMENTS)

    def review(self, inventory: Inventory) -> dict[str, Any]:
        """The JSON form of the plan as people see it: in batches, with what guards refuse."""
        live = self.look(inventory)
        rolling = batched(self.plan(inventory), inventory, live)
        return plan_to_json(guarded(GuardContext(rolling, inventory, live, NOW, complete=False), {}))

    def apply(self, inventory: Inventory) -> Plan:
        """Plan, apply, plan again; returns the plan that was applied."""
        live = self.look(inventory)
        known = self.recall(inventory, live)
        made = make_plan(inventory, live, known, access=inventory.access, playbooks=NO_REQUIREMENTS)
        recorder = AppliedStateRecorder(inventory, live, known, cast("Any", self.memory), "scope")
        context = self._apply_context(inventory, live)
        recorder.begin(made, context.naming)
        self.result = apply(
            made,
            context,
            permits=[recorder.permit],
            listeners=[recorder.listen],
            limits=RolloutLimits(coverage=coverage_of(inventory, live)),
            parallel=1,
            health=ServerHealth(context),
        )
        after = self.look(inventory)
        left = make_plan(
            inventory, after, self.recall(inventory, after), access=inventory.access, playbooks=NO_REQUIREMENTS
        )
        recorder.settle(left, after)
        return made

    def _context(self, inventory: Inventory) -> ConnectionContext:
        return ConnectionContext(cast("Any", self.secrets), inventory.access.root)

    def _apply_context(self, inventory: Inventory, live: Live) -> ApplyContext:
        time, fake = Clock(), cast("Any", self.server)
        shared = self._context(inventory)
        context = ApplyContext(inventory.name, live, inventory.access, shared, fake, fake, sleep=time.sleep, clock=time)
        context.sessions = cast("Any", HostSessions(self))
        return context


def simplified(document: dict[str, Any]) -> dict[str, Any]:
    """A drawn inventory without the certificate, whose file it would take, and with PowerShell on the server. Linux
    hosts show the one host key."""
    document = copy.deepcopy(document)
    document["server"].pop("certificate", None)
    document["server"].setdefault("powershell", {"credentials": document["server"]["credentials"]})
    document["groups"]["linux"]["connection"] = {"host_keys": [f"ssh-ed25519 {HOST_KEY}"]}
    return document


def rest_of(document: Mapping[str, Any]) -> int:
    said = document["server"].get("rest", "auto")
    return 8 if said == "auto" else int(said[1:])


def populate(server: MemoryServer) -> None:
    """What a server has before anything is managed: organizations, accounts, mail settings, its own proxy."""
    for name in ("alpha.example.com", "beta.example.com", "gamma.example.net", "delta.example.com"):
        server.add("Organizations", name=name)
    server.add("Accounts", userName="minio", description="")
    local = {"type": "Local", "hostName": "vbo.example.com", "status": "Online", "version": server.build}
    own = server.add("Proxies", **local, port=9193, description="", maintenanceModeState="Disabled")
    default = {"path": "C:\\VeeamRepository", "proxyId": own, "retentionType": "ItemLevel"}
    server.add("BackupRepositories", name="Default Backup Repository", description="", **default)
    mail = {"enableNotification": False, "smtpServer": "", "port": 25, "useAuthentication": False, "useSSL": False}
    mail |= {"authenticationType": "CustomSmtp"} if server.rest >= 7 else {}
    flags = dict.fromkeys(("notifyOnSuccess", "notifyOnWarning", "notifyOnFailure"), False)
    more = {"supressUntilLastRetry": False, "attachDetailedReport": False}
    server.email = {**mail, **flags, **more, "from": "", "to": "", "subject": ""}
