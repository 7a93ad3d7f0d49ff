"""Everything that is known about one object, as text for one screen. Reads the data of `explain` only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.render.diagnostics import diagnostic_text
from reconciler.render.review import place
from reconciler.render.style import Style, clean
from reconciler.render.summary import LAB
from reconciler.render.tables import columns
from reconciler.render.text import change_lines
from reconciler.render.values import text_of

Data = Mapping[str, Any]


def explanation_text(said: Data, style: Style) -> str:
    """What it is, its fields, and why it would change; the last line says whether it is in sync."""
    title = f"{style.paint(clean(said['address']), 'bold')} of {clean(said['inventory'])}"
    lines = [f"{title} for {clean(said['server']['host'])}"]
    lines += [LAB] if said["lab"] else []
    lines += ["", *columns([*_facts(said)])]
    declared = [item for item in said["fields"] if item["is_declared"]]
    if declared:
        lines += ["", *columns([("FIELD", "DECLARED", "LIVE", "DECLARED AT"), *map(_field, declared)])]
    others = [f"{item['path']} {text_of(item['live'])}" for item in said["fields"] if not item["is_declared"]]
    lines += ["", f"  Not declared, as on the server: {clean('; '.join(others))}"] if others else []
    for change in said["changes"]:
        lines += ["", *change_lines(change, style)]
    lines += _asides(said)
    problems = "".join(f"\n{diagnostic_text(item, style)}" for item in said["problems"])
    text = "".join(f"{style.plain(line)}\n" for line in lines)
    return f"{text}{problems}\n{style.paint(verdict(said), 'bold')}\n"


def verdict(said: Data) -> str:
    changes = len(said["changes"])
    if changes:
        return "1 change is planned." if changes == 1 else f"{changes} changes are planned."
    if said["problems"] or said["unknown"]:
        return "No change is planned, and not everything could be observed."
    return "In sync: no change is planned." if said["declared_at"] else "Not declared: no change is planned."


def _facts(said: Data) -> Iterator[tuple[str, str]]:
    yield "declared", place(said["declared_at"]) or "not in the inventory"
    yield "on the server", _on_server(said)
    if said["managed_by"] is not None:
        yield "managed by", _manager(said)
    if said["state"]:
        yield "state", ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in said["state"].items() if value)
    if said["host"]:
        yield "host", _host(said["host"])
    for key, title in (("uses", "uses"), ("used_by", "used by"), ("organizations", "works for")):
        if said["chain"][key]:
            yield title, _named(said["chain"][key])
    yield "last run", _last(said["last_run"]) if said["last_run"] else "none changed it"


def _on_server(said: Data) -> str:
    if said["name"]:
        return f"as {said['name']}, id {said['id']}"
    return "not there" if said["name"] is None else "a setting of it"


def _last(run: Data) -> str:
    what = f"{run['action']} {run['address']}"
    return f"{run['run']}, {run['at'][:16].replace('T', ' ')} UTC, {run['who']}: {what}, {run['state']}"


def _manager(said: Data) -> str:
    owner = said["managed_by"]
    if not owner:
        return "no inventory: it carries no mark"
    return f"this inventory ({owner})" if owner == said["inventory"] else f"the inventory {owner}"


def _host(host: Data) -> str:
    """`px-1.example.net: Ubuntu 22.04.4 LTS, proxy service 8.5.0.1014 running, 12 GB free`."""
    if host["problem"]:
        return f"{host['host']}: {host['problem']}"
    facts = host["facts"]
    service, disk = facts.get("service") or {}, facts.get("disk") or {}
    state = " ".join(str(part) for part in (service.get("version"), service.get("state")) if part)
    parts = [str((facts.get("os") or {}).get("name") or "unknown system")]
    parts += [f"proxy service {state}"] if state else []
    parts += [f"{disk['free_gb']} GB free"] if disk.get("free_gb") is not None else []
    parts += ["a reboot is pending"] if (facts.get("reboot") or {}).get("pending") else []
    return f"{host['host']}: {', '.join(parts)}"


def _named(addresses: list[str]) -> str:
    more = f" and {len(addresses) - 6} more" if len(addresses) > 6 else ""
    return ", ".join(addresses[:6]) + more


def _field(item: Data) -> tuple[str, str, str, str]:
    live = "?" if item["unknown"] else text_of(item["live"])
    shown = {"local": "", "write-only": "hidden"}.get(item["mode"], live) if item["unknown"] else live
    return item["path"], text_of(item["declared"]), shown, place(item["position"]) or "default"


def _asides(said: Data) -> Iterator[str]:
    if said["unknown"] or said["reports"]:
        yield ""
    for item in said["unknown"]:
        path = "everything" if item["path"] == "*" else item["path"]
        yield f"  ? {clean(item['address'])}: {clean(path)} ({clean(item['why'])})"
    for item in said["reports"]:
        yield f"  i {clean(item['address'])}: {clean(item['detail'])}"
        yield from (f"      {clean(line)}" for line in item["fix"].splitlines())
