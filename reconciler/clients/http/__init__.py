"""HTTP beneath every client: TLS with pins, sockets with one deadline, downloads, webhooks."""
