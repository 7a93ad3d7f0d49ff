"""The topology of an inventory as text for programs that draw: DOT (Graphviz) and Mermaid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.render.style import clean

Data = Mapping[str, Any]

_SHAPES: Final = {"server": "house", "pool": "folder", "repository": "cylinder", "organization": "ellipse"}
"""Shapes of DOT by kind; the others are boxes."""
_BRACKETS: Final = {"server": ("[[", "]]"), "repository": ("[(", ")]"), "organization": ("([", "])")}


def dot(topology: Data, name: str) -> str:
    """For `dot -Tsvg`."""
    return "".join(f"{line}\n" for line in _dot(topology, name))


def _dot(topology: Data, name: str) -> Iterator[str]:
    yield f"digraph {_quoted(name)} {{"
    yield "  rankdir=LR;"
    yield "  node [shape=box, fontname=sans];"
    for node in topology["nodes"]:
        shape = _SHAPES.get(node["kind"])
        looks = [f"label={_quoted(_label(node))}", *([f"shape={shape}"] if shape else [])]
        yield f"  {_quoted(node['address'])} [{', '.join(looks)}];"
    for start, end in topology["edges"]:
        yield f"  {_quoted(start)} -> {_quoted(end)};"
    yield "}"


def _quoted(text: str) -> str:
    return '"' + clean(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def mermaid(topology: Data, _name: str) -> str:
    """For Markdown: names stand in quotes, since Mermaid reads many signs as its own."""
    numbers = {node["address"]: f"n{number}" for number, node in enumerate(topology["nodes"])}
    lines = ["flowchart LR"]
    for node in topology["nodes"]:
        begin, end = _BRACKETS.get(node["kind"], ("[", "]"))
        lines.append(f'  {numbers[node["address"]]}{begin}"{_entities(_label(node))}"{end}')
    lines += [f"  {numbers[start]} --> {numbers[end]}" for start, end in topology["edges"]]
    return "".join(f"{line}\n" for line in lines)


def _entities(text: str) -> str:
    """Mermaid takes HTML and quotes from a label; what is not plain is written by its number."""
    plain = frozenset(" .,:-_/@+()")
    return "".join(char if char.isalnum() or char in plain else f"#{ord(char)};" for char in clean(text))


def _label(node: Data) -> str:
    kind = str(node["kind"]).replace("_", " ")
    return str(node["label"]) if node["label"] == node["kind"] else f"{kind} {node['label']}"
