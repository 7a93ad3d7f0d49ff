"""What a server refuses to show, or fails to, while it shows the rest. A plan that needs it cannot be made; for any
other plan it is a gap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from reconciler.kinds import KINDS
from reconciler.kinds.field import Raw
from reconciler.kinds.graph import Graph
from reconciler.kinds.matching import ident_of
from reconciler.model.address import address, kind_of
from reconciler.model.errors import RemoteError
from reconciler.model.inventory import Inventory
from reconciler.model.live import Gap


@dataclass(slots=True)
class Unread:
    """`kinds` are those whose collection was not read, `references` kinds of what repositories refer to, `items` lists
    of jobs by the id of the job in lower case and the field; each with the error."""

    kinds: dict[str, RemoteError] = field(default_factory=dict)
    references: dict[str, RemoteError] = field(default_factory=dict)
    items: dict[tuple[str, str], RemoteError] = field(default_factory=dict)

    def gaps(self, jobs: Sequence[tuple[str, Raw]]) -> Iterator[Gap]:
        """`jobs` are those of the server, each with the name that it goes by."""
        for kind, error in self.kinds.items():
            what = KINDS[kind].section.replace("_", " ")
            yield Gap(kind, f"the server does not show its {what}: {error.reason}", reason=error.reason, aside=True)
        for kind, error in self.references.items():
            what = f"{kind.replace('_', ' ')} list"
            yield Gap(kind, f"the server does not show its {what}: {error.reason}", reason=error.reason, aside=True)
        for (name, seen), part in ((job, part) for job in jobs for part in ("items", "exclude")):
            found = self.items.get((ident_of(seen).lower(), part))
            if found is not None:
                where = address("job", name)
                detail = f"the server does not show `{part}` of {where}: {found.reason}"
                yield Gap("job", detail, name.lower(), where, True, field=part, reason=found.reason, aside=True)


def is_needed(kind: str, inventory: Inventory) -> bool:
    """Whether what is declared cannot be compared without the objects of a kind."""
    uses = Graph.of(inventory.resources).uses
    return any(kind_of(name) == kind for where in inventory.resources for name in (where, *uses(where)))
