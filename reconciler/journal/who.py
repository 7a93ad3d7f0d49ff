"""Who runs a command: the account on this machine and, in a pipeline, the user who started it and the job."""

from __future__ import annotations

import getpass
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass

_PIPELINES = (
    # actor, page of the job (all parts must be set), commit
    (
        ("GITHUB_TRIGGERING_ACTOR", "GITHUB_ACTOR"),
        "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
        "GITHUB_SHA",
    ),
    (("GITLAB_USER_LOGIN",), "{CI_JOB_URL}", "CI_COMMIT_SHA"),
    (
        ("BUILD_REQUESTEDFOR",),
        "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
        "BUILD_SOURCEVERSION",
    ),
    (("BUILD_USER_ID", "CHANGE_AUTHOR"), "{BUILD_URL}", "GIT_COMMIT"),
    (("SUDO_USER",), "", ""),
)
"""Variables of GitHub Actions, GitLab CI, Azure Pipelines, Jenkins, and of sudo; the first with an actor counts."""


@dataclass(frozen=True, slots=True)
class Who:
    """`user` and `host` are always known; `actor`, `job` (a URL) and `commit` if the environment has them."""

    user: str
    host: str
    actor: str = ""
    job: str = ""
    commit: str = ""

    def __str__(self) -> str:
        more = ", ".join(part for part in (self.actor, self.job) if part)
        return f"{self.user}@{self.host} ({more})" if more else f"{self.user}@{self.host}"


def who_am_i(environ: Mapping[str, str] | None = None) -> Who:
    """The account of this process, and the pipeline that its environment describes."""
    known = os.environ if environ is None else environ
    for names, page, commit in _PIPELINES:
        actor = next((known[name] for name in names if known.get(name)), "")
        if actor:
            return Who(_user(), platform.node(), actor, _fill(page, known), known.get(commit, ""))
    return Who(_user(), platform.node())


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container with a bare number for a user
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def _fill(page: str, known: Mapping[str, str]) -> str:
    try:
        return page.format_map(known)
    except KeyError:
        return ""
