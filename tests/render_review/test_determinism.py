"""The same plan gives the same bytes, whatever the order of hashes and wherever the clock on the wall is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import hashlib, json
from reconciler.render.annotations import plan_annotations
from reconciler.render.html import plan_html
from reconciler.render.markdown import plan_markdown
from reconciler.render.sarif import plan_sarif
from reconciler.render.style import Style
from tests.render_review.worlds import document, hostile
for plan in (document(), document(300), hostile()):
    print(hashlib.sha256(json.dumps(plan["topology"]).encode()).hexdigest())
    for render in (plan_annotations, plan_html, plan_markdown, plan_sarif):
        print(render.__name__, hashlib.sha256(render(plan, Style()).encode()).hexdigest())
"""


def output(seed: str, zone: str) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.matrix
def test_two_hash_seeds_and_two_time_zones_give_the_same_bytes() -> None:
    first = output("1", "UTC")
    assert len(first.splitlines()) == 15
    assert output("4242", "Pacific/Auckland") == first
