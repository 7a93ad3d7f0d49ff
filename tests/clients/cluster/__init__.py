"""Hosts that workers of a cluster visit."""
