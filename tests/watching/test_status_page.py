"""The status page: what is open, of which server, since when."""

from __future__ import annotations

from pathlib import Path

from reconciler.model.errors import Unreachable
from reconciler.watching.http import Listening
from reconciler.watching.loop import Loop
from reconciler.watching.pages import application
from reconciler.watching.schedule import Schedule
from tests.watching.samples import World, observed, plan_of, update


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


def test_all_is_well(tmp_path: Path) -> None:
    assert "Everything is as declared" in page(World(tmp_path))


def test_each_server_has_the_page_of_its_drift(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.answers["corp"] = observed(plan_of([update("proxy.px-1", "throttle")]))
    assert "throttle" in page(world, "/plans/corp")
    assert page(World(tmp_path), "/plans/absent") == "Not found.\n"
