"""What happens to each proxy: its view, one decision from it, and the changes that follow."""

from reconciler.plan.proxies.changes import plan_proxies

__all__ = ["plan_proxies"]
