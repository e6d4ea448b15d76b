"""Whatever is lost, repeated, swapped or cut: once it is quiet, the view shows the exchange's."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from floorbroker.brokers.feed import Channel, Item
from floorbroker.exchange.faults import FaultRule
from floorbroker.marketdata.live.view import LiveQuote, LiveTrade, Stale
from tests.unit.brokers.alpaca_feeds.kit import Followed, following
from tests.unit.exchange_data.conftest import virtually

SYMBOLS = ("AAPL", "MSFT", "SPY")
ITEMS: list[Item] = [
    (channel, symbol) for channel in (Channel.QUOTES, Channel.TRADES) for symbol in SYMBOLS
]
KINDS = ("lose", "duplicate", "reorder", "garbage", "disconnect", "mute")
FAULTS = st.lists(
    st.builds(
        lambda kind, nth, count: (
            FaultRule(kind=f"data_{kind}", nth=tuple(nth), count=count, seconds=60.0)
            if kind == "mute"
            else FaultRule(kind=f"data_{kind}", nth=tuple(nth), count=count)
        ),
        st.sampled_from(KINDS),
        st.lists(st.integers(1, 40), min_size=1, max_size=8),
        st.integers(1, 5),
    ),
    max_size=4,
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("quote", "quote", "trade", "wait")),
        st.sampled_from(SYMBOLS),
        st.integers(10_000, 10_100),
        st.sampled_from((0.0, 0.001, 0.3, 5.0)),
    ),
    min_size=1,
    max_size=25,
)
#: Longer than a mute, the question after silence and every wait between.
QUIET_S = 110


async def act(made: Followed, kind: str, symbol: str, cents: int) -> None:
    if kind == "quote":
        await made.client.quote(symbol, f"{cents / 100:.2f}", f"{cents / 100 + 0.02:.2f}")
    elif kind == "trade":
        fields = {"symbol": symbol, "price": f"{cents / 100:.2f}", "size": 10}
        await made.client.ask("POST", "/_exchange/trade", fields)


def check_never_ahead(made: Followed) -> None:
    """A live quote is one that the exchange has had."""
    for symbol in SYMBOLS:
        found = made.view.quote(symbol)
        if isinstance(found, LiveQuote):
            latest = made.client.front.server.venue.market.quotes[symbol]
            assert found.quote.time_ns <= latest.time_ns


@settings(max_examples=10, deadline=None)
@given(faults=FAULTS, steps=STEPS)
def test_once_it_is_quiet_the_view_shows_what_the_exchange_has(
    faults: list[FaultRule], steps: list[tuple[str, str, int, float]]
) -> None:
    async def main() -> None:
        async with following(ITEMS, *faults) as made:
            for kind, symbol, cents, pause_s in steps:
                await act(made, kind, symbol, cents)
                check_never_ahead(made)
                await asyncio.sleep(pause_s)
            await asyncio.sleep(QUIET_S)
            market = made.client.front.server.venue.market
            for symbol in SYMBOLS:
                quoted, latest = made.view.quote(symbol), market.quotes.get(symbol)
                assert isinstance(quoted, LiveQuote if latest else Stale), quoted
                if latest is not None and isinstance(quoted, LiveQuote):
                    shown = quoted.quote
                    assert (shown.bid_px, shown.ask_px) == (latest.bid_px, latest.ask_px)
                    assert shown.time_ns == latest.time_ns
                traded, last = made.view.trade(symbol), market.last_trade.get(symbol)
                assert isinstance(traded, LiveTrade if last else Stale), traded
                if last is not None and isinstance(traded, LiveTrade):
                    assert traded.trade.px == last.px

    virtually(main)
