"""What the lab answers to every read of an observation, kept as files: `python -m tests.bent.record` writes them anew.

`answers/vN.json` holds the answer of each path in REST version N, `answers/vN.yml` the inventory that was applied.
"""

from __future__ import annotations

import json
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from reconciler.inventory import load
from reconciler.kinds import KINDS
from reconciler.kinds.copy_job import COPY_JOB
from reconciler.lab.lab import Lab
from reconciler.operations.paths import lab_folder
from tests.scenarios.rehearsal import INVENTORIES, Rehearsal
from tests.scenarios.test_versions import STORAGE, WITHOUT_POOLS

ANSWERS = Path(__file__).parent / "answers"
VERSIONS = (5, 6, 7, 8)
MORE = {
    5: (),
    6: ("ServiceInstance", "objectstoragerepositories"),
    7: ("ServiceInstance", "objectstoragerepositories"),
    8: ("ServiceInstance", "Accounts", "Health"),
}
"""By version, what is read besides the collections of the kinds."""


COPIES = """
copy_jobs:
  copies:
    {{job: {job}, repository: {repository}, schedule: {{daily: "06:00", backup_window: {{everyday: "05:00-20:00"}}}}}}
"""


def document(rest: int) -> str:
    if rest == max(VERSIONS):
        text = (INVENTORIES / "demo.yml").read_text(encoding="utf-8")
        return text + COPIES.format(job="northwind-mail", repository="northwind-cloud")
    text = WITHOUT_POOLS.format(rest=f"v{rest}", storage=STORAGE[f"v{rest}"])
    return text + (COPIES.format(job="whole", repository="bucket") if COPY_JOB.in_version(rest) else "")


def record(rest: int, folder: Path) -> dict[str, Any]:
    """The answers of a server to which the inventory of a version was applied."""
    rehearsal = Rehearsal(folder)
    rehearsal.file.write_text(document(rest), encoding="utf-8")
    ended = rehearsal.apply()
    assert ended.code == 0, ended.out + ended.err
    with _asking(rehearsal, rest) as ask:
        paths = [kind.collection for kind in KINDS.values() if kind.collection and kind.in_version(rest)]
        found = {path: ask(path) for path in (*paths, *MORE[rest])}
        jobs = found["Jobs"]["results"] if isinstance(found["Jobs"], dict) else found["Jobs"]
        pools = found["ProxyPools"]["results"] if "ProxyPools" in found else []
        items = [f"Jobs/{job['id']}/SelectedItems" for job in jobs]
        return found | {path: ask(path) for path in (*items, *(f"ProxyPools/{pool['id']}/proxies" for pool in pools))}


@contextmanager
def _asking(rehearsal: Rehearsal, rest: int) -> Iterator[Callable[[str], Any]]:
    inventory, _ = load(rehearsal.file, look_at_files=False)
    assert inventory is not None
    with Lab.open(inventory, lab_folder(inventory.name, {"XDG_STATE_HOME": str(rehearsal.folder / "state")})) as lab:
        ends, host = lab.endpoints(), inventory.access.server.host
        context = ssl.create_default_context(cafile=ends["ca_file"])
        with httpx.Client(base_url=f"{ends['url']}/v{rest}/", verify=context, headers={"Host": host}) as client:
            more: dict[str, Any] = {"extensions": {"sni_hostname": host}}
            form = {"grant_type": "password", "username": ends["username"], "password": ends["password"]}
            flag = {"disable_antiforgery_token": "true"} if rest >= 7 else {}
            token = client.post("token", data={**form, **flag}, **more).raise_for_status().json()["access_token"]
            query = {"extendedView": "true" if rest == 7 else "false"}

            def ask(path: str) -> Any:
                asked = {"extendedView": "true"} if path == "Proxies" else query if path == "Organizations" else {}
                headers = {"Authorization": f"Bearer {token}"}
                return client.get(path, params=asked, headers=headers, **more).raise_for_status().json()

            yield ask


if __name__ == "__main__":
    ANSWERS.mkdir(exist_ok=True)
    for version in VERSIONS:
        with tempfile.TemporaryDirectory() as place:
            text = json.dumps(record(version, Path(place)), indent=1, sort_keys=True, ensure_ascii=False)
        (ANSWERS / f"v{version}.json").write_text(f"{text}\n", encoding="utf-8")
        (ANSWERS / f"v{version}.yml").write_text(document(version), encoding="utf-8")
