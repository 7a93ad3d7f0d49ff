"""The plan as one page that needs nothing else: no script, no font, no image, no connection."""

from reconciler.render.html.page import plan_html

__all__ = ["plan_html"]
