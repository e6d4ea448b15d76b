"""The report's page in a real browser: it draws, folds, prints and asks nobody for anything."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from floorbroker.journal.port import Verification
from floorbroker.posttrade.report_html import render_report
from tests.e2e.browser import CONTRAST, browser
from tests.unit.posttrade.sample_day import SampleDay

__all__ = ["browser"]

CHARTS = 9  # eight symbols and the profit


@pytest.fixture(scope="module")
def report_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    day = SampleDay()
    verification = Verification(records=len(day.scribe.records), head=day.scribe.head)
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(
        render_report(day.report(), bars=day.bars, verification=verification), encoding="utf-8"
    )
    return path


class Visit:
    """One page with everything that it said and asked for."""

    def __init__(self, browser: Browser, path: Path, **options: object) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page: Page = browser.new_page(**options)  # type: ignore[arg-type]  # by name
        self.page.on("console", lambda told: self.complaints.append(told.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("svg.main-svg", state="attached")

    def unfold(self) -> None:
        self.page.evaluate("document.querySelectorAll('details').forEach((d) => d.open = true)")
        self.page.wait_for_function(
            f"document.querySelectorAll('.chart .plot-container').length === {CHARTS}"
        )


@pytest.fixture
def visit(browser: Browser, report_file: Path) -> Iterator[Visit]:
    made = Visit(browser, report_file, viewport={"width": 1280, "height": 900})
    yield made
    made.page.close()


def test_every_chart_is_drawn_without_complaint_and_without_a_request(
    visit: Visit, report_file: Path
) -> None:
    visit.unfold()
    assert visit.complaints == []
    assert visit.requests == [report_file.as_uri()]
    assert visit.page.locator(".scatterlayer .points path").count() == 143  # every fill


def test_a_chart_is_drawn_when_its_section_is_unfolded(visit: Visit) -> None:
    charts = visit.page.locator(".chart.tall")
    drawn = visit.page.locator(".chart.tall .plot-container")
    assert (charts.count(), drawn.count()) == (CHARTS - 1, 1)  # the first symbol is open
    last = charts.last
    last.locator("xpath=ancestor::details[1]/summary").click()
    last.locator("svg.main-svg").first.wait_for()
    assert drawn.count() == 2


def test_sections_fold_and_unfold_by_keyboard(visit: Visit) -> None:
    orders = visit.page.locator(
        "section > details", has=visit.page.locator("h2", has_text="Orders")
    )
    assert not orders.locator("table").is_visible()
    orders.locator("summary").first.press("Enter")
    assert orders.locator("table").is_visible()
    orders.locator("summary").first.press("Enter")
    assert not orders.locator("table").is_visible()


def test_hovering_a_fill_shows_its_exact_values(visit: Visit) -> None:
    page = visit.page
    points = page.locator("details[open] .chart.tall .scatterlayer .points path")
    points.first.scroll_into_view_if_needed()
    box = points.first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_selector(".hoverlayer .hovertext")
    told = page.locator(".hoverlayer .hovertext").first.text_content() or ""
    assert "AAPL @ 18" in told
    assert "order o-" in told


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_legible_and_never_scrolls_sideways(
    browser: Browser, report_file: Path, scheme: str
) -> None:
    made = Visit(browser, report_file, viewport={"width": 400, "height": 900}, color_scheme=scheme)
    made.unfold()
    for width in (400, 800, 1400):
        made.page.set_viewport_size({"width": width, "height": 900})
        assert made.page.evaluate("document.documentElement.scrollWidth") == width
    assert made.page.evaluate(CONTRAST) == []
    assert made.complaints == []
    made.page.close()


def test_charts_follow_the_theme_and_paper_is_always_light(
    browser: Browser, report_file: Path
) -> None:
    made = Visit(browser, report_file, color_scheme="dark")
    page = made.page
    background = ".chart .main-svg"
    dark = page.locator(background).first.evaluate("(svg) => svg.style.background")
    page.emulate_media(color_scheme="light")
    page.wait_for_function(
        "(dark) => document.querySelector('.chart .main-svg').style.background !== dark", arg=dark
    )
    assert page.locator(background).first.evaluate("(svg) => svg.style.background") == (
        "rgb(255, 255, 255)"
    )
    page.emulate_media(color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert page.locator(background).first.evaluate("(svg) => svg.style.background") == (
        "rgb(255, 255, 255)"
    )
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() > 0
    page.close()


def test_it_prints_every_section(visit: Visit) -> None:
    assert len(visit.page.pdf()) > 50_000
    assert visit.complaints == []
