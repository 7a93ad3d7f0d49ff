"""The functions that run the steps of changes (`model.steps`)."""

from reconciler.apply.steps import (
    adoption,
    deletion,
    hosts,
    interrupted,
    job_items,
    jobs,
    maintenance,
    management,
    object_storage,
    objects,
    owners,
    switches,
)
from reconciler.apply.steps.registry import RUN, NotBegun, NotFollowed, NotStarted, StepFailed, StillRunning

MODULES = (
    adoption,
    deletion,
    hosts,
    interrupted,
    job_items,
    jobs,
    maintenance,
    management,
    object_storage,
    objects,
    owners,
    switches,
)
"""Importing them fills `RUN`."""

__all__ = ["MODULES", "RUN", "NotBegun", "NotFollowed", "NotStarted", "StepFailed", "StillRunning"]
