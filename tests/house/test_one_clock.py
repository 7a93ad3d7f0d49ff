"""`make check` refuses every way to the machine's clock and randomness around those that a simulation replaces."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
WAYS = """\
from time import sleep
from os import getrandom
from os import urandom
from random import random
from secrets import token_hex
from uuid import uuid1
from uuid import uuid4
import datetime as dt
import time as clock
from datetime import date, datetime
clock.sleep(1)
clock.time()
clock.time_ns()
clock.monotonic()
clock.perf_counter()
clock.process_time()
clock.clock_gettime(0)
clock.localtime()
clock.gmtime()
clock.strftime("%H")
datetime.now(None)
datetime.utcnow()
dt.datetime.now(None)
dt.date.today()
date.today()
"""
IMPORTED_ONLY = ("import datetime as dt", "import time as clock", "from datetime import date, datetime")


def test_no_way_around_the_one_clock_passes() -> None:
    command = [sys.executable, "-m", "ruff", "check", "--select", "TID251", "--output-format", "concise"]
    name = ["--stdin-filename", str(ROOT / "reconciler" / "any.py"), "-"]
    said = subprocess.run([*command, *name], input=WAYS, capture_output=True, text=True, check=False, cwd=ROOT).stdout
    found = {int(line) for line in re.findall(r"any\.py:(\d+):\d+: TID251", said)}
    missed = [line for number, line in enumerate(WAYS.splitlines(), start=1) if number not in found]
    assert missed == list(IMPORTED_ONLY)
