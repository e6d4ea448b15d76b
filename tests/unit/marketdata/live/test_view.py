"""The live view: order does not matter, ages are told, and nothing old passes as new."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from floorbroker.clock import NS_PER_S, datetime_of
from floorbroker.domain.quotes import Bar, Halt, Quote, Trade, TradeCorrection
from floorbroker.marketdata.live.tape import BARS_MAX
from floorbroker.marketdata.live.view import LiveQuote, LiveTrade, Mark, MarketView, Stale, Why

START_NS = 1_780_322_400 * NS_PER_S
MINUTE_NS = 60 * NS_PER_S


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.passed_s = 0.0

    def now_ns(self) -> int:
        return START_NS + round(self.passed_s * NS_PER_S)

    def now(self) -> object:
        return datetime_of(self.now_ns())

    def monotonic(self) -> float:
        return self.passed_s

    async def sleep(self, seconds: float) -> None:
        self.passed_s += seconds


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def view(clock: HandClock) -> MarketView:
    made = MarketView(clock)  # type: ignore[arg-type]  # dates are not asked for
    made.follow("AAPL", quotes=True, trades=True)
    return made


def quote(bid: str, at_s: float = 0, ask_size: int = 1) -> Quote:
    return Quote(
        symbol="AAPL",
        time_ns=START_NS + round(at_s * NS_PER_S),
        bid_px=Decimal(bid),
        bid_size=Decimal(1),
        ask_px=Decimal(bid) + 1,
        ask_size=Decimal(ask_size),
    )


def trade(px: str, at_s: float = 0, trade_id: int = 1) -> Trade:
    time_ns = START_NS + round(at_s * NS_PER_S)
    return Trade(
        symbol="AAPL", time_ns=time_ns, px=Decimal(px), size=Decimal(5), trade_id=trade_id
    )


def bar(minute: int, close: str = "1") -> Bar:
    px = Decimal(close)
    return Bar(
        symbol="AAPL", time_ns=START_NS + minute * MINUTE_NS, duration_s=60,
        open_px=px, high_px=px, low_px=px, close_px=px, volume=px,
    )  # fmt: skip


def bid(view: MarketView) -> object:
    found = view.quote("AAPL")
    return found.quote.bid_px if isinstance(found, LiveQuote) else found.why


def test_there_is_no_answer_before_it_is_asked_for_and_told(view: MarketView) -> None:
    assert bid(view) is Why.NEVER_TOLD
    missing = view.quote("MSFT")
    assert isinstance(missing, Stale)
    assert missing.text == "MSFT: not followed"
    assert not view.take(replace(quote("5"), symbol="MSFT"))
    assert view.symbols == ["AAPL"]


def test_both_ages_are_told_and_the_worse_one_counts(view: MarketView, clock: HandClock) -> None:
    clock.passed_s = 10
    view.take(quote("5", at_s=4))
    clock.passed_s = 11
    found = view.quote("AAPL", max_age_s=7)
    assert isinstance(found, LiveQuote)
    assert (found.age.market_s, found.age.received_s, found.age.s) == (7, 1, 7)
    old = view.quote("AAPL", max_age_s=6.9)
    assert isinstance(old, Stale)
    assert (old.why, old.last) == (Why.TOO_OLD, quote("5", at_s=4))
    assert old.text == "AAPL: too old, 7.0 s old"


def test_the_markets_clock_may_differ_from_ours(view: MarketView) -> None:
    view.skew_ns = 100 * NS_PER_S
    view.take(quote("5", at_s=99))
    found = view.quote("AAPL")
    assert found.age is not None
    assert found.age.market_s == 1


def test_what_was_told_before_a_loss_is_no_answer_until_it_is_told_anew(view: MarketView) -> None:
    view.take(quote("5"))
    view.take(trade("6"))
    view.lose(lambda symbol: symbol == "MSFT")
    assert bid(view) == 5
    view.lose(lambda symbol: symbol == "AAPL")
    assert bid(view) is Why.FEED_DOWN
    assert isinstance(view.mark("AAPL"), Stale)
    assert view.take(quote("5")), "the same quote once more is news: it may be relied on again"
    assert bid(view) == 5
    assert isinstance(view.trade("AAPL"), Stale)


def test_an_older_quote_confirms_nothing(view: MarketView) -> None:
    view.take(quote("5", at_s=2))
    view.lose(lambda _: True)
    assert not view.take(quote("4", at_s=1))
    assert bid(view) is Why.FEED_DOWN


@given(st.permutations([quote(str(5 + at_s), at_s) for at_s in range(6)] * 2))
def test_the_newest_quote_stands_in_whatever_order_they_come(quotes: list[Quote]) -> None:
    view = MarketView(HandClock())  # type: ignore[arg-type]  # dates are not asked for
    view.follow("AAPL", quotes=True)
    for each in quotes:
        view.take(each)
    assert bid(view) == 10


def test_a_mark_is_the_mid_and_else_the_last_print(view: MarketView) -> None:
    view.take(quote("5", ask_size=0))
    found = view.mark("AAPL")
    assert isinstance(found, Stale)
    assert found.why is Why.ONE_SIDED
    view.take(trade("5.25"))
    found = view.mark("AAPL")
    assert isinstance(found, Mark)
    assert (found.px, found.source) == (Decimal("5.25"), "last")
    view.take(quote("6", at_s=1))
    found = view.mark("AAPL")
    assert isinstance(found, Mark)
    assert (found.px, found.source) == (Decimal("6.5"), "mid")


def test_prints_that_nobody_tells_any_more_are_no_answer(view: MarketView) -> None:
    view.take(trade("5"))
    assert isinstance(view.trade("AAPL"), LiveTrade)
    view.drop("AAPL", trades=True)
    assert isinstance(view.trade("AAPL"), Stale)
    view.drop_all("AAPL")
    assert view.symbols == []


def test_a_straggler_of_an_earlier_subscription_does_not_pass_as_live(view: MarketView) -> None:
    view.drop("AAPL", quotes=True)
    view.take(quote("5"))
    assert bid(view) is Why.NOT_FOLLOWED
    view.follow("AAPL", quotes=True)
    assert bid(view) is Why.NEVER_TOLD


def test_a_print_that_was_wrong_is_replaced_or_gone(view: MarketView) -> None:
    view.take(trade("5", trade_id=7))
    assert not view.take(TradeCorrection(symbol="AAPL", time_ns=0, trade_id=6))
    view.take(TradeCorrection(symbol="AAPL", time_ns=0, trade_id=7, trade=trade("4", trade_id=8)))
    found = view.trade("AAPL")
    assert isinstance(found, LiveTrade)
    assert found.trade.px == 4
    view.take(TradeCorrection(symbol="AAPL", time_ns=0, trade_id=8))
    assert isinstance(view.trade("AAPL"), Stale)


def test_a_halt_holds_until_trading_is_told_or_seen(view: MarketView) -> None:
    assert view.halt("AAPL").is_halted is None
    view.take(Halt(symbol="AAPL", time_ns=START_NS + NS_PER_S, halted=True))
    view.take(trade("5", at_s=0.5))
    assert view.halt("AAPL").is_halted is True
    view.take(trade("5", at_s=2))
    assert view.halt("AAPL").is_halted is False
    view.take(Halt(symbol="AAPL", time_ns=START_NS + NS_PER_S, halted=True))
    assert view.halt("AAPL").is_halted is False, "an old status told again changes nothing"


def test_nobody_knows_of_a_halt_after_a_gap(view: MarketView, clock: HandClock) -> None:
    view.take(Halt(symbol="AAPL", time_ns=START_NS, halted=True))
    clock.passed_s = 5
    view.lose(lambda _: True)
    view.take(trade("5", at_s=4))
    assert view.halt("AAPL").is_halted is None, "that print was before the gap's end"
    view.take(trade("5", at_s=6))
    assert view.halt("AAPL").is_halted is False


def test_the_running_minute_grows_and_says_whether_it_is_whole(
    view: MarketView, clock: HandClock
) -> None:
    for at_s, px, number in ((1, "5", 1), (2, "7", 2), (2, "7", 2), (3, "6", 3)):
        view.take(trade(px, at_s, number))
    running = view.running_bar("AAPL")
    assert running is not None
    shown = running.bar
    assert [shown.high_px, shown.close_px, shown.volume] == list(map(Decimal, (7, 6, 15)))
    assert running.is_whole
    clock.passed_s = 61
    view.take(trade("8", 61, 4))
    assert [each.close_px for each in view.bars("AAPL")] == [6]
    view.lose(lambda _: True)
    view.take(trade("9", 62, 5))
    running = view.running_bar("AAPL")
    assert running is not None
    assert not running.is_whole
    clock.passed_s = 121
    view.take(trade("9", 121, 6))
    assert [each.close_px for each in view.bars("AAPL")] == [6], "a part of a minute is no bar"


def test_the_brokers_bar_is_the_one_that_counts_and_few_are_kept(view: MarketView) -> None:
    for minute in range(BARS_MAX + 50):
        view.take(bar(minute))
    assert view.take(bar(200, "3"))
    assert not view.take(bar(200, "3"))
    assert not view.take(bar(0))
    bars = view.bars("AAPL")
    assert len(bars) == BARS_MAX
    assert bars[0] == bar(50)
    assert bars[150] == bar(200, "3")
