"""Drawn inventories with something wrong, and where that is said.

After a change of words write the sentences anew: python -m tests.inventory.drawn
"""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import yaml

from reconciler.inventory import load
from tests.same_plans.draw import inventory
from tests.same_plans.mend import mend

FILE = Path(__file__).parent / "drawn.txt"
SEEDS = range(400)
SETTINGS_SENT = 200
"""Of the first ones the sentences are compared too."""
TEXTS = Path(__file__).parent / "drawn-texts.txt"
SENTENCES: set[str] = set()
"""What was said of the inventories so far."""
Damage = Callable[[Random, dict[str, Any]], None]
VALUES: tuple[Any, ...] = (
    None,
    5,
    0,
    -1,
    "x",
    "",
    [],
    {},
    True,
    "secret://env/X",
    "9193",
    "proxy.px-1",
    ["x", "x"],
    {"x": 1},
    1.5,
)


def said(seed: int, folder: Path) -> Iterator[str]:
    """Where and by which codes the inventory of this seed is refused; no sentences."""
    for name, document in _files(seed).items():
        (folder / name).write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    found, problems = load(folder / "inventory.yml", look_at_files=False)
    yield f"{seed}: {'refused' if found is None else f'accepted, {len(found.resources)} objects'}"
    for item in problems:
        if seed < SETTINGS_SENT and item.code != "said-twice":
            SENTENCES.add(f"{item.code}: {item.summary} | {item.detail} | {item.fix}".replace("\n", "\\n"))
        related = "".join(f" see {_place(other)}" for other in item.related)
        yield f"  {_place(item.position)} {item.severity} {item.code} {item.address}{related}".rstrip()


def _place(position: Any) -> str:
    if position is None:
        return "-"
    file = "" if position.file == "inventory.yml" else f"{position.file}:"
    return f"{file}{position.line}:{position.column}"


def _files(seed: int) -> dict[str, dict[str, Any]]:
    """The inventory, some of them in two files; now and then with something in both."""
    document = damaged(seed)
    draw = Random(seed)
    if draw.random() < 0.75:
        return {"inventory.yml": document}
    more: dict[str, Any] = {"version": 1}
    for section in draw.sample(sorted(document), min(4, len(document))):
        value = document[section]
        if not isinstance(value, dict) or not value:
            continue
        more[section] = {}
        for key in draw.sample(sorted(value), draw.randint(1, len(value))):
            inner = value[key]
            if isinstance(inner, dict) and len(inner) > 1 and draw.random() < 0.5:  # a part of it stays
                part = draw.choice(sorted(inner))
                more[section][key] = {part: inner.pop(part)}
            else:
                more[section][key] = inner if draw.random() < 0.1 else value.pop(key)
    names = ["more.yml", *(["not-x.yml"] if draw.random() < 0.1 else [])]
    return {"inventory.yml": {"include": names, **document}, "more.yml": json.loads(json.dumps(more))}


def damaged(seed: int) -> dict[str, Any]:
    draw = Random(seed)
    document: dict[str, Any] = inventory(draw)
    if draw.random() < 0.8:
        mend(draw, document)
    document = json.loads(json.dumps(document))  # nothing is shared with the tables that it was drawn from
    for _ in range(draw.choice([1, 1, 2, 3])):
        draw.choice(DAMAGES)(draw, document)
    return document


