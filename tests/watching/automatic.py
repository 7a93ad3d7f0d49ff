"""An automatic apply made up by tests: it writes its run into the journal, and ends as it is told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from reconciler.journal import RunState, Who
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.event import ChangeEnded, ChangeStarted, Outcome
from reconciler.model.inventory import AutomaticRule, Policy
from reconciler.model.plan import Change, ChangeKey
from reconciler.operations.journals import open_journal
from reconciler.operations.observing import Observation
from reconciler.operations.status import Status
from reconciler.plan import plan_to_json
from tests.watching.samples import World, observed, plan_of

RULES = (AutomaticRule(("update",), ("proxy.*",)),)


def seen(
    *changes: Change,
    rules: Sequence[AutomaticRule] = RULES,
    name: str = "corp",
    problems: Sequence[Diagnostic] = (),
    **more: Any,
) -> Observation:
    """An observation of an inventory that allows these rules."""
    found = observed(plan_of(changes, problems=problems), **more)
    policy = Policy(max_changes=10, automatic=tuple(rules))
    return replace(found, inventory=replace(found.inventory, name=name, policy=policy))


@dataclass
class Applies:
    """`made` are the keys of every apply; `ends` is how each change ends, None if the run is killed meanwhile. `done`
    is called with the server and the keys."""

    world: World
    made: list[list[str]] = field(default_factory=list)
    ends: Outcome | None = Outcome.DONE
    error: Exception | None = None
    done: Callable[[str, list[str]], None] = lambda _name, _keys: None

    def __call__(
        self, path: Path, approved: Sequence[Mapping[str, Any]], digest: str, _runtime: Any, **_more: Any
    ) -> Any:
        self.made.append([str(change["key"]) for change in approved])
        if self.error is not None:
            raise self.error
        run, outcomes = write_run(self.world, approved, digest, self.ends, "watch", path.stem)
        self.done(path.stem, self.made[-1])
        result = SimpleNamespace(outcomes=outcomes)
        return SimpleNamespace(execution=SimpleNamespace(result=result), run=run, status=Status.OK)


def write_run(
    world: World,
    changes: Sequence[Mapping[str, Any]],
    digest: str,
    ends: Outcome | None,
    operation: str,
    inventory: str = "corp",
) -> tuple[str, dict[ChangeKey, ChangeEnded]]:
    """A run in the journal, at the time of the world."""
    document = plan_to_json(plan_of())
    document["inventory"] = {"name": inventory, "digest": digest}
    document["changes"] = list(changes)
    outcomes = {}
    with open_journal(world.runtime) as journal:
        journal._clock = lambda: world.now
        run = journal.begin(document, Who("alice", "ci-7"), operation=operation)
        for change in changes:
            key = ChangeKey.parse(change["key"])
            run.listen(ChangeStarted(key, change["address"], change["action"]))
            if ends is not None:
                outcomes[key] = ChangeEnded(key, change["address"], change["action"], ends, detail="no route")
                run.listen(outcomes[key])
        run.end(RunState.INTERRUPTED if ends is None else RunState.DONE)
    return run.id, outcomes
