"""Pages in a real browser: they move, they complain of nothing, everybody can use them."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sim.exploration.case import CaseSearch
from sim.report.html.app_pages import app_run_page
from sim.report.html.cases import case
from sim.report.html.page import html_of
from sim.runs.keep import file_of
from sim.runs.replay import Allowed
from tests.helpers.applications import FOLDER, subject
from tests.helpers.browser import axe, chromium
from tests.helpers.made_reports import EVIL, evil, hop, page, timed

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver


@pytest.fixture(scope="module")
def browser() -> "Iterator[WebDriver]":
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    cases = case(hop(), "The hop"), case(timed(), "In time")
    (folder / "two.html").write_text(page(*cases), encoding="utf-8")
    (folder / "app.html").write_text(application(), encoding="utf-8")
    (folder / "evil.html").write_text(page(case(evil(), EVIL), title=EVIL), encoding="utf-8")
    return folder


def application() -> str:
    """The page of a failure of somebody's own application."""
    found = CaseSearch(subject("guarded:app", "/ws send:hi, close"), lambda _: None).run()
    made = file_of(next(iter(found.failing.values())))
    return html_of(app_run_page(made, Allowed(app="guarded:app", app_dir=str(FOLDER))))


@pytest.fixture
def two(browser: "WebDriver", pages: Path) -> "WebDriver":
    browser.get((pages / "two.html").as_uri())
    return browser


def at(browser: "WebDriver", name: str = "run-1") -> int:
    return int(browser.execute_script(f"return document.getElementById('{name}').dataset.at"))


def click(browser: "WebDriver", go: str, name: str = "run-1") -> None:
    browser.execute_script(f"document.querySelector('#{name} button[data-go=\"{go}\"]').focus()")
    browser.switch_to.active_element.click()


def press(browser: "WebDriver", key: str) -> None:
    browser.switch_to.active_element.send_keys(key)


def shown(browser: "WebDriver", css: str) -> str:
    found: Any = browser.find_elements("css selector", css)
    return str(found[0].text)


def test_a_click_moves_both_runs_one_moment_on(two: "WebDriver") -> None:
    click(two, "first")
    assert at(two) == 0
    click(two, "on")
    assert at(two) == 1
    told = case(hop(), "x").runs[0].walk.moments[1]
    assert f"2. {told.task} {told.what}" in shown(two, "#run-1 .now")
    assert two.execute_script(
        "return [...document.querySelectorAll('#run-1 tr.current')].map(r => r.rowIndex)"
    ) == [2, 2]


def test_keys_move_and_stop_at_both_ends(two: "WebDriver") -> None:
    from selenium.webdriver.common.keys import Keys

    click(two, "first")
    press(two, Keys.ARROW_LEFT)
    assert at(two) == 0
    press(two, Keys.ARROW_RIGHT)
    press(two, Keys.ARROW_RIGHT)
    assert at(two) == 2
    press(two, Keys.END)
    length = case(hop(), "x").length
    assert at(two) == length - 1
    press(two, Keys.ARROW_RIGHT)
    assert at(two) == length - 1
    press(two, Keys.HOME)
    assert at(two) == 0


def test_the_slider_moves_by_keys_once_and_not_twice(two: "WebDriver") -> None:
    from selenium.webdriver.common.keys import Keys

    click(two, "first")
    two.execute_script("document.querySelector('#run-1 input').focus()")
    press(two, Keys.ARROW_RIGHT)
    assert at(two) == 1


def test_keys_move_the_page_of_an_application_and_show_the_users_line(
    browser: "WebDriver", pages: Path
) -> None:
    from selenium.webdriver.common.keys import Keys

    browser.get((pages / "app.html").as_uri())
    click(browser, "first")
    press(browser, Keys.ARROW_RIGHT)
    assert at(browser) == 1
    press(browser, Keys.END)
    assert "guarded.py, line " in shown(browser, "#run-1 .code figcaption")


def test_each_case_moves_for_itself_and_begins_where_its_runs_part(two: "WebDriver") -> None:
    click(two, "first")
    found = case(timed(), "x")
    assert at(two, "run-2") == found.begin == found.parting
    assert at(two, "run-1") == 0


