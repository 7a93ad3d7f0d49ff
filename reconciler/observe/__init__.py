"""Looking at the live world: the server through a Reader, the hosts through their probes. Nothing here can write."""

from reconciler.observe.observation import observe
from reconciler.observe.recall import recall

__all__ = ["observe", "recall"]
