"""Positions at their marks: exact, aged, and never invented."""

from collections.abc import Sequence
from decimal import Decimal

from floorbroker.brokers.feed import Fact
from floorbroker.clock import NS_PER_S
from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.errors import BrokerUnreachable
from floorbroker.domain.order import Side
from floorbroker.domain.position import Position
from floorbroker.marketdata.live.view import Age, Mark, Stale, Why
from floorbroker.watch.pnl import asked_marks, marked, marks_of
from floorbroker.watch.watch import Lists, MarketWatch
from tests.unit.marketdata.live.test_view import START_NS, HandClock, quote, trade

LONG = Position(symbol="AAPL").booked(Side.BUY, Qty(10), Px("4"))
SHORT = Position(symbol="F").booked(Side.SELL, Qty(3), Px("12.10"))
AGE = Age(market_s=1.5, received_s=0.5)


def mark(px: str) -> Mark:
    return Mark(px=Decimal(px), source="mid", age=AGE)


def test_long_and_short_are_valued_exactly() -> None:
    rows = marked([SHORT, LONG], {"AAPL": mark("4.015"), "F": mark("12")}, {})
    assert [row.symbol for row in rows] == ["AAPL", "F"]
    assert [row.unrealized_pnl for row in rows] == [Money("0.15"), Money("0.30")]
    assert [row.mark_age_s for row in rows] == [1.5, 1.5]
    assert [row.avg_entry_px for row in rows] == [Px("4"), Px("12.10")]


def test_without_a_young_price_nothing_is_invented() -> None:
    (row,) = marked([LONG], {"AAPL": Stale(symbol="AAPL", why=Why.FEED_DOWN, last=quote("9"))}, {})
    assert (row.mark_px, row.mark_age_s, row.unrealized_pnl) == (None, None, None)
    assert row.text == "AAPL: feed lost"


def test_realised_today_is_what_was_not_realised_before() -> None:
    sold = LONG.booked(Side.SELL, Qty(10), Px("5"))
    (row,) = marked([sold], {}, {"AAPL": Money("4")})
    assert row.qty == 0
    assert (row.realized_today, row.unrealized_pnl) == (Money("6"), None)
    assert marked([sold], {}, {"AAPL": Money("10")}) == [], "flat, and nothing happened today"


def test_the_list_marks_with_the_age_of_its_facts() -> None:
    now_ns = START_NS + 10 * NS_PER_S
    marks = asked_marks([quote("5", at_s=4), trade("9", at_s=9)], now_ns, 60)
    assert (marks["AAPL"].px, marks["AAPL"].source) == (Decimal("5.5"), "asked mid")
    assert marks["AAPL"].age.s == 6
    marks = asked_marks([quote("5", at_s=4), trade("9", at_s=9)], now_ns, 5)
    assert (marks["AAPL"].px, marks["AAPL"].source) == (Decimal(9), "asked last")
    assert asked_marks([quote("5", ask_size=0)], now_ns, 60) == {}


async def test_the_list_is_asked_for_what_is_not_live_and_may_fail() -> None:
    asked: list[list[str]] = []

    async def newest(symbols: Sequence[str]) -> list[Fact]:
        asked.append(list(symbols))
        raise BrokerUnreachable("no")

    lists = Lists(newest=newest, bars=None, now=None)  # type: ignore[arg-type]  # not asked
    watch = MarketWatch([], lists, clock=HandClock())  # type: ignore[arg-type]  # no dates
    watch.view.follow("AAPL", quotes=True)
    watch.view.take(quote("5"))
    marks = await marks_of(watch, ["AAPL", "F"], 60)
    assert asked == [["F"]]
    assert isinstance(marks["AAPL"], Mark)
    assert isinstance(marks["F"], Stale)
