"""Each row of README's table of exit codes, from the commands that can end so."""

from __future__ import annotations

import io
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from reconciler.cli.boundary import run as run_line
from reconciler.cli.console import Console
from reconciler.cli.group import Command
from reconciler.cli.root import root
from reconciler.journal import HeldLock, Journal
from reconciler.journal.lock import Locks
from reconciler.package_data import package_data
from tests.cli.running import Ended, Stream, call

pytestmark = pytest.mark.matrix

README = Path(__file__).parents[2] / "README.md"
INVENTORY = package_data("inventories", "small.yml").read_text("utf-8")


class Place:
    """A folder with an inventory, and the lab of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.corp, self.saved = folder / "corp.yml", folder / "plan.json"
        self.environment = {**os.environ, "TERM": "dumb", "CI": "1", "XDG_STATE_HOME": str(folder / "state")}
        self.write("")

    def write(self, more: str, old: str = "", new: str = "") -> None:
        self.corp.write_text(INVENTORY.replace(old, new) + more, "utf-8")

    def run(self, line: str, **more: Any) -> Ended:
        words = [str(self.corp) if word == "PATH" else word for word in line.split()]
        words = [str(self.saved) if word == "FILE" else word for word in words]
        return call(*words, environment=self.environment, **more)

    def codes(self, *lines: str) -> dict[str, int]:
        return {line: int(self.run(line).code) for line in lines}

    @property
    def journal(self) -> Path:
        return self.folder / "state/vbo-reconcile/lab/small/journal.db"


@pytest.fixture
def new(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("applied"))
    assert place.run("apply --lab PATH --auto-approve").code == 0
    return place


def same(code: int, *lines: str) -> Callable[[Place], None]:
    def check(place: Place) -> None:
        assert place.codes(*lines) == dict.fromkeys(lines, code)

    return check


def test_the_table_has_no_other_codes() -> None:
    table = README.read_text("utf-8").partition("| Exit code |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)
    assert [int(code) for row in rows for code in row.split(", ")] == [0, 1, 2, 3, 4, 5, 6, 64, 130, 143, 141]


def test_0_is_done_or_nothing_to_do(applied: Place) -> None:
    lines = ["validate PATH", "diff PATH PATH", "graph PATH", "schema", "completion bash", "lab status PATH"]
    lines += [f"{verb} --lab PATH" for verb in ("plan", "drift", "doctor", "jobs list", "smtp test")]
    lines += ["plan --lab PATH --detailed-exitcode --out FILE", "show FILE"]
    lines += ["apply --lab FILE --inventory PATH"]
    lines += ["explain --lab smtp PATH", "apply --lab PATH --auto-approve", "import --lab --from PATH --stdout"]
    lines += [f"{verb} --lab --inventory PATH" for verb in ("runs list", "runs show last", "lock list")]
    same(0, *lines)(applied)


def test_1_is_an_error(applied: Place, tmp_path: Path) -> None:
    off, on = (f"lab set px-1 power={power} --inventory PATH" for power in ("off", "on"))
    assert applied.run(off).code == 0
    try:
        same(1, *(f"{verb} --lab PATH" for verb in ("plan", "drift", "doctor")))(applied)
    finally:
        assert applied.run(on).code == 0
    whose = "--lab --inventory PATH"
    same(1, f"runs show R0 {whose}", f"lock break L0 {whose} --yes", "show PATH", "lab set px-9 a=b --inventory PATH")(
        applied
    )
    broken = Place(tmp_path)
    broken.write("", "type: domain", "typ: domain")
    lines = ["validate PATH", "graph PATH", "diff PATH PATH"]
    lines += [f"{verb} --lab PATH" for verb in ("plan", "apply --auto-approve", "drift", "doctor", "jobs list")]
    lines += ["smtp test --lab PATH", "explain --lab smtp PATH", "import --lab --from PATH --stdout", "lab status PATH"]
    same(1, *lines)(broken)


def test_2_is_what_is_pending_and_4_what_is_refused(applied: Place, tmp_path: Path) -> None:
    changed = Place(tmp_path)
    changed.environment = applied.environment
    changed.write("", "type: domain,", "type: domain, throttle: 100 Mbps,")
    older = f"diff {applied.corp} PATH"
    same(2, "plan --lab PATH --detailed-exitcode", "drift --lab PATH", f"{older} --detailed-exitcode")(changed)
    same(0, "plan --lab PATH", older)(changed)
    assert changed.run("apply --lab PATH").code == 4
    changed.environment = {name: value for name, value in applied.environment.items() if name != "CI"}
    assert changed.run("apply --lab PATH", answer="no\n", terminal=True).code == 4
    changed.write("policy: {max_changes: 0}\n", "type: domain,", "type: domain, throttle: 100 Mbps,")
    same(4, "plan --lab PATH --detailed-exitcode", "apply --lab PATH --auto-approve")(changed)
    assert changed.run("plan --lab PATH").code == 0
    with Journal.open(applied.journal) as journal, journal.locks.acquire("x", owner="a@b", operation="apply") as lock:
        assert changed.run(f"lock break {lock.id} --lab --inventory {applied.corp}").code == 4


def test_3_is_applied_in_part(new: Place) -> None:
    assert new.run("apply --lab PATH --auto-approve").code == 0
    (job,) = re.findall(r"^\S*contoso\S*", new.run("jobs list --lab PATH").out, re.MULTILINE)
    assert new.run(f"lab set {job} trouble=failure --inventory PATH").code == 0
    assert new.run(f"jobs run {job} PATH --lab").code == 3
    new.write("", "items: all,", "items: all, run: always,")
    assert new.run("apply --lab PATH --auto-approve").code == 3


def test_5_is_a_stale_plan(new: Place) -> None:
    assert new.run("plan --lab PATH --out FILE").code == 0
    new.write("", "type: domain,", "type: domain, throttle: 100 Mbps,")
    assert new.run("apply --lab FILE --inventory PATH").code == 5  # of another inventory
    new.write("")
    assert new.run("apply --lab PATH --auto-approve").code == 0
    assert new.run("plan --lab PATH --out FILE").code == 0
    assert new.run("plan --lab PATH --out FILE --expires 0.0000001").code == 0
    assert new.run("apply --lab FILE --inventory PATH").code == 5


def test_6_is_a_held_lock(applied: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (job,) = re.findall(r"^\S*contoso\S*", applied.run("jobs list --lab PATH").out, re.MULTILINE)
    keys: list[str] = []
    acquire = Locks.acquire

    def noted(locks: Locks, name: str, *, key: str, **more: Any) -> HeldLock:
        keys.append(key)
        return acquire(locks, name, key=key, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Locks, "acquire", noted)
        assert applied.run("apply --lab PATH --auto-approve").code == 0
    with (
        Journal.open(applied.journal) as journal,
        journal.locks.acquire("vbo", key=keys[0], owner="alice@ci-7", operation="apply"),
    ):
        same(6, "apply --lab PATH --auto-approve", f"jobs run {job} PATH --lab")(applied)
        assert applied.run("plan --lab PATH").code == 0


def every(group: click.Group = root, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group, obj=Console())
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from every(command, (*before, name))
        else:
            yield (*before, name), command


COMMANDS = dict(every())
NAMES = [" ".join(words) for words in COMMANDS]


@pytest.mark.parametrize("name", NAMES)
def test_64_is_wrong_usage(name: str) -> None:
    assert call(*name.split(), "--no-such-option").code == 64


def typed(name: str, inventory: Path) -> list[str]:
    """A command line that is taken: something for each argument that is required."""
    words = name.split()
    for param in COMMANDS[tuple(words)].params:
        if isinstance(param, click.Argument) and param.required:
            kind = param.type
            words.append(str(kind.choices[0]) if isinstance(kind, click.Choice) else str(inventory))
    return words


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("name", NAMES)
def test_130_and_143_are_interrupts(
    name: str, number: signal.Signals, code: int, new: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Command, "invoke", lambda *_: signal.raise_signal(number))
    assert call(*typed(name, new.corp), environment=new.environment).code == code


class Closed(Stream):
    """Standard output whose reader has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize(
    "line",
    ["validate PATH", "graph PATH", "diff PATH PATH", "schema", "completion bash", "plan --lab PATH",
     "runs list --lab --inventory PATH", "lock list --lab --inventory PATH", "explain --lab smtp PATH"],
)  # fmt: skip
def test_141_is_a_closed_standard_output(applied: Place, line: str) -> None:
    words = [str(applied.corp) if word == "PATH" else word for word in line.split()]
    assert run_line(words, Console(Closed(), io.StringIO(), Stream(), applied.environment)) == 141
