"""Market facts answer the questions that are asked of them, and keep through JSON."""

from decimal import Decimal

import msgspec
import pytest

from floorbroker.domain.quotes import Bar, Depth, Halt, MarketEvent, Nbbo, Quote, Trade


def quote(bid_size: str = "100", ask_size: str = "200") -> Quote:
    return Quote(
        symbol="AAPL",
        time_ns=1,
        bid_px=Decimal("187.19"),
        bid_size=Decimal(bid_size),
        ask_px=Decimal("187.22"),
        ask_size=Decimal(ask_size),
    )


def test_the_middle_is_exact() -> None:
    assert quote().mid_px == Decimal("187.205")


@pytest.mark.parametrize(
    ("bid_size", "ask_size", "has_both"),
    [("1", "1", True), ("0", "1", False), ("1", "0", False), ("0", "0", False)],
)
def test_a_size_of_zero_is_no_quote(bid_size: str, ask_size: str, has_both: bool) -> None:
    assert quote(bid_size, ask_size).has_both_sides is has_both


@pytest.mark.parametrize(
    ("bid", "ask", "is_crossed"),
    [
        ("10.02", "10.01", True),
        ("10.01", "10.01", False),
        ("10.00", "10.01", False),
        (None, "10.01", False),
        ("10.02", None, False),
        (None, None, False),
    ],
)
def test_a_crossed_market_has_its_bid_above_its_ask(
    bid: str | None, ask: str | None, is_crossed: bool
) -> None:
    nbbo = Nbbo(
        symbol="AAPL",
        time_ns=1,
        bid_px=None if bid is None else Decimal(bid),
        ask_px=None if ask is None else Decimal(ask),
    )
    assert nbbo.is_crossed is is_crossed


EVENTS = [
    quote(),
    Depth(
        symbol="AAPL",
        time_ns=2,
        bids=((Decimal("187.19"), Decimal(100)), (Decimal("187.18"), Decimal(300))),
        asks=(),
    ),
    Trade(symbol="AAPL", time_ns=3, px=Decimal("187.20"), size=Decimal("12.5"), aggressor="buy"),
    Halt(symbol="AAPL", time_ns=4, halted=True),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_market_events_come_back_from_json_as_they_were(event: MarketEvent) -> None:
    body = msgspec.json.encode(event)
    assert msgspec.json.decode(body, type=MarketEvent) == event


def test_a_print_is_eligible_unless_it_says_otherwise() -> None:
    trade = Trade(symbol="AAPL", time_ns=3, px=Decimal(1), size=Decimal(1))
    assert trade.eligible
    assert trade.auction == ""


def test_a_bar_keeps_through_json() -> None:
    bar = Bar(
        symbol="AAPL",
        time_ns=5,
        duration_s=60,
        open_px=Decimal("187.20"),
        high_px=Decimal("187.30"),
        low_px=Decimal("187.10"),
        close_px=Decimal("187.25"),
        volume=Decimal(1000),
        vwap=Decimal("187.21"),
    )
    assert msgspec.json.decode(msgspec.json.encode(bar), type=Bar) == bar
