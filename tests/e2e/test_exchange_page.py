"""The exchange's own page in a real browser: it tells the truth, obeys, and trusts no client."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from floorbroker.testbed import AlpacaExchange
from tests.e2e.browser import CONTRAST, browser

__all__ = ["browser"]
EVIL = "<img src=x onerror=window.pwned=1>\"'</script><script>window.pwned=1</script>"


def order(exchange: AlpacaExchange, key: str = "DESK", **fields: Any) -> Any:
    body = {"symbol": "AAPL", "side": "buy", "qty": "10", "type": "limit", "time_in_force": "day"}
    headers = {"APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": "s"}
    raw = json.dumps({**body, **fields}).encode()
    try:
        with urlopen(Request(f"{exchange.url}/v2/orders", raw, headers)) as answer:
            return json.load(answer)
    except HTTPError as refusal:
        raise AssertionError(refusal.read()) from None


class Visit:
    """One page with everything that it said and asked for."""

    def __init__(self, browser: Browser, exchange: AlpacaExchange, **options: Any) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page: Page = browser.new_page(**options)
        self.page.on("console", lambda told: self.complaints.append(told.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(f"{exchange.url}/_exchange")
        self.page.wait_for_selector("#figures div")

    def press(self, form: str, button: str, **fields: str) -> None:
        """Fill a control's form in, and press its button."""
        place = self.page.locator(f"form[data-path={form}]")
        for name, text in fields.items():
            field = place.locator(f"[name={name}]")
            if field.evaluate("(one) => one.tagName") == "SELECT":
                field.select_option(text)
            else:
                field.fill(text)
        place.get_by_role("button", name=button, exact=True).click()


@pytest.fixture
def visit(browser: Browser, alpaca_exchange: AlpacaExchange) -> Iterator[Visit]:
    alpaca_exchange.quote("AAPL", "187.00", "187.02", bid_size=300, ask_size=200)
    order(alpaca_exchange, limit_price="187.02", client_order_id="filled-1")
    order(alpaca_exchange, limit_price="187.00", client_order_id="resting-1")
    made = Visit(browser, alpaca_exchange, viewport={"width": 1440, "height": 900})
    yield made
    made.page.close()


def test_it_shows_the_market_the_orders_and_the_money(visit: Visit, alpaca_exchange: Any) -> None:
    page = visit.page
    expect(page.locator("#time")).to_have_text("10:00:00")
    expect(page.locator("#phase")).to_have_text("regular session")
    expect(page.locator("#until")).to_have_text("after hours at 16:00, in 6 h 0 min")
    expect(page.locator("#attention")).to_contain_text("Nothing needs attention")
    cells = page.locator("#orders tbody tr").first.locator("td").all_text_contents()
    assert cells[:6] == [
        *("BUY", "10", "AAPL", "limit 187.00 day", "0", "new: resting, 300 ahead"),
    ]
    cells = page.locator("#symbols tbody tr").first.locator("td").all_text_contents()
    assert cells[:5] == ["AAPL", "300", "187.00", "187.02", "190"]
    assert "187.02" in (page.locator("#fills tbody tr").first.text_content() or "")
    expect(page.locator("#accounts tbody tr")).to_contain_text(["DESK"])
    cells = page.locator("#positions tbody tr").first.locator("td").all_text_contents()
    assert cells == ["AAPL", "10", "187.02", "1,870.10", "DESK"]
    assert visit.complaints == []
    own = (f"{alpaca_exchange.url}/_exchange", "data:")
    assert all(request.startswith(own) for request in visit.requests)


def test_it_follows_the_exchange_by_itself(visit: Visit, alpaca_exchange: AlpacaExchange) -> None:
    alpaca_exchange.quote("AAPL", "186.90", "186.95")
    expect(visit.page.locator("#orders .empty")).to_have_text("No order is open.")
    expect(visit.page.locator("#fills tbody tr")).to_have_count(2)


