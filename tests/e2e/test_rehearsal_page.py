"""The page of a rehearsed rebalance in a real browser: first the verdict, then the pictures."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.browser import CONTRAST, browser
from tests.e2e.prompt import Prompt, leave_no_settings
from tests.e2e.rehearsal import bars, rehearse

__all__ = ["browser"]


@pytest.fixture
def report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Path:
    leave_no_settings(monkeypatch, tmp_path / "home")
    rehearse(Prompt(tmp_path, capsys), bars(tmp_path), "--yes")
    return tmp_path / "out" / "report.html"


@pytest.fixture(params=["light", "dark"])
def visit(
    browser: Browser, report: Path, request: pytest.FixtureRequest
) -> Iterator[tuple[Page, list[str]]]:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme=request.param)
    told: list[str] = []
    page.on("console", lambda line: told.append(line.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda asked: told.append(asked.url))
    page.goto(report.as_uri())
    page.wait_for_selector("svg.main-svg", state="attached")
    yield page, told
    page.close()


def test_the_verdict_the_figures_and_both_pictures_stand_first(
    visit: tuple[Page, list[str]], report: Path
) -> None:
    page, told = visit
    assert told == [report.as_uri()]
    title = page.locator("h1").text_content() or ""
    assert title.startswith("2 of 2 names as planned by vwap: ")
    assert "bps against arrival" in title
    assert page.locator(".badge").text_content() == "SIMULATED"
    assert page.locator(".figures > div").count() == 5
    findings = page.locator(".chart-box h3").all_text_contents()
    assert findings[0].startswith("Half was done by ")
    assert "cost most against arrival" in findings[1]
    page.wait_for_function("document.querySelectorAll('.chart .plot-container').length >= 2")
    assert page.locator(".barlayer .point").count() == 2
    rows = page.locator("section").first.locator("tbody tr")
    assert rows.count() == 2
    assert page.evaluate(CONTRAST) == []
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= page.evaluate("window.innerWidth")
