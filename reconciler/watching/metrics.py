"""Metrics for Prometheus, made of the states of the watched servers at each scrape: names and units are stable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from reconciler import __version__
from reconciler.watching.state import ServerState

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_PREFIX: Final = "vbo_reconcile"


def exposition(states: Iterable[ServerState]) -> bytes:
    """The metrics in the text format of Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_States(list(states)))
    return generate_latest(registry)


class _States(Collector):
    def __init__(self, states: list[ServerState]) -> None:
        self._states = states

    def collect(self) -> Iterator[Metric]:
        build = InfoMetricFamily(f"{_PREFIX}_build", "The version of vbo-reconcile.")
        build.add_metric([], {"version": __version__})
        yield build
        for name, help_text, value in _GAUGES:
            yield self._gauge(name, help_text, value)
        yield self._observations()
        yield self._findings()
        yield from self._runs()
        yield from self._facts()

    def _gauge(self, name: str, help_text: str, value: Callable[[ServerState], float | None]) -> Metric:
        family = GaugeMetricFamily(f"{_PREFIX}_{name}", help_text, labels=["server"])
        for state in self._states:
            number = value(state)
            if number is not None:
                family.add_metric([state.name], number)
        return family

    def _observations(self) -> Metric:
        family = CounterMetricFamily(
            f"{_PREFIX}_observations", "Observations since the start, by result.", labels=["server", "result"]
        )
        for state in self._states:
            family.add_metric([state.name, "success"], state.successes)
            family.add_metric([state.name, "failure"], state.failures)
        return family

    def _findings(self) -> Metric:
        labels = ["server", "kind", "object", "severity", "state"]
        family = GaugeMetricFamily(f"{_PREFIX}_findings", "Open findings.", labels=labels)
        for state in self._states:
            for key, number in sorted(state.counts().items()):
                family.add_metric([state.name, *key], number)
        return family

    def _runs(self) -> Iterator[Metric]:
        labels = ["server", "operation", "state"]
        runs = GaugeMetricFamily(f"{_PREFIX}_runs", "Runs in the journal.", labels=labels)
        last = GaugeMetricFamily(
            f"{_PREFIX}_last_run_start_timestamp_seconds",
            "The start of the latest run of an operation, with its state.",
            labels=labels,
        )
        for state in self._states:
            for (operation, how), number in sorted(state.run_counts.items()):
                runs.add_metric([state.name, operation, how.value], number)
            latest = {run.operation: run for run in reversed(state.runs)}
            for operation, run in sorted(latest.items()):
                last.add_metric([state.name, operation, run.state.value], run.started.timestamp())
        yield from (runs, last)

    def _facts(self) -> Iterator[Metric]:
        info = InfoMetricFamily(f"{_PREFIX}_server", "The management server.", labels=["server"])
        ends = GaugeMetricFamily(
            f"{_PREFIX}_certificate_expiry_timestamp_seconds",
            "The end of the validity of a certificate of the inventory.",
            labels=["server", "certificate"],
        )
        jobs = GaugeMetricFamily(
            f"{_PREFIX}_job_last_result", "The result of the last session of a job.", labels=["server", "job", "result"]
        )
        for state in self._states:
            if (facts := state.facts) is None:
                continue
            info.add_metric([state.name], {"host": facts.host, "rest": facts.rest, "build": facts.build})
            for name, end in sorted(facts.certificates.items()):
                ends.add_metric([state.name, name], end.timestamp())
            for job, result in sorted(facts.jobs.items()):
                jobs.add_metric([state.name, job, result], 1)
        yield from (info, ends, jobs)


def _timestamp(moment: Any) -> float | None:
    return moment.timestamp() if moment is not None else None


_GAUGES: Final[tuple[tuple[str, str, Callable[[ServerState], float | None]], ...]] = (
    (
        "observation_last_attempt_timestamp_seconds",
        "The start of the latest observation.",
        lambda state: _timestamp(state.attempted),
    ),
    (
        "observation_last_success_timestamp_seconds",
        "The start of the latest observation that succeeded.",
        lambda state: _timestamp(state.succeeded),
    ),
    (
        "observation_duration_seconds",
        "How long the latest observation took.",
        lambda state: state.seconds if state.attempted else None,
    ),
    (
        "observation_success",
        "1 if the latest observation succeeded.",
        lambda state: float(not state.error) if state.attempted else None,
    ),
    ("journal_up", "1 if the journal took the latest observation.", lambda state: float(not state.journal_error)),
    ("notices_pending", "Notices that no receiver has taken yet.", lambda state: float(state.pending_notices)),
    (
        "hosts",
        "Hosts of proxies that are observed.",
        lambda state: float(state.facts.hosts) if state.facts else None,
    ),
    (
        "hosts_unreachable",
        "Hosts that could not be read.",
        lambda state: float(state.facts.unreachable) if state.facts else None,
    ),
)
