"""What several kinds have alike: their name, mark and former name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.kinds import codec
from reconciler.kinds.field import Context, Field, Mode, Raw, hidden, nothing

DESCRIPTION: Final = Field(
    "description",
    "Text shown in the console; the owner mark is added at its end.",
    encode=codec.encode_description,
    decode=codec.decode_description,
    product_default="",
)
FORMERLY: Final = Field(
    "formerly",
    "Name on the server so far, for a rename in place.",
    mode=Mode.LOCAL,
    encode=nothing,
    decode=hidden,
)
RUN_STATE: Final = frozenset({"eTag", "lastBackup", "lastRun", "lastStatus", "nextRun"})
"""What the server changes by itself in jobs and copy jobs."""


def shown_name(raw: Raw, context: Context) -> str:
    """The `live_key` of a kind whose objects are identified by their name."""
    return str(raw.get("name", "")).lower()


def wanted_name(name: str, fields: Mapping[str, Any]) -> str:
    """The `wanted_key` of such a kind."""
    return name.lower()


def encode_organization(value: Any, context: Context) -> Mapping[str, Any]:
    """Since v8 jobs and copy jobs name their organization. Before, it stands in the path of the POST of a job, and a
    copy job has that of its job."""
    return {"organizationId": context.id_of("organization", value)} if context.rest >= 8 else {}


def decode_organization(raw: Raw, context: Context) -> Any:
    """v8 says it; before, a job only links to it, and observation adds `organizationId` from the link."""
    return context.named("organization", raw["organizationId"])