def test_the_controls_do_what_they_say(visit: Visit, alpaca_exchange: AlpacaExchange) -> None:
    page = visit.page
    visit.press("halt", "Apply", symbol="AAPL", halted="true")
    expect(page.locator("#attention")).to_contain_text("AAPL is halted. 1 open order")
    visit.press("halt", "Apply", symbol="AAPL", halted="false")
    expect(page.locator("#attention")).to_contain_text("Nothing needs attention")
    visit.press("quote", "Set quote", bid_price="180", ask_price="181")
    expect(page.locator("#symbols tbody tr").first).to_contain_text("181.00")
    visit.press("trade", "Print", price="180.5", size="7")
    expect(page.locator("#symbols tbody tr").first).to_contain_text("180.50")
    visit.press("clock", "Move the clock", advance="90")
    expect(page.locator("#time")).to_have_text("10:01:30")
    page.get_by_role("button", name="next phase").click()
    expect(page.locator("#phase")).to_have_text("after hours")
    page.get_by_role("button", name="next phase").click()
    expect(page.locator("#phase")).to_have_text("overnight")
    visit.press("quote", "Set quote", bid_price="-1")
    expect(page.locator("form[data-path=quote] .said")).to_contain_text("Refused: bid_price")
    reset = page.get_by_role("button", name="Reset the exchange")
    expect(reset).to_be_disabled()
    page.get_by_label("I want to lose all orders").check()
    reset.click()
    expect(page.locator("#accounts .empty")).to_contain_text("No account yet")
    expect(reset).to_be_disabled()
    assert alpaca_exchange.fills() == []
    assert [each for each in visit.complaints if "422" not in each] == []


def test_the_curl_lines_say_what_the_form_says(visit: Visit, alpaca_exchange: Any) -> None:
    line = visit.page.locator("form[data-path=trade] .curl code")
    visit.page.locator("form[data-path=trade] [name=symbol]").fill("O'X")
    quoted = """{"symbol":"O'\\''X","price":"187.01","size":"100"}"""
    assert line.text_content() == f"curl -s {alpaca_exchange.url}/_exchange/trade -d '{quoted}'"


def test_what_clients_send_is_text_and_never_markup(
    browser: Browser, alpaca_exchange: AlpacaExchange
) -> None:
    alpaca_exchange.quote("AAPL", "187.00", "187.02")
    order(alpaca_exchange, key="<b>K</b>", limit_price="187.00", client_order_id=EVIL)
    order(alpaca_exchange, key="<b>K</b>", limit_price="187.02", client_order_id=EVIL + "2")
    alpaca_exchange.faults([{"kind": "server_error", "path": "/<img src=x onerror=alert(1)>"}])
    made = Visit(browser, alpaca_exchange)
    page = made.page
    expect(page.locator("#orders tbody tr")).to_contain_text(EVIL)
    expect(page.locator("#fills tbody tr")).to_contain_text(EVIL + "2")
    expect(page.locator("#accounts tbody tr")).to_contain_text("<b>K</b>")
    expect(page.locator("#faults tbody tr")).to_contain_text("<img src=x")
    assert page.locator("main img, main b:not(.attention b), main script").count() == 0
    assert page.evaluate("window.pwned") is None
    assert made.complaints == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_legible_and_never_scrolls_sideways(
    browser: Browser, alpaca_exchange: AlpacaExchange, scheme: str
) -> None:
    alpaca_exchange.quote("AAPL", "187.00", "187.02")
    order(alpaca_exchange, limit_price="187.00", client_order_id="c" * 128)
    order(alpaca_exchange, key="A-KEY-OF-MANY-LETTERS-" * 3, limit_price="187.02", qty="1000")
    alpaca_exchange.faults([{"kind": "server_error", "method": "PATCH", "path": "/v2/orders/*"}])
    made = Visit(browser, alpaca_exchange, color_scheme=scheme)
    for width in (360, 700, 1000, 1440):
        made.page.set_viewport_size({"width": width, "height": 900})
        assert made.page.evaluate("document.documentElement.scrollWidth") == width
        assert made.page.evaluate(CONTRAST) == []
    assert made.complaints == []
    made.page.close()


def test_a_lost_exchange_greys_the_page_and_says_since_when(
    browser: Browser, alpaca_exchange: AlpacaExchange
) -> None:
    made = Visit(browser, alpaca_exchange)
    made.page.route("**/_exchange/look", lambda route: route.abort())
    expect(made.page.locator("#link")).to_contain_text("no answer since")
    expect(made.page.locator("html")).to_have_class("lost")
    made.page.unroute("**/_exchange/look")
    expect(made.page.locator("#link")).to_contain_text("live")
    made.page.close()
