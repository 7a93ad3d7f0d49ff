"""The topology for programs that draw: what comes from an inventory stays inside of quotes."""

from __future__ import annotations

import re

from reconciler.operations import graph
from reconciler.package_data import package_data
from reconciler.render.diagram import dot, mermaid

HOSTILE = 'a"]; end --> b\\ <script>\n%%{init}%% #quot;'
TOPOLOGY = {
    "nodes": [
        {"address": "server", "kind": "server", "label": "vbo"},
        {"address": f"repository.{HOSTILE}", "kind": "repository", "label": HOSTILE},
        {"address": "smtp", "kind": "smtp", "label": "smtp"},
    ],
    "edges": [["server", f"repository.{HOSTILE}"]],
}


def test_names_are_quoted_for_dot() -> None:
    lines = dot(TOPOLOGY, HOSTILE).splitlines()
    quoted = r'"(?:[^"\\]|\\.)*"'
    assert re.fullmatch(rf"digraph {quoted} {{", lines[0])
    nodes = [line for line in lines if re.fullmatch(rf"  {quoted} \[label={quoted}(, shape=\w+)?\];", line)]
    assert len(nodes) == 3
    assert [line for line in lines if re.fullmatch(rf"  {quoted} -> {quoted};", line)] == lines[-2:-1]


def test_names_are_written_out_for_mermaid() -> None:
    lines = mermaid(TOPOLOGY, "corp").splitlines()
    assert lines[0] == "flowchart LR"
    assert all(re.fullmatch(r'  n\d(\[\[|\[\(|\[)"[\w .,:/@+()#;-]*"(\]\]|\)\]|\])', line) for line in lines[1:4])
    assert lines[-1] == "  n0 --> n1"
    assert "<script>" not in "".join(lines)


def test_the_demo_is_connected_from_the_server_to_its_organizations() -> None:
    found = graph(package_data("inventories", "demo.yml"))
    after: dict[str, list[str]] = {}
    for start, end in found["edges"]:
        after.setdefault(start, []).append(end)
    reached, level = {"server"}, ["server"]
    while level:
        level = [end for start in level for end in after.get(start, ()) if end not in reached]
        reached |= set(level)
    assert {node["address"] for node in found["nodes"]} == reached
