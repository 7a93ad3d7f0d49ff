"""Small things of the server itself: which one it is, its internet proxy, its health."""

from __future__ import annotations

from typing import Any

from reconciler.lab.server.answer import EDIT, READ, missing, only
from reconciler.lab.server.call import Call
from reconciler.lab.server.proxy_model import INTERNET
from reconciler.lab.server.routes import Route
from reconciler.lab.server.shape import ANYTHING, FLAG, Property

INTERNET_PROXY = INTERNET.with_more(Property("useInternetProxy", FLAG), Property("_links", ANYTHING, "r"))
PARTS = {"NATS": "The NATS server", "PostgreSQL": "The configuration database"}


def instance(call: Call) -> Any:
    if call.rest <= 5 and not call.options.v5_service_instance:
        raise missing("Resource", "ServiceInstance")
    return {"installationId": call.api.state["installation"], "version": call.api.build}


def internet_proxy(call: Call) -> Any:
    settings = call.api.state["internet_proxy"]
    return INTERNET_PROXY.show(settings | {"_links": call.links(self="InternetProxySettings")}, call.rest)


def set_internet_proxy(call: Call) -> None:
    call.api.state["internet_proxy"].update(call.body(INTERNET_PROXY))


def health(call: Call) -> Any:
    states = {name: call.options.health.get(name, "Healthy") for name in PARTS}
    entries = {
        name: {"status": state, "description": f"{PARTS[name]} is {state.lower()}."} for name, state in states.items()
    }
    worst = "Healthy" if set(states.values()) == {"Healthy"} else "Unhealthy"
    return {"status": worst, "entries": entries}


ROUTES = (
    Route("GET", "ServiceInstance", instance, READ),
    Route("GET", "InternetProxySettings", internet_proxy, only(READ, 6, 7, 8)),
    Route("PUT", "InternetProxySettings", set_internet_proxy, only(EDIT, 6, 7, 8)),
    Route("GET", "Health", health, only(READ, 8)),
)
