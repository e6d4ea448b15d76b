"""The live market as a desk sees it, on the exchange in memory and over TCP: the same promises."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random

import msgspec
import pytest

from floorbroker.brokers.alpaca.client import AlpacaClient, Endpoints
from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.network import NetworkTransport
from floorbroker.brokers.alpaca.transport import Transport
from floorbroker.brokers.alpaca_feeds.door import FeedWays, coin_feed, newest_of, stock_feed
from floorbroker.brokers.alpaca_feeds.source import FeedRules
from floorbroker.brokers.alpaca_memory.memory import MemoryTransport
from floorbroker.brokers.feed import Channel, Fact, FeedState
from floorbroker.brokers.pacing import Pacer
from floorbroker.clock import NS_PER_S, MarketClock, SystemClock, ns_of
from floorbroker.config import Settings, load
from floorbroker.desk import Desk
from floorbroker.domain.errors import Refused
from floorbroker.domain.ids import Account
from floorbroker.domain.order import OrderRequest
from floorbroker.domain.quotes import Bar, Quote
from floorbroker.exchange.build import build_exchange
from floorbroker.exchange.faults import FaultPlan, FaultRule
from floorbroker.exchange.front.app import ExchangeFront
from floorbroker.exchange.front.serve import serve
from floorbroker.exchange.front.server import FrontRules, Setup
from floorbroker.exchange.reference.assets import listing
from floorbroker.marketdata.live.view import LiveQuote, Stale, Why
from floorbroker.watch.watch import Lists, MarketWatch, WatchSettings

OPEN = datetime(2026, 6, 1, 14, 0, tzinfo=UTC)  # ten in the morning in New York
ADDRESSES = ("APCA_API_BASE_URL", "APCA_API_DATA_URL")
WAYS = ["memory", "tcp"]
KEYS = Credentials("PKLIVE", "very-secret-indeed")
FAST = FeedRules(wait_s=0.02, crowded_wait_s=0.05)
#: Asks soon, and may find a connection dead that is only slow.
IMPATIENT = FeedRules(answer_s=1.0, wait_s=0.02, silence_s=0.4, grace_s=0.2)


class Market:
    """An exchange, a hand on its market, and a watch over it."""

    def __init__(self, front: ExchangeFront, way: Transport, watch: MarketWatch) -> None:
        self.front = front
        self.way = way
        self.watch = watch

    async def control(self, name: str, **body: object) -> None:
        path, raw = f"/_exchange/{name}", msgspec.json.encode(body)
        answer = await self.way.request("POST", path, body=raw)
        assert answer.status == 200, answer.body

    async def quote(self, symbol: str, bid: str, ask: str) -> None:
        sizes = {"bid_size": 100, "ask_size": 100}
        await self.control("quote", symbol=symbol, bid_price=bid, ask_price=ask, **sizes)

    def bid(self, symbol: str = "AAPL") -> Decimal | Why:
        found = self.watch.view.quote(symbol)
        return found.quote.bid_px if isinstance(found, LiveQuote) else found.why

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110  (it is another's state)
                await asyncio.sleep(0.005)


def a_front(*faults: FaultRule, rules: FrontRules | None = None) -> ExchangeFront:
    setup = Setup(
        clock=SystemClock(),
        assets=listing(["AAPL", "MSFT", "SPY", "BTC/USD"]),
        start_ns=ns_of(OPEN),
        seed=11,
        front=rules or FrontRules(),
    )
    return build_exchange(setup, FaultPlan(faults))


@asynccontextmanager
async def market(
    way: str,
    *faults: FaultRule,
    rules: FrontRules | None = None,
    feeds: tuple[str, ...] = ("iex",),
    symbols_max: int = 30,
    times: FeedRules = FAST,
) -> AsyncIterator[Market]:
    front, random = a_front(*faults, rules=rules), Random(1)
    async with AsyncExitStack() as stack:
        transport: Transport
        if way == "memory":
            transport = MemoryTransport(front)
        else:
            port = await stack.enter_async_context(serve(front, "127.0.0.1", 0))
            transport = NetworkTransport(f"http://127.0.0.1:{port}")
        clock = MarketClock(SystemClock(), front.server.now_ns)
        client = AlpacaClient(
            Account("LIVE"),
            Endpoints(trading=transport, market=transport, stream=transport),
            KEYS,
            clock=clock,
            random=random,
            pacer=Pacer(clock, random),
        )
        ways = FeedWays(stream=transport, market=client.market, feeds=feeds, rules=times)

        async def newest(symbols: Sequence[str]) -> list[Fact]:
            return await newest_of(client.market, "iex", symbols)

        async def now() -> datetime:
            return (await client.market_phase()).broker_time

        watch = MarketWatch(
            [make(ways, KEYS, clock=clock, random=random) for make in (stock_feed, coin_feed)],
            Lists(newest=newest, bars=client.bars, now=now),
            clock=clock,
            settings=WatchSettings(symbols_max=symbols_max, look_s=0.01),
        )
        try:
            yield Market(front, transport, watch)
        finally:
            await watch.aclose()
            await client.aclose()
            await front.aclose()


async def first(told: AsyncIterator[Quote], count: int = 1) -> list[Quote]:
    async with asyncio.timeout(30):
        return [await anext(told) for _ in range(count)]


@pytest.mark.parametrize("way", WAYS)
async def test_quotes_come_with_their_age_and_end_with_the_reader(way: str) -> None:
    async with market(way) as made:
        await made.quote("AAPL", "187", "188")
        async with aclosing(made.watch.quotes(["AAPL", "BTC/USD"])) as told:
            assert [quote.bid_px for quote in await first(told)] == [187]
            await made.quote("BTC/USD", "60000", "60001")
            assert [quote.bid_px for quote in await first(told)] == [60000]
            found = made.watch.view.quote("AAPL", max_age_s=5)
            assert isinstance(found, LiveQuote)
            assert 0 <= found.age.received_s <= found.age.s < 5
            old = made.watch.view.quote("AAPL", max_age_s=0)
            assert isinstance(old, Stale)
            assert (old.why, old.last) == (Why.TOO_OLD, found.quote)
        assert made.bid() is Why.NOT_FOLLOWED
        assert made.watch.view.symbols == []
        assert [health.items for health in made.watch.health()] == [0, 0]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("code", [1006, 1012])
async def test_a_lost_connection_leaves_no_stale_price_and_fills_its_gap(
    way: str, code: int
) -> None:
    cut = FaultRule(kind="data_disconnect", event="quotes", code=code, nth=(2,))
    async with market(way, cut) as made, aclosing(made.watch.quotes(["AAPL"])) as told:
        reading = asyncio.ensure_future(first(told))
        await made.until(lambda: made.watch.view.symbols == ["AAPL"])
        await made.until(lambda: made.watch.health()[0].state is FeedState.READY)
        await made.quote("AAPL", "187", "188")
        await reading
        shown: list[object] = []
        await made.quote("AAPL", "150", "151")
        await made.until(lambda: shown.append(made.bid()) or made.bid() == 150)  # type: ignore[func-returns-value]  # it keeps what it sees
        assert set(shown) <= {Decimal(187), Why.FEED_DOWN, Decimal(150)}
        assert [quote.bid_px for quote in await first(told)] == [150]
        (health,) = made.watch.health()
        assert (health.reconnects, health.gaps) == (1, 1)


@pytest.mark.parametrize("way", WAYS)
async def test_garbage_and_silence_cost_no_quote(way: str) -> None:
    faults = (
        FaultRule(kind="data_garbage", event="quotes", nth=(2,)),
        FaultRule(kind="data_mute", event="quotes", nth=(3,)),
    )
    async with (
        market(way, *faults, times=IMPATIENT) as made,
        aclosing(made.watch.quotes(["AAPL"])) as told,
    ):
        await made.quote("AAPL", "185", "188")
        await first(told)
        for bid in ("186", "187"):
            await made.quote("AAPL", bid, "188")
        await made.quote("AAPL", "187.5", "188")
        await made.until(lambda: made.bid() == Decimal("187.5"))
        assert made.watch.health()[0].quarantined <= 1


@pytest.mark.parametrize("way", WAYS)
async def test_a_plan_without_the_feed_ends_the_readers_with_the_reason(way: str) -> None:
    async with market(way, rules=FrontRules(has_sip=False), feeds=("sip",)) as made:
        with pytest.raises(Refused, match="insufficient subscription"):
            await first(made.watch.quotes(["AAPL"]))
        with pytest.raises(Refused, match="insufficient subscription"):
            await first(made.watch.quotes(["AAPL"]))
        is_ok, text = await made.watch.summary()
        assert not is_ok
        assert "not tried again" in text
        assert "very-secret" not in text
        assert "PKLIVE" not in text


@pytest.mark.parametrize("way", WAYS)
async def test_the_plans_limit_is_kept_and_told(way: str) -> None:
    async with market(way, rules=FrontRules(feed_symbol_limit=2)) as made:
        await made.watch.follow([(Channel.QUOTES, "AAPL")])
        await made.until(lambda: made.watch.health()[0].state is FeedState.READY)
        more = [(Channel.QUOTES, "MSFT"), (Channel.QUOTES, "SPY")]
        with pytest.raises(Refused, match="symbol limit exceeded"):
            await made.watch.follow(more)
        await made.quote("AAPL", "187", "188")
        await made.until(lambda: made.bid() == 187)
        assert made.watch.view.symbols == ["AAPL"]


@pytest.mark.parametrize("way", WAYS)
async def test_what_the_book_needs_makes_room_for_what_somebody_asks_for(way: str) -> None:
    needs = [["MSFT", "SPY", "AAPL"]]

    def book() -> list[str] | None:
        return needs.pop() if needs else None

    async with market(way, symbols_max=2) as made:
        view = made.watch.view
        minding = asyncio.create_task(made.watch.mind(book))
        await made.until(lambda: view.symbols == ["MSFT", "SPY"])
        await made.until(lambda: made.watch.health()[0].items == 4)  # with their halts
        assert "for want of room: AAPL" in made.watch.text
        await made.watch.follow([(Channel.QUOTES, "AAPL")])
        assert view.symbols == ["AAPL", "MSFT"]
        with pytest.raises(Refused, match="limit of 2"):
            await made.watch.follow([(Channel.QUOTES, "SPY"), (Channel.TRADES, "SPY")])
        needs.append([])
        await made.until(lambda: view.symbols == ["AAPL"])
        await made.watch.release([(Channel.QUOTES, "AAPL")])
        assert view.symbols == []
        minding.cancel()


@pytest.mark.parametrize("way", WAYS)
async def test_minutes_that_ended_in_a_gap_are_told_late(way: str) -> None:
    cut = FaultRule(kind="data_disconnect", event="bars", nth=(2,))
    async with market(way, cut) as made, aclosing(made.watch.bars(["AAPL"])) as told:
        reading = asyncio.ensure_future(anext(told))
        await made.until(lambda: any(health.items for health in made.watch.health()))
        bars: list[Bar] = []
        for price in ("187", "188", "189"):
            await made.control("trade", symbol="AAPL", price=price, size=10)
            await made.control("clock", advance=61)
            await asyncio.sleep(0.1)
        async with asyncio.timeout(30):
            bars.append(await reading)
            while len(bars) < 3:
                bars.append(await anext(told))
        assert sorted(bar.close_px for bar in bars) == [187, 188, 189]
        assert [bar.close_px for bar in made.watch.view.bars("AAPL")] == [187, 188, 189]


@pytest.mark.parametrize("way", WAYS)
async def test_a_halt_is_seen_and_is_unknown_after_a_gap(way: str) -> None:
    cut = FaultRule(kind="data_disconnect", event="quotes", nth=(1,))
    async with market(way, cut) as made:
        await made.watch.follow([(Channel.QUOTES, "AAPL"), (Channel.STATUSES, "AAPL")])
        await made.until(lambda: made.watch.health()[0].state is FeedState.READY)
        assert made.watch.view.halt("AAPL").is_halted is None
        await made.control("halt", symbol="AAPL", halted=True)
        await made.until(lambda: made.watch.view.halt("AAPL").is_halted is True)
        await made.quote("AAPL", "187", "188")
        await made.until(lambda: made.watch.view.halt("AAPL").is_halted is None)


async def test_a_desk_follows_what_it_holds_and_marks_it(tmp_path: Path) -> None:
    front = a_front()
    async with serve(front, "127.0.0.1", 0) as port:
        url = f"http://127.0.0.1:{port}"
        settings = Settings(
            mode="embedded",
            home=tmp_path,
            journal_path=tmp_path / "desk.sqlite",
            exchange_url=url,
        )
        hand = Market(front, NetworkTransport(url), None)  # type: ignore[arg-type]  # the desk's
        await hand.quote("AAPL", "187.00", "187.10")
        async with Desk.open(settings) as desk:
            for side, qty in (("buy", 10), ("sell", 4)):
                order = await desk.submit_order(OrderRequest.market(side, qty, "AAPL"))
                await desk.wait(order.cl_ord_id)
            await hand.until(lambda: isinstance(desk.market.quote("AAPL"), LiveQuote))
            await hand.quote("AAPL", "190.00", "190.10")
            await hand.until(lambda: desk.market.mark("AAPL").px == Decimal("190.05"))  # type: ignore[union-attr]  # live by now
            (row,) = await desk.get_pnl()
            assert row.qty == 6
            assert row.avg_entry_px == Decimal("187.1")
            assert row.mark_source == "mid"
            assert row.unrealized_pnl == Decimal("17.70")  # 6 x (190.05 - 187.10)
            assert row.realized_today == Decimal("-0.40")  # 4 x (187.00 - 187.10)
            assert row.mark_age_s is not None
            assert row.mark_age_s < 5
            assert (await desk.get_quote("aapl")).bid_px == 190
            nothing = await desk.get_pnl(max_age_s=0)
            assert (nothing[0].mark_px, nothing[0].unrealized_pnl) == (None, None)
            assert nothing[0].text
            health = await desk.health_check()
            assert "market data" in {check.name for check in health.checks if check.is_ok}
            await desk.close_position("AAPL")
            await hand.until(lambda: desk.market.symbols == [])
        await hand.way.aclose()


async def test_ages_follow_the_markets_clock_where_ours_does_not_agree(tmp_path: Path) -> None:
    """A desk in real time at an exchange whose day is another."""
    front = a_front()
    async with serve(front, "127.0.0.1", 0) as port:
        url = f"http://127.0.0.1:{port}"
        hand = Market(front, NetworkTransport(url), None)  # type: ignore[arg-type]  # the desk's
        await hand.quote("AAPL", "187.00", "187.10")
        keys = {"APCA_API_KEY_ID": "PKLIVE", "APCA_API_SECRET_KEY": "very-secret-indeed"}
        settings = load(
            {
                **keys,
                **dict.fromkeys(ADDRESSES, url),
                "FLOORBROKER_HOME": f"{tmp_path}",
                "FLOORBROKER_RUN": f"{tmp_path}/run",
            }
        )
        async with Desk.open(settings) as desk, aclosing(desk.quotes(["AAPL"])) as told:
            await first(told)
            await hand.until(lambda: bool(desk.market.skew_ns))
            found = desk.market.quote("AAPL", max_age_s=30)
            assert isinstance(found, LiveQuote)
            assert found.quote.time_ns // NS_PER_S == ns_of(OPEN) // NS_PER_S
        await hand.way.aclose()
