"""What holds for every operation: queries that do not fit, links, methods, empty enumerations, names, items."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from reconciler.lab.server.routes import Router
from reconciler.lab.server.server import ROUTES
from tests.lab.server.world import Client, World

VERSIONS = (5, 6, 7, 8)
USER = {"type": "User", "user": {"id": "1", "displayName": "Ann", "name": "ann@contoso.onmicrosoft.com"}}


@pytest.fixture
def filled(world: World) -> World:
    repository = world.add_disk(world.add_proxy("win-1"))
    world.add_bucket(proxyPoolId=world.add_pool("lnx-1", "lnx-2"))
    world.add_job(repository, backupType="SelectedItems", selectedItems=[USER])
    return world


@pytest.mark.parametrize("rest", VERSIONS)
def test_every_link_leads_somewhere_and_every_action_is_there(filled: World, rest: int) -> None:
    filled.option(v5_service_instance=True)
    client, router = filled.client(rest), Router(ROUTES)
    waiting = sorted({route.path for route in ROUTES if route.method == "GET" and rest in route.status})
    waiting = [path for path in waiting if "{" not in path]
    seen, actions = set(waiting), 0
    while waiting:
        path = waiting.pop()
        path += (
            "?extendedView=false" if rest == 6 and path.partition("/")[0] == "Organizations" and "?" not in path else ""
        )
        answer = client.http.get(f"/v{rest}/{path}", headers={"Authorization": f"Bearer {client.token}"})
        assert answer.status_code == 200, path
        for kind, reference in references(answer.json()):
            target = urlsplit(reference)
            version, _, below = target.path.lstrip("/").partition("/")
            assert version == f"v{rest}"
            if kind == "uri":
                assert router.find(rest, "POST", below).route is not None, below
                actions += 1
            elif "setId" not in target.query and (link := f"{below}?{target.query}".rstrip("?")) not in seen:
                seen.add(link)
                waiting.append(link)
    assert len(seen) > 20
    assert (actions > 0) == (rest >= 6)


def references(node: Any) -> list[tuple[str, str]]:
    if isinstance(node, dict):
        own = [(name, node[name]) for name in ("href", "uri") if isinstance(node.get(name), str)]
        return own + [found for item in node.values() for found in references(item)]
    return [found for item in node for found in references(item)] if isinstance(node, list) else []


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("Organizations", {"limit": "many"}),
        ("Organizations", {"MSID": "none"}),
        ("JobSessions", {"endTimeUpperBound": "yesterday"}),
        ("Accounts", {"accountType": "bank"}),
        ("Accounts", {"organizationId": ""}),
    ],
)
def test_a_query_that_does_not_fit_is_refused(world: World, path: str, query: dict[str, str]) -> None:
    answer = world.client().send("GET", path, **query)
    assert (answer.status_code, next(iter(query)).lower() in answer.text.lower()) == (400, True)


@pytest.mark.parametrize("method", ["TRACE", "QUERY", "PATCH", "PROPFIND", "OPTIONS", "HEAD"])
def test_a_method_that_an_operation_does_not_have(world: World, method: str) -> None:
    answer = world.client().send(method, "Proxies/Rescan")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert method == "HEAD" or method in answer.json()["message"]


@pytest.mark.parametrize("rest", VERSIONS)
def test_an_enumeration_without_a_value_is_left_out_or_null(filled: World, rest: int) -> None:
    client = filled.client(rest)

    def shown() -> tuple[dict[str, Any], dict[str, Any]]:
        proxies = client.results("Proxies")
        return next(proxy for proxy in proxies if proxy["hostName"] == "win-1"), refusal(client)

    proxy, error = shown()
    assert not {"internetProxyType", "throttlingUnit", "errorCode"} & (set(proxy) | set(error))
    filled.option(null_enums="null")
    proxy, error = shown()
    assert ("internetProxyType" in proxy, "errorCode" in error) == (rest >= 6, rest >= 7)
    assert (proxy.get("internetProxyType"), error.get("errorCode")) == (None, None)


def refusal(client: Client) -> dict[str, Any]:
    """Of a conflict, which has no code before v8; in v8 of a method."""
    body: dict[str, Any] = client.send("PATCH", "Proxies").json()
    return body


@pytest.mark.parametrize("name", ["", " "])
def test_nothing_is_named_by_nothing(filled: World, name: str) -> None:
    client = filled.client()
    for collection, key in (("Jobs", "jobs"), ("ProxyPools", "pools"), ("BackupRepositories", "repositories")):
        ident = next(iter(filled.document.data[key]))
        for method, path in (("POST", collection), ("PUT", f"{collection}/{ident}")):
            answer = client.send(method, path, {"name": name})
            assert (answer.status_code, "name" in answer.text) == (400, True), path


@pytest.mark.parametrize("item", [{}, {"type": "User"}, {"type": "Group", "group": {}}, {"type": "Site", "user": USER}])
def test_items_that_name_nothing(filled: World, item: dict[str, Any]) -> None:
    job = next(iter(filled.document.data["jobs"]))
    answer = filled.client().send("POST", f"Jobs/{job}/SelectedItems", [item])
    assert (answer.status_code, "item" in answer.text) == (400, True)


@pytest.mark.parametrize("path", ["Jobs/{job}/start", "Organizations/{organization}/Sync"])
def test_a_body_that_is_required(filled: World, path: str) -> None:
    ids = {name: next(iter(filled.document.data[f"{name}s"])) for name in ("job", "organization")}
    for rest in (6, 7, 8):
        if rest >= 7 or "Jobs" in path:
            assert filled.client(rest).send("POST", path.format(**ids)).status_code == 400


def test_null_where_the_documents_allow_none(filled: World) -> None:
    filled.option(request_bodies="documented")
    assert filled.client().send("POST", "Proxies/Rescan", {"proxies": [{"id": None}]}).status_code == 400
