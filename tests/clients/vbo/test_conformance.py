"""Every call that the product makes, against the tables of the REST versions that it makes it in.

The calls go through the real client to a server that knows nothing but `reconciler/kinds/api`: path, method, query and
body have to be there, and the client has to accept the status that is promised.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from reconciler.clients.vbo import Reader, Writer, dialect_of
from reconciler.clients.vbo.answer import ACCEPTED
from reconciler.clients.vbo.dialect import PAGES, VIEWS
from reconciler.kinds import KINDS, Context, Kind, Mode, api
from reconciler.kinds.api import VERSIONS, Operation, is_page, properties
from reconciler.kinds.object_storage import LINKED_FIELDS, OBJECT_STORAGE
from reconciler.kinds.proxy import ssh_settings
from reconciler.kinds.storage_settings import INSIDE, LINKED, PREFIX, TYPES
from tests.kinds.context import context
from tests.openapi.judge import everything, operation, problems

from .by_the_book import IDENT, ByTheBook
from .world import session_with

SSH = ssh_settings("linux-key", context(8)) | {"fingerprint": "SHA256:abc", "publicBase64Key": "AAAA"}

READS: list[tuple[str, str, str, dict[str, Any]]] = [
    # versions, call, path, filters
    ("678", "get", "ServiceInstance", {}),
    ("678", "list", "Proxies", {}),
    ("678", "get", "Proxies/{id}", {}),
    ("8", "list", "ProxyPools", {}),
    ("8", "get", "ProxyPools/{id}", {}),
    ("8", "list", "ProxyPools/{id}/proxies", {}),
    ("678", "list", "BackupRepositories", {}),
    ("678", "list", "BackupRepositories", {"proxyId": IDENT}),
    ("8", "list", "BackupRepositories", {"proxyPoolId": IDENT}),
    ("678", "get", "BackupRepositories/{id}", {}),
    ("8", "list", "RepositoryOwnerChangeSessions", {}),
    ("8", "get", "RepositoryOwnerChangeSessions/{id}", {}),
    ("67", "list", "objectstoragerepositories", {}),
    ("678", "list", "Accounts", {}),
    ("678", "list", "Organizations", {}),
    ("678", "get", "Organizations/{id}", {}),
    ("678", "list", "Organizations/{id}/usedRepositories", {}),
    ("67", "list", "Organizations/{id}/Jobs", {}),
    ("678", "list", "Jobs", {}),
    ("678", "get", "Jobs/{id}", {}),
    ("678", "list", "Jobs/{id}/SelectedItems", {}),
    ("678", "list", "Jobs/{id}/ExcludedItems", {}),
    ("678", "list", "JobSessions", {}),
    ("678", "list", "JobSessions", {"jobType": "Backup"}),
    ("78", "list", "JobSessions", {"jobId": IDENT}),
    ("6", "list", "Jobs/{id}/JobSessions", {}),
    ("678", "get", "JobSessions/{id}", {}),
    ("678", "list", "JobSessions/{id}/LogItems", {}),
    ("678", "get", "VboEmailSettings", {}),
]

WRITES: list[tuple[str, str, tuple[Any, ...], dict[str, Any]]] = [
    # versions, call, arguments, keywords; bodies of kinds are further down
    ("678", "act", ("Proxies/{id}", "Rescan"), {}),
    ("678", "act", ("Proxies", "Rescan", {"proxies": [{"id": IDENT}]}), {}),
    ("678", "act", ("Proxies/{id}", "Remove", {"force": False, "userName": "a", "userPassword": "b"}), {}),
    ("8", "act", ("Proxies/{id}", "Remove", {"force": False, "sshSettings": SSH}), {}),
    ("8", "act", ("Proxies/{id}", "maintenance/enable", {"username": "a", "password": "b"}), {}),
    ("8", "act", ("Proxies/{id}", "maintenance/disable", {"sshSettings": SSH}), {}),
    ("8", "act", ("Proxies", "CheckSshConnectionConfig", SSH), {"query": {"host": "px-lnx-1"}}),
    ("8", "create", ("ProxyPools/{id}/proxies", [{"proxyId": IDENT}]), {}),
    ("8", "delete", ("ProxyPools/{id}/proxies", [{"proxyId": IDENT}]), {}),
    ("8", "delete", ("ProxyPools/{id}",), {}),
    ("678", "delete", ("BackupRepositories/{id}",), {}),
    ("8", "act", ("BackupRepositories/{id}", "changeOwner"), {"query": {"poolId": IDENT}}),
    ("8", "act", ("BackupRepositories/{id}", "changeOwner"), {"query": {"proxyId": IDENT, "forceStopSessions": False}}),
    ("8", "act", ("RepositoryOwnerChangeSessions/{id}", "Stop"), {}),
    ("678", "delete", ("Jobs/{id}",), {}),
    ("678", "act", ("Jobs/{id}", "start"), {}),
    ("678", "act", ("Jobs/{id}", "start", {"full": True}), {}),
    ("678", "act", ("Jobs/{id}", "stop"), {}),
    ("678", "act", ("Jobs/{id}", "enable"), {}),
    ("678", "act", ("Jobs/{id}", "disable"), {}),
    ("678", "act", ("VboEmailSettings", "SendTestEmail"), {}),
]


def rows(table: list[Any]) -> list[Any]:
    return [
        pytest.param(int(rest), *row[1:], id=f"v{rest}-{row[1]}-{number}")
        for number, row in enumerate(table)
        for rest in row[0]
    ]


def with_ids(value: Any) -> Any:
    return value.replace("{id}", IDENT) if isinstance(value, str) else value


@pytest.mark.parametrize(("rest", "call", "path", "filters"), rows(READS))
def test_reading(rest: int, call: str, path: str, filters: dict[str, Any]) -> None:
    book = ByTheBook(rest)
    with session_with(book, f"v{rest}") as session:
        found = getattr(Reader(session), call)(with_ids(path), **filters)
    assert found == ([] if call == "list" else {})
    assert len(book.used) == (2 if rest == 6 else 3), "one request, besides ServiceInstance and the logout"


@pytest.mark.parametrize(("rest", "call", "arguments", "keywords"), rows(WRITES))
def test_writing(rest: int, call: str, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    book = ByTheBook(rest)
    with session_with(book, f"v{rest}") as session:
        getattr(Writer(session), call)(*map(with_ids, arguments), **keywords)
    assert len(book.used) == (2 if rest == 6 else 3)


@pytest.mark.parametrize("rest", VERSIONS)
def test_the_table_of_pages(rest: int) -> None:
    """The table agrees with the documents, and no list that the product reads is missing in it."""
    for template, versions in PAGES.items():
        found = operation(rest, "GET", template.replace("{}", IDENT))
        assert (found is not None and is_page(rest, found.answer)) is (rest in versions), f"{template} in v{rest}"
    for versions_read, call, path, _ in READS:
        if call == "list" and str(rest) in versions_read:
            answer = the_operation(rest, "GET", path).answer
            assert answer is not None
            assert is_page(rest, answer) or answer.type == "array"
            assert is_page(rest, answer) is dialect_of(rest).is_page(with_ids(path)), f"{path} in v{rest}"


@pytest.mark.parametrize("rest", VERSIONS)
def test_the_table_of_views(rest: int) -> None:
    for template, views in VIEWS.items():
        known = the_operation(rest, "GET", template.replace("{}", IDENT)).query
        assert set(views.get(rest, {})) <= set(known), f"{template} in v{rest}"
        if "extendedView" in known and known["extendedView"].required:
            assert views[rest]


@pytest.mark.parametrize("rest", VERSIONS)
def test_the_login(rest: int) -> None:
    dialect = dialect_of(rest)
    token = the_operation(rest, "POST", "token")
    assert token.form
    form = properties(rest, token.body)
    assert {"grant_type", "username", "password", "refresh_token"} <= set(form)
    assert {"password", "refresh_token"} <= set(form["grant_type"].enum)
    assert ("disable_antiforgery_token" in form) is dialect.antiforgery_flag
    logout = operation(rest, "POST", "token/logout")
    assert (list(logout.answers) if logout else [0]) == [dialect.logout_status]
    assert (operation(rest, "GET", "ServiceInstance") is not None) is dialect.build_shown


@pytest.mark.parametrize("rest", VERSIONS)
def test_where_jobs_and_their_sessions_are(rest: int) -> None:
    dialect = dialect_of(rest)
    for collection in ("Jobs", f"Organizations/{IDENT}/Jobs"):
        exists = operation(rest, "POST", collection) is not None
        assert exists is (dialect.job_collection(IDENT) == collection)
    path, query = dialect.job_sessions(IDENT)
    assert set(query) <= set(the_operation(rest, "GET", path).query)


@pytest.mark.parametrize("rest", VERSIONS)
def test_no_operation_succeeds_in_a_way_that_the_client_refuses(rest: int) -> None:
    statuses = {status for versions in everything().values() for status in versions.get(str(rest), ())}
    assert statuses
    assert statuses <= ACCEPTED


def the_operation(rest: int, method: str, path: str) -> Operation:
    return api.operation(rest, method, with_ids(path))


# --- bodies, from the declarations in kinds/ ---

WHOLE: dict[str, dict[str, Any]] = {
    # what a body must say at least, in the inventory's words
    "proxy": {"host": "px-lon-1.corp.example.com"},
    "pool": {"name": "cloud", "description": "", "members": ["px-lnx-1", "px-lnx-2"]},
    "repository": {"name": "contoso-disk", "owner": "proxy.px-lon-1", "retention.type": "item-level"},
    "job": {
        "name": "contoso-daily",
        "organization": "contoso.onmicrosoft.com",
        "repository": "contoso-disk",
        "items": "all",
    },
    "smtp": {"server": "smtp.corp.example.com"},
}


def body_of(kind: Kind, fields: Mapping[str, Any], world: Context, *, new: bool) -> dict[str, Any]:
    """A body as an apply puts it together, without what a PUT repeats of what was read."""
    body: dict[str, Any] = dict(kind.on_create(world, fields)) if new or kind.singleton else {}
    for field in kind.fields:
        fixed = field.mode in (Mode.KEY, Mode.CREATE_ONLY, Mode.MOVE) and not field.on_put
        if field.name in fields and field.in_version(world.rest) and field.mode is not Mode.LOCAL:
            body |= {} if fixed and not new else field.to_api(fields[field.name], world)
    return body


PLACES: dict[str, dict[str, Any]] = {
    # the places of object storage, of which each setting needs one
    kind: {f"{PREFIX}type": kind, f"{PREFIX}account": "AKIABACKUP", f"{PREFIX}bucket": "b", f"{PREFIX}folder": "f"}
    for kind in TYPES
}


def around(field: str, value: Any, rest: int) -> dict[str, Any]:
    """What a repository on object storage says besides one of its settings."""
    if rest < INSIDE:
        return {f"{PREFIX}name": "archive"}
    if field == f"{PREFIX}type":
        return PLACES[value]
    azure = "azure" in field or value in ("china", "germany")
    compatible = field in (f"{PREFIX}endpoint", f"{PREFIX}thumbprint")
    return PLACES["azure-blob" if azure else "s3-compatible" if compatible else "s3"]


def is_linked(kind: Kind, field: str, rest: int) -> bool:
    """Whether the object storage of this version is a separate object, and the field one of its settings."""
    return (
        kind.name == "repository" and rest < INSIDE and field.startswith(PREFIX) and field != f"{PREFIX}encryption_key"
    )


def collection_of(kind: Kind, rest: int) -> str:
    return dialect_of(rest).job_collection(IDENT) if kind.name == "job" else kind.collection


def cases() -> Iterator[Any]:
    """Every value of every field that the case files encode, in every version that has it."""
    folder = Path(__file__).parents[2] / "kinds" / "cases"
    for file in sorted(folder.glob("*.json")):
        document = json.loads(file.read_text(encoding="utf-8"))
        kind, field = KINDS[document["kind"]], document["field"]
        for rest in VERSIONS if kind.name in WHOLE else ():
            made_elsewhere = is_linked(kind, field, rest) and field not in LINKED_FIELDS
            values = [case["value"] for case in document["cases"] if "body" in case and rest in case["rest"]]
            if values and kind.in_version(rest) and not made_elsewhere:
                yield pytest.param(kind, field, values, rest, id=f"v{rest}-{kind.name}.{field}")


@pytest.mark.parametrize(("kind", "field", "values", "rest"), list(cases()))
def test_every_value_of_every_field_fits_into_the_bodies(kind: Kind, field: str, values: list[Any], rest: int) -> None:
    for value in values:
        _fits_into_the_bodies(kind, field, value, rest)


def _fits_into_the_bodies(kind: Kind, field: str, value: Any, rest: int) -> None:
    world = context(rest)
    if is_linked(kind, field, rest):
        kind, fields = OBJECT_STORAGE, {field: value}
    else:
        fields = {**WHOLE[kind.name], **(around(field, value, rest) if field.startswith(PREFIX) else {}), field: value}
    book = ByTheBook(rest)
    with session_with(book, f"v{rest}") as session:
        writer = Writer(session)
        if not kind.singleton and kind is not OBJECT_STORAGE:
            writer.create(collection_of(kind, rest), body_of(kind, fields, world, new=True))
        path = kind.collection if kind.singleton else f"{kind.collection}/{IDENT}"
        replaced = body_of(kind, fields, world, new=False)
        # a pool's PUT names its members, which only an observation knows
        writer.replace(path, {"proxyIds": [], **replaced} if kind.name == "pool" else replaced)
    assert ("PUT", the_operation(rest, "PUT", path).path) in book.used


ADDED_BY_OBSERVATION = {
    ("job", "organizationId"),
    ("job", "selectedItems"),
    ("job", "excludedItems"),
    ("pool", "proxyIds"),
    ("repository", LINKED),
}


def keys_read(kind: Kind, rest: int) -> Iterator[str]:
    """The properties that the case files decode."""
    folder = Path(__file__).parents[2] / "kinds" / "cases"
    for file in sorted(folder.glob(f"{kind.name}.*.json")):
        document = json.loads(file.read_text(encoding="utf-8"))
        if document["field"] != "proxies" and kind.field(document["field"]).in_version(rest):
            for case in document["cases"]:
                yield from case.get("raw", {}) if rest in case["rest"] else ()


@pytest.mark.parametrize("rest", VERSIONS)
@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.collection], ids=lambda kind: kind.name)
def test_what_is_decoded_is_what_the_server_shows(kind: Kind, rest: int) -> None:
    if not kind.in_version(rest):
        return
    path = kind.collection if kind.singleton else f"{kind.collection}/{IDENT}"
    shown = properties(rest, the_operation(rest, "GET", path).answer)
    read = sorted(set(keys_read(kind, rest)))
    assert read
    assert [key for key in read if key not in shown and (kind.name, key) not in ADDED_BY_OBSERVATION] == []


@pytest.mark.parametrize("rest", [rest for rest in VERSIONS if rest < INSIDE])
def test_what_is_decoded_of_object_storage_is_what_the_server_shows(rest: int) -> None:
    shown = properties(rest, the_operation(rest, "GET", f"{OBJECT_STORAGE.collection}/{IDENT}").answer)
    folder = Path(__file__).parents[2] / "kinds" / "cases"
    read: set[str] = set()
    for file in sorted(folder.glob("repository.object_storage.*.json")):
        for case in json.loads(file.read_text(encoding="utf-8"))["cases"]:
            linked = case.get("raw", {}).get(LINKED) if rest in case["rest"] else None
            read |= linked.keys() if isinstance(linked, dict) else set()
    assert read
    assert sorted(read - shown.keys()) == []


# --- the checks themselves ---


def refused(rest: int, collection: str, body: Any) -> bool:
    schema = the_operation(rest, "POST", collection).body
    assert schema is not None
    return problems(rest, schema, body, sent=True) != []


def test_a_body_that_the_documents_refuse_is_refused() -> None:
    assert not refused(8, "Proxies", {"hostName": "px", "port": None, "operatingSystem": "Linux"})
    assert refused(8, "Proxies", {"hostName": 7})
    assert refused(8, "Proxies", {"hostname": "px"})
    assert refused(8, "Proxies", {"operatingSystem": "BeOS"})
    assert refused(8, "Proxies", {"id": "not a uuid"})
    assert refused(8, "Proxies", {"port": 2**31})
    assert refused(8, "Proxies", {"sshSettings": {"sshport": 22}})
    repository = {"retentionType": "ItemLevel"}
    assert not refused(8, "BackupRepositories", repository | {"objectStorage": {"type": "AmazonS3"}})
    assert not refused(8, "BackupRepositories", repository | {"objectStorage": None})
    assert refused(8, "BackupRepositories", repository | {"objectStorage": {"bucket": "x"}})
    assert refused(8, "BackupRepositories", repository | {"objectStorage": {"usedSpaceBytes": 1}})
    assert refused(8, "Jobs", {"name": "no repository"})


def test_a_request_that_the_documents_do_not_describe_fails() -> None:
    with session_with(ByTheBook(8), "v8") as session:
        with pytest.raises(AssertionError, match="is not in REST v8"):
            Reader(session).get("proxies/x")
        with pytest.raises(AssertionError, match="has no parameter"):
            Reader(session).list("Proxies", hostName="px")
        with pytest.raises(AssertionError, match="needs a body"):
            Writer(session).act(f"Proxies/{IDENT}", "Remove")
        with pytest.raises(AssertionError, match="takes no body"):
            Writer(session).act(f"Proxies/{IDENT}", "Rescan", {})
