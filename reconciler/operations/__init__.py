"""What each command does, as functions that a Python program can call: no command line, no printing.

    from reconciler.operations import PlanOptions, plan

    preview = plan("inventory.yml", PlanOptions(lab=True))
    for change in preview.plan.changes:
        ...

Options and results are frozen dataclasses; a result has a `status`, whose number is the exit code of the command.
Whatever goes wrong is raised as a `ReconcileError` or a `JournalError`; files raise OSError. A `Runtime` brings
environment variables, a listener for events, and a clock.

Names are imported when they are first used, so that a command loads only what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.apply import StopSignal
    from reconciler.operations.apply_run import ApplyOptions, ApplyResult, apply
    from reconciler.operations.checkup import Checkup, doctor
    from reconciler.operations.errors import ApprovalRequired, InvalidOption
    from reconciler.operations.execution import Execution, RolloutOptions
    from reconciler.operations.explaining import explain
    from reconciler.operations.import_diff import Undeclared, undeclared
    from reconciler.operations.import_source import ServerLogin
    from reconciler.operations.importing import ImportOptions, ImportResult, import_server
    from reconciler.operations.job_runs import JobRunResult, JobStatus, list_jobs, run_jobs
    from reconciler.operations.journals import (
        JournalOptions,
        RunDetails,
        break_lock,
        list_locks,
        list_runs,
        show_run,
    )
    from reconciler.operations.mail_test import MailTest, send_test_mail
    from reconciler.operations.previews import DiffOptions, DriftOptions, PlanOptions, Preview, diff, drift, graph, plan
    from reconciler.operations.request import Selection
    from reconciler.operations.runtime import Runtime
    from reconciler.operations.session import PlanResult
    from reconciler.operations.status import Status
    from reconciler.operations.validation import Validation, validate
else:
    _MODULES = {
        "apply_run": ("ApplyOptions", "ApplyResult", "apply"),
        "checkup": ("Checkup", "doctor"),
        "errors": ("ApprovalRequired", "InvalidOption"),
        "execution": ("Execution", "RolloutOptions"),
        "explaining": ("explain",),
        "import_source": ("ServerLogin",),
        "importing": ("ImportOptions", "ImportResult", "import_server"),
        "job_runs": ("JobRunResult", "JobStatus", "list_jobs", "run_jobs"),
        "journals": ("JournalOptions", "RunDetails", "break_lock", "list_locks", "list_runs", "show_run"),
        "mail_test": ("MailTest", "send_test_mail"),
        "previews": ("DiffOptions", "DriftOptions", "PlanOptions", "Preview", "diff", "drift", "graph", "plan"),
        "request": ("Selection",),
        "runtime": ("Runtime",),
        "import_diff": ("Undeclared", "undeclared"),
        "session": ("PlanResult",),
        "status": ("Status",),
        "validation": ("Validation", "validate"),
    }
    _LATER = {name: f"{__name__}.{module}" for module, names in _MODULES.items() for name in names}
    _LATER["StopSignal"] = "reconciler.apply"

    def __getattr__(name: str) -> object:
        from importlib import import_module

        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_LATER[name]), name)


__all__ = [
    "ApplyOptions",
    "ApplyResult",
    "ApprovalRequired",
    "Checkup",
    "DiffOptions",
    "DriftOptions",
    "Execution",
    "ImportOptions",
    "ImportResult",
    "InvalidOption",
    "JobRunResult",
    "JobStatus",
    "JournalOptions",
    "MailTest",
    "PlanOptions",
    "PlanResult",
    "Preview",
    "RolloutOptions",
    "RunDetails",
    "Runtime",
    "Selection",
    "ServerLogin",
    "Status",
    "StopSignal",
    "Undeclared",
    "Validation",
    "apply",
    "break_lock",
    "diff",
    "doctor",
    "drift",
    "explain",
    "graph",
    "import_server",
    "list_jobs",
    "list_locks",
    "list_runs",
    "plan",
    "run_jobs",
    "send_test_mail",
    "show_run",
    "undeclared",
    "validate",
]
