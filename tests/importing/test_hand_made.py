"""A server that people made is imported into an inventory that a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.importing.entries import Omission
from reconciler.model.diagnostic import Diagnostic, Severity
from reconciler.model.inventory import Inventory
from reconciler.operations import importing as importing_module
from reconciler.operations.import_files import check
from tests.importing.hand_made import TENANTS, build, domain
from tests.importing.run import contents, findings, importing

pytestmark = pytest.mark.matrix


def test_what_is_left_out_of_an_object_is_said_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def warning(folder: Path, files: Mapping[str, str], name: str) -> tuple[Inventory | None, list[Diagnostic]]:
        inventory, found = check(folder, files, name)
        assert inventory is not None
        said = [item for item in inventory.of_kind("repository") if "description" in item.positions]
        more = [
            Diagnostic("x", "X", "It is not read.", "", Severity.WARNING, item.positions["description"], item.address)
            for item in said
        ]
        return inventory, [*found, *more]

    monkeypatch.setattr(importing_module, "check", warning)
    out = tmp_path / "out"
    with build().session() as session, importing(session, out) as run:
        first = [*run().facts.in_part]
        assert first == [Omission("repository.wingtip-03", "description", "It is not read.")]
        before = contents(out)
        assert [*run().facts.in_part] == first
        assert contents(out) == before
        assert "- It is not read: `repository.wingtip-03 (description)`" in before["IMPORT.md"].decode()


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
    assert [*made.facts.omitted, *made.facts.in_part] == []
    everything = "\n".join(texts.values())
    assert "authentication: microsoft365" in texts["corp.yml"]
    assert "  192.0.2.17: {host: 192.0.2.17, group: windows-workgroup}" in everything
    assert "  local: {" in everything
    assert everything.count("enabled: false") == 2  # of one job, and of connections
    for tenant in TENANTS:
        assert f"  {tenant}-Mail:" in everything
        assert ("jobs/" + domain(tenant) + ".yml" in texts) == (layout == "split")
