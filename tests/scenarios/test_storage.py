"""Object storage of repositories: what can be edited is an update, what cannot is blocked or a replace of the place;
what is left out stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.by_hand import Hand, by_hand
from tests.scenarios.rehearsal import Rehearsal

INVENTORY = """version: 1
name: corp
server: {{host: vbo.corp.example.com, credentials: admin, rest: {rest}}}
credentials:
  admin: {{username: 'CORP\\svc-vbo', password: secret://env/P}}
  storage-2026: {{username: storage, password: secret://env/STORAGE}}
proxies:
  px-1: {{host: px-1.corp.example.com, type: domain, credentials: admin}}
repositories:
  cloud:
    proxy: px-1
    object_storage: {{{storage}}}
    retention: {{type: item-level, keep: 3 years}}
  disk: {{proxy: px-1, path: 'D:\\VBO', retention: {{type: item-level, keep: 1 year}}}}
organizations:
  contoso.example.com: {{proxies: [px-1]}}
jobs:
  daily: {{organization: contoso.example.com, repository: cloud, items: [mailbox], schedule: {{daily: "22:00"}}}}
"""
PLACE = "type: s3, account: minio, bucket: vbo, folder: contoso, region: eu-west-2, cloud: global"
LIMITS = "size_limit_gb: 100, immutability_days: 30"
ADDRESS = "update:repository.cloud"


def rehearsal(folder: Path, storage: str = f"{PLACE}, {LIMITS}", rest: str = "auto") -> Rehearsal:
    made = Rehearsal(folder)
    made.file.write_text(INVENTORY.format(storage=storage, rest=rest), encoding="utf-8")
    return made


def blocked(made: Rehearsal) -> dict[str, str]:
    """The repositories that cannot be changed, and why."""
    changes = made.plan()["changes"]
    found = [item for item in changes if item.get("blocked") and item["address"].startswith("repository.")]
    return {item["key"]: item["blocked"] for item in found}


def changed(made: Rehearsal) -> dict[str, dict[str, Any]]:
    """The changes of repositories, without the upgrades that follow from one of the server."""
    found = made.changes().items()
    return {key: fields for key, fields in found if ":repository." in key and not key.startswith("upgrade:")}


def storage_of(hand: Hand) -> dict[str, Any]:
    found: dict[str, Any] = hand.by_name("BackupRepositories", "name", "cloud")["objectStorage"]
    return found


def everything(hand: Hand) -> dict[str, Any]:
    """The repositories by name, without what moves by itself."""
    found = hand.request("GET", "BackupRepositories").json()["results"]
    return {item["name"]: {name: value for name, value in item.items() if name != "_links"} for item in found}


@pytest.mark.matrix
@pytest.mark.parametrize("semantics", ["merge", "replace"])
def test_finding_5_limits_are_updated_and_can_be_left_out(tmp_path: Path, semantics: str) -> None:
    made = rehearsal(tmp_path)
    made.converges()
    made.set("server", f"put_repositories={semantics}")
    with by_hand(made) as hand:
        before = everything(hand)
    made.replace("size_limit_gb: 100", "size_limit_gb: 250")
    made.replace("immutability_days: 30", "immutability_days: 60")
    changes = made.changes()
    assert changes[ADDRESS] == {
        "object_storage.size_limit_gb": [100, 250],
        "object_storage.immutability_days": [30, 60],
    }
    made.converges()
    with by_hand(made) as hand:
        after = everything(hand)
    assert {name for name in before if before[name] != after[name]} == {"cloud"}
    was, now = before["cloud"]["objectStorage"], after["cloud"]["objectStorage"]
    moved = {name for name in was | now if was.get(name) != now.get(name)}
    assert moved - {"usedSpaceBytes", "freeSpaceBytes"} == {"sizeLimitGB", "immutabilityPeriodDays"}
    made.replace(", size_limit_gb: 250, immutability_days: 60", "")
    assert made.changes() == {}


@pytest.mark.matrix
def test_finding_5_the_account_by_another_of_its_names(tmp_path: Path) -> None:
    made = rehearsal(tmp_path)
    made.converges()
    with by_hand(made) as hand:
        account = next(item for item in hand.request("GET", "Accounts").json() if item["userName"] == "minio")
        hand.request("PUT", f"Accounts/{account['id']}", json={"userName": "akia1", "description": "minio"})
    assert made.changes() == {}
    made.replace("account: minio", "account: akia1")
    assert made.changes() == {}
    made.replace("account: akia1", f"account: {account['id'].upper()}")
    assert made.changes() == {}


@pytest.mark.matrix
def test_finding_5_an_ambiguous_account_is_refused_with_the_candidates(tmp_path: Path) -> None:
    made = rehearsal(tmp_path)
    made.converges()
    with by_hand(made) as hand:
        twin = {"accountType": "amazonS3Account", "userName": "akia2", "password": "x", "description": "minio"}
        hand.request("POST", "Accounts", json=twin)
    (reason,) = blocked(made).values()
    assert "2 cloud accounts on the server have the name 'minio'" in reason
    assert "minio / akia2 (" in reason


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("immutability_days: 30", "immutability_days: 7", "only be lengthened: it is 30 days, and 7 days is declared"),
        ("immutability_days: 30", "immutability_days: none", "cannot be turned on or off"),
        (LIMITS, f"{LIMITS}, encryption_key: Contoso", "encryption cannot be turned on or off"),
        (LIMITS, f"{LIMITS}, immutability_mode: governance", "immutability_mode cannot be changed after creation"),
        (LIMITS, f"{LIMITS}, storage_class: standard-ia", "storage_class cannot be changed after creation"),
    ],
)
def test_what_the_product_refuses_is_blocked_with_the_reason(tmp_path: Path, old: str, new: str, reason: str) -> None:
    made = rehearsal(tmp_path)
    made.converges()
    made.replace(old, new)
    (found,) = blocked(made).values()
    assert reason in found
    assert made.apply().code != 0
    with by_hand(made) as hand:
        assert storage_of(hand)["immutabilityPeriodDays"] == 30


@pytest.mark.matrix
def test_a_limit_is_lifted_and_a_change_by_hand_is_drift(tmp_path: Path) -> None:
    made = rehearsal(tmp_path)
    made.converges()
    with by_hand(made) as hand:
        found = hand.by_name("BackupRepositories", "name", "cloud")
        storage = {**found["objectStorage"], "sizeLimitGB": 7}
        hand.request("PUT", f"BackupRepositories/{found['id']}", json={**found, "objectStorage": storage})
    assert made.changes()[ADDRESS] == {"object_storage.size_limit_gb": [7, 100]}
    made.replace("size_limit_gb: 100", "size_limit_gb: none")
    made.converges()
    with by_hand(made) as hand:
        assert storage_of(hand)["sizeLimitEnabled"] is False


@pytest.mark.matrix
def test_another_place_is_a_replace(tmp_path: Path) -> None:
    made = rehearsal(tmp_path)
    made.converges()
    made.replace("folder: contoso", "folder: other")
    assert "replace:repository.cloud" in made.changes()


@pytest.mark.matrix
@pytest.mark.parametrize("semantics", ["merge", "replace"])
def test_finding_6_one_form_for_a_server_that_turns_v8_and_back(tmp_path: Path, semantics: str) -> None:
    """By its place it is the same before and after the upgrade."""
    made = rehearsal(tmp_path, f"{PLACE}, size_limit_gb: 100", rest="v7")
    made.converges()
    made.set("server", f"put_object_storage={semantics}")
    made.replace("rest: v7", "rest: auto")
    made.replace("size_limit_gb: 100", "size_limit_gb: 200")
    assert changed(made)[ADDRESS] == {"object_storage.size_limit_gb": [100, 200]}
    made.converges()
    made.set("server", "build=8.5.0.1014")
    assert (made.plan()["server"]["rest"], changed(made)) == ("v8", {})
    made.replace("size_limit_gb: 200", "size_limit_gb: 300")
    assert changed(made)[ADDRESS] == {"object_storage.size_limit_gb": [200, 300]}
    made.set("server", "build=7.0.0.2911")
    made.converges()


def test_finding_6_the_form_of_v7_on_v8(tmp_path: Path) -> None:
    """What exists stays as it is; what is to be created says what to write instead."""
    made = rehearsal(tmp_path, "name: Bucket, cache: 'D:\\Cache'", rest="v7")
    made.converges()
    made.replace("rest: v7", "rest: auto")
    made.set("server", "build=8.5.0.1014")
    plan = made.plan()
    assert (plan["server"]["rest"], changed(made)) == ("v8", {})
    noted = {item["detail"] for item in plan["reports"] if item["address"] == "repository.cloud"}
    assert any("`object_storage.name` is not in REST v8" in detail for detail in noted)
    made.replace("  cloud:\n", "  new:\n")
    made.replace("repository: cloud", "repository: new")
    assert "write `type`, `account`, `bucket` and `folder`" in blocked(made)["create:repository.new"]


def test_finding_6_the_fix_for_v8_survives_being_followed(tmp_path: Path) -> None:
    made = rehearsal(tmp_path, "name: Bucket", rest="v8")
    said = made.run("validate", str(made.file))
    assert (said.code, "Object storage does not fit" in said.out + said.err) == (1, True)
    made.replace("name: Bucket", "type: s3, account: a, bucket: b, folder: f")
    assert made.run("validate", str(made.file)).code == 0


def test_finding_11_object_storage_of_v5(tmp_path: Path) -> None:
    made = rehearsal(tmp_path, PLACE, rest="v5")
    made.converges()
    made.replace("region: eu-west-2", "region: eu-west-2, size_limit_gb: 100")
    assert blocked(made) == {ADDRESS: "REST v5 does not document how object storage is changed"}


@pytest.mark.parametrize("rest", ["v6", "v7", "auto"])
def test_finding_12_a_missing_account_is_found_while_planning(tmp_path: Path, rest: str) -> None:
    made = rehearsal(tmp_path, PLACE, rest=rest)
    made.plan()
    made.set("server", 'without_accounts=["minio"]')
    reason = blocked(made)["create:repository.cloud"]
    assert "the server has no cloud account 'minio' (inventory.yml:12:" in reason
    assert "add the cloud account in the console, or correct `account`" in reason


def test_finding_12_a_missing_object_storage_repository_is_found_while_planning(tmp_path: Path) -> None:
    made = rehearsal(tmp_path, PLACE, rest="v7")
    made.plan()
    made.set("server", 'without_object_storage=["vbo/contoso"]')
    reason = blocked(made)["create:repository.cloud"]
    assert "the server has no object storage repository with type s3, account minio, bucket vbo" in reason


@pytest.mark.matrix
@pytest.mark.parametrize("rest", ["v6", "v7", "v8"])
def test_an_encryption_key_is_created_once_and_again_with_another_password(tmp_path: Path, rest: str) -> None:
    encrypted = f"{PLACE}, encryption_key: Contoso 2026, encryption_credentials: storage-2026"
    made = rehearsal(tmp_path, encrypted, rest=rest)
    made.converges()
    with by_hand(made) as hand:
        assert len(keys(hand)) == 1
    made.replace("secret://env/STORAGE", "secret://env/STORAGE_2027")  # the lab derives secrets from their references
    changes = made.changes()
    assert [*changes[ADDRESS]] == ["object_storage.encryption_credentials"]
    made.converges()
    with by_hand(made) as hand:
        assert len(keys(hand)) == 2


def keys(hand: Hand) -> list[str]:
    listed = hand.request("GET", "EncryptionKeys").json()
    return [item["id"] for item in listed if item["description"] == "Contoso 2026"]


@pytest.mark.matrix
@pytest.mark.parametrize("semantics", ["merge", "replace"])
def test_the_appliance_of_an_archive_is_edited_and_its_network_stays(tmp_path: Path, semantics: str) -> None:
    archive = "type: s3-glacier, account: minio, bucket: vbo, folder: archive, storage_class: glacier-deep-archive"
    appliance = "{size: t3.medium, port: 443, ip_ranges: [10.0.0.0/8]}"
    made = rehearsal(tmp_path, f"{archive}, use_appliance: true, amazon_appliance: {appliance}")
    made.converges()
    made.set("server", f"put_repositories={semantics}")
    with by_hand(made) as hand:
        found = hand.by_name("BackupRepositories", "name", "cloud")
        storage = found["objectStorage"]
        storage["amazonArchiverAppliance"] |= {"subnet": {"id": "subnet-1", "name": "private", "CIDR": "10.1.0.0/16"}}
        hand.request("PUT", f"BackupRepositories/{found['id']}", json={**found, "objectStorage": storage})
    assert changed(made) == {}
    made.replace("port: 443", "port: 8443")
    assert changed(made)[ADDRESS] == {"object_storage.amazon_appliance.port": [443, 8443]}
    made.converges()
    with by_hand(made) as hand:
        after = storage_of(hand)["amazonArchiverAppliance"]
    assert after == {**storage["amazonArchiverAppliance"], "appliancePort": 8443}


@pytest.mark.matrix
@pytest.mark.parametrize("semantics", ["merge", "replace"])
def test_the_time_of_a_clean_up(tmp_path: Path, semantics: str) -> None:
    made = rehearsal(tmp_path)
    made.replace("keep: 1 year}", "keep: 1 year, clean: monthly, monthly: {time: '3:00', day: first sunday}}")
    made.converges()
    made.set("server", f"put_repositories={semantics}")
    with by_hand(made) as hand:
        before = everything(hand)
    made.replace("day: first sunday", "day: last friday")
    assert changed(made) == {"update:repository.disk": {"retention.monthly.day": ["first sunday", "last friday"]}}
    made.converges()
    with by_hand(made) as hand:
        after = everything(hand)
    assert after == {**before, "disk": {**before["disk"], "monthlyDaynumber": "Last", "monthlyDayofweek": "Friday"}}
    made.replace(", monthly: {time: '3:00', day: last friday}", "")
    assert changed(made) == {}


# Repositories that are out of date, invalid or out of sync

INVALID = '{"isOutOfOrder": true, "outOfOrderReason": "no access"}'
OUT_OF_SYNC = '{"isOutOfSync": true}'


def drifts(made: Rehearsal, word: str) -> bool:
    found = made.run("drift", "--lab", str(made.file))
    assert found.code in (0, 2)
    return found.code == 2 and word in found.out


def shown(made: Rehearsal) -> Any:
    with by_hand(made) as hand:
        found = hand.request("GET", "BackupRepositories").json()
    return found["results"] if isinstance(found, dict) else found


@pytest.mark.matrix
def test_a_state_that_stops_jobs_is_reported_and_is_drift(tmp_path: Path) -> None:
    made = rehearsal(tmp_path)
    made.converges()
    assert not drifts(made, "")
    made.set("server", f'repository_states={{"cloud": {INVALID}, "disk": {OUT_OF_SYNC}}}')
    plan = made.plan()
    assert [item for item in plan["changes"] if item["action"] != "run"] == []
    details = {item["code"]: item["detail"] for item in plan["reports"] if item["level"] == "warning"}
    assert details["repository-invalid"] == "the repository is invalid (no access): daily stands still"
    assert details["repository-out-of-sync"] == "the repository is out of sync: no job uses it"
    assert drifts(made, "invalid")


@pytest.mark.matrix
@pytest.mark.parametrize(("rest", "storage"), [("v6", "name: Bucket"), ("v7", "name: Bucket"), ("v8", PLACE)])
def test_what_is_out_of_sync_is_synchronized(tmp_path: Path, rest: str, storage: str) -> None:
    made = rehearsal(tmp_path, storage, rest=rest)
    made.converges()
    before = shown(made)
    made.set("server", f'repository_states={{"cloud": {OUT_OF_SYNC}}}')
    assert drifts(made, "out of sync")
    assert made.changes() == {ADDRESS: {"state": ["out of sync", "in sync"]}}
    made.set("server", 'repository_sync_fails=["cloud"]')
    failed = made.apply()
    assert (failed.code, "the object storage does not answer" in failed.out.lower()) == (3, True)
    made.set("server", "repository_sync_fails=[]")
    made.converges()
    assert not drifts(made, "")
    assert shown(made) == before


@pytest.mark.matrix
@pytest.mark.parametrize("flag", ["isOutOfSync", "isOutdated"])
def test_a_state_is_no_difference_of_an_import(tmp_path: Path, flag: str) -> None:
    made = rehearsal(tmp_path)
    made.converges()
    made.set("server", f'repository_states={{"cloud": {{"{flag}": true}}}}')
    ended = made.run("import", "--lab", "--from", str(made.file), "--out", str(tmp_path / "out"))
    verb = {"isOutOfSync": "update", "isOutdated": "upgrade"}[flag]
    says = f"Plan: no changes of what is declared; pending on the server: {verb} repository.cloud."
    assert (ended.code, says in ended.err) == (0, True), ended.err
    assert "state" not in made.run("import", "--lab", "--from", str(made.file), "--diff", str(made.file)).out


@pytest.mark.matrix
def test_what_is_out_of_date_is_upgraded_then_edited_and_then_its_job_runs(tmp_path: Path) -> None:
    made = rehearsal(tmp_path)
    made.converges()
    made.set("server", 'repository_states={"cloud": {"isOutdated": true}}')
    made.set("server", "build=8.4.0.1457")
    made.replace("size_limit_gb: 100", "size_limit_gb: 250")
    upgrade = "upgrade:repository.cloud"
    found = blocked(made)
    assert found.keys() == {upgrade, ADDRESS}
    assert found[upgrade].startswith("REST cannot upgrade a repository: declare `server.powershell")
    made.replace("credentials: admin, rest: auto", "credentials: admin, rest: auto, powershell: {credentials: admin}")
    assert [item["key"] for item in made.plan()["changes"]] == [upgrade, ADDRESS, "run:job.daily"]
    made.converges()
