"""The check-up: can everything that an inventory names be reached, and is it fit? Reads only, goes on after failures.

`check_up` gives rows (`Check`), one for each thing looked at. What could not be looked at is `unknown`, never fine.
"""

from reconciler.doctor.check import Check, Level, checkup_to_json
from reconciler.doctor.run import CheckContext, check_up

__all__ = ["Check", "CheckContext", "Level", "check_up", "checkup_to_json"]
