"""A server that people made is imported into an inventory that a person reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.importing.hand_made import TENANTS, build, domain
from tests.importing.run import contents, findings, importing

pytestmark = pytest.mark.matrix


@pytest.mark.parametrize("layout", ["one", "split"])
def test_it_is_short_and_plans_nothing(layout: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with build().session() as session, importing(session, out) as run:
        made = run(layout=layout)
        assert made.plan.changes == ()
        assert findings(out) == []
        before = contents(out)
        run()
        assert contents(out) == before
    texts = {name: content.decode() for name, content in contents(out).items() if name.endswith(".yml")}
    lines = [line for text in texts.values() for line in text.splitlines()]
    assert len(lines) < 500
    assert [line for line in lines if len(line) > 120] == []
    assert (made.facts.omitted, made.facts.in_part) == ([], ())
    everything = "\n".join(texts.values())
    assert "authentication: microsoft365" in texts["corp.yml"]
    assert "  192.0.2.17: {host: 192.0.2.17, group: windows-workgroup}" in everything
    assert "  local: {" in everything
    assert everything.count("enabled: false") == 2  # of one job, and of connections
    for tenant in TENANTS:
        assert f"  {tenant}-Mail:" in everything
        assert ("jobs/" + domain(tenant) + ".yml" in texts) == (layout == "split")
