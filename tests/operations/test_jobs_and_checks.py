"""`list_jobs`, `run_jobs`, `send_test_mail` and `doctor`, called from Python in the lab."""

from __future__ import annotations

import pytest

from reconciler.model.event import Outcome
from reconciler.operations import InvalidOption, Status, doctor, list_jobs, run_jobs, send_test_mail
from tests.operations.conftest import Estate


def test_jobs_are_listed_with_their_last_results(estate: Estate) -> None:
    (job,) = list_jobs(estate.file, lab=True, runtime=estate.runtime)
    assert (job.declared, job.organization, job.enabled) == (True, "contoso.example.com", True)
    assert job.last_status == "Success"


def test_a_job_is_run_to_its_result(estate: Estate) -> None:
    (job,) = list_jobs(estate.file, lab=True, runtime=estate.runtime)
    result = run_jobs(estate.file, [job.name, job.name], lab=True, runtime=estate.runtime)
    assert result.status is Status.OK
    (end,) = result.execution.result.outcomes.values()
    assert (end.address, end.outcome) == (f"job.{job.name}", Outcome.DONE)
    assert estate.notices[-2:] == ["Executed", "Finished"]


def test_a_job_that_is_not_declared_is_not_run(estate: Estate) -> None:
    with pytest.raises(InvalidOption, match="declares no job 'weekly'"):
        run_jobs(estate.file, ["weekly"], lab=True, runtime=estate.runtime)


def test_the_lab_shows_the_test_mail(estate: Estate) -> None:
    test = send_test_mail(estate.file, lab=True, runtime=estate.runtime)
    assert test.settings["from"] == "vbo@example.com"
    assert [mail["to"] for mail in test.mails] == [["it@example.com"]]


def test_the_lab_is_fit(estate: Estate) -> None:
    found = doctor(estate.file, lab=True, runtime=estate.runtime)
    assert found.status is Status.OK
    assert found.document["counts"]["error"] == 0
    assert len(found.document["checks"]) == len(found.checks)
