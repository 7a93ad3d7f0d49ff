"""Copy jobs of the lab: one for each job, on object storage, and what they hold in place."""

from __future__ import annotations

from typing import Any

import pytest

from tests.lab.server.world import World


@pytest.fixture
def parts(world: World) -> dict[str, str]:
    proxy = world.add_proxy("win-1")
    disk = world.add_disk(proxy)
    return {"disk": disk, "bucket": world.add_bucket(proxyId=proxy), "job": world.add_job(disk)}


def body(world: World, parts: dict[str, str], rest: int, **more: Any) -> dict[str, Any]:
    found = {"backupJobId": parts["job"], "repositoryId": parts["bucket"], **more}
    organization = world.find("organizations", "contoso.onmicrosoft.com")
    return found | ({"organizationId": organization} if rest >= 8 else {})


@pytest.mark.parametrize(("rest", "name"), [(6, "copies"), (7, "copies"), (8, "job (copy)")])
def test_the_server_names_a_copy_job_since_v8(world: World, parts: dict[str, str], rest: int, name: str) -> None:
    made = world.client(rest).do("POST", "CopyJobs", body(world, parts, rest, name="copies"))
    job = world.client().get(f"Jobs/{parts['job']}")["name"]
    assert made["name"] == name.replace("job", job)
    assert ("organizationId" in made) == (rest >= 8)


def test_what_cannot_be_copied_to_is_refused(world: World, parts: dict[str, str]) -> None:
    client = world.client()
    to_disk = body(world, parts, 8) | {"repositoryId": parts["disk"]}
    assert client.send("POST", "CopyJobs", to_disk).status_code == 400
    client.do("POST", "CopyJobs", body(world, parts, 8))
    assert client.send("POST", "CopyJobs", body(world, parts, 8)).status_code == 409


def test_it_holds_its_job_and_its_repository(world: World, parts: dict[str, str]) -> None:
    client = world.client()
    copy = client.do("POST", "CopyJobs", body(world, parts, 8))["id"]
    assert client.send("DELETE", f"Jobs/{parts['job']}").status_code == 409
    assert client.send("DELETE", f"BackupRepositories/{parts['bucket']}").status_code == 409
    client.do("DELETE", f"CopyJobs/{copy}")
    assert client.send("GET", f"Jobs/{parts['job']}/CopyJob").status_code == 404
    client.do("DELETE", f"Jobs/{parts['job']}")


@pytest.mark.parametrize(("semantics", "kept"), [("merge", False), ("replace", True)])
def test_a_put_merges_or_replaces(world: World, parts: dict[str, str], semantics: str, *, kept: bool) -> None:
    client = world.client()
    copy = client.do("POST", "CopyJobs", body(world, parts, 8, isEnabled=False))["id"]
    world.option(put_copy_jobs=semantics)
    client.do("PUT", f"CopyJobs/{copy}", {"schedulePolicy": {"type": "Immediate"}})
    assert client.get(f"CopyJobs/{copy}")["isEnabled"] is kept
