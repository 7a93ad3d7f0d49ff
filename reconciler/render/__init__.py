"""The plan's JSON form to each output. A renderer is a function from that form to text; it knows no client.

`renderer(name)` finds one by the name that `--format` takes. To support one more output: one module with one function,
one line in `_RENDERERS`, case files under `tests/render/`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast

from reconciler.render.style import Style

Renderer = Callable[[Mapping[str, Any], Style], str]

_RENDERERS = {
    "human": "reconciler.render.text:plan_text",
    "json": "reconciler.render.document:plan_document",
    "markdown": "reconciler.render.markdown:plan_markdown",
    "html": "reconciler.render.html:plan_html",
    "sarif": "reconciler.render.sarif:plan_sarif",
    "annotations": "reconciler.render.annotations:plan_annotations",
}

FORMATS = tuple(_RENDERERS)


def renderer(name: str) -> Renderer:
    """The renderer of a format, imported at its first use. Raises KeyError for an unknown format."""
    module, _, function = _RENDERERS[name].partition(":")
    return cast(Renderer, getattr(import_module(module), function))
