"""An import of a server beside a plan of what it wrote, without the network: each in its own process.

    python -m tests.bench.bench_import [PROXIES REPOSITORIES JOBS] [--repeat TIMES] [--profile]

What is timed is all that follows the answers of the server, up to the files of the one and the text of the other. Aim:
an import takes at most 1.5 times as long as a plan, and at most 400 MB.
"""

from __future__ import annotations

import argparse
import copy
import cProfile
import json
import pstats
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from reconciler.clients import vbo
from reconciler.clients.vbo import RecordedReader
from reconciler.inventory import load
from reconciler.journal import Journal
from reconciler.model.connection import ConnectionContext
from reconciler.model.errors import Missing
from reconciler.model.inventory import Inventory
from reconciler.operations.import_files import save, target_of
from reconciler.operations.import_source import source_of
from reconciler.operations.importing import ImportOptions, import_from
from reconciler.operations.runtime import Runtime
from reconciler.operations.session import Session
from reconciler.plan import plan_to_json
from reconciler.render import renderer
from reconciler.render.style import Style
from tests.importing.hand_made import build
from tests.importing.run import NAME, base
from tests.promises.server import LabServer, Secrets

REST = 8
COUNTS = (1000, 2000, 3000)
AIM_RATIO, AIM_MEGABYTES = 1.5, 400
ANSWERS, SOURCE, OUT = "answers.json", "base.yml", "out"


def answers(rest: vbo.Session, file: Path) -> RecordedReader:
    """A reader that knows what `record` wrote."""
    reader = RecordedReader(rest)
    for key, found in json.loads(file.read_bytes()):
        answer = Missing("vbo", "reading", found) if isinstance(found, str) else found
        reader._known[*key[:2], *map(tuple, key[2:])] = answer
    return reader


def large_server(proxies: int, repositories: int, jobs: int) -> LabServer:
    """The server that people made, with copies of what it has."""
    server = build()
    state = server.state
    owners = _grow(state["proxies"], proxies, "hostName", "px-{}.example.com", type="Domain")
    stores = _grow(state["repositories"], repositories, "name", "Repository {}", objectStorageId=None)
    for number, item in enumerate(stores):
        item |= {"proxyId": owners[number % len(owners)]["id"], "path": f"D:\\{number}"}
    for number, item in enumerate(_grow(state["jobs"], jobs, "name", "Job {}")):
        item["repositoryId"] = stores[number % len(stores)]["id"]
    return server


def _grow(items: dict[str, Any], count: int, key: str, text: str, **like: Any) -> list[dict[str, Any]]:
    """Add copies of those that are `like` this, up to `count` items in all."""
    patterns = [item for item in items.values() if all(item[name] == value for name, value in like.items())]
    added = []
    for number in range(count - len(items)):
        item = copy.deepcopy(patterns[number % len(patterns)])
        item |= {"id": str(UUID(int=(len(text) << 64) + number)), key: text.format(number)}
        item |= {"fqdn": item[key]} if "fqdn" in item else {}
        items[item["id"]] = item
        added.append(item)
    return added


def record(server: LabServer, folder: Path) -> None:
    """The answers of a server to an import."""
    with server.session() as rest:
        reader = RecordedReader(rest)
        (folder / SOURCE).write_text(json.dumps(base(REST)), encoding="utf-8")
        _import(folder, reader, rest)
        known = [(key, str(found) if isinstance(found, Missing) else found) for key, found in reader._known.items()]
    (folder / ANSWERS).write_text(json.dumps(known), encoding="utf-8")


@contextmanager
def _session(folder: Path, reader: RecordedReader, rest: vbo.Session, inventory: Inventory) -> Iterator[Session]:
    with Journal.open(str(folder / "journal.db")) as journal:
        yield Session(
            inventory=inventory,
            access=inventory.access,
            context=ConnectionContext(Secrets(), "/nowhere"),
            rest=rest,
            reader=reader,
            playbooks={},
            journal=journal,
            lab=None,
            parallel=1,
            runtime=Runtime(clock=lambda: datetime(2026, 3, 1, tzinfo=UTC)),
        )


def _import(folder: Path, reader: RecordedReader, rest: vbo.Session) -> None:
    out, source = folder / OUT, source_of(folder / SOURCE, NAME, Runtime(), lab=True)
    target = target_of(out, NAME, source, Runtime(), lab=True)
    with _session(folder, reader, rest, target.known(source.inventory, NAME)) as session:
        made = import_from(session, target, ImportOptions(folder=out), source.inventory)
    assert made.plan.changes == (), made.plan.changes[:3]
    assert made.facts.omitted == [], made.facts.omitted[-3:]
    save(out, target, made.files)


def _plan(folder: Path, reader: RecordedReader, rest: vbo.Session) -> None:
    inventory, found = load(folder / OUT / f"{NAME}.yml", look_at_files=False)
    assert inventory is not None, found[:3]
    with _session(folder, reader, rest, inventory) as session:
        text = renderer("human")(plan_to_json(session.plan().plan), Style())
    assert "No changes" in text, text[:500]


def run(what: str, folder: Path, *, profile: bool) -> dict[str, float]:
    """One run in this process: seconds of the processor, which depend less on what else runs, and megabytes."""
    profiler = cProfile.Profile()
    with LabServer(REST).session() as rest:
        reader = answers(rest, folder / ANSWERS)
        begin = time.process_time()
        with profiler if profile else nullcontext():
            {"import": _import, "plan": _plan}[what](folder, reader, rest)
        seconds = time.process_time() - begin
    if profile:
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("cumulative").print_stats(80)
    return {"seconds": seconds, "mb": _peak()}


def _peak() -> float:
    """Of this process alone: what `getrusage` says begins with that of the parent."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else 0.0


def measure(folder: Path, repeat: int, *options: str) -> Mapping[str, Mapping[str, float]]:
    found = {}
    for what in ("import", "plan"):
        runs = []
        for _ in range(repeat):
            if what == "import":
                (folder / OUT).rename(folder / f"{OUT}.{len(list(folder.iterdir()))}")
            command = [sys.executable, "-m", "tests.bench.bench_import", "--run", what, str(folder), *options]
            runs.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
        found[what] = {key: statistics.median(each[key] for each in runs) for key in ("seconds", "mb")}
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("counts", nargs="*", type=int, default=COUNTS)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        what, folder = given.run
        sys.stdout.write(json.dumps(run(what, Path(folder), profile=given.profile)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        record(large_server(*given.counts), Path(folder))
        found = measure(Path(folder), given.repeat, *(["--profile"] if given.profile else []))
    ratio, megabytes = found["import"]["seconds"] / found["plan"]["seconds"], found["import"]["mb"]
    sys.stdout.write(
        f"plan    {found['plan']['seconds']:6.2f} s   {found['plan']['mb']:6.0f} MB\n"
        f"import  {found['import']['seconds']:6.2f} s   {megabytes:6.0f} MB   (aim: {AIM_MEGABYTES} MB)\n"
        f"ratio   {ratio:6.2f}     (aim: {AIM_RATIO})\n"
    )
    return 0 if ratio <= AIM_RATIO and megabytes <= AIM_MEGABYTES else 1


if __name__ == "__main__":
    sys.exit(main())
