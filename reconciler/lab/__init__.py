"""The embedded world: a management server, its hosts and its mail on this machine's loopback.

`lab` is the way in. `server/` is the REST API, `hosts/` the machines behind WinRM and SSH, `mail/` the mail server;
`fleet` is what the server asks of the hosts. `network`, `pki` and `secrets` are what they all stand on. An emulation,
and an honest one: what it does not know it refuses.
"""
