"""From a request to its answer: version, faults, login, route, body, handler, state saved, answer."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from reconciler.lab.server import tokens
from reconciler.lab.server.answer import Answer, ApiError, invalid, not_in_the_lab
from reconciler.lab.server.api import Api
from reconciler.lab.server.call import Call, Request, Rows
from reconciler.lab.server.documented import check_body, check_query, without_empty_enums
from reconciler.lab.server.faults import Faults, WireFault, due
from reconciler.lab.server.paging import collection
from reconciler.lab.server.routes import Found, Route, Router
from reconciler.lab.server.unknown import product_has
from reconciler.model.version import rest_number, version_numbers

log = logging.getLogger(__name__)
UNKNOWN = "(unknown)"
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class Dispatcher:
    """Answers requests, one thread each."""

    def __init__(self, api: Api, router: Router) -> None:
        self.api = api
        self.router = router

    def answer(self, request: Request) -> Answer:
        """Raises `WireFault` where the connection is to be broken instead."""
        head, _, path = request.path.partition("/")
        rest = rest_number(head)
        found = self._find(rest, request.method, path)
        status = 0
        try:
            answer = self._guarded(request, rest, path, found)
            status = answer.status
        finally:
            template = f"/v{rest}/{found.route.path}" if found and found.route else UNKNOWN
            self.api.count(request.method, template, status, login=path.lower() == "token")
        return answer

    def _find(self, rest: int, method: str, path: str) -> Found | None:
        try:
            return self.router.find(rest, method, path)
        except LookupError:
            return None

    def _guarded(self, request: Request, rest: int, path: str, found: Found | None) -> Answer:
        try:
            with self.api.lock:
                if rest not in self.api.state["served"]:
                    return Answer(404)
                faults = due(self.api.state.setdefault("faults", []), request.method, path, self.api.work)
            if faults.gateway is None:
                return self._answer(request, rest, path, found, faults)
            return self._behind_gateway(faults.gateway, lambda: self._answer(request, rest, path, found, faults))
        except WireFault:
            raise
        except Exception as error:  # a bug of the lab must not look like the product's behaviour
            log.exception("%s %s failed in the lab", request.method, request.path)
            self.api.work.bugs.append(error)
            return Answer(500, {"message": f"The lab itself failed: {type(error).__name__}: {error}"})

    def _behind_gateway(self, seconds: float, answer: Callable[[], Answer]) -> Answer:
        """The answer, or the timeout of the gateway."""
        answers: SimpleQueue[Answer] = SimpleQueue()

        def work() -> None:
            with suppress(WireFault):
                answers.put(answer())

        self.api.work.spawn(work)
        try:
            return answers.get(timeout=seconds)
        except Empty:
            return Answer(504)

    def _answer(self, request: Request, rest: int, path: str, found: Found | None, faults: Faults) -> Answer:
        try:
            faults.strike("before")
            answer = self._work(request, rest, path, found, faults)
            if self.api.options.null_enums == "left out":
                answer.body = without_empty_enums(rest, answer.body)
            faults.bend(answer, rest)
            faults.strike("after")
            return answer
        except ApiError as error:
            body = error.body_in(rest)
            if self.api.options.null_enums == "left out":
                body = without_empty_enums(rest, body)
            return Answer(error.status_in(rest), body, error.headers)

    def _work(self, request: Request, rest: int, path: str, found: Found | None, faults: Faults) -> Answer:
        user = ""
        if not (found and found.route and found.route.anonymous):
            with self.api.lock:
                login = tokens.authenticate(self.api, request, rest, faults)
            if login is None:
                return Answer(401)
            user = login
        if product_has(rest, version_numbers(self.api.build), request.method, path):
            raise not_in_the_lab(f"{request.method} /v{rest}/{path}")
        if found is None:
            raise ApiError(f"No HTTP resource was found that matches the path '/v{rest}/{path}'.", status=404)
        if found.route is None:
            message = f"The requested resource does not support the method '{request.method}'."
            raise ApiError(message, status=405, headers={"Allow": ", ".join(found.allowed)})
        route = found.route
        check_query(rest, route, request.query)
        raw, options = json_of(request, route), self.api.options
        if options.request_bodies == "documented" and raw is not None:
            check_body(rest, route, raw)
        call = Call(self.api, rest, route, found.params, request, options, faults, raw, user)
        try:
            answer = self._handle(call)
            with self.api.lock:
                faults.affect(self.api.state, found.params.values())
            return answer
        finally:
            if request.method != "GET":
                self.api.save()

    def _handle(self, call: Call) -> Answer:
        if call.route.slow:
            result = call.route.handler(call)
            with self.api.lock:
                return finish(call, result)
        with self.api.lock:
            return finish(call, call.route.handler(call))


def json_of(request: Request, route: Route) -> Any:
    """The body as JSON; the token endpoint reads its body itself, since it may be a form."""
    if route.anonymous or not request.body.strip():
        return None
    try:
        found = json.loads(request.body)
        if _ESCAPED_SURROGATE.search(request.body):
            json.dumps(found, ensure_ascii=False).encode()  # a pair is a character, a single one is none
    except ValueError:
        raise invalid("The request body is not valid JSON.") from None
    return found


def finish(call: Call, result: Any) -> Answer:
    """What a handler gave, as an answer. Nested references into the state are rendered by now or copied on the wire."""
    if isinstance(result, Answer):
        return result
    status = call.route.status[call.rest]
    if isinstance(result, Rows):
        return Answer(status, collection(call, result))
    return Answer(status, None if status == 204 else result)
