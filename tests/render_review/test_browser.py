"""The page in a real browser: nothing to scroll sideways, nothing in the console, nothing that needs a script."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.render.html import plan_html
from reconciler.render.style import Style
from tests.render_review.chromium import Chromium, executable, running
from tests.render_review.worlds import document, hostile, large

pytestmark = [pytest.mark.matrix, pytest.mark.skipif(executable() is None, reason="Chromium is not installed")]

WIDTHS = (390, 1280)


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """URLs of pages by name."""
    folder: Path = tmp_path_factory.mktemp("pages")
    plans = {
        "fleet": document(),
        "crowd": document(300),
        "hostile": hostile(),
        "large": large(500),
        "bare": {key: value for key, value in document().items() if key != "topology"},
        "quiet": {
            **document(),
            "changes": [],
            "problems": [],
            "refusals": [],
            "unknown": [],
            "reports": [],
            "lab": True,
        },
    }
    for name, plan in plans.items():
        (folder / f"{name}.html").write_text(plan_html(plan, Style()), encoding="utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in plans}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["fleet", "crowd", "hostile", "large", "bare", "quiet"])
def test_nothing_is_wider_than_the_window_and_the_console_is_empty(
    browser: Chromium, pages: dict[str, str], name: str, width: int
) -> None:
    page = browser.show(pages[name], width=width)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true })")
    assert page.evaluate("innerWidth") == width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.complaints == []
    assert [url for url in page.requests if not url.startswith(("file:", "data:"))] == []


def test_a_console_that_is_not_empty_would_be_noticed(browser: Chromium) -> None:
    noisy = browser.show("data:text/html,<meta charset=utf-8><script>console.error(1); missing()</script>", width=390)
    assert len(noisy.complaints) == 2


def test_hostile_names_are_text(browser: Chromium, pages: dict[str, str]) -> None:
    page = browser.show(pages["hostile"], width=1280)
    text = page.evaluate("document.body.textContent")
    for name in (
        "<script>alert(1)</script>",
        "\"quoted\" & 'single'",
        "</details></details><img src=x onerror=alert(1)>",
    ):
        assert name in text
    assert "\u05e9\u05dc\u05d5\u05dd-\u0639\u0631\u0628\u064a" in text
    assert page.evaluate("document.querySelectorAll('script, img, iframe, object, [onerror]').length") == 0


def test_the_page_is_whole_without_scripts(browser: Chromium, pages: dict[str, str]) -> None:
    text = "document.body.innerText + document.querySelectorAll('.card').length"
    with_scripts = browser.show(pages["fleet"], width=1280).evaluate(text)
    without = browser.show(pages["fleet"], width=1280, scripts=False).evaluate(text)
    assert without == with_scripts
    assert without.startswith("Plan of corp")
    assert without.endswith(str(len(document()["changes"])))


def test_each_width_has_the_picture_that_fits(browser: Chromium, pages: dict[str, str]) -> None:
    shown = (
        "[...document.querySelectorAll('figure > svg')].filter(part => part.clientWidth).map(part => part.classList[0])"
    )
    assert browser.show(pages["fleet"], width=390).evaluate(shown) == ["tall"]
    assert browser.show(pages["fleet"], width=1280).evaluate(shown) == ["wide"]


@pytest.mark.parametrize("width", WIDTHS)
def test_labels_fit_into_their_boxes(browser: Chromium, pages: dict[str, str], width: int) -> None:
    page = browser.show(pages["crowd"], width=width)
    over = """
        [...document.querySelectorAll('svg.box')]
            .filter(box => box.getClientRects().length)
            .filter(box => [...box.querySelectorAll('text')].some(text => {
                const found = text.getBBox()
                return found.x + found.width > +box.getAttribute('width')
            }))
            .map(box => box.textContent)
    """
    assert page.evaluate("document.querySelectorAll('svg.box').length") > 100
    assert page.evaluate(over) == []


def test_a_link_of_the_table_opens_the_card(browser: Chromium, pages: dict[str, str]) -> None:
    page = browser.show(pages["fleet"] + "#c20", width=1280)
    assert page.evaluate("document.querySelector('#c20').closest('details').open") is True


def test_dark_and_light_differ(browser: Chromium, pages: dict[str, str]) -> None:
    paint = "getComputedStyle(document.body).backgroundColor"
    light = browser.show(pages["fleet"], width=1280).evaluate(paint)
    dark = browser.show(pages["fleet"], width=1280, dark=True).evaluate(paint)
    assert light != dark


def test_changes_are_filtered_by_their_words(browser: Chromium, pages: dict[str, str]) -> None:
    page = browser.show(pages["crowd"], width=1280)
    shown = "[...document.querySelectorAll('.changes tbody tr, .card')].filter(part => part.clientHeight).length"
    everything = page.evaluate(shown)
    type_ = "(text => { const box = document.querySelector('.filter input'); box.value = text;"
    type_ += " box.dispatchEvent(new Event('input')); return document.querySelector('.filter output').textContent })"
    changes = len(document(300)["changes"])
    runs = sum(change["address"] == "job.tailspin-1-daily" for change in document(300)["changes"])
    assert page.evaluate(f"{type_}('TAILSPIN-1-daily run')").endswith(f" of {changes} changes")
    assert 0 < page.evaluate(shown) < everything
    assert page.evaluate(f"{type_}('job.tailspin-1-daily')").startswith(f"{runs} of ")
    assert page.evaluate(f"{type_}('')") == ""
    assert page.evaluate(shown) == everything
    assert page.complaints == []


def test_rows_of_alike_changes_are_filtered_one_by_one(browser: Chromium, pages: dict[str, str]) -> None:
    page = browser.show(pages["large"], width=1280)
    type_ = "(text => { const box = document.querySelector('.filter input'); box.value = text;"
    type_ += " box.dispatchEvent(new Event('input')); return document.querySelector('.filter output').textContent })"
    shown = "[...document.querySelectorAll('.members tbody tr, .changes tbody tr')].filter(part => part.clientHeight)"
    first = large(500)["changes"][0]
    assert page.evaluate(f"{type_}('{first['address']}')") == "1 of 500 changes"
    assert page.evaluate(f"{shown}.length") == 2, "its row, and that of its group"
    assert page.evaluate(f"{type_}('nowhere')") == "0 of 500 changes"
    assert page.evaluate(f"{shown}.length") == 0
    assert page.evaluate(f"{type_}('create')") != "0 of 500 changes"
    assert page.complaints == []


def test_without_scripts_there_is_no_field_that_does_nothing(browser: Chromium, pages: dict[str, str]) -> None:
    page = browser.show(pages["crowd"], width=1280, scripts=False)
    assert page.evaluate("document.querySelector('.filter')") is None
    assert page.evaluate("document.querySelectorAll('.card').length") == len(document(300)["changes"])


@pytest.mark.parametrize("dark", [False, True])
def test_paper_is_light_and_shows_every_detail(browser: Chromium, pages: dict[str, str], dark: bool) -> None:
    page = browser.show(pages["crowd"], width=794, dark=dark, media="print")
    assert page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ink')").strip() == "#1b2128"
    assert page.evaluate("[...document.querySelectorAll('.card .body')].filter(part => !part.clientHeight).length") == 0
    assert page.evaluate("document.querySelector('.filter').clientHeight") == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 794
