"""`python -m tests.simulation`: see `command`. Threads are replaced before anything takes their names."""

from __future__ import annotations

from importlib import import_module

from tests.simulation.threads import install

install()
import_module("tests.simulation.command").main()
