"""Archiver appliances of object storage at Amazon and Azure, as far as they are plain values. Their networks stay as
they are: the server shows more of them than an inventory could say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconciler.kinds.field import Context, Field, Raw, if_shown
from reconciler.kinds.storage_settings import INSIDE, PREFIX, inside, of_storage

_AMAZON: Final = "amazonArchiverAppliance"
_AZURE: Final = "azureArchiverAppliance"
_SIZES: Final[Mapping[str, tuple[str, str, str]]] = {
    _AMAZON: ("instanceTypeName", "instanceType", "type"),
    _AZURE: ("virtualMachineSizeName", "virtualMachineSize", "name"),
}
"""The property that holds the size since v8, and the object with its name before."""


def _use(storage: Raw, context: Context) -> bool:
    return bool(storage["useArchiverAppliance"])


def encode_use(value: Any, context: Context) -> Mapping[str, Any]:
    return inside({"useArchiverAppliance": value}, context)


def _value(
    name: str, doc: str, appliance: str, api: str, to_api: Callable[[Any], Any], back: Callable[[Any], Any], **more: Any
) -> Field:
    def encode(value: Any, context: Context) -> Mapping[str, Any]:
        return inside({appliance: {api: to_api(value)}}, context)

    def read(storage: Raw, context: Context) -> Any:
        return back(storage[appliance][api])

    return Field(PREFIX + name, doc, encode=encode, decode=of_storage(read), imported=if_shown(PREFIX + name), **more)


def _size(name: str, doc: str, appliance: str) -> Field:
    text, holder, part = _SIZES[appliance]

    def encode(value: Any, context: Context) -> Mapping[str, Any]:
        said = {text: value} if context.rest >= INSIDE else {holder: {part: value}}
        return inside({appliance: said}, context)

    def read(storage: Raw, context: Context) -> Any:
        found = storage[appliance]
        return found[text] if context.rest >= INSIDE else found[holder][part]

    return Field(PREFIX + name, doc, encode=encode, decode=of_storage(read), imported=if_shown(PREFIX + name))


def _listed(value: str) -> list[str]:
    return sorted(part.strip() for part in value.split(",") if part.strip())


def _of(name: str, cloud: str, appliance: str) -> tuple[Field, ...]:
    return (
        _size(f"{name}.size", f"Size of the {cloud} archiver appliance.", appliance),
        _value(f"{name}.port", f"Port of the {cloud} archiver appliance.", appliance, "appliancePort", int, int),
        _value(
            f"{name}.ip_ranges",
            f"Addresses that reach the {cloud} archiver appliance.",
            appliance,
            "ipRanges",
            ",".join,
            _listed,
            since=8,
            normalize=sorted,
        ),
    )


OF_SIZES: Final = frozenset({"cores", "coresCount", "memory", "memoryMB", "osDiskSizeMB", "resourceDiskSizeMB"})
"""What follows from a size, up to v7."""

APPLIANCE_FIELDS: Final = (
    Field(
        f"{PREFIX}use_appliance",
        "Whether the Amazon archiver appliance is used.",
        encode=encode_use,
        decode=of_storage(_use),
        imported=if_shown(f"{PREFIX}use_appliance"),
        product_default=False,
    ),
    *_of("amazon_appliance", "Amazon", _AMAZON),
    *_of("azure_appliance", "Azure", _AZURE),
)
