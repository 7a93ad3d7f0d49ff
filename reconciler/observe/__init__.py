"""Reads the live state: the server through a `Reader`, and the facts of the hosts. Nothing here can write."""

from reconciler.observe.observation import observe
from reconciler.observe.recall import recall

__all__ = ["observe", "recall"]
