"""Rules of installation packages: what a name and a digest show before a package is copied to a host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.kinds.packages import ENDINGS, build_in, file_name
from reconciler.kinds.rules.declared import Declared, Finding, Values, Where
from reconciler.model.sentences import listed, quoted
from reconciler.model.version import build_number

_FIELD: Final = "service.package"


def _packaged(declared: Declared) -> Iterator[tuple[str, Values, Mapping[str, Any]]]:
    """(name, fields, package) of the proxies that are installed by package, and say which."""
    for name, values in declared.saying("proxies", "service.install", _FIELD):
        if values["service.install"] == "package" and isinstance(values[_FIELD], Mapping):
            yield name, values, values[_FIELD]


def without_package(declared: Declared) -> Iterator[Finding]:
    for name, values in declared.saying("proxies", "service.install", without=(_FIELD,)):
        if values["service.install"] == "package":
            detail = f"{quoted(name)} is installed by package, but has no `service.package`."
            fix = "Add `service.package` with `source` and `sha256`, here, in its group or under `defaults`."
            yield Finding(Where("proxies", name, "service.install"), detail, fix)


def wrong_ending(declared: Declared) -> Iterator[Finding]:
    for name, values, package in _packaged(declared):
        system = str(values.get("os", "windows"))
        if not file_name(package["source"]).lower().endswith(ENDINGS[system]):
            detail = f"{quoted(file_name(package['source']))} is not a package for {quoted(name)}, which runs {system}."
            fix = f"Name a file that ends with {listed(ENDINGS[system], 'or')}, or correct `os`."
            yield Finding(Where("proxies", name, _FIELD), detail, fix)


def without_build(declared: Declared) -> Iterator[Finding]:
    """The build must be known in advance: it decides whether anything has to be installed."""
    for name, values, package in _packaged(declared):
        said, held = str(values.get("service.version", "server")), build_in(package["source"])
        if said == "server" and not held:
            file = quoted(file_name(package["source"]))
            detail = f"Neither `version` nor {file} contains the build that {quoted(name)} gets."
            yield Finding(Where("proxies", name, _FIELD), detail, "Write the build: `version: 8.5.0.1014`.")
        elif said != "server" and held and build_number(held) != build_number(said):
            detail = (
                f"{quoted(name)} is declared with {said}, but {quoted(file_name(package['source']))} contains {held}."
            )
            yield Finding(Where("proxies", name, "service.version"), detail, "Correct one of them.")


def unreachable_host(declared: Declared) -> Iterator[Finding]:
    for name, values, _ in _packaged(declared):
        if values.get("connection.enabled") is False:
            detail = f"The package is copied to the host of {quoted(name)}, but `connection.enabled` is false."
            fix = "Remove `enabled: false`, or let the server deploy the service with `install: push`."
            yield Finding(Where("proxies", name, "connection.enabled"), detail, fix)
