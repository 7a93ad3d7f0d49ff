"""The simulation answers as the lab does on real sockets: the server's REST API, and the facts of the hosts."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
import yaml

from tests.scenarios.by_hand import by_hand
from tests.scenarios.rehearsal import Rehearsal
from tests.simulation.answers import answers, facts_read
from tests.simulation.test_simulation import simulate

pytestmark = pytest.mark.matrix
SEED = "4"
"""Of a world with Windows proxies and with a pool of Linux proxies."""


def test_the_simulation_answers_as_the_lab(tmp_path: Path) -> None:
    simulated = simulate("--answers", "--seed", SEED)
    assert simulated.returncode == 0, simulated.stderr
    ours = json.loads(simulated.stdout)
    assert ours["ended"] == ["code 0", "code 0"]
    assert {"pools", "proxies"} <= ours["inventory"].keys()
    for proxy in ours["inventory"]["proxies"].values():
        proxy.pop("connection", None)  # the lab has its own keys
    real = Rehearsal(tmp_path)
    real.file.write_text(yaml.safe_dump(ours["inventory"]), encoding="utf-8")
    ended = real.apply()
    assert ended.code == 0, ended.out + ended.err
    with facts_read() as facts:
        assert real.plan()["changes"] == []
    with by_hand(real) as hand:

        def ask(path: str) -> httpx.Response:
            return hand.ask("GET", path)

        theirs = answers(ask)
    assert ours["answers"] == theirs
    assert ours["facts"] == facts
