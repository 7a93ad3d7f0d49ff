"""The plan as one self-contained page: no script, no font, no image, no connection."""

from reconciler.render.html.page import plan_html

__all__ = ["plan_html"]
