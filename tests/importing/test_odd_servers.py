"""Servers as they become over the years: what an inventory cannot say of one is left out, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from tests.importing.adoption import assert_adopted
from tests.importing.run import contents, findings, importing
from tests.importing.small import WINDOWS, all_of, small_server
from tests.promises.server import LabServer

pytestmark = pytest.mark.matrix

Change = Callable[[LabServer], object]


@dataclass(frozen=True)
class Odd:
    """`change` makes the server odd; `omitted` is why objects are not imported, by what they are called, `in_part` the
    same of fields of `job-0` of the first organization. `since` is the first REST version that has it."""

    change: Change
    omitted: Mapping[str, str] = field(default_factory=dict)
    in_part: Mapping[str, str] = field(default_factory=dict)
    since: int = 5


def _rename(kind: str, name: str, new: str) -> Change:
    def change(server: LabServer) -> None:
        for item in all_of(server, kind, name):
            item["name"] = new

    return change


def _set(kind: str, name: str, **values: Any) -> Change:
    def change(server: LabServer) -> None:
        for item in all_of(server, kind, name):
            item.update(values)

    return change


def _remove(kind: str, name: str) -> Change:
    def change(server: LabServer) -> None:
        for item in all_of(server, kind, name):
            del server.state[kind][item["id"]]

    return change


def _twin(server: LabServer) -> None:
    ident = str(UUID(int=7))
    server.state["proxies"][ident] = {**all_of(server, "proxies", WINDOWS)[0], "id": ident}


def _refuse(collection: str, status: int) -> Change:
    return lambda server: server.transport.refuses.update({collection.lower(): status})


def _id(number: int) -> str:
    return str(UUID(int=number))


def _policy(**values: Any) -> Change:
    def change(server: LabServer) -> None:
        for item in all_of(server, "jobs"):
            item["schedulePolicy"] = item["schedulePolicy"] | values

    return change


_TOO_MANY: Final = "`schedule.retry.attempts` of job `contoso-job-0` is 99999; it must be between 0 and 777."


def _host(name: str) -> Change:
    def change(server: LabServer) -> None:
        for item in all_of(server, "proxies", WINDOWS):
            item.update(hostName=name, **({"fqdn": name} if "fqdn" in item else {}))

    return change


_NOT_A_HOST: Final = (
    "`host` of proxy `win` (`win..example.com`) is not valid: a host is a DNS name or an IP address, without a scheme, "
    "a port, a path or spaces."
)
_ALIKE: Final = "another {} has the same name, and an inventory can name one of them"
_JOBS_ALIKE: Final = "another job has the same name in its organization, and an inventory can name one of them"
_TWIN: Final = "another proxy has the same host or host name"
_NO_PROXY: Final = f"it uses proxy.{WINDOWS} ({_id(14)}), which is not imported"
_HIDDEN: Final = "the server does not show its {}"
_BOTH: Final = ("contoso.example.com", "fabrikam.example.com")

_REFUSED: Final = "the server does not show it: Not today. (HTTP {})"


def _no_jobs(reason: str) -> dict[str, str]:
    return {f"job.job-{number} ({name})": reason.format(number) for name in _BOTH for number in range(2)}


SERVERS: Final = {
    "organizations of one name": Odd(
        _rename("organizations", "", "contoso.example.com"),
        {
            f"organization.contoso.example.com ({_id(4)})": _ALIKE.format("organization"),
            f"job.job-0 ({_id(22)})": f"it uses organization.contoso.example.com ({_id(4)}), which is not imported",
            f"job.job-1 ({_id(24)})": f"it uses organization.contoso.example.com ({_id(4)}), which is not imported",
        },
    ),
    "organizations whose names differ in case": Odd(
        _rename("organizations", "fabrikam", "CONTOSO.EXAMPLE.COM"),
        {
            "organization.CONTOSO.EXAMPLE.COM": _ALIKE.format("organization"),
            "job.job-0 (CONTOSO.EXAMPLE.COM)": "it uses organization.CONTOSO.EXAMPLE.COM, which is not imported",
            "job.job-1 (CONTOSO.EXAMPLE.COM)": "it uses organization.CONTOSO.EXAMPLE.COM, which is not imported",
        },
    ),
    "repositories of one name": Odd(
        _rename("repositories", "repo-1", "repo-0"),
        {
            f"repository.repo-0 ({_id(16)})": _ALIKE.format("repository"),
            **{
                f"job.job-1 ({name})": f"it uses repository.repo-0 ({_id(16)}), which is not imported" for name in _BOTH
            },
        },
    ),
    "jobs of one name in one organization": Odd(
        _rename("jobs", "", "job"), {f"job.job ({_id(20)})": _JOBS_ALIKE, f"job.job ({_id(24)})": _JOBS_ALIKE}
    ),
    "proxies on one host": Odd(
        _twin,
        {
            f"proxy.{WINDOWS} ({_id(7)})": _TWIN,
            f"proxy.{WINDOWS} ({_id(14)})": _TWIN,
            **{f"repository.repo-{number}": _NO_PROXY for number in range(3)},
            **_no_jobs("it uses repository.repo-{}, which is not imported"),
        },
    ),
    "a repository is gone": Odd(
        _remove("repositories", "repo-0"), {f"job.job-0 ({name})": _HIDDEN.format("repository") for name in _BOTH}
    ),
    "an organization is gone": Odd(
        _remove("organizations", "contoso"),
        {f"job.job-{number} ({_id(18 + 2 * number)})": _HIDDEN.format("organization") for number in range(2)},
    ),
    "a proxy is gone": Odd(
        _remove("proxies", WINDOWS),
        {
            **{f"repository.repo-{number}": _HIDDEN.format("owner") for number in range(3)},
            **_no_jobs("it uses repository.repo-{}, which is not imported"),
        },
    ),
    "a retention that is not known": Odd(
        _set("repositories", "repo-0", retentionType="Forever"),
        {
            "repository.repo-0": _HIDDEN.format("retention"),
            **{f"job.job-0 ({name})": "it uses repository.repo-0, which is not imported" for name in _BOTH},
        },
    ),
    "mail that cannot be sent": Odd(
        lambda server: server.state["email"].update(enableNotification=True, smtpServer="mail", to=None),
        {"smtp": "Mail cannot be sent without `from` and `to`."},
    ),
    "proxies offline": Odd(_set("proxies", WINDOWS, status="Offline")),
    "hosts with a dot and blanks": Odd(_host(f" {WINDOWS}. ")),
    "hosts with umlauts": Odd(_host("B\u00dcRO-1.stra\u00dfe.example")),
    "hosts in other scripts": Odd(_host("\u30b5\u30fc\u30d0\u30fc.example.com")),
    "hosts in brackets": Odd(_host("[FD00::1]")),
    "hosts that are none": Odd(
        _host("win..example.com"),
        {
            "proxy.win..example.com": _NOT_A_HOST,
            **{
                f"repository.repo-{number}": "it uses proxy.win..example.com, which is not imported"
                for number in range(3)
            },
            **_no_jobs("it uses repository.repo-{}, which is not imported"),
        },
    ),
    "names like addresses": Odd(_rename("repositories", "repo-0", "proxy.px/1")),
    "names like patterns": Odd(_rename("repositories", "repo-0", "*")),
    "names like words of an inventory": Odd(_rename("repositories", "repo-0", "none")),
    "names like references": Odd(_rename("repositories", "repo-0", "secret://env/X")),
    "the mark of another inventory": Odd(_set("jobs", "job-0", description="daily [vbo-reconcile:other]")),
    "a mark that is none": Odd(_set("jobs", "job-0", description="[vbo-reconcile:other] daily")),
    "schedules that are not known": Odd(_policy(type="Monthly"), {}, {"schedule": "the server does not show it"}),
    "retries beyond the limits": Odd(
        _policy(retryEnabled=True, retryNumber=99999, retryWaitInterval=10),
        {},
        {"schedule.retry.attempts": _TOO_MANY},
    ),
    "descriptions of 500 characters": Odd(_set("repositories", "repo-0", description="\u00e9" * 500)),
    "descriptions with lines and blanks": Odd(_set("jobs", "job-0", description=" one\r\ntwo\n\n\tthree \x07 end  ")),
    "descriptions of blanks": Odd(_set("jobs", "job-0", description="   ")),
    "ids in other letters": Odd(
        lambda server: [
            item.update(repositoryId=item["repositoryId"].upper()) for item in server.state["jobs"].values()
        ]
    ),
    "no right to read proxies": Odd(
        _refuse("Proxies", 403),
        {
            "proxy.*": _REFUSED.format(403),
            **{f"repository.repo-{number}": _HIDDEN.format("owner") for number in range(3)},
            **_no_jobs("it uses repository.repo-{}, which is not imported"),
        },
    ),
    "an error for pools": Odd(_refuse("ProxyPools", 500), {"pool.*": _REFUSED.format(500)}, since=8),
    "no right to read repositories": Odd(
        _refuse("BackupRepositories", 403),
        {"repository.*": _REFUSED.format(403), **_no_jobs(_HIDDEN.format("repository"))},
    ),
    "an error for organizations": Odd(
        _refuse("Organizations", 500),
        {
            "organization.*": _REFUSED.format(500),
            **{
                f"job.job-{number % 2} ({_id(18 + 2 * number)})": _HIDDEN.format("organization") for number in range(4)
            },
        },
    ),
    "no jobs there": Odd(_refuse("Jobs", 404), {"job.*": _REFUSED.format(404)}),
    "no right to read copy jobs": Odd(_refuse("CopyJobs", 403), {"copy_job.*": _REFUSED.format(403)}, since=6),
    "mail settings do not exist": Odd(_refuse("VboEmailSettings", 404), {"smtp": _REFUSED.format(404)}),
    "an error for what is selected": Odd(_refuse("SelectedItems", 500), {}, {"items": _REFUSED.format(500)}, since=8),
    "no right to read what is excluded": Odd(
        _refuse("ExcludedItems", 403), {}, {"exclude": _REFUSED.format(403)}, since=8
    ),
}  # fmt: skip


ADOPTED: Final = {
    name for name in SERVERS if name.startswith(("hosts with", "hosts in", "names like", "descriptions", "a mark"))
}
"""Those whose objects are adopted, too."""


@pytest.mark.parametrize(
    ("name", "rest"), [(name, rest) for name, odd in SERVERS.items() for rest in (5, 6, 7, 8) if rest >= odd.since]
)
def test_it_is_imported_or_left_out_with_the_reason(name: str, rest: int, tmp_path: Path) -> None:
    odd, server, out = SERVERS[name], small_server(rest), tmp_path / "out"
    odd.change(server)
    with server.session() as session, importing(session, out) as run:
        made = run()
        assert [(change.address, change.fields) for change in made.plan.changes] == []
        assert findings(out) == []
        assert {item.address: item.reason for item in made.facts.omitted} == odd.omitted
        assert {
            item.field: item.reason for item in made.facts.in_part if "contoso-job-0" in item.address
        } == odd.in_part
        before = contents(out)
        report = before["IMPORT.md"].decode()
        assert ("To manage one, declare it, and see what changes: `vbo-reconcile plan corp.yml`." in report) == bool(
            made.facts.in_part
        )
        assert ("import again: `vbo-reconcile import --out .`." in report) == bool(odd.omitted)
        run()
        assert contents(out) == before
        if name in ADOPTED:
            assert_adopted(session, out)
