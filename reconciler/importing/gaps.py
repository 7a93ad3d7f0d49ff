"""What a server does not show, in the words of an import."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconciler.importing.entries import HIDDEN, Omission
from reconciler.kinds import KINDS
from reconciler.model.address import Address
from reconciler.model.diagnostic import Diagnostic
from reconciler.model.live import Gap


def unread(gaps: Iterable[Gap]) -> Iterator[Omission]:
    """The kinds of which the server shows no object, because it refuses or fails to."""
    for gap in gaps:
        if gap.reason and not gap.field and gap.kind in KINDS:
            where = gap.kind if KINDS[gap.kind].singleton else f"{gap.kind}.*"
            yield Omission(where, "", f"{HIDDEN}: {gap.reason}")


def explained(in_part: Iterable[Omission], live_of: Mapping[str, Address], gaps: Sequence[Gap]) -> Iterator[Omission]:
    """What is imported in part, with what the server answered in place of what it does not show."""
    fields = {(gap.address, gap.field): gap.reason for gap in gaps if gap.field}
    kinds = {gap.kind: gap.reason for gap in gaps if gap.reason and not gap.field}
    for item in in_part:
        refers = KINDS[item.address.partition(".")[0]].field(item.field).refers
        why = fields.get((live_of.get(item.address, ""), item.field)) or next(
            (kinds[kind] for kind in refers if kind in kinds), ""
        )
        yield item._replace(reason=f"{HIDDEN}: {why}") if why and item.reason == HIDDEN else item


def warnings(problems: Iterable[Diagnostic], gaps: Iterable[Gap]) -> list[str]:
    """What a plan warns of, without what is said of each object that is not imported."""
    said = [gap.detail[1:] for gap in gaps if gap.reason]
    return sorted({item.detail for item in problems if not any(detail in item.detail for detail in said)})


def not_in_version(rest: int) -> list[str]:
    """The kinds that this REST version does not show, and later ones do."""
    return [kind.section.replace("_", " ") for kind in KINDS.values() if kind.collection and kind.since > rest]
