"""The lab's management server: `LabServer` is all that the rest of the lab needs of it, with `Seed` to fill it."""

from reconciler.lab.server.seed import Seed
from reconciler.lab.server.server import LabServer

__all__ = ["LabServer", "Seed"]
