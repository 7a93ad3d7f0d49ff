"""The records of steps: complete, and the same in plans as in memory."""

from __future__ import annotations

import copy
import re
from dataclasses import fields
from typing import Any

import pytest

from reconciler.apply.concurrency import ConcurrencyLimits
from reconciler.apply.steps import RUN
from reconciler.model.plan import Action, Cause, Change, ChangeKey, Reason
from reconciler.model.step import STEPS, Step
from reconciler.model.steps import ClearMaintenance, EnterMaintenance, UploadPackage, step_from_json
from tests.apply.samples import PARAMS, SAMPLES

TEXTS = {
    "create": "create proxy px-1",
    "takeover": "take over proxy px-1",
    "update": "change proxy px-1: host",
    "delete": "delete proxy px-1",
    "adopt": "adopt proxy px-1",
    "pool.members": "change the members of pool cloud",
    "repository.move": "move repository disk to pool.cloud",
    "repository.upgrade": "upgrade repository disk",
    "repository.sync": "synchronize repository disk",
    "repository.storage": "change the object storage of repository disk: object_storage.size_limit_gb",
    "certificate.set": "set the server certificate dmz",
    "proxy.upgrade": "upgrade px-1 to 8.6.0.100",
    "proxy.verify": "verify px-1",
    "maintenance.on": "put px-1 into maintenance mode",
    "maintenance.off": "clear maintenance mode of px-1",
    "sessions.wait": "wait for the sessions on px-1 to end",
    "host.change": "port on px-1",
    "package.upload": "upload p.deb to px-1 and verify its SHA-256",
    "package.install": 'install 8.6.0.100 on px-1 with A="1" and start it (rollback on failure)',
    "package.registered": "mark the service on px-1 as registered",
    "job.switch": "enable copy_job daily",
    "job.item.add": "exclude user ann (mailbox) from job daily",
    "job.item.change": "change user ann (mailbox) excluded from job daily",
    "job.item.remove": "no longer exclude user ann (mailbox) from job daily",
    "job.run": "run copy_job daily",
    "update.verify": "verify what the interrupted run did: change proxy px-1: host",
}
LIMITS = {
    "certificate.set": "winrm",
    "proxy.upgrade": "winrm",
    "repository.upgrade": "winrm",
    "sessions.wait": "",
    "job.run": "",
    "host.change": "ssh",
    "package.upload": "ssh",
    "package.install": "ssh",
    "package.registered": "ssh",
}
"""The limit of each step that does not use the REST API, for a host that is reached by SSH."""


def test_every_step_has_a_function_and_every_function_a_step() -> None:
    assert RUN.keys() == STEPS.keys() == PARAMS.keys()


@pytest.mark.parametrize("verb", sorted(STEPS))
def test_a_step_reads_back_as_it_was_written(verb: str) -> None:
    step = SAMPLES[verb]
    assert (step.verb, step.params, list(step.params)) == (verb, PARAMS[verb], list(PARAMS[verb]))
    assert len(step.params) == len(fields(step))


@pytest.mark.parametrize("verb", sorted(STEPS))
def test_texts(verb: str) -> None:
    assert SAMPLES[verb].text == TEXTS[verb]


@pytest.mark.parametrize("verb", sorted(STEPS))
def test_the_concurrency_limit(verb: str) -> None:
    limits = ConcurrencyLimits(transports={"px-1": "ssh"})
    change = Change("pool.cloud", Action.UPDATE, (), Cause(Reason.DRIFT), (SAMPLES[verb],))
    alone = {f"upgrade {SAMPLES[verb].params['owner']}"} if verb == "repository.upgrade" else set()
    assert limits.of(change) == ({LIMITS.get(verb, "rest")} - {""}) | alone


def test_what_undoes_what_and_what_prepares() -> None:
    assert {step: step.undone_by for step in STEPS.values() if step.undone_by} == {EnterMaintenance: ClearMaintenance}
    assert [step for step in STEPS.values() if step.prepares] == [UploadPackage]


def test_a_parameter_at_its_default_is_not_in_the_plan() -> None:
    assert step_from_json("job.run", {"name": "daily"}).params == {"name": "daily"}
    assert step_from_json("update", {"kind": "smtp", "name": "", "fields": {}, "changed": ["port"]}).text == (
        "change smtp: port"
    )


@pytest.mark.parametrize(
    ("verb", "params", "reason"),
    [
        ("job.start", {}, "unknown step 'job.start'"),
        ("job.run", {}, "`job.run`: Object missing required field `name`"),
        ("job.run", {"name": 3}, "`job.run`: Expected `str`, got `int` - at `$.name`"),
        ("job.run", {"name": "a", "full": True}, "`job.run` has no parameter 'full'"),
        ("host.change", {"arguments": {}}, "`host.change` has no parameter 'arguments'"),
    ],
)
def test_odd_parameters_are_refused_with_a_reason(verb: str, params: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        step_from_json(verb, params)


def test_a_step_without_a_text_is_no_step() -> None:
    mute = type("Mute", (Step,), {})
    with pytest.raises(TypeError, match="abstract"):
        mute()


def test_the_key_of_a_change_keeps_its_parts() -> None:
    key = ChangeKey("run", "job.a:b")
    for same in (ChangeKey.parse(key), copy.deepcopy(key)):
        assert (same, same.action, same.address) == ("run:job.a:b", "run", "job.a:b")
