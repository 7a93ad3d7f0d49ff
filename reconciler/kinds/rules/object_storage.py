"""Rules of object storage: which settings go with which type, with each other, and with the REST version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from reconciler.kinds.rules.declared import Declared, Finding, Values, Where
from reconciler.kinds.storage_settings import INSIDE, NONE, PREFIX
from reconciler.model.sentences import listed, quoted

_SECTION: Final = "repositories"
AMAZON_TYPES: Final = ("s3", "s3-glacier")
_COMPATIBLE: Final = ("s3-compatible", "wasabi", "ibm")
_TYPES_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "endpoint": _COMPATIBLE,
    "thumbprint": _COMPATIBLE,
    "region": ("s3", "s3-glacier", *_COMPATIBLE),
    "cloud": ("s3", "s3-glacier", "azure-blob", "azure-archive"),
    "storage_class": ("s3", "s3-glacier"),
    "use_appliance": ("s3", "s3-glacier"),
    **dict.fromkeys(("amazon_appliance.size", "amazon_appliance.port", "amazon_appliance.ip_ranges"), AMAZON_TYPES),
    **dict.fromkeys(("azure_appliance.size", "azure_appliance.port", "azure_appliance.ip_ranges"), ("azure-archive",)),
}
"""Settings that only some types have."""
_CLASSES_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "s3": ("standard", "standard-ia", "one-zone-ia"),
    "s3-glacier": ("glacier-flexible-retrieval", "glacier-instant-retrieval", "glacier-deep-archive"),
}
_CLOUDS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "s3": ("global", "government", "china"),
    "s3-glacier": ("global", "government", "china"),
}
_TYPES_SINCE: Final = {"wasabi": 7, "ibm": 7}


def without_endpoint(declared: Declared) -> Iterator[Finding]:
    for name, values in declared.saying(_SECTION, f"{PREFIX}type", without=(f"{PREFIX}endpoint",)):
        if values[f"{PREFIX}type"] == "s3-compatible":
            detail = f"Repository {quoted(name)} is on S3-compatible storage, but has no endpoint."
            fix = "Add for example `endpoint: https://s3.example.net` to `object_storage`."
            yield Finding(Where(_SECTION, name, "object_storage"), detail, fix)


def of_another_type(declared: Declared) -> Iterator[Finding]:
    for name, values in declared.saying(_SECTION, f"{PREFIX}type"):
        kind = values[f"{PREFIX}type"]
        for setting, types in _TYPES_OF.items():
            if f"{PREFIX}{setting}" in values and kind not in types:
                detail = f"Object storage of type {quoted(kind)} has no {quoted(setting)}; {listed(types)} have one."
                yield Finding(Where(_SECTION, name, f"{PREFIX}{setting}"), detail, "Remove it.")
        yield from _wrong_words(name, values, kind)


def _wrong_words(name: str, values: Values, kind: str) -> Iterator[Finding]:
    for setting, words in (("storage_class", _CLASSES_OF.get(kind)), ("cloud", _CLOUDS_OF.get(kind))):
        value = values.get(f"{PREFIX}{setting}")
        if words and value is not None and value not in words:
            detail = f"Object storage of type {quoted(kind)} has no {quoted(setting)} {quoted(value)}."
            yield Finding(Where(_SECTION, name, f"{PREFIX}{setting}"), detail, f"Write {listed(words, 'or')}.")


def contradicting(declared: Declared) -> Iterator[Finding]:
    """Settings that need another one."""
    for name, values in declared.saying(_SECTION, f"{PREFIX}immutability_mode"):
        days = values.get(f"{PREFIX}immutability_days", NONE)
        if values[f"{PREFIX}immutability_mode"] == "governance" and days == NONE:
            detail = f"Repository {quoted(name)} sets `immutability_mode` and no `immutability_days`."
            where = Where(_SECTION, name, f"{PREFIX}immutability_mode")
            yield Finding(where, detail, "Add for example `immutability_days: 30`.")
    for name, values in declared.saying(_SECTION, f"{PREFIX}encryption_credentials"):
        if values.get(f"{PREFIX}encryption_key", NONE) == NONE:
            detail = f"Repository {quoted(name)} sets `encryption_credentials` and no `encryption_key`."
            where = Where(_SECTION, name, f"{PREFIX}encryption_credentials")
            yield Finding(where, detail, "Add for example `encryption_key: Contoso 2026`, the hint of the password.")


def encryption_login(declared: Declared) -> Iterator[Finding]:
    """The login of an encryption key has a password, and keys of one hint have one login."""
    logins: dict[str, tuple[str, str]] = {}
    for name, values in declared.saying(_SECTION, f"{PREFIX}encryption_credentials"):
        login = values[f"{PREFIX}encryption_credentials"]
        if not login:
            continue
        where = Where(_SECTION, name, f"{PREFIX}encryption_credentials")
        found = declared.section("credentials").get(login)
        if found is not None and "password" not in found:
            detail = f"An encryption key requires a password, but {quoted(login)} has none."
            related = (Where("credentials", login),)
            yield Finding(where, detail, "Name a credential with a password.", related)
        hint = str(values.get(f"{PREFIX}encryption_key"))
        other, first = logins.setdefault(hint, (login, name))
        if other != login:
            detail = f"The repositories {quoted(name)} and {quoted(first)} have one encryption key and two passwords."
            related = (Where(_SECTION, first, f"{PREFIX}encryption_credentials"),)
            yield Finding(where, detail, "Give one of them another `encryption_key`.", related)


def wrong_form(declared: Declared) -> Iterator[Finding]:
    """The name of an object storage repository means something up to v7 only; its place is understood everywhere."""
    for name, _ in declared.saying(_SECTION, f"{PREFIX}name") if declared.rest >= INSIDE else ():
        detail = f"With REST v{declared.rest} object storage is declared with the repository, not referenced by name."
        fix = "Set `type`, `account`, `bucket` and `folder`."
        yield Finding(Where(_SECTION, name, "object_storage"), detail, fix)
    for name, values in declared.saying(_SECTION, f"{PREFIX}type"):
        kind = str(values[f"{PREFIX}type"])
        if declared.rest and declared.rest < _TYPES_SINCE.get(kind, 0):
            detail = f"REST v{declared.rest} has no object storage of type {quoted(kind)}; it exists since v7."
            fix = "Let `rest` be auto and upgrade the server, or write `s3-compatible` if it was added as such."
            yield Finding(Where(_SECTION, name, f"{PREFIX}type"), detail, fix)
