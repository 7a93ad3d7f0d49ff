"""Items of jobs are added, changed and removed one by one, and nothing else may differ afterwards."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import pytest

from reconciler.apply import ApplyContext
from reconciler.apply.retry import with_retry
from reconciler.apply.steps import RUN, StepFailed
from reconciler.model.errors import ConnectionLost
from reconciler.model.steps import step_from_json
from tests.apply.fakes import FakeServer, fake_context

JOB = {"id": "1", "name": "daily", "backupType": "SelectedItems", "repositoryId": "r"}
ANN = {"id": "u-1", "displayName": "Ann", "name": "ann@example.com"}
FLAGS = {"mailbox": True, "archiveMailbox": False, "oneDrive": False, "personalSite": False}
USER = {"id": "i-1", "type": "User", "user": ANN, **FLAGS}
SITE = {"id": "i-2", "type": "Site", "site": {"id": "s-1", "url": "https://example.com/a"}}
MAIL = ["mailbox"]
Items = list[dict[str, Any]]


@dataclass
class Jobs(FakeServer):
    """Keeps the items of one job. After each request `then` happens; the answer to the first request may be `lost`."""

    selected: list[dict[str, Any]] = field(default_factory=list)
    excluded: list[dict[str, Any]] = field(default_factory=list)
    sent: list[tuple[str, str, Any]] = field(default_factory=list)
    lost: str = ""
    then: str = ""

    def get(self, path: str) -> dict[str, Any]:
        beside = {"selectedItems": self.selected, "excludedItems": self.excluded} if self.rest < 8 else {}
        return {**super().get(path), **copy.deepcopy(beside)}

    def list(self, path: str, **query: Any) -> Items:
        if not path.startswith("Jobs/"):
            return []
        assert self.rest >= 8
        return copy.deepcopy(self.selected if path.endswith("/SelectedItems") else self.excluded)

    def create(self, path: str, body: Any, *, query: Any = None) -> dict[str, Any]:
        assert query == ({"skipItemUpdate": "true"} if self.rest >= 8 else None)
        return self._done("POST", path, body, lambda items: items.append({"id": "i-9", **body[0]}))

    def replace(self, path: str, body: Any, *, query: Any = None) -> None:
        where, _, ident = path.rpartition("/")
        self._done("PUT", where, body, lambda items: self._one(items, ident).update(body))

    def delete(self, path: str, body: Any = None, *, query: Any = None) -> None:
        self._done("DELETE", path, query, lambda items: items.remove(self._one(items, query["ids"])))

    def _one(self, items: Items, ident: str) -> dict[str, Any]:
        return next(item for item in items if item["id"] == ident)

    def _done(self, method: str, path: str, body: Any, act: Any) -> dict[str, Any]:
        self.sent.append((method, path, body))
        items = self.selected if path.endswith("/SelectedItems") else self.excluded
        if self.lost != "before":
            act(items)
        if self.then:
            self.selected[0][self.then] = True
        if self.lost:
            self.lost = ""
            raise ConnectionLost("vbo01", f"{method} {path}", "reset")
        return {}


def context_of(server: Jobs) -> ApplyContext:
    server.objects["Jobs/1"] = dict(JOB)
    context = fake_context(server)
    context.naming.learn("job", "daily", "1")
    return context


def run(server: Jobs, verb: str, item: list[Any], *, exclude: bool = False) -> str | None:
    context = context_of(server)
    step = step_from_json(verb, {"name": "daily", "title": "it", "item": item, "exclude": exclude})
    done = with_retry(context, step, lambda: RUN[verb](context, step, lambda line: None), lambda line: None)
    assert context.first_reads.pending == []
    return done


def user(services: list[str], **more: Any) -> list[Any]:
    return [{"user": "ann@example.com", "services": services, **more}]


@pytest.mark.parametrize("rest", [5, 6, 7, 8])
@pytest.mark.parametrize("exclude", [False, True])
def test_an_item_is_added(rest: int, exclude: bool) -> None:
    odd: Items = [{"id": "i-3", "type": "Team", "team": None}, {"id": "i-4", "type": "NotKnownYet"}]
    server = Jobs({}, rest=rest, selected=[dict(SITE), *odd])
    assert run(server, "job.item.add", user(MAIL, object=ANN), exclude=exclude) is None
    collection = "ExcludedItems" if exclude else "SelectedItems"
    assert server.sent == [("POST", f"Jobs/1/{collection}", [{"type": "User", "user": ANN, **FLAGS}])]


def test_an_item_that_is_there_is_not_added_twice() -> None:
    server = Jobs({}, selected=[dict(USER)])
    assert run(server, "job.item.add", user(MAIL, object=ANN)) == "it is there already"
    assert server.sent == []


def test_an_item_that_is_there_with_other_services_is_left_alone() -> None:
    server = Jobs({}, selected=[dict(USER)])
    with pytest.raises(StepFailed, match="was added meanwhile, with other services"):
        run(server, "job.item.add", user(["onedrive"], object=ANN))
    assert server.sent == []


@pytest.mark.parametrize("lost", ["before", "after"])
def test_an_item_whose_answer_is_lost_is_looked_for_and_not_added_twice(lost: str) -> None:
    server = Jobs({}, selected=[dict(SITE)], lost=lost)
    if lost == "before":
        with pytest.raises(ConnectionLost):
            run(server, "job.item.add", user(MAIL, object=ANN))
    else:
        run(server, "job.item.add", user(MAIL, object=ANN))
    assert len(server.sent) == 1
    assert len(server.selected) == (1 if lost == "before" else 2)


def test_nothing_is_selected_in_a_job_of_the_entire_organization() -> None:
    server = Jobs({})
    context = context_of(server)
    server.objects["Jobs/1"]["backupType"] = "EntireOrganization"
    step = step_from_json("job.item.add", {"name": "daily", "title": "it", "item": user(MAIL, object=ANN)})
    with pytest.raises(StepFailed, match="backs up the entire organization now"):
        RUN["job.item.add"](context, step, lambda line: None)
    assert server.sent == []


@pytest.mark.parametrize("lost", ["", "before", "after"])
def test_the_services_of_an_item_are_changed_and_the_rest_is_sent_as_it_was_read(lost: str) -> None:
    server = Jobs({}, selected=[{**USER, "eTag": 7}, dict(SITE)], lost=lost)
    assert run(server, "job.item.change", user(["mailbox", "onedrive"])) is None
    assert server.sent[0] == ("PUT", "Jobs/1/SelectedItems", {**USER, "oneDrive": True})
    assert server.selected[0]["oneDrive"] is True
    assert len(server.sent) == (2 if lost == "before" else 1)


@pytest.mark.parametrize("lost", ["", "before", "after"])
def test_an_item_is_removed_by_its_id(lost: str) -> None:
    server = Jobs({}, selected=[dict(USER), dict(SITE)], lost=lost)
    run(server, "job.item.remove", user(MAIL))
    assert server.sent[0] == ("DELETE", "Jobs/1/SelectedItems", {"ids": "i-1"})
    assert server.selected == [SITE]


def test_the_last_item_stays() -> None:
    server = Jobs({}, selected=[dict(USER)], excluded=[dict(USER)])
    with pytest.raises(StepFailed, match="it is the last item of the job"):
        run(server, "job.item.remove", user(MAIL))
    run(server, "job.item.remove", user(MAIL), exclude=True)
    assert (server.selected, server.excluded) == ([USER], [])


def test_an_item_that_is_gone_is_removed() -> None:
    server = Jobs({}, selected=[dict(SITE)])
    assert run(server, "job.item.remove", user(MAIL)) == "it did not exist any more"
    assert server.sent == []
    with pytest.raises(StepFailed, match=r"does not have user ann@example\.com any more"):
        run(server, "job.item.change", user(MAIL))


@pytest.mark.parametrize("verb", ["job.item.add", "job.item.change", "job.item.remove"])
def test_another_item_that_differs_afterwards_fails_the_step(verb: str) -> None:
    """With their flags: also those that this program does not know."""
    others: Items = [dict(SITE)] if verb == "job.item.add" else [{**SITE}, {**USER}]
    server = Jobs({}, selected=others, then="backupEverything")
    services = ["onedrive"] if verb == "job.item.change" else MAIL
    with pytest.raises(StepFailed, match="more differs than the plan shows: `selectedItems`"):
        run(server, verb, user(services, object=ANN))


def test_an_item_without_an_id_is_not_removed() -> None:
    nameless = {name: value for name, value in USER.items() if name != "id"}
    server = Jobs({}, selected=[nameless, dict(SITE)])
    with pytest.raises(StepFailed, match="does not show the id of the item"):
        run(server, "job.item.remove", user(MAIL))
    with pytest.raises(StepFailed, match="does not show the id of the item"):
        run(server, "job.item.change", user(["onedrive"]))


def test_a_name_that_may_mean_two_items_is_not_guessed() -> None:
    twin = {**USER, "id": "i-3", "user": {**ANN, "id": "u-2"}}
    server = Jobs({}, selected=[dict(USER), twin])
    with pytest.raises(StepFailed, match=r"several items that user ann@example\.com may mean"):
        run(server, "job.item.remove", user(MAIL))
    assert server.sent == []
