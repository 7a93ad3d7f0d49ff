"""What all tests have in common: here, since workers collect the tests, and where they report only this is read."""

from __future__ import annotations

import gc
import os
import signal

import pytest
from _pytest.runner import runtestprotocol

WORKER = "PYTEST_XDIST_WORKER" in os.environ


def pytest_configure() -> None:
    """What tests start is hung up on by default, also where the tests run under nohup."""
    if WORKER and hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    gc.disable()


def pytest_collection_finish() -> None:
    """Thousands of tests were made, none of which is garbage: they are not looked through again."""
    gc.freeze()
    gc.enable()


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """A worker reports a test that passes once, not five times: of most tests the reports cost more than the test."""
    option = item.config.option
    if not WORKER or option.verbose > 0 or option.durations is not None or option.xmlpath:
        return None
    for report in runtestprotocol(item, log=False, nextitem=nextitem):
        if report.when == "call" or not report.passed:
            item.ihook.pytest_runtest_logreport(report=report)
    return True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures of matrices at the end: what a test records with `record_property`."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {name}: {value}")
