"""Mail in the lab: a server that keeps what it is sent, and the client that proxies send with."""
