"""What survives: the document on disk, and the server that is started on it again."""

from __future__ import annotations

import ssl
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.lab.state import Document, StateError
from tests.lab.server.world import SEED, World, eventually


def test_a_document_is_private_and_replaced_in_one_piece(tmp_path: Path) -> None:
    path = tmp_path / "lab" / "part.json"
    document = Document(path, lambda: {"count": 1})
    assert not path.exists()
    document.save()
    document.data["count"] = 2
    document.save()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [file.name for file in path.parent.iterdir()] == ["part.json"]
    assert Document(path, dict).data == {"count": 2}


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_document_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "part.json"
    path.write_text(text)
    with pytest.raises(StateError, match="lab reset"):
        Document(path, dict)


def again(world: World) -> None:
    """Stop the server and start another one on the same document."""
    world.stop()
    assert world.server.bugs == []
    world.start()


def test_everything_is_there_after_a_restart(world: World) -> None:
    pool = world.add_pool("lnx-1")
    job = world.add_job(world.add_bucket(proxyPoolId=pool))
    client = world.client()
    client.do("POST", f"Jobs/{job}/start", {})
    eventually(lambda: client.get(f"Jobs/{job}")["lastStatus"] == "Success")
    paths = ["Proxies", "ProxyPools", "BackupRepositories", "Organizations", "Jobs", "JobSessions", "VboEmailSettings"]

    def seen() -> list[object]:
        found = [world.client().get(path) for path in [*paths, "ServiceInstance"]]
        return [page.get("results", page) for page in found]

    before = seen()
    token = client.token
    again(world)
    assert seen() == before
    client = world.client(login=False)
    client.token = token  # tokens live as long as they live
    assert client.send("GET", "Proxies").status_code == 200


def test_a_mutation_is_on_disk_before_it_is_answered(world: World) -> None:
    proxy = world.add_proxy("win-1")
    assert proxy in Document(world.document.path, dict).data["proxies"]


def test_sessions_that_were_cut_off_have_failed(world: World) -> None:
    job = world.add_job(world.add_disk(world.add_proxy("win-1")))
    client = world.client()
    client.do("POST", f"Jobs/{job}/start", {})
    eventually(lambda: client.get(f"Jobs/{job}")["lastStatus"] == "Success")
    with world.document.lock:
        next(iter(world.document.data["sessions"].values()))["status"] = "Running"
        world.document.data["owner_changes"] = {
            "x": {"id": "x", "status": "Waiting", "repositoryIds": [], "to_pool": True, "toOwnerId": "y"}
        }
    again(world)
    session = world.client().results("JobSessions")[0]
    assert (session["status"], session["details"]) == ("Failed", "The service was restarted.")
    assert world.document.data["owner_changes"]["x"]["status"] == "Failed"


def test_maintenance_that_was_cut_off_goes_on(world: World) -> None:
    world.add_pool("lnx-1", "lnx-2")
    proxy = world.find("proxies", "lnx-1")
    with world.document.lock:
        world.document.data["proxies"][proxy]["maintenanceModeState"] = "Enabling"
    again(world)
    eventually(lambda: world.client().get(f"Proxies/{proxy}")["maintenanceModeState"] == "Enabled")


def test_seeding_twice_adds_only_what_is_missing(world: World) -> None:
    client = world.client()
    before = client.results("Organizations")
    world.server.upgrade_server("8.5.0.1014")
    more = replace(
        SEED,
        build="8.0.2.159",
        administrators={"LAB\\admin": "changed"},
        organizations={**SEED.organizations, "new.onmicrosoft.com": {}},
    )
    world.server.seed(more)
    after = client.results("Organizations")
    assert after[:-1] == before
    assert after[-1]["name"] == "new.onmicrosoft.com"
    assert client.get("ServiceInstance")["version"] == "8.5.0.1014"
    assert len(client.results("Proxies")) == len(client.results("BackupRepositories")) == 1
    assert client.login(password="changed").status_code == 200


def test_stopping_twice_and_starting_twice(
    tls: tuple[ssl.SSLContext, ssl.SSLContext], certificate: str, tmp_path: Path
) -> None:
    world = World(tmp_path, *tls, certificate)
    world.start()
    with pytest.raises(RuntimeError):
        world.server.start()
    world.stop()
    world.server.stop()
    host, port = world.server.start()
    assert (host, port > 0) == ("127.0.0.1", True)
    world.server.stop()
