"""What the reconciler remembers between runs. The live world is never taken from here."""

from reconciler.journal.memory import Memory

__all__ = ["Memory"]
