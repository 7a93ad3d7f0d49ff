"""What rules look at, and what they find."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from reconciler.model.diagnostic import Severity

Values = Mapping[str, Any]
"""Fields of one object, flattened (`service.install`), after defaults and groups."""


class Where(NamedTuple):
    """A place in an inventory: a section, an object of it (empty for `server`, `smtp`, …), a flattened field, and an
    item of a list from 0."""

    section: str
    name: str = ""
    field: str = ""
    item: int = -1


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that does not hold. `detail` is a sentence with the names of the case, `fix` says what to do."""

    where: Where
    detail: str
    fix: str = ""
    related: tuple[Where, ...] = ()


Group = list[tuple[str, Values]]
"""Objects with their names that say the same fields."""


@dataclass(frozen=True, slots=True)
class Declared:
    """Everything that an inventory declares.

    `objects` holds the objects of a section by name, without those that are broken already; `names` holds all names.
    `partial` names the sections of which some objects are broken: nothing can be concluded there from an absence.
    `unread` names those that could not be read at all, so that not even their names are known.
    `settings` holds `server`, `smtp` and `policy` where they are declared. `rest` is the REST version that the
    inventory insists on, 0 where it is found out by asking.
    """

    objects: Mapping[str, Mapping[str, Values]]
    names: Mapping[str, Collection[str]]
    settings: Mapping[str, Values]
    name: str = ""
    mapping: bool = False
    rest: int = 0
    partial: frozenset[str] = field(default_factory=frozenset)
    unread: frozenset[str] = field(default_factory=frozenset)
    _groups: dict[str, list[Group]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def section(self, section: str) -> Mapping[str, Values]:
        return self.objects.get(section, {})

    def groups(self, section: str) -> list[Group]:
        """The objects of a section, those together that say the same fields: thousands of proxies are of a few forms,
        so a rule that looks for a field asks each form and not each object."""
        found = self._groups.get(section)
        if found is None:
            by_fields: dict[tuple[str, ...], Group] = defaultdict(list)
            for item in self.section(section).items():
                by_fields[tuple(item[1])].append(item)
            found = self._groups[section] = list(by_fields.values())
        return found

    def saying(self, section: str, *fields: str, without: Collection[str] = ()) -> Iterator[tuple[str, Values]]:
        """The objects of a section, with their names, that say all of `fields` and none of `without`."""
        for group in self.groups(section):
            said = group[0][1].keys()
            if said >= set(fields) and said.isdisjoint(without):
                yield from group

    def knows(self, section: str, name: str) -> bool:
        """Whether a name is declared, or may be in what could not be read."""
        return name in self.names.get(section, ()) or section in self.unread

    def setting(self, section: str) -> Values:
        return self.settings.get(section, {})


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule beyond the schema. `summary` is constant, so that readers learn it."""

    code: str
    summary: str
    check: Callable[[Declared], Iterable[Finding]]
    severity: Severity = Severity.ERROR
