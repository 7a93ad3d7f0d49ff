"""What a step is: one call inside a change, with its verb, its parameters, its text, and how the engine treats it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar, TypeVar, dataclass_transform


class Limit(StrEnum):
    """The concurrency limit that a step counts against while it runs."""

    REST = "rest"
    WINRM = "winrm"
    HOST = "host"  # SSH or WinRM, by the transport of the step's host
    NONE = ""


@dataclass(frozen=True)
class Step(ABC):
    """One call inside a change. The fields of a subclass are its parameters: JSON data without secrets."""

    verb: ClassVar[str]
    limit: ClassVar[Limit]
    repeatable: ClassVar[bool]
    prepares: ClassVar[bool]
    undone_by: ClassVar[type[Step] | None]

    @property
    @abstractmethod
    def text(self) -> str:
        """One line for people."""

    @property
    def params(self) -> dict[str, Any]:
        """The parameters as plans have them: without those that are at their default."""
        values = {item.name: (getattr(self, item.name), item.default) for item in fields(self)}
        return {IN_PLANS.get(name, name): value for name, (value, default) in values.items() if value != default}


STEPS: dict[str, type[Step]] = {}
"""Every step, by its verb."""

IN_PLANS = {"arguments": "params"}  # parameters that plans name otherwise

S = TypeVar("S", bound=Step)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def record(
    verb: str,
    *,
    limit: Limit = Limit.REST,
    repeatable: bool = False,
    prepares: bool = False,
    undone_by: type[Step] | None = None,
) -> Callable[[type[S]], type[S]]:
    """Makes a class the record of a step.

    `repeatable`: the step is idempotent, so it is retried after a failure that may pass. A step that starts or creates
    something is not: it reads back what became of its request. `prepares`: it disrupts nothing and may take long, so it
    comes before the drain of a proxy. `undone_by`: the step that must follow, also after a failure; both read the state
    before they act, so that it can follow a step that failed half way.
    """

    def recorded(cls: type[S]) -> type[S]:
        cls.verb, cls.limit, cls.repeatable = verb, limit, repeatable
        cls.prepares, cls.undone_by = prepares, undone_by
        STEPS[verb] = dataclass(frozen=True, kw_only=True)(cls)
        return cls

    return recorded
