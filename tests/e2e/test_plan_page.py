"""The plan's page in a real browser: it draws, can be read, and asks nobody for anything."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from floorbroker.cli.root import run
from tests.e2e.browser import CONTRAST, browser

__all__ = ["browser"]

WORDS = (
    "plan pov --side sell --qty 100000 --symbol IBM --adv 5000000 --daily-vol 1.6% --rate 10% "
    "--end 10:30 --price 180 --spread 0.03 --html"
)


@pytest.fixture(scope="module")
def plan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "plan.html"
    assert run([*WORDS.split(), str(path)]) == 0
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_both_pictures_are_drawn_at_every_width_without_a_request(
    browser: Browser, plan_file: Path, width: int, scheme: str
) -> None:
    page = browser.new_page(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]  # one of the two above
    )
    asked: list[str] = []
    broken: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.goto(plan_file.as_uri())
    page.wait_for_function("document.querySelectorAll('.chart .plot-container').length === 2")
    assert broken == []
    assert asked == [plan_file.as_uri()]
    assert page.evaluate(CONTRAST) == []
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    assert page.locator(".attention.wanted").inner_text().startswith("14,530 of 100,000 shares")
    page.close()
