"""The internet proxy of a proxy, piece by piece: only what is declared is compared and changed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.by_hand import by_hand
from tests.scenarios.rehearsal import Rehearsal

pytestmark = pytest.mark.matrix

THROTTLE = "throttle: 100 Mbps"


@pytest.mark.parametrize("semantics", ["merge", "replace"])
def test_pieces(demo: Rehearsal, semantics: str) -> None:
    demo.set("server", f"put_proxies={semantics}")
    settings: dict[str, Any] = {"hostName": "web.example.com", "port": 8080, "useAuthentication": True}
    custom = {"useInternetProxy": True, "internetProxyType": "Custom"}
    with by_hand(demo) as hand:
        login = {"username": "web", "userPassword": "by hand"}
        body = custom | {"internetProxySettings": settings | login}
        found = hand.by_name("Proxies", "hostName", "px-lon-1.corp.example.com")
        hand.request("PUT", f"Proxies/{found['id']}", json=found | body)
    demo.replace(THROTTLE, f"{THROTTLE}\n    internet_proxy: {{host: web.example.com}}")
    assert demo.changes() == {}
    demo.replace("{host: web.example.com}", "{host: web.example.com, port: 3128}")
    assert demo.changes()["update:proxy.px-lon-1"] == {"internet_proxy.port": [8080, 3128]}
    demo.converges()
    with by_hand(demo) as hand:
        after = hand.by_name("Proxies", "hostName", "px-lon-1.corp.example.com")["internetProxySettings"]
    assert after == settings | {"port": 3128, "username": "web"}
    demo.replace("port: 3128}", "port: 3128, credentials: none}")
    assert demo.changes()["update:proxy.px-lon-1"] == {"internet_proxy.credentials": ["web", "none"]}
    demo.converges()
    demo.replace("{host: web.example.com, port: 3128, credentials: none}", "server")
    demo.converges()