def _spots(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _spots(inner, (*path, key))


def _spot(draw: Random, document: dict[str, Any]) -> tuple[Any, Any]:
    """The container and the key of some value."""
    path = draw.choice(list(_spots(document)))
    place: Any = document
    for part in path[:-1]:
        place = place[part]
    return place, path[-1]


def _without(draw: Random, document: dict[str, Any]) -> None:
    place, key = _spot(draw, document)
    del place[key]


def _another_value(draw: Random, document: dict[str, Any]) -> None:
    place, key = _spot(draw, document)
    place[key] = copy.deepcopy(draw.choice(VALUES))


def _misspelled(draw: Random, document: dict[str, Any]) -> None:
    place, key = _spot(draw, document)
    if isinstance(place, dict) and len(key) > 3:
        spot = draw.randrange(1, len(key) - 1)
        place[key[:spot] + key[spot + 1 :]] = place.pop(key)


def _misspelled_name(draw: Random, document: dict[str, Any]) -> None:
    """A reference to what is not declared."""
    section = draw.choice(["proxies", "repositories", "jobs"])
    item = _item(draw, document, section)
    if "group" in item and draw.random() < 0.4:
        item["group"] = draw.choice([["dmz", "nobody"], ["nobody"], "nobody", ["dmz", "linux"]])
    keys = [key for key in ("credentials", "group", "pool", "proxy", "repository", "organization") if key in item]
    if keys:
        item[draw.choice(keys)] = draw.choice(["nobody", "px-11", "repo-11", "corpp", "alpha.exmple.com"])


def _of_a_proxy(draw: Random, document: dict[str, Any]) -> None:
    item = _item(draw, document, "proxies")
    changes: list[dict[str, Any]] = [
        {"service": {"install": "package"}},
        {"service": {"install": "package", "package": {"source": "Proxy.msi", "sha256": "0" * 64}}},
        {"service": {"install": "package", "package": {"source": "p_8.5.0.1014.zip", "sha256": "0" * 64}}},
        {
            "service": {
                "install": "package",
                "version": "8.4.0.1",
                "package": {"source": "P_8.5.0.1.msi", "sha256": "0" * 64},
            }
        },
        {"os": "linux", "type": "domain"},
        {"os": "linux", "credentials": "corp"},
        {"type": "workgroup", "credentials": None},
        {"type": "domain", "credentials": "linux"},
        {"connection": {"jump": "bastion"}},
        {"connection": {"listener": "http"}},
        {"connection": {"transport": "ssh"}},
        {"connection": {"listener": "http", "ca_file": "pki/ca.pem"}},
        {"connection": {"fingerprint": "sha256:" + "ab" * 32, "ca_file": "x"}},
        {"connection": {"enabled": False}, "service": {"install": "package"}},
        {"state": "absent"},
        {"host": "vbo.example.com"},
        {"host": "PX-1.example.com"},
        {"threads": 300},
        {"throttle": "100 parsecs"},
        {"internet_proxy": {"port": 80}},
        {"internet_proxy": "sometimes"},
    ]
    item |= draw.choice(changes)


def _of_a_repository(draw: Random, document: dict[str, Any]) -> None:
    item = _item(draw, document, "repositories")
    changes: list[dict[str, Any]] = [
        {"pool": "cloud", "proxy": "px-1"},
        {"path": "VBO\\relative"},
        {"path": "/mnt/vbo"},
        {"path": "D:\\VBO\\1"},
        {"retention": {"keep": "4 years"}},
        {"retention": {"keep": "soon"}},
        {"object_storage": {"name": "Bucket"}},
        {"object_storage": {"type": "s3-compatible", "account": "a", "bucket": "b", "folder": "c"}},
        {"object_storage": {"type": "s3", "account": "minio", "bucket": "vbo", "folder": "f-1"}},
        {"formerly": "repo-1"},
        {"proxy": "px-1"},
        {"proxy": "px-2"},
    ]
    change = draw.choice(changes)
    item |= change
    if "proxy" in change and "pool" not in change:
        item.pop("pool", None)


def _of_a_job(draw: Random, document: dict[str, Any]) -> None:
    _item(draw, document, "jobs").update(
        draw.choice(
            [
                {"items": "all"},
                {"items": []},
                {"items": ["mail"]},
                {"schedule": {"daily": "25:00"}},
                {"schedule": {"every": "3 hours"}},
                {"schedule": {"every": "12 hours"}},
                {"schedule": "daily"},
                {"formerly": "job-1"},
                {"organization": "delta.example.com"},
            ]
        )
    )


def _of_the_rest(draw: Random, document: dict[str, Any]) -> None:
    section, change = draw.choice(
        [
            ("smtp", {"security": "none", "credentials": "mailer"}),
            ("smtp", {"credentials": "linux"}),
            ("smtp", {"to": []}),
            ("server", {"rest": "v9"}),
            ("server", {"rest": "v6"}),
            ("server", {"powershell": {"credentials": "linux"}}),
            ("server", {"powershell": {"port": 5986}}),
            ("server", {"credentials": "linux"}),
            ("server", {"certificate": "nothing"}),
            ("policy", {"windows": [{"allow": "Sat 20:00", "for": "8h", "zone": "Europe/Nowhere"}]}),
            ("policy", {"windows": [{"allow": "Sun 20:00", "for": "8h", "zone": "Europe/London"}]}),
            ("policy", {"coverage": "120%"}),
            ("policy", {"protect": ["px-1", "proxy.px-77"]}),
            ("credentials", {"corp": {"username": "x"}}),
            ("credentials", {"linux": {"username": "x", "agent": True}}),
            ("credentials", {"CORP": {"username": "x", "password": "secret://env/A"}}),
            ("jump_hosts", {"bastion": {"host": "b.example.com", "credentials": "linux"}}),
            (
                "jump_hosts",
                {
                    "a": {"host": "a", "credentials": "linux", "jump": "b"},
                    "b": {"host": "b", "credentials": "linux", "jump": "a"},
                },
            ),
            ("organizations", {"alpha.example.com": {"proxies": ["px-1", "cloud", "nobody"]}}),
            ("organizations", {"delta.example.com": {"proxies": ["px-1"]}}),
            ("pools", {"px-1": {}}),
            ("pools", {"empty": {}}),
            ("defaults", {"mapping": {"repository": {"path": "D:\\{nobody}"}, "job": {"items": "all"}}}),
        ]
    )
    document.setdefault(section, {})
    if isinstance(document[section], dict):
        document[section] |= change


def _item(draw: Random, document: dict[str, Any], section: str) -> dict[str, Any]:
    items = document.get(section)
    able = [item for item in items.values() if isinstance(item, dict)] if isinstance(items, dict) else []
    return draw.choice(able) if able else {}


DAMAGES: tuple[Damage, ...] = (
    *(_without, _another_value, _misspelled, _misspelled_name),
    *(_of_a_proxy, _of_a_proxy, _of_a_repository, _of_a_job, _of_the_rest, _of_the_rest),
)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        lines = [line for seed in SEEDS for line in said(seed, Path(folder))]
    TEXTS.write_text("".join(f"{line}\n" for line in sorted(SENTENCES)), encoding="utf-8")
    FILE.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
