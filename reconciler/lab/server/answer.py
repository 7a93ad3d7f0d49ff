"""Answers and refusals, with what differs between REST versions as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

# Statuses of an operation by REST version (facts, 1.5). The versions named are those that have the operation.
READ: Final = {5: 200, 6: 200, 7: 200, 8: 200}
CREATE: Final = {5: 200, 6: 200, 7: 200, 8: 201}
EDIT: Final = {5: 200, 6: 200, 7: 200, 8: 204}
DONE: Final = {5: 204, 6: 204, 7: 204, 8: 204}


def only(table: Mapping[int, int], *versions: int) -> dict[int, int]:
    """The part of a table that holds for `versions`."""
    return {version: table[version] for version in versions}


CODES_OF_V8: Final = frozenset(
    {
        "ProxyOffline",
        "OutdatedChangeToken",
        "ResourceAccessDenied",
        "ResourceNotFound",
        "ParameterValidationFailure",
        "OrganizationTransfer",
        "RepositoryOwnerChangeTooManyLinks",
        "Timeout",
        "OperationConflict",
        "HttpError",
    }
)
# The mapping of statuses and error codes is not documented: this is the working assumption of the facts, 1.6.
# Old versions answer 500 with a message for most failures of the domain.
STATUS_OF_CODE: Final[Mapping[str, Mapping[int, int]]] = {
    "ParameterValidationFailure": {5: 400, 6: 400, 7: 400, 8: 400},
    "ResourceAccessDenied": {5: 403, 6: 403, 7: 403, 8: 403},
    "ResourceNotFound": {5: 404, 6: 404, 7: 404, 8: 404},
    "OperationConflict": {5: 500, 6: 500, 7: 500, 8: 409},
    "Timeout": {5: 500, 6: 500, 7: 500, 8: 504},
}


class ApiError(Exception):
    """A refusal. `code` is the errorCode of v8; `status` overrides what the code stands for."""

    def __init__(
        self, message: str, code: str = "", *, status: int = 0, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.headers = dict(headers or {})
        self.message = message
        self.code = code
        self.status = status

    def status_in(self, rest: int) -> int:
        return self.status or STATUS_OF_CODE.get(self.code, {}).get(rest, 500)

    def body_in(self, rest: int) -> dict[str, Any]:
        """RESTExceptionInfo: a message up to v6, errorCode ProxyOffline in v7, all codes and a stack trace in v8."""
        body: dict[str, Any] = {"message": self.message}
        if rest >= 7:
            known = self.code in CODES_OF_V8 if rest >= 8 else self.code == "ProxyOffline"
            body["errorCode"] = self.code if known else None
        if rest >= 8:
            body["stackTrace"] = None
        return body


def invalid(message: str) -> ApiError:
    return ApiError(message, "ParameterValidationFailure")


def missing(what: str, ident: str) -> ApiError:
    return ApiError(f"{what} with ID '{ident}' was not found.", "ResourceNotFound")


def conflict(message: str) -> ApiError:
    return ApiError(message, "OperationConflict")


def offline(host: str) -> ApiError:
    return ApiError(f"Backup proxy server '{host}' is offline.", "ProxyOffline")


def failed(message: str) -> ApiError:
    return ApiError(message)


def not_in_the_lab(what: str) -> ApiError:
    return ApiError(f"This is the lab of vbo-reconcile, not the product: the lab does not know {what}.", status=501)


@dataclass(slots=True)
class Answer:
    """What goes over the wire. `body` None means an empty one; `cut` sends only half of it."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
