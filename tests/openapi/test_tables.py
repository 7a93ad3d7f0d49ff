"""The tables of the REST API: complete, and equal to the product's OpenAPI documents if those are here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.kinds import api
from reconciler.kinds.api import Schema
from tests.openapi.judge import everything
from tests.openapi.renew import DOCUMENTS, OPERATIONS, SUMS, TABLES, USED, files, sums, used, written

GENERATED = [*(TABLES / f"v{rest}.json" for rest in api.VERSIONS), OPERATIONS]
TYPES = {"array", "boolean", "integer", "number", "object", "string"}
FORMATS = {"", "byte", "date-time", "double", "int32", "int64", "password", "uuid"}


@pytest.mark.skipif(not DOCUMENTS.is_dir(), reason="the product's OpenAPI documents are not in ../shared/vb365/openapi")
def test_the_tables_are_those_of_the_documents() -> None:
    wrong = [file.name for file, text in files(DOCUMENTS).items() if file.read_bytes() != text.encode()]
    assert wrong == [], "run `python -m tests.openapi.renew`"


@pytest.mark.parametrize("file", GENERATED, ids=lambda file: file.name)
def test_a_table_is_written_as_the_script_writes_it(file: Path) -> None:
    text = file.read_bytes().decode("ascii")
    assert written(json.loads(text)) == text


def test_no_table_is_edited_by_hand() -> None:
    texts = {file: file.read_bytes().decode("ascii") for file in GENERATED}
    assert sums(texts) == SUMS.read_text(encoding="ascii"), "tables are generated: `python -m tests.openapi.renew`"


def test_there_is_one_table_for_each_version() -> None:
    assert sorted(file.stem for file in TABLES.glob("*.json")) == [f"v{rest}" for rest in api.VERSIONS]
    assert [json.loads((TABLES / f"v{rest}.json").read_bytes())["rest"] for rest in api.VERSIONS] == [*api.VERSIONS]
    with pytest.raises(LookupError, match="REST v5 has no table"):
        api.operations(5)


@pytest.mark.parametrize("rest", api.VERSIONS)
def test_a_table_has_every_operation_of_its_paths_with_its_statuses(rest: int) -> None:
    here = {f"{found.method} {found.path}": sorted(found.answers) for found in api.operations(rest)}
    documented = {name: versions[str(rest)] for name, versions in everything().items() if str(rest) in versions}
    assert here == {name: statuses for name, statuses in documented.items() if used(name.split(" ")[1])}


def test_every_path_that_is_said_to_be_used_exists() -> None:
    paths = {re.sub(r"\{[^}]+\}", "*", found.path) for rest in api.VERSIONS for found in api.operations(rest)}
    assert paths == set(USED.split())


@pytest.mark.parametrize("rest", api.VERSIONS)
def test_a_table_has_the_schemas_that_it_needs_and_no_others(rest: int) -> None:
    waiting = [api.error(rest), *below_operations(rest)]
    needed = {"RESTExceptionInfo"}
    while waiting:
        for name in referenced(waiting.pop()):
            if name not in needed:
                needed.add(name)
                waiting.append(api.schema(rest, name))
    assert needed == set(api.names(rest))


@pytest.mark.parametrize("rest", api.VERSIONS)
def test_every_schema_is_well_formed(rest: int) -> None:
    tops = [*below_operations(rest), *(api.schema(rest, name) for name in api.names(rest))]
    for schema in (inner for top in tops for inner in nested(top)):
        assert schema.type in TYPES or schema.ref, schema
        assert not (schema.type and schema.ref), schema
        assert schema.format in FORMATS, schema
        assert (schema.type == "array") is (schema.items is not None), schema
        assert (schema.type == "object") is bool(schema.properties or schema.values), schema
        assert not schema.enum or schema.type == "string", schema
        assert not (schema.read_only and schema.write_only), schema


@pytest.mark.parametrize("rest", api.VERSIONS)
def test_an_object_with_variants_has_the_properties_of_all(rest: int) -> None:
    found = [schema for schema in (api.schema(rest, name) for name in api.names(rest)) if schema.variants]
    assert found
    for schema in found:
        union = {name for variant in schema.variants for name in api.schema(rest, variant).properties}
        assert union == set(schema.properties)


def nested(schema: Schema) -> Iterator[Schema]:
    yield schema
    for inner in (schema.items, schema.values, *schema.properties.values()):
        if inner is not None:
            yield from nested(inner)


def referenced(schema: Schema) -> Iterator[str]:
    for inner in nested(schema):
        yield from (inner.ref, *inner.variants) if inner.ref else inner.variants


def below_operations(rest: int) -> Iterator[Schema]:
    for found in api.operations(rest):
        for schema in (found.body, *found.answers.values(), *found.query.values()):
            if schema is not None:
                yield schema


# --- reading a table ---


def test_an_operation_is_found_by_its_template_and_by_a_path_with_ids() -> None:
    found = api.operation(8, "PUT", "Proxies/{proxyId}")
    assert api.operation(8, "PUT", "Proxies/0f3c1c52") is found
    assert api.operation(8, "POST", "Proxies/Rescan").path == "Proxies/Rescan"
    assert api.operation(8, "GET", "Organizations/SyncState").path == "Organizations/SyncState"
    for rest, method, path in ((8, "PATCH", "Proxies/x"), (8, "GET", "proxies"), (7, "GET", "ProxyPools")):
        with pytest.raises(LookupError, match=f"REST v{rest} has no operation {method} {path}"):
            api.operation(rest, method, path)
    with pytest.raises(LookupError, match="REST v8 has no schema RESTNothing"):
        api.schema(8, "RESTNothing")


def test_properties_are_those_of_one_object_alone_in_an_array_and_in_a_page() -> None:
    one = api.properties(8, api.operation(8, "GET", "Proxies/{proxyId}").answer)
    page = api.operation(8, "GET", "Proxies").answer
    assert api.is_page(8, page)
    assert api.properties(8, page) == one
    array = api.operation(7, "GET", "Proxies").answer
    assert not api.is_page(7, array)
    assert api.properties(7, array) == api.properties(7, api.operation(7, "GET", "Proxies/{proxyId}").answer)
    assert api.properties(8, api.operation(8, "DELETE", "Jobs/{jobId}").answer) == {}


def test_what_a_table_says_about_a_property() -> None:
    sent = api.properties(8, api.operation(8, "POST", "Proxies").body)
    assert sent["port"] == Schema("integer", "int32", nullable=True)
    assert sent["internetProxyType"] == Schema("string", enum=("Custom", "FromManagementServer"), nullable=True)
    assert sent["sshSettings"] == Schema(ref="RESTSshSettingsFromClient")
    assert api.properties(8, api.operation(8, "POST", "Jobs").body)["repositoryId"].required
    assert api.properties(8, Schema(ref="RESTObjectStorageComposed"))["usedSpaceBytes"].read_only
    start = api.operation(8, "POST", "BackupRepositories/{repositoryId}/changeOwner")
    assert start.query["waitForSessionsTimeout"] == Schema("integer", "int32", default=60)
    assert api.operation(8, "DELETE", "Jobs/{jobId}/ExcludedItems").query["ids"] == Schema("string", required=True)
    assert api.schema(8, "RESTLinkHALDictionary").values == Schema(ref="RESTLinkHAL")


READ_ON_FIRST_USE = """
from reconciler.kinds import api
before = api._table.cache_info().currsize
api.schema(8, "RESTProxy")
print(before, api._table.cache_info().currsize)
"""


def test_a_table_is_read_on_first_use() -> None:
    ended = subprocess.run([sys.executable, "-c", READ_ON_FIRST_USE], capture_output=True, check=True)
    assert ended.stdout.split() == [b"0", b"1"]


def test_what_counts_as_one_page() -> None:
    """A page has results, and says which: an answer that holds only some of that is a single object."""
    page = {name: Schema(type="string") for name in ("results", "offset", "limit")}
    assert api.is_page(8, Schema(properties=page))
    for missing in page:
        assert not api.is_page(8, Schema(properties={name: part for name, part in page.items() if name != missing}))
    assert not api.is_page(8, None)
    assert api.is_page(8, api.operation(8, "GET", "Proxies").answer)
    assert not api.is_page(7, api.operation(7, "GET", "Proxies").answer)
