"""Write the cases of drawn worlds anew: `python -m tests.worlds`."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.worlds.history import CASES, SEEDS, history

for seed in SEEDS:
    with tempfile.TemporaryDirectory() as folder:
        text = "".join(f"{line}\n" for line in history(seed, Path(folder)))
    (CASES / f"{seed:03}.txt").write_text(text, encoding="utf-8")
