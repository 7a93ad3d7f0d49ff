"""The functions that run the steps of changes (`model.steps`). Every module of this package is imported, so that each
step has its function in `RUN`."""

from importlib import import_module
from pkgutil import iter_modules

from reconciler.apply.steps.registry import RUN, NotBegun, NotFollowed, NotStarted, StepFailed, StillRunning

for _module in iter_modules(__path__, f"{__name__}."):
    import_module(_module.name)

__all__ = ["RUN", "NotBegun", "NotFollowed", "NotStarted", "StepFailed", "StillRunning"]
