"""The scene says what broke and how it came out, and counts what we hold and what it is worth."""

from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from floorbroker.clock import NS_PER_S
from floorbroker.demo.run import Event
from floorbroker.demo.scene import Scene, order_words, short
from floorbroker.demo.screen import Screen

OPEN_NS = 1_780_320_600 * NS_PER_S  # 2026-06-01, 09:30 New York
CLOSE_NS = OPEN_NS + 390 * 60 * NS_PER_S


def order(number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "cl_ord_id": f"demo-7-{number:02d}",
        "side": "buy",
        "symbol": "AAPL",
        "ord_type": "limit",
        "time_in_force": "day",
        "order_qty": "100",
        "notional": None,
        "price": "187.20",
        "stop_px": None,
        "trail_amount": None,
        "trail_percent": None,
        "ord_status": "new",
        "cum_qty": "0",
        "avg_px": None,
        "fills": [],
        **changes,
    }


def filled(qty: str = "100", px: str = "187", **changes: Any) -> dict[str, Any]:
    fill = {"last_qty": qty, "last_px": px}
    return order(ord_status="filled", cum_qty=qty, avg_px=px, fills=[fill], **changes)


def tell(scene: Scene, kind: str, minute: int = 0, **facts: Any) -> str | None:
    return scene.take(Event(kind=kind, facts=facts, market_ns=OPEN_NS + minute * 60 * NS_PER_S))


def update(scene: Scene, of: dict[str, Any], kind: str, **message: Any) -> str | None:
    return tell(scene, "update", order=of, message={"type": kind, **message})


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    tell(
        scene,
        "exchange",
        minute=-30,
        url="http://127.0.0.1:1",
        market="a/folder/AMZN.csv, 2026-06-01",
        speed=900,
        open_ns=OPEN_NS,
        close_ns=CLOSE_NS,
    )
    return scene


def test_the_day_has_its_bells_and_the_time_left(scene: Scene) -> None:
    assert scene.market_name == "AMZN.csv, 2026-06-01"
    assert (scene.market_time, scene.progress) == ("09:00", 0.0)
    assert scene.left == "0:30 to the open, 28 s here"
    tell(scene, "marks", minute=195, marks={})
    assert (scene.market_time, scene.progress) == ("12:45", 0.5)
    assert scene.left == "3:15 to the close, 13 s here"
    tell(scene, "marks", minute=391, marks={})
    assert scene.progress == 1.0
    assert "after the close" in scene.left


def test_an_unknown_order_calls_for_attention_until_it_is_resolved(scene: Scene) -> None:
    update(scene, order(ord_status="unknown"), "RequestUnanswered", text="504")
    assert scene.unknown == ["demo-7-01"]
    told = update(scene, order(), "ExecutionReport", source="lookup", last_qty=None)
    assert told == "#01 BUY 100 AAPL: found by its id; it is new"
    assert scene.unknown == []
    assert scene.resolved == 1
    assert [text for _, text in scene.troubles][-1] == told


def test_an_order_that_was_never_placed_is_said_to_be_so(scene: Scene) -> None:
    update(scene, order(ord_status="unknown"), "RequestUnanswered", text="504")
    told = update(scene, order(ord_status="not_placed"), "OrderNotPlaced", text="evidence")
    assert told is not None
    assert "never placed" in told


def test_a_fill_that_the_stream_did_not_tell_counts_as_repaired(scene: Scene) -> None:
    told = update(
        scene, filled(), "ExecutionReport", source="activity", last_qty="100", last_px="187"
    )
    assert told == "#01 BUY 100 AAPL: missed fill of 100 at 187.00 found and booked"
    assert scene.repaired == 1


def test_an_ordinary_end_is_a_line_and_no_trouble(scene: Scene) -> None:
    told = update(scene, filled(), "ExecutionReport", source="stream", last_qty="100")
    assert told == "#01 BUY 100 AAPL: filled 100 at 187.0000"
    assert scene.troubles == []
    again = update(scene, filled(), "ExecutionReport", source="poll", last_qty=None)
    assert again is None


def test_an_order_that_was_cut_short_says_how_far_it_came(scene: Scene) -> None:
    cut = {**filled("40"), "ord_status": "canceled"}
    told = update(scene, cut, "ExecutionReport", source="stream", last_qty=None)
    assert told == "#01 BUY 100 AAPL: canceled after 40 at 187.0000"


def test_gains_are_marked_with_the_last_price(scene: Scene) -> None:
    update(scene, filled(), "ExecutionReport", source="stream", last_qty="100")
    assert scene.holdings()["AAPL"] == (Decimal(100), Decimal(0))
    tell(scene, "marks", marks={"AAPL": "188.5"})
    sold = filled("40", "189", number=2, side="sell")
    update(scene, sold, "ExecutionReport", source="stream", last_qty="40")
    assert scene.holdings()["AAPL"] == (
        Decimal(60),
        Decimal(-18_700 + 7_560) + 60 * Decimal("188.5"),
    )
    assert scene.pnl == Decimal(170)


def test_a_restart_says_what_was_unknown_and_what_became_of_it(scene: Scene) -> None:
    tell(scene, "killed", signal="SIGKILL")
    assert scene.is_down
    recovery = {"records": 60, "unknown": ["demo-7-01"], "unknown_resolved": 1}
    told = tell(scene, "opened", recovery=recovery, epoch=2, orders=[order()])
    assert told == "desk back, 60 records replayed; #01 BUY 100 AAPL: UNKNOWN, now new"
    assert (scene.is_down, scene.restarts, scene.resolved) == (False, 1, 1)


def test_orders_are_said_in_full_and_in_short() -> None:
    assert order_words(order()) == "BUY 100 AAPL limit 187.20 day"
    assert order_words(order(), is_short=True) == "BUY 100 AAPL 187.20"
    trailing = order(ord_type="trailing_stop", price=None, trail_percent="0.4", side="sell")
    assert order_words(trailing) == "SELL 100 AAPL trailing-stop 0.4% day"
    notional = order(ord_type="market", price=None, order_qty=None, notional="2500")
    assert order_words(notional, is_short=True) == "BUY $2500 AAPL mkt"


def test_long_explanations_are_cut_to_their_first_words() -> None:
    text = "HTTP 403: potential wash trade detected. use complex orders (existing: 1)"
    assert short(text) == "potential wash trade detected"
    assert short("x" * 99) == "x" * 59 + "…"


@pytest.mark.parametrize(("width", "height"), [(120, 40), (80, 24), (40, 10)])
def test_the_screen_fits_the_terminal(scene: Scene, width: int, height: int) -> None:
    console = Console(
        width=width, height=height, force_terminal=True, record=True, color_system=None
    )
    screen = Screen(console)
    screen.scene = scene
    for number in range(1, 31):
        update(scene, filled(number=number), "ExecutionReport", source="stream", last_qty="100")
        update(scene, order(number + 50, ord_status="unknown"), "RequestUnanswered", text="504")
    console.print(screen.frame())
    lines = console.export_text().splitlines()
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)
    if width >= 80:
        text = "\n".join(lines)
        assert "30 orders are UNKNOWN" in text
        assert "60 orders, 30 ended, 30 fills" in text
        assert "unknown" in text
