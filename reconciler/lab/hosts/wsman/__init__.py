"""A WS-Management server with remote shells, as WinRM offers them.

`envelope` (SOAP) < `shell`, `engine` (the protocol, without I/O) < `sealing`, `login`, `endpoint` (HTTP, TCP, TLS).
"""

from reconciler.lab.hosts.wsman.endpoint import Endpoint
from reconciler.lab.hosts.wsman.engine import Engine, Limits
from reconciler.lab.hosts.wsman.login import Accept, Acceptor, Accounts, User
from reconciler.lab.hosts.wsman.shell import Command, Program
from reconciler.lab.hosts.wsman.trouble import TROUBLES

__all__ = ["TROUBLES", "Accept", "Acceptor", "Accounts", "Command", "Endpoint", "Engine", "Limits", "Program", "User"]
