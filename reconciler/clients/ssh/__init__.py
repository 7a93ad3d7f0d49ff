"""SSH: sessions through fabric, with the host keys, jump hosts, sudo and uploads that they need."""
