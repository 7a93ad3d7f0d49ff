"""Rules of copy jobs."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.kinds.rules.declared import Declared, Finding, Where
from reconciler.model.sentences import quoted


def job_copied_twice(declared: Declared) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for name, values in declared.section("copy_jobs").items():
        first = seen.setdefault(values["job"], name)
        if first != name:
            detail = (
                f"The copy jobs {quoted(name)} and {quoted(first)} both copy job {quoted(values['job'])}, and a job "
            )
            detail += "has one copy job."
            yield Finding(
                Where("copy_jobs", name, "job"), detail, "Remove one of them.", (Where("copy_jobs", first, "job"),)
            )


def wrong_target(declared: Declared) -> Iterator[Finding]:
    """Copies are kept on object storage, and not where the job itself writes to."""
    jobs, repositories = declared.section("jobs"), declared.section("repositories")
    for name, values in declared.section("copy_jobs").items():
        target = values.get("repository", "")
        fix = "Name another repository, one with `object_storage`."
        if "path" in repositories.get(target, {}):
            detail = (
                f"Copy job {quoted(name)} copies to {quoted(target)}, which is on disk: copies need object storage."
            )
            related = (Where("repositories", target, "path"),)
            yield Finding(Where("copy_jobs", name, "repository"), detail, fix, related)
        elif target and jobs.get(values["job"], {}).get("repository") == target:
            detail = f"Copy job {quoted(name)} copies to {quoted(target)}, the repository of its job."
            related = (Where("jobs", values["job"], "repository"),)
            yield Finding(Where("copy_jobs", name, "repository"), detail, fix, related)
