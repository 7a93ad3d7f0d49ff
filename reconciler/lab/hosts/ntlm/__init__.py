"""The accepting side of NTLM version 2, after [MS-NLMP]: login, channel binding, signing and sealing.

Written here, and not borrowed, for two reasons: pyspnego's acceptor takes its accounts from a file that an environment
variable of the whole process names (the lab has other accounts on every host), and the clients under test use pyspnego,
so that a second implementation checks the first. NTLM version 1, LAN Manager and anonymous logins are refused.
"""

from reconciler.lab.hosts.ntlm.acceptor import HARDENING, RELAXED, Acceptor, LoginRefused, channel_binding
from reconciler.lab.hosts.ntlm.md4 import nt_hash
from reconciler.lab.hosts.ntlm.negotiate import Negotiator
from reconciler.lab.hosts.ntlm.sealing import Sealing

__all__ = [
    "HARDENING",
    "RELAXED",
    "Acceptor",
    "LoginRefused",
    "Negotiator",
    "Sealing",
    "channel_binding",
    "nt_hash",
]