def test_the_handlers_line_stands_beside_the_moment(two: "WebDriver") -> None:
    moments = case(hop(), "x").runs[0].walk.moments
    check = next(n for n, one in enumerate(moments) if one.where == "sim.sut.loop:67")
    click(two, "first")
    two.execute_script(
        f"document.querySelector('#run-1 .dot[data-at=\"{check}\"]')"
        ".dispatchEvent(new Event('click'))"
    )
    assert shown(two, "#run-1 .code figcaption") == "sim/sut/loop.py, line 67"
    assert "guard.final" in shown(two, "#run-1 .code mark")


def test_the_cursor_stands_over_the_dot_of_its_moment(two: "WebDriver") -> None:
    click(two, "last")
    places = two.execute_script(
        "const run = document.querySelector('#run-1 .run');"
        "const cursor = run.querySelector('.cursor').getBoundingClientRect();"
        "const rows = run.querySelectorAll('tbody tr').length;"
        "const dot = run.querySelector(`.dot[data-at='${rows - 1}']`).getBoundingClientRect();"
        "return [cursor.left, dot.left, dot.right, cursor.right]"
    )
    assert places == sorted(places)


def test_a_browser_complains_of_nothing_and_a_hostile_page_runs_nothing(
    browser: "WebDriver", pages: Path
) -> None:
    for name in ("two.html", "app.html", "evil.html"):
        browser.get((pages / name).as_uri())
        assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]
        assert browser.execute_script("return document.querySelectorAll('img').length") == 0
        assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert at(browser) >= 0


def test_without_a_script_the_tables_stand_open(pages: Path, browser: "WebDriver") -> None:
    text = (pages / "two.html").read_text(encoding="utf-8")
    plain = pages / "plain.html"
    plain.write_text(text.replace("'unsafe-inline'; img", "'none'; img"), encoding="utf-8")
    browser.get(plain.as_uri())
    assert shown(browser, "#run-1 tbody tr:last-child").startswith(
        str(len(case(hop(), "x").runs[0].walk.moments))
    )
    assert shown(browser, "#run-1 .controls") == ""


def test_what_is_folded_is_open_on_paper(two: "WebDriver") -> None:
    closed = "return document.querySelectorAll('details:not([open])').length"
    before = two.execute_script(closed)
    two.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert two.execute_script(closed) == 0
    two.execute_script("dispatchEvent(new Event('afterprint'))")
    assert two.execute_script(closed) == before > 0


@pytest.mark.parametrize("name", ["two.html", "app.html"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious(dark: bool, name: str, pages: Path) -> None:
    source = axe()
    with chromium(dark) as found:
        found.get((pages / name).as_uri())
        found.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
        found.execute_script(source)
        violations = found.execute_async_script(
            "const done = arguments[0];"
            "axe.run(document).then(all => done(all.violations.map("
            "one => [one.impact, one.id, one.nodes[0].html])))"
        )
    assert [one for one in violations if one[0] in ("serious", "critical")] == []
    assert violations == []


@pytest.mark.parametrize("name", ["two.html", "app.html"])
def test_on_paper_tables_fit_the_page_and_no_state_is_broken_in_two(name: str, pages: Path) -> None:
    with chromium(width=794) as found:  # A4 at 96 dots per inch
        found.get((pages / name).as_uri())
        found.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        found.execute_script("dispatchEvent(new Event('beforeprint'))")
        tables = found.execute_script(
            "return [...document.querySelectorAll('table.moments')]"
            ".map(one => [one.getBoundingClientRect().right, innerWidth])"
        )
        broken = found.execute_script(
            "const lines = (cell) => { const all = document.createRange();"
            "all.selectNodeContents(cell); return all.getClientRects().length; };"
            "return [...document.querySelectorAll('table.moments td:nth-child(n+6)')]"
            ".filter(one => /^\\w+$/.test(one.textContent) && lines(one) > 1)"
            ".map(one => one.textContent)"
        )
    assert tables
    assert all(right <= room for right, room in tables), tables
    assert broken == []


@pytest.mark.parametrize("name", ["two.html", "app.html"])
def test_nothing_is_wider_than_a_telephone(name: str, pages: Path) -> None:
    with chromium(width=500) as found:
        found.get((pages / name).as_uri())
        wide, room = found.execute_script(
            "return [document.documentElement.scrollWidth, innerWidth]"
        )
    assert wide <= room
