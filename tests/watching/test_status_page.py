"""The status page: what is open, of which server, since when."""

from __future__ import annotations

from pathlib import Path

from reconciler.model.errors import Unreachable
from reconciler.render.html.status import status_html
from reconciler.render.summary import LAB
from reconciler.watching.http import Listening
from reconciler.watching.loop import Loop
from reconciler.watching.pages import application, status_of
from reconciler.watching.schedule import Schedule
from tests.watching.samples import NOON, World, observed, plan_of, update


def page(world: World, path: str = "/") -> str:
    watcher = world.watcher("corp", "other")
    loop = Loop(watcher, Schedule(60), lambda: world.now)
    loop.run(once=True)
    world.later(hours=3)
    loop.run(once=True)
    world.later(minutes=1)
    answer = application(loop, Listening(), lambda: world.now)
    environ = {"PATH_INFO": path, "REQUEST_METHOD": "GET", "HTTP_HOST": "localhost"}
    return b"".join(answer(environ, lambda *_: None)).decode()


def test_what_is_open_is_shown_with_its_age_and_escaped(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.answers["corp"] = observed(plan_of([update("proxy.<b>", "throttle", "<script>", "on")]))
    shown = page(world)
    assert "1 open finding" in shown
    assert "3 h 1 min" in shown
    assert "&lt;script&gt; -&gt; on" in shown
    assert "<script" not in shown
    assert 'href="/plans/corp"' in shown


def test_a_server_that_cannot_be_observed_comes_first(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.answers["corp"] = Unreachable("vbo01", "connecting", "no route to host")
    shown = page(world)
    assert "1 server cannot be observed" in shown
    assert "vbo01: connecting: no route to host" in shown


def test_the_duration_is_that_of_the_observation_that_is_shown(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.answers["corp"] = [observed(plan_of()), Unreachable("vbo01", "connecting", "no route to host")]
    shown = page(world)
    assert "2026-11-02 12:00:00 UTC<br>" in shown
    assert "2026-11-02 15:00:00 UTC, in 0.0 s<br>" in shown


def test_a_server_with_drift_does_not_look_as_one_without(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.answers["corp"] = observed(plan_of([update("proxy.px-1", "throttle")]))
    shown = page(world)
    (corp,) = [row for row in shown.split("<tr>") if 'href="/plans/corp"' in row]
    (other,) = [row for row in shown.split("<tr>") if 'href="/plans/other"' in row]
    assert "1 open" in corp
    assert "s-create" not in corp
    assert "as declared" in other
    assert "s-create" in other


def test_a_server_that_was_not_observed_yet_is_not_as_declared(tmp_path: Path) -> None:
    watcher = World(tmp_path).watcher("corp")
    shown = status_html(status_of(watcher.states.values(), NOON))
    assert "not observed yet" in shown
    assert "as declared" not in shown


def test_what_is_found_in_the_lab_is_no_word_about_a_server(tmp_path: Path) -> None:
    assert LAB in page(World(tmp_path))


def test_all_is_well(tmp_path: Path) -> None:
    assert "Everything is as declared" in page(World(tmp_path))


def test_each_server_has_the_page_of_its_drift(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.answers["corp"] = observed(plan_of([update("proxy.px-1", "throttle")]))
    assert "throttle" in page(world, "/plans/corp")
    assert page(World(tmp_path), "/plans/absent") == "Not found.\n"
