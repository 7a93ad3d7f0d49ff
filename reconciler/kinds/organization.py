"""Organizations: references. They must exist on the server; signing in to Microsoft 365 is out of scope."""

from __future__ import annotations

from typing import Any

from reconciler.kinds.api import TEXTS
from reconciler.kinds.common import shown_name, wanted_name
from reconciler.kinds.field import Context, Field, Kind, Mode, Raw, hidden, never, nothing


def decode_proxies(raw: Raw, context: Context) -> Any:
    """Observation adds `proxies`: the owners of the repositories of the organization's jobs. The product has no such
    property; the chain is organization <- job -> repository -> proxy or pool."""
    return sorted(raw["proxies"])


ORGANIZATION = Kind(
    name="organization",
    section="organizations",
    doc="A Microsoft 365 organization that the server already knows, and the proxies that process it.",
    rank=5,
    collection="Organizations",
    reference=True,
    added=(("proxies", TEXTS),),
    live_key=shown_name,
    wanted_key=wanted_name,
    certain="id",
    fields=(
        Field("name", "Display name of the organization on the server.", "name", Mode.KEY),
        Field(
            "id",
            "Tenant id of the organization at Microsoft.",
            "msid",
            Mode.KEY,
            since=8,
            normalize=str.lower,
            imported=never,
        ),
        Field(
            "formerly",
            "Another name that the organization is recognised by, such as the one before a rename.",
            mode=Mode.LOCAL,
            encode=nothing,
            decode=hidden,
        ),
        Field(
            "proxies",
            "Proxies (or pools) that process the organization.",
            mode=Mode.LOCAL,
            refers=("proxy", "pool"),
            encode=nothing,
            decode=decode_proxies,
            normalize=sorted,
            imported=never,
        ),
    ),
)
