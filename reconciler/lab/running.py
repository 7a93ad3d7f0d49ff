"""A lab that runs in this process: network, authority, hosts, mail and server, put together."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from reconciler import randomness, timing
from reconciler.clients.smtp import Relay, send
from reconciler.lab import pki
from reconciler.lab.declared_world import domain_of
from reconciler.lab.errors import LabError
from reconciler.lab.fleet import MailSettings
from reconciler.lab.hosts import link
from reconciler.lab.hosts.acceptor import Acceptor
from reconciler.lab.hosts.fleet import LabFleet
from reconciler.lab.hosts.host import Surroundings
from reconciler.lab.hosts.server_link import Dialler
from reconciler.lab.hosts.sessions import relay_of, test_letter
from reconciler.lab.hosts.windows.direct import DirectSession, direct_session
from reconciler.lab.hosts.windows.host import HTTP, WindowsHost
from reconciler.lab.mail.state import new_state
from reconciler.lab.network import Network
from reconciler.lab.outside import NOTHING, Outside
from reconciler.lab.population import Population
from reconciler.lab.server import LabServer, Seed
from reconciler.lab.state import Document
from reconciler.lab.switches import switch

if TYPE_CHECKING:
    from reconciler.lab.hosts.ssh import SshService
    from reconciler.lab.mail.server import MailServer
    from reconciler.model.connection import Connection, ConnectionContext

_MAIL_PORTS: Final = (25, 465, 587)


class RunningLab:
    """`adopt` brings it into being, and again in line with an inventory; `close` ends it. The state stays."""

    def __init__(self, folder: Path, authority: pki.Authority, outside: Outside = NOTHING) -> None:
        self.folder = folder
        self._outside = outside
        self._authority = authority
        self._stack = ExitStack()
        self._changing = Lock()
        self._network = Network(str(folder), outside.network)
        for name, machine in outside.machines.items():
            self._network.point(name, machine.address)
        self._stack.callback(self._network.close)
        self._acceptor = self._stack.enter_context(Acceptor())
        self._mail = Document(folder / "mail.json", new_state)
        self._mail_servers: dict[str, MailServer] = {}
        self._smtp: dict[str, Any] = {}
        self._jobs: list[str] = []
        self._server: LabServer | None = None
        self._population = self._populate()
        self._documents = {
            "server": Document(folder / "server.json", dict),
            "fleet": Document(folder / "fleet.json", lambda: {"accounts": {}}),
        }
        dialler = Dialler(self._network, self._domain, authority.client_context)
        self._fleet = LabFleet(self._documents["fleet"], self._network, authority, dialler, outside.script)
        self._rest_host = ""
        self._place: tuple[str, int] = ("", 0)
        self._tls = authority.context(authority.host("unused.invalid"))

    @property
    def acceptor(self) -> Acceptor:
        return self._acceptor

    def _populate(self) -> Population:
        key = self.folder / "domain.key"
        if not key.exists():
            pki.write_private(key, randomness.token_bytes(32))
        self._domain = link.Domain(key.read_bytes())
        around = Surroundings(
            folder=self.folder / "hosts",
            network=self._network,
            acceptor=self._acceptor,
            ssh=cache(self._ssh),
            authority=self._authority,
            domain=self._domain,
            send=self._send,
            clock=timing.utc_now,
            sleep=timing.sleep,
            changed=self._witness,
        )
        return Population(around)

    def _witness(self, event: str) -> None:
        if self._server is not None:
            self._server.witness(event)

    def _is_alive(self, name: str) -> bool:
        host = self._population.find(self._network.machine(name))
        return host is not None and bool(host.service.port)

    def _ssh(self) -> SshService:
        from reconciler.lab.hosts.ssh import SshService

        ssh = SshService()
        self._stack.callback(ssh.close)
        return ssh

    # What an inventory asks for

    def adopt(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Let the world be as the inventory implies (see `wanted.wanted`). Gives the view: see `redirect.View`."""
        server = wanted["server"]
        self._network.add(server["host"])
        self._jobs = list(wanted["jobs"])
        self._open_mail(wanted["smtp"])
        machine = {"name": server["host"], "os": "windows", "domain": domain_of(server["host"]), "port": 9193}
        hosts = [host for host in wanted["hosts"] if host["name"].lower() not in self._outside.machines]
        self._population.settle([{**server, **machine}, *hosts])
        self._prepare_machine(server["host"], server["build"])
        self._population.start()
        self._open_server(wanted)
        return self.view()

    def _prepare_machine(self, name: str, build: str) -> None:
        """The management server's own machine: it has the product's PowerShell module and a proxy service."""
        host = self._population.find(name)
        if not isinstance(host, WindowsHost):
            raise LabError(f"{name} cannot be the management server: it is a host with another system")
        host.management = self._manage
        if host.state["proxy"] is None:
            host.install(version=build, owner=name, domain=True, account="LocalSystem")
            self._fleet.remember(name, "LocalSystem")

    def _manage(self, name: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._server is None:
            raise ValueError("The management server is not running.")
        return self._server.powershell(name, args)

    def _open_server(self, wanted: Mapping[str, Any]) -> None:
        settings = wanted["server"]
        seed = Seed(
            host=settings["host"],
            build=settings["build"],
            served=tuple(settings["served"]),
            administrators=wanted["administrators"],
            organizations=wanted["organizations"],
            accounts=wanted["accounts"],
            encryption_keys=wanted["encryption_keys"],
            object_storage=wanted["object_storage"],
            directory=wanted["directory"],
        )
        self._rest_host = settings["rest_host"]
        self._show_certificate()
        if self._server is None:
            place = self._network.release(self._rest_host, settings["port"])
            server = LabServer(
                self._documents["server"],
                self._fleet,
                ssl_context=self._tls,
                certificate=self._first_certificate,
                address=place,
                send_test=self._send_test,
                alive=self._is_alive,
            )
            server.seed(seed)
            self._place = server.start()
            self._stack.callback(server.stop)
            self._server = server
        else:
            self._server.seed(seed)

    def _show_certificate(self) -> None:
        """Let the REST API show what the switch `rest-certificate` wants, from the next connection on. It is made out
        to the machine of the REST service alone."""
        name = self._rest_host
        wanted = self._documents["server"].data.get("rest_certificate", "valid")
        if wanted == "expired":
            identity = self._authority.expired(name)
        elif wanted == "other-name":
            identity = self._authority.host("another-name.invalid")
        else:
            identity = self._authority.host(name, [self._network.add(name)])
        self._tls.load_cert_chain(identity.file)

    def _first_certificate(self) -> str:
        identity = self._authority.self_signed("server")
        return (identity.cert_pem + identity.key_pem).decode()

    # Mail

    def _open_mail(self, smtp: Mapping[str, Any] | None) -> None:
        if smtp is None:
            return
        self._smtp = dict(smtp)
        name = smtp["host"]
        mail = self._mail_servers.get(name)
        if mail is None:
            from reconciler.lab.mail.server import MailServer

            context = self._authority.context(self._authority.host(name))
            mail = self._mail_servers[name] = MailServer(self._mail, context, name)
            self._stack.callback(mail.close)
        mail.demand(accounts=smtp["accounts"], tls=smtp["security"] == "tls")
        for port in sorted({*_MAIL_PORTS, smtp["port"]}):
            if not mail.serves(port):
                mail.open(self._network.listen(name, port), port)

    def _send(
        self, name: str, relay: Relay, sender: str, recipients: Sequence[str], message: bytes
    ) -> Mapping[str, str]:
        return send(
            relay,
            sender,
            recipients,
            message,
            connect=self._network.connect,
            tls=self._authority.client_context,
            name=name,
        )

    def _send_test(self, mail: MailSettings) -> None:
        """The test mail, from the management server. A recipient that is refused is an error, although the others have
        it by then."""
        host = self._documents["server"].data["host"]
        letter = test_letter(mail, host, timing.utc_now())
        for reason in self._send(host, relay_of(mail), mail.sender, mail.recipients, letter).values():
            raise OSError(reason)

    # Looking and changing

    def direct(
        self, connection: Connection, context: ConnectionContext
    ) -> AbstractContextManager[DirectSession] | None:
        """See `model.connection.DirectHosts`."""
        host = self._population.find(connection.host)
        return direct_session(host, connection, context) if isinstance(host, WindowsHost) else None

    def view(self) -> dict[str, Any]:
        keys = {host.name: str(getattr(host, "public_key", "")) for host in self._population}
        windows = [host for host in self._population if isinstance(host, WindowsHost)]
        places = {host.name: list(self._network.resolve(host.name, host.port)) for host in self._population}
        for name, machine in self._outside.machines.items():
            keys[name], places[name] = machine.host_key, [machine.address, 22]
        smtp = {}
        if self._smtp:
            address, port = self._network.resolve(self._smtp["host"], self._smtp["port"])
            smtp = {"name": self._smtp["host"], "host": address, "port": port, "security": self._smtp["security"]}
        return {
            "ca_file": str(self._authority.ca_file),
            "server": list(self._place),
            "hosts": places,
            "sealed": {host.name: list(self._network.resolve(host.name, HTTP)) for host in windows},
            "host_keys": {name: key for name, key in keys.items() if key},
            "smtp": smtp,
        }

    def mails(self) -> list[dict[str, Any]]:
        with self._mail.lock:
            return [dict(mail) for mail in self._mail.data["mails"]]

    def status(self) -> dict[str, Any]:
        server = self._documents["server"]
        with server.lock:
            state = server.data
            shown = {key: state.get(key) for key in ("host", "build", "served", "options", "faults", "trouble")}
            shown["rest_certificate"] = state.get("rest_certificate", "valid")
            coverage = copy.deepcopy(state.get("coverage") or {})
        return {
            "folder": str(self.folder),
            "server": shown,
            "coverage": coverage,
            "hosts": {host.name: host.describe() for host in self._population},
            "mails": len(self.mails()),
        }

    def set(self, target: str, key: str, value: str) -> str:
        """Raises LabError."""
        server = self._documents["server"]
        message = switch(self._population, server, self._mail, self._server, self._jobs, target, key, value)
        self._show_certificate()
        return message

    def handle(self, method: str, args: Mapping[str, Any]) -> Any:
        """What the control end offers. Commands that begin at the same moment bring their inventories in one by one."""
        if method == "adopt":
            with self._changing:
                return self.adopt(args)
        if method == "set":
            with self._changing:
                return self.set(str(args["target"]), str(args["key"]), str(args["value"]))
        plain = {"view": self.view, "mails": self.mails, "status": self.status}
        if method not in plain:
            raise LabError(f"the lab does not know {method}")
        return plain[method]()

    def close(self) -> None:
        """End everything, in the order in which it depends on each other: server, hosts, mail, network."""
        server, self._server = self._server, None
        if server is not None:
            server.stop()
        self._population.stop()
        self._stack.close()
