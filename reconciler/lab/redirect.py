"""An inventory's way to the world, bent into the lab: other addresses, ports and trust, the same names and logins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.lab.certificates import by_name
from reconciler.lab.errors import LabError
from reconciler.model.connection import Access, Certificate, Connection, Credential, Package, Transport, Trust
from reconciler.model.secret import SecretRef


@dataclass(frozen=True, slots=True)
class View:
    """Where things are. `server` and `hosts` (by name, lower case) are places, `host_keys` the SSH host keys; `sealed`
    are the places of WinRM over plain HTTP."""

    ca_file: str
    server: tuple[str, int]
    hosts: Mapping[str, tuple[str, int]]
    host_keys: Mapping[str, str]
    smtp: Mapping[str, object]
    sealed: Mapping[str, tuple[str, int]]


def lab_logins(access: Access) -> Access:
    """The same access with logins that the lab can give. Kerberos becomes NTLM, with a password of the lab
    where there is none: it has no tickets. The keys of an SSH
    agent, which cannot be taken out of it, become a key of the lab; certificates of keys are not needed."""
    shell = access.server.powershell
    return replace(
        access,
        server=replace(access.server, powershell=_with_login(shell) if shell else None),
        credentials={name: _credential(credential) for name, credential in access.credentials.items()},
        connections={name: _with_login(connection) for name, connection in access.connections.items()},
    )


def _with_login(connection: Connection) -> Connection:
    return replace(connection, credential=_credential(connection.credential) if connection.credential else None)


def redirect(
    access: Access, view: View, certificates: Mapping[str, Certificate], packages: Mapping[str, Package] | None = None
) -> Access:
    """The same access, to the lab, with its logins (`lab_logins`), certificates and packages. Raises LabError for a
    host that the lab does not have."""
    server = access.server
    shell = server.powershell
    return replace(
        access,
        credentials={name: _credential(credential) for name, credential in access.credentials.items()},
        server=replace(
            server,
            credential=_credential(server.credential),
            address=view.server[0],
            port=view.server[1],
            trust=Trust(ca_file=view.ca_file),
            powershell=_connection(shell, view, certificates) if shell else None,
            certificate=by_name(server.certificate, certificates),
        ),
        connections={
            name: _connection(connection, view, certificates) for name, connection in access.connections.items()
        },
        certificates={**access.certificates, **certificates},
        packages={**access.packages, **(packages or {})},
    )


def _credential(credential: Credential) -> Credential:
    if credential.auth == "kerberos":
        password = credential.password or SecretRef("lab", f"tickets/{credential.name}")
        credential = replace(credential, auth="ntlm", password=password, keytab="")
    key = SecretRef("lab", f"agent/{credential.name}") if credential.agent else credential.private_key
    return replace(credential, agent=False, private_key=key, certificate_file="", resolve="here")


def _connection(connection: Connection, view: View, certificates: Mapping[str, Certificate]) -> Connection:
    name = connection.host.lower()
    if name not in view.hosts:
        raise LabError(f"the lab has no host {connection.host}; start over with: lab reset")
    sealed = connection.listener == "http"
    address, port = (view.sealed if sealed else view.hosts)[name]
    if connection.transport is Transport.SSH:
        trust = Trust(host_keys=(view.host_keys[name],))
    else:
        trust = Trust() if sealed else Trust(ca_file=view.ca_file)
    return replace(
        connection,
        credential=_credential(connection.credential) if connection.credential else None,
        certificate=by_name(connection.certificate, certificates),
        address=address,
        port=port,
        trust=trust,
        jump=None,  # every host of the lab is next door
    )
