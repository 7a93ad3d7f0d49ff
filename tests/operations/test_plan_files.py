"""Plan files that were forged: an attacker who computes the digest again gains nothing.

Each attack changes a saved plan and its digest, as an attacker could who writes to the store of artifacts.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.model.diagnostic import Diagnosed
from reconciler.model.value import digest
from reconciler.operations import ApplyOptions, ApplyResult, InvalidOption, PlanOptions, Status, apply, plan
from reconciler.operations.events import Message, Warned
from reconciler.plan.saved import to_bytes
from tests.git import git
from tests.operations.conftest import Estate

LAB = ApplyOptions(lab=True)
needs_ssh_keygen = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")


@dataclass
class Saved:
    """A saved plan of an estate, whose folder is the working folder. Its one update is the throttle of px-1."""

    estate: Estate
    file: Path

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.file.read_text("utf-8"))
        return document

    def save(self, **options: Any) -> None:
        plan(self.estate.file, PlanOptions(lab=True, save_to=self.file, **options), self.estate.runtime)

    def forge(self, change: Callable[[dict[str, Any]], object]) -> None:
        document = self.document
        del document["digest"]
        change(document)
        self.file.write_bytes(to_bytes({**document, "digest": digest(document)}))

    def apply(self, **options: Any) -> ApplyResult:
        return apply(self.file, replace(LAB, **options), self.estate.runtime)

    def refusal(self, **options: Any) -> str:
        """The code of the diagnostic with which an apply ends before it connects."""
        with pytest.raises(Diagnosed) as refused:
            self.apply(**options)
        (item,) = refused.value.diagnostics
        return item.code

    def left(self) -> set[str]:
        made = plan(self.estate.file, PlanOptions(lab=True), self.estate.runtime).plan
        return {change.key for change in made.changes if change.action.value != "run"}


@pytest.fixture
def saved(changed: Estate, monkeypatch: pytest.MonkeyPatch) -> Saved:
    monkeypatch.chdir(changed.folder)
    made = Saved(changed, changed.folder / "plan.json")
    made.save()
    return made


def test_apply_finds_the_inventory_that_the_plan_recorded(saved: Saved) -> None:
    assert saved.document["inventory"]["main"] == "inventory.yml"
    assert saved.apply().status is Status.OK
    assert saved.left() == set()


def test_elsewhere_the_inventory_is_given(saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert saved.refusal() == "plan-inventory"
    assert saved.apply(inventory=saved.estate.file).status is Status.OK


ACCESS_OF_OTHERS = {
    "another server": ("host: vbo.example.com", "host: vbo.attacker.example"),
    "another address": ("host: vbo.example.com", "host: vbo.example.com, address: 192.0.2.9"),
    "another trust": ("host: vbo.example.com", "host: vbo.example.com, tls: {fingerprint: 'sha256:" + "ab" * 32 + "'}"),
    "another secret": ("secret://env/VBO_PASSWORD", "secret://file/canary"),
    "a command": ("name: small", "name: small\nsecrets: {exec: {steal: [/bin/sh, -c, touch stolen]}}"),
    "another guard": ("name: small", "name: small\npolicy: {max_deletes: 100}"),
}


@pytest.mark.parametrize("what", ACCESS_OF_OTHERS)
def test_a_plan_of_another_inventory_is_refused_before_anything_is_sent(saved: Saved, what: str) -> None:
    """The inventory came with the plan, or changed since."""
    old, new = ACCESS_OF_OTHERS[what]
    saved.estate.replace(old, new)
    saved.estate.events.clear()
    assert saved.refusal() == "plan-inventory"
    assert not [event for event in saved.estate.events if isinstance(event, Message)], "it connected"


def test_a_snapshot_that_is_added_to_a_plan_is_refused(saved: Saved) -> None:
    saved.forge(lambda document: document.update(snapshot={"access": {"server": {"host": "vbo.attacker.example"}}}))
    assert saved.refusal() == "plan-format"


def test_a_plan_that_shows_another_server_is_refused(saved: Saved) -> None:
    saved.forge(lambda document: document["server"].update(host="test.example.com"))
    assert saved.refusal() == "plan-inventory"


@pytest.mark.matrix
def test_an_inventory_that_comes_with_the_plan_is_not_used(saved: Saved) -> None:
    """Artifacts are unpacked into a checkout: what git does not track may come from their store."""
    folder = saved.estate.folder
    (folder / ".gitignore").write_text("state/\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".gitignore", "inventory.yml")
    git(folder, "commit", "--quiet", "-m", "inventory")
    other = folder / "other.yml"
    other.write_text(saved.estate.file.read_text().replace("host: vbo.example.com", "host: vbo.attacker.example"))
    forged = plan(other, PlanOptions(lab=True), saved.estate.runtime).document
    saved.forge(lambda document: document.update(inventory=forged["inventory"], server=forged["server"]))
    assert saved.refusal() == "plan-inventory"
    saved.save()
    reviewed = saved.estate.file.read_text()
    saved.estate.file.write_text(f"{reviewed}# overwritten by the artifact\n")
    saved.save()
    assert saved.refusal() == "plan-inventory"
    saved.estate.file.write_text(reviewed)
    saved.save()
    assert saved.apply().status is Status.OK


@pytest.mark.parametrize("folder", ["..", "../..", "/etc", "a/../../b"])
def test_an_inventory_outside_of_the_folder_is_not_named_by_a_plan(saved: Saved, folder: str) -> None:
    saved.forge(lambda document: document["inventory"].update(folder=folder))
    assert saved.refusal() in ("plan-unreadable", "plan-inventory")


def test_a_link_out_of_the_folder_is_not_followed(saved: Saved, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    shutil.copy(saved.estate.file, tmp_path / "outside")
    (saved.estate.folder / "link").symlink_to(tmp_path / "outside")
    saved.forge(lambda document: document["inventory"].update(folder="link"))
    assert saved.refusal() == "plan-inventory"


def _other_value(document: dict[str, Any]) -> None:
    """The steps of the file set another throttle than its fields show."""
    document["changes"][0]["steps"][0]["params"]["fields"]["throttle"] = "1 Mbps"


def _other_step(document: dict[str, Any]) -> None:
    params = {"kind": "proxy", "name": "px-1", "id": "1", "owner": "", "force": True}
    document["changes"][0]["steps"] = [{"verb": "delete", "params": params}]


def _hidden_field(document: dict[str, Any]) -> None:
    document["changes"][0]["fields"][0].update(secret=True, before="••••••", after="••••••")


def _hidden_change(document: dict[str, Any]) -> None:
    """The change is shown as one of a test proxy."""
    document["changes"][0].update(address="proxy.px-test", key="update:proxy.px-test")


@pytest.mark.matrix
@pytest.mark.parametrize("attack", [_other_value, _other_step, _hidden_field, _hidden_change])
def test_nothing_but_what_the_inventory_says_is_done(saved: Saved, attack: Callable[[dict[str, Any]], None]) -> None:
    saved.forge(attack)
    result = saved.apply()
    assert result.execution is None or not [
        key for key in result.execution.result.outcomes if not key.startswith("run:")
    ]
    assert saved.left() == {"update:proxy.px-1"}


def _guarded(saved: Saved) -> None:
    saved.estate.replace("name: small\n", "name: small\npolicy: {protect: [proxy.px-1], max_changes: 0}\n")


@pytest.mark.matrix
def test_a_waiver_in_the_file_does_not_hold_by_itself(saved: Saved) -> None:
    _guarded(saved)
    saved.save()
    codes = [item["code"] for item in saved.document["refusals"]]
    assert codes == ["max-changes"]
    saved.forge(lambda document: document["refusals"][0].update(waiver="approved by the board"))
    assert saved.apply().status is Status.REFUSED
    assert saved.left() == {"update:proxy.px-1"}
    (warned,) = [event.diagnostic for event in saved.estate.events if isinstance(event, Warned)]
    assert warned.code == "plan-waivers"
    assert "--waive 'max-changes=approved by the board'" in warned.fix
    assert saved.apply(waivers={"max-changes": "approved by the board"}).status is Status.OK


def test_a_batch_that_the_file_shows_otherwise_is_done_as_shown(saved: Saved) -> None:
    saved.forge(lambda document: document.update(batch="nonsense"))
    assert saved.apply().status in (Status.OK, Status.REFUSED)


@dataclass
class Signers:
    """SSH keys of two people, one of whom may sign."""

    folder: Path

    def key(self, name: str) -> Path:
        file = self.folder / name
        if not file.exists():
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(file)], check=True, timeout=60
            )
        return file

    @property
    def allowed(self) -> Path:
        file = self.folder / "allowed_signers"
        file.write_text(f"reviewer@example.com {self.key('reviewer').with_suffix('.pub').read_text()}")
        return file


@pytest.fixture
def signers(tmp_path: Path) -> Signers:
    (tmp_path / "keys").mkdir()
    return Signers(tmp_path / "keys")


@needs_ssh_keygen
@pytest.mark.matrix
class TestSignatures:
    def test_a_signed_plan_is_applied_and_says_who_signed(self, saved: Saved, signers: Signers) -> None:
        saved.save(sign=signers.key("reviewer"))
        assert saved.apply(require_signature=signers.allowed).status is Status.OK
        said = [event.text for event in saved.estate.events if isinstance(event, Message)]
        assert "plan.json is signed by reviewer@example.com." in said

    def test_the_waivers_of_a_signed_plan_hold(self, saved: Saved, signers: Signers) -> None:
        _guarded(saved)
        saved.save(sign=signers.key("reviewer"), waivers={"max-changes": "change 4711"})
        assert saved.apply(require_signature=signers.allowed).status is Status.OK

    def test_without_a_signature_a_plan_is_refused(self, saved: Saved, signers: Signers) -> None:
        assert saved.refusal(require_signature=signers.allowed) == "plan-signature"
        assert saved.refusal(require_signature=signers.folder / "absent") == "plan-signature"
        assert saved.left() == {"update:proxy.px-1"}

    def test_the_signature_of_somebody_else_is_refused(self, saved: Saved, signers: Signers) -> None:
        saved.save(sign=signers.key("stranger"))
        assert saved.refusal(require_signature=signers.allowed) == "plan-signature"

    def test_a_plan_that_changed_after_it_was_signed_is_refused(self, saved: Saved, signers: Signers) -> None:
        saved.save(sign=signers.key("reviewer"))
        saved.forge(lambda document: document.update(expires="2999-01-01T00:00:00+00:00"))
        assert saved.refusal(require_signature=signers.allowed) == "plan-signature"

    def test_a_signature_for_another_purpose_is_refused(self, saved: Saved, signers: Signers) -> None:
        command = ["ssh-keygen", "-Y", "sign", "-n", "git", "-f", str(signers.key("reviewer")), str(saved.file)]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        assert saved.refusal(require_signature=signers.allowed) == "plan-signature"

    def test_a_key_that_is_none_leaves_no_plan(self, saved: Saved, signers: Signers) -> None:
        saved.file.unlink()
        with pytest.raises(Diagnosed) as refused:
            saved.save(sign=signers.allowed)
        assert refused.value.diagnostics[0].code == "plan-not-signed"
        assert not saved.file.exists()


def test_without_ssh_keygen_it_says_what_to_install(
    saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved.file.with_name("plan.json.sig").write_text("")
    (tmp_path / "allowed").write_text("")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(Diagnosed) as refused:
        saved.apply(require_signature=tmp_path / "allowed")
    (item,) = refused.value.diagnostics
    assert item.code == "no-ssh-keygen"
    assert "OpenSSH" in item.fix


def test_a_signature_needs_a_file_and_an_inventory_needs_none(saved: Saved) -> None:
    with pytest.raises(InvalidOption):
        plan(saved.estate.file, PlanOptions(lab=True, sign=saved.file), saved.estate.runtime)
    with pytest.raises(InvalidOption):
        apply(saved.estate.file, replace(LAB, require_signature=saved.file), saved.estate.runtime)
