"""Generates the tables in `reconciler/kinds/api` from the product's OpenAPI documents.

    python -m tests.openapi.renew [FOLDER]

The documents (v6.json, v7.json, v8.json) are not part of the project; FOLDER defaults to `../shared/vb365/openapi`.
Only facts are taken, no descriptions. A keyword that this script does not know is an error, so that no fact is lost.
`operations.json` and SHA256SUMS, beside this script, are generated too. If the documents are absent, the digests show
that a table was edited by hand.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from reconciler.kinds.api import VERSIONS

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = ROOT.parent / "shared" / "vb365" / "openapi"
TABLES: Final = ROOT / "reconciler" / "kinds" / "api"
OPERATIONS: Final = Path(__file__).with_name("operations.json")
"""The name and the successful statuses of every operation of the documents, also of those that no table has."""
SUMS: Final = Path(__file__).with_name("SHA256SUMS")

METHODS: Final = ("get", "post", "put", "patch", "delete")

USED: Final = """
    Accounts Accounts/* AzureServiceAccounts AzureServiceAccounts/* EncryptionKeys EncryptionKeys/*
    BackupRepositories BackupRepositories/* BackupRepositories/*/changeOwner BackupRepositories/*/Sync
    BackupRepositories/*/backedupOrganizations objectstoragerepositories objectstoragerepositories/*
    RepositoryOwnerChangeSessions RepositoryOwnerChangeSessions/* RepositoryOwnerChangeSessions/*/Stop
    RepositorySynchronizeSessions RepositorySynchronizeSessions/*
    CopyJobs CopyJobs/* CopyJobs/*/BackupJob CopyJobs/*/enable CopyJobs/*/disable CopyJobs/*/start CopyJobs/*/stop
    Jobs Jobs/* Jobs/*/CopyJob Jobs/*/JobSessions Jobs/*/enable Jobs/*/disable Jobs/*/start Jobs/*/stop
    Jobs/*/SelectedItems Jobs/*/SelectedItems/* Jobs/*/ExcludedItems Jobs/*/ExcludedItems/*
    JobSessions JobSessions/* JobSessions/*/LogItems JobSessions/*/LogItems/*
    JobSessions/*/ProcessedObjects
    Organizations Organizations/* Organizations/SyncState Organizations/*/SyncState Organizations/*/Sync
    Organizations/*/Jobs Organizations/*/LicensingInformation Organizations/*/usedRepositories
    Organizations/*/BackupAccounts Organizations/*/BackupApplications Organizations/*/RetentionExclusion
    Organizations/*/Groups Organizations/*/Sites Organizations/*/Teams Organizations/*/Users
    Proxies Proxies/* Proxies/Rescan Proxies/CheckSshConnectionConfig Proxies/*/Rescan Proxies/*/Remove
    Proxies/*/maintenance/enable Proxies/*/maintenance/disable ProxyPools ProxyPools/* ProxyPools/*/proxies
    VboEmailSettings VboEmailSettings/SendTest VboEmailSettings/SendTestEmail VboEmailSettings/PrepareOAuthSignIn
    VboEmailSettings/CompleteOAuthSignIn Health InternetProxySettings ServiceInstance token token/logout
"""
"""Paths of which every operation is in the tables; `*` stands for one parameter."""

_KEPT: Final = ("type", "format", "default", "nullable", "readOnly", "writeOnly")
_TAKEN_APART: Final = {"$ref", "allOf", "additionalProperties", "enum", "items", "properties", "required", "x-anyOf"}
_PROSE: Final = {"description", "example", "x-ms-enum", "x-veeam-map-to", "x-veeam-page-result"}
_USED: Final = re.compile("|".join(re.escape(path).replace(r"\*", r"\{[^/]+\}") for path in USED.split()))
_SPREAD: Final = {"operations", "query", "schemas", "properties"}
_REF: Final = "#/components/schemas/"


def table(rest: int, document: Mapping[str, Any]) -> str:
    """The text of the table of one version."""
    chosen = {name: _operation(raw) for name, raw in everything(rest, document) if used(name.split(" ")[1])}
    schemas: dict[str, Any] = {}
    errors = {_error(raw) for name, raw in everything(rest, document) if name in chosen}
    if len(errors) != 1:
        raise ValueError(f"v{rest}: more than one kind of error: {errors}")
    waiting = [*errors, *_refs(chosen)]
    while waiting:
        name = waiting.pop()
        if name not in schemas:
            schemas[name] = _schema(document["components"]["schemas"][name])
            waiting += _refs(schemas[name])
    operations = {name: chosen[name] for name in sorted(chosen, key=_by_path)}
    facts = {
        "rest": rest,
        "error": errors.pop(),
        "operations": operations,
        "schemas": {name: schemas[name] for name in sorted(schemas)},
    }
    return written(facts)


def used(path: str) -> bool:
    """Whether the operations of this path are in the tables."""
    return _USED.fullmatch(path) is not None


def index(documents: Mapping[int, Mapping[str, Any]]) -> str:
    """The text of `operations.json`."""
    found: dict[str, dict[str, list[int]]] = {}
    for rest, document in sorted(documents.items()):
        for name, raw in everything(rest, document):
            found.setdefault(name, {})[str(rest)] = [int(status) for status in sorted(raw["responses"]) if status < "3"]
    return written({"operations": {name: found[name] for name in sorted(found, key=_by_path)}})


def everything(rest: int, document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every operation of a document, named `METHOD path` with the path below `/vN/`."""
    for path, item in document["paths"].items():
        if not path.startswith(f"/v{rest}/") or not set(item) <= set(METHODS):
            raise ValueError(f"{path} is not a path of v{rest} with methods only")
        for method, raw in item.items():
            yield f"{method.upper()} {path.removeprefix(f'/v{rest}/')}", raw


