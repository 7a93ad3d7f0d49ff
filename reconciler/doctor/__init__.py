"""Checks whether everything that an inventory names can be reached, and is fit. Reads only; goes on after failures.

What could not be checked is `unknown`, never `ok`.
"""

from reconciler.doctor.check import Check, Level, checkup_to_json
from reconciler.doctor.run import CheckContext, check_up

__all__ = ["Check", "CheckContext", "Level", "check_up", "checkup_to_json"]
