"""The status page of `watch`: each server, what is open and since when, and the latest runs. Reads its JSON form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from reconciler.render.html.changes import address
from reconciler.render.html.frame import framed, section, tile
from reconciler.render.html.tags import Html, name_of, tag
from reconciler.render.summary import LAB

Data = Mapping[str, Any]

_TONES = {"high": "problem", "low": "update"}


def status_html(status: Data) -> str:
    """The whole page."""
    headline, tone = _headline(status["servers"])
    title = tag("p", "Watched servers", class_="kicker")
    labs = [server["name"] for server in status["servers"] if server["facts"] and server["facts"]["lab"]]
    lab = tag("p", LAB, class_="lab") if labs else ""
    header = tag("header", title, tag("h1", headline, class_=tone), _observed(status), lab, _counts(status["servers"]))
    return framed(f"{headline}: watch", header, tag("main", *_sections(status)))


def _headline(servers: Sequence[Data]) -> tuple[str, str]:
    failing = sum(bool(server["error"] or server["journal_error"]) for server in servers)
    if failing:
        return ("1 server cannot be observed" if failing == 1 else f"{failing} servers cannot be observed"), "t-bad"
    waiting = sum(server["attempted"] is None for server in servers)
    if waiting:
        return "The first observation has not ended", "t-warn"
    high = sum(item["severity"] == "high" for server in servers for item in server["open"])
    if high:
        return ("1 finding of high severity" if high == 1 else f"{high} findings of high severity"), "t-bad"
    found = sum(len(server["open"]) for server in servers)
    if found:
        return ("1 open finding" if found == 1 else f"{found} open findings"), "t-warn"
    return "Everything is as declared", "t-good"


def _observed(status: Data) -> Html:
    return tag("p", f"As of {status['now']:%Y-%m-%d %H:%M:%S} UTC.", class_="verdict")


def _counts(servers: Sequence[Data]) -> Html:
    found = [item for server in servers for item in server["open"]]
    by_state = {name: sum(item["state"] == name for item in found) for name in ("open", "flapping", "acknowledged")}
    hosts = sum(server["facts"]["unreachable"] for server in servers if server["facts"])
    tiles = [
        tile("create", "=", len(servers), "servers"),
        tile("problem", "!", by_state["open"], "open"),
        tile("update", "~", by_state["flapping"], "flapping"),
        tile("unchanged", "·", by_state["acknowledged"], "acknowledged"),
        tile("unknown", "?", hosts, "hosts unreachable"),
    ]
    return tag("ul", *tiles, class_="counts")


def _sections(status: Data) -> Iterator[Html]:
    servers, now = status["servers"], status["now"]
    yield section("Servers", len(servers), _table(("", "Server", "Observed", "State"), map(_server, servers)))
    for server in servers:
        if server["open"]:
            rows = (_finding(item, now) for item in server["open"])
            title = f"Open at {server['name']}"
            yield section(title, len(server["open"]), _table(("", "Finding", "What", "Since"), rows))
    runs = [run for server in servers for run in server["runs"]]
    if runs:
        newest = sorted(runs, key=lambda run: run["started"], reverse=True)
        yield section("Latest runs", len(runs), _table(("", "Run", "Operation", "Started"), map(_run, newest)))


def _table(titles: Sequence[str], rows: Iterator[Html] | map[Html]) -> Html:
    head = tag("tr", *(tag("th", title, scope="col") for title in titles))
    return tag("table", tag("thead", head), tag("tbody", *rows), class_="changes watched")


def _row(state: str, sign: str, name: Html, what: Html | str, when: Html | str) -> Html:
    badge = tag("td", tag("span", sign, class_=f"badge s-{state}"), class_="sign")
    return tag(
        "tr", badge, tag("th", name, scope="row"), tag("td", what, class_="paths"), tag("td", when, class_="why")
    )


def _server(server: Data) -> Html:
    facts, error = server["facts"], server["error"] or server["journal_error"]
    name = tag("a", name_of(server["name"]), href=f"/plans/{server['name']}") if facts else name_of(server["name"])
    product = f"{facts['host']}, REST {facts['rest']}, {facts['build']}" if facts else ""
    where = tag("span", _last(server), tag("br"), tag("bdi", product))
    if error:
        return _row("problem", "!", name, where, tag("span", error, class_="bad"))
    if not server["open"]:
        return _row("create", "=", name, where, "as declared" if facts else "not observed yet")
    high = any(item["severity"] == "high" for item in server["open"])
    return _row(_TONES["high" if high else "low"], "!", name, where, f"{len(server['open'])} open")


def _last(server: Data) -> str:
    """The latest observation that succeeded; how long it took is known of the very latest one."""
    seen = server["succeeded"]
    if seen is None:
        return "never"
    took = f", in {server['seconds']:.1f} s" if seen == server["attempted"] else ""
    return f"{seen:%Y-%m-%d %H:%M:%S} UTC{took}"


def _finding(item: Data, now: datetime) -> Html:
    kind = tag("span", f"{item['kind']} ", class_="verb")
    severity = tag("span", f" ({item['severity']})", class_="bad" if item["severity"] == "high" else "verb")
    state = f", {item['state']}" if item["state"] != "open" else ""
    name = tag("span", kind, address(item["address"]), " ", tag("code", item["subject"]), severity)
    return _row(_TONES[item["severity"]], "!", name, item["text"], f"{age(now - item['since'])}{state}")


def _run(run: Data) -> Html:
    state = "create" if run["state"] == "done" else "update"
    name = tag("span", name_of(run["inventory"]), " ", tag("code", run["id"]))
    return _row(state, "=" if state == "create" else "!", name, f"{run['operation']}: {run['state']}", _at(run))


def _at(run: Data) -> str:
    return f"{run['started']:%Y-%m-%d %H:%M} UTC, {run['user']}"


def age(since: Any) -> str:
    """`3 d 4 h`, `4 h 5 min`, `5 min`."""
    minutes = max(0, int(since.total_seconds() // 60))
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