def _by_path(name: str) -> tuple[str, str, str]:
    method, path = name.split(" ")
    return path.lower(), path, method


def _operation(raw: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"answers": {}}
    for status, answer in sorted(raw["responses"].items()):
        if status != "default":
            made["answers"][status] = _content(answer.get("content", {}), "application/json", "*/*")
    if "requestBody" in raw:
        content = raw["requestBody"]["content"]
        made["body"] = _content(content, "application/json", "application/x-www-form-urlencoded")
        made["body"] |= {"required": True} if raw["requestBody"].get("required") else {}
        made |= {"form": True} if "application/x-www-form-urlencoded" in content else {}
    query = {item["name"]: item for item in raw.get("parameters", []) if item["in"] == "query"}
    if query:
        required = {name for name, item in query.items() if item.get("required")}
        made["query"] = _properties({name: item["schema"] for name, item in query.items()}, required)
    return made


def _content(content: Mapping[str, Any], *types: str) -> Any:
    """The schema of a body, which is the same for all content types. None without a body."""
    found = [_schema(item["schema"]) for item in content.values()]
    if not set(content) <= set(types) or any(item != found[0] for item in found):
        raise ValueError(f"a body with several schemas or of another type: {set(content)}")
    return found[0] if found else None


def _error(raw: Mapping[str, Any]) -> str:
    return str(_content(raw["responses"]["default"]["content"], "application/json")["ref"])


def _schema(raw: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(raw) - {*_KEPT, *_TAKEN_APART, *_PROSE}
    if unknown:
        raise ValueError(f"a schema has {unknown}, which this script does not know: {raw}")
    if "$ref" in raw or "allOf" in raw:
        return _reference(raw)
    made = {name: raw[name] for name in _KEPT if name in raw and raw[name] is not False}
    if "enum" in raw:
        made["enum"] = sorted(raw["enum"])
    if "items" in raw:
        made["items"] = _schema(raw["items"])
    if "additionalProperties" in raw:
        made["values"] = _schema(raw["additionalProperties"])
    if "x-anyOf" in raw:
        made["variants"] = sorted(_reference(variant)["ref"] for variant in raw["x-anyOf"])
    if "properties" in raw:
        made["type"] = raw.get("type", "object")
        made["properties"] = _properties(raw["properties"], set(raw.get("required", ())))
    return made


def _reference(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A reference, plain or as `allOf` with one, which is how OpenAPI 3.0 says that a referenced value may be null."""
    beside = set(raw) - {"$ref", "allOf", "nullable", *_PROSE}
    (target,) = [raw, *raw.get("allOf", ())] if "$ref" in raw else raw["allOf"]
    if beside or ("$ref" in raw and "nullable" in raw):
        raise ValueError(f"beside a reference there are properties that have no meaning there: {raw}")
    name = target["$ref"].removeprefix(_REF)
    return {"ref": name, "nullable": True} if raw.get("nullable") else {"ref": name}


def _properties(raw: Mapping[str, Any], required: set[str]) -> dict[str, Any]:
    if not required <= set(raw):
        raise ValueError(f"{required - set(raw)} are required and not described")
    return {
        name: _schema(value) | ({"required": True} if name in required else {}) for name, value in sorted(raw.items())
    }


def _refs(facts: Any) -> Iterator[str]:
    if isinstance(facts, list):
        for item in facts:
            yield from _refs(item)
    elif isinstance(facts, dict):
        for name, value in facts.items():
            if name == "ref" and isinstance(value, str):
                yield value
            elif name == "variants" and isinstance(value, list):
                yield from value
            else:
                yield from _refs(value)


def written(facts: Mapping[str, Any]) -> str:
    """Facts as JSON with one line for each operation, parameter, schema and property."""
    return _text(facts, "\n", spread=True) + "\n"


def _text(value: Any, margin: str, *, spread: bool) -> str:
    if not isinstance(value, dict):
        return json.dumps(value)
    inner = margin + " " if spread else ""
    items = [
        f"{json.dumps(name)}: {_text(item, inner or margin, spread=name in _SPREAD)}" for name, item in value.items()
    ]
    if not spread:
        return "{" + ", ".join(items) + "}"
    return "{" + inner + ("," + inner).join(items) + margin + "}"


def files(folder: Path) -> dict[Path, str]:
    """What every generated file has to hold."""
    documents = {rest: json.loads((folder / f"v{rest}.json").read_text(encoding="utf-8")) for rest in VERSIONS}
    made = {TABLES / f"v{rest}.json": table(rest, document) for rest, document in documents.items()}
    made[OPERATIONS] = index(documents)
    return made | {SUMS: sums(made)}


def sums(texts: Mapping[Path, str]) -> str:
    """What `sha256sum -c` reads in the root of the project."""
    digests = {file.relative_to(ROOT).as_posix(): sha256(text.encode()).hexdigest() for file, text in texts.items()}
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))


def main(arguments: list[str]) -> None:
    for file, text in files(Path(arguments[0]) if arguments else DOCUMENTS).items():
        file.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
