"""A market data feed: subscribes at any time, fills its gaps, and acts on each error."""

import asyncio
from decimal import Decimal
from itertools import pairwise

import pytest

from floorbroker.brokers.alpaca_feeds.source import FeedRules
from floorbroker.brokers.feed import Channel, FeedRefused, FeedState, Item, MarketFeed
from floorbroker.domain.quotes import Bar, Halt, Quote, Trade, TradeCorrection
from floorbroker.exchange.faults import FaultRule
from floorbroker.exchange.front.server import FrontRules
from floorbroker.marketdata.live.view import LiveQuote, Stale, Why
from tests.unit.brokers.alpaca_feeds.kit import AAPL_QUOTES, KEY_ID, SECRET, Followed, following
from tests.unit.exchange_data.conftest import listen, virtually

EVERYTHING: list[Item] = [(channel, "AAPL") for channel in Channel]


def bid(made: Followed, symbol: str = "AAPL") -> Decimal:
    found = made.view.quote(symbol)
    assert isinstance(found, LiveQuote), found
    return found.quote.bid_px


def why(made: Followed, symbol: str = "AAPL") -> Why:
    found = made.view.quote(symbol)
    assert isinstance(found, Stale), found
    return found.why


def test_it_is_a_market_feed() -> None:
    def takes(_: MarketFeed) -> None: ...

    async def main() -> None:
        async with following(AAPL_QUOTES) as made:
            takes(made.feed)

    virtually(main)


def test_quotes_trades_bars_and_halts_are_told_in_our_words() -> None:
    async def main() -> None:
        async with following(EVERYTHING) as made:
            ask = made.client.ask
            await made.client.quote(bid="187.123456", ask="187.2")
            trade = {"symbol": "AAPL", "price": "187.15", "size": 40}
            await ask("POST", "/_exchange/trade", trade)
            await ask("POST", "/_exchange/halt", {"symbol": "AAPL", "halted": True})
            await ask("POST", "/_exchange/correction", {"symbol": "AAPL", "price": "187.16"})
            await asyncio.sleep(61)
            kinds = {type(fact) for fact in made.facts}
            assert kinds == {Quote, Trade, Bar, Halt, TradeCorrection}
            quote = next(fact for fact in made.facts if isinstance(fact, Quote))
            latest = made.client.front.server.venue.market.quotes["AAPL"]
            assert (quote.bid_px, quote.time_ns) == (Decimal("187.123456"), latest.time_ns)
            bars = [fact for fact in made.facts if isinstance(fact, Bar)]
            assert bars[0].volume == 40
            assert made.view.halt("AAPL").is_halted is True

    virtually(main)


def test_what_stood_before_is_asked_for_and_told_before_ready() -> None:
    async def main() -> None:
        async with following(AAPL_QUOTES, runs=False) as made:
            await made.client.quote(bid="187")
            await made.until(lambda: made.feed.health().state is FeedState.READY)
            assert bid(made) == 187

    virtually(main)


def test_symbols_come_and_go_at_any_time() -> None:
    async def main() -> None:
        async with following([]) as made:
            await made.client.quote("MSFT", "400", "401")
            await made.follow([(Channel.QUOTES, "MSFT"), (Channel.QUOTES, "AAPL")])
            assert bid(made, "MSFT") == 400
            await made.client.quote("AAPL", "187", "188")
            await asyncio.sleep(0.1)
            assert bid(made) == 187
            await made.feed.unsubscribe([(Channel.QUOTES, "MSFT")])
            told = len(made.facts)
            await made.client.quote("MSFT", "402", "403")
            await asyncio.sleep(0.1)
            assert len(made.facts) == told
            assert made.feed.health().items == 1

    virtually(main)


@pytest.mark.parametrize("code", [1006, 1012])
def test_after_a_loss_it_comes_back_and_no_old_quote_passes_as_live(code: int) -> None:
    async def main() -> None:
        cut = FaultRule(kind="data_disconnect", event="quotes", code=code, nth=(2,))
        async with following(AAPL_QUOTES, cut) as made:
            await made.client.quote(bid="187")
            await asyncio.sleep(0.1)
            assert bid(made) == 187
            await made.client.quote(bid="150")  # is not told: the connection is cut
            await made.until(lambda: made.feed.health().state is FeedState.DOWN)
            assert why(made) is Why.FEED_DOWN
            await made.ready(connections=2)
            assert bid(made) == 150
            health = made.feed.health()
            assert (health.reconnects, health.gaps) == (1, 1)

    virtually(main)


def test_the_gap_is_filled_although_the_list_fails_at_first() -> None:
    async def main() -> None:
        faults = (
            FaultRule(kind="data_disconnect", event="quotes", nth=(2,)),
            FaultRule(kind="server_error", path="/v2/stocks/snapshots", after=1, count=3),
        )
        async with following(AAPL_QUOTES, *faults) as made:
            await made.client.quote(bid="187")
            await made.client.quote(bid="150")
            await made.until(lambda: made.feed.health().connections == 2)
            assert made.feed.health().state is FeedState.CONNECTING
            assert why(made) is Why.FEED_DOWN
            await made.ready(connections=2)
            assert bid(made) == 150

    virtually(main)


def test_a_connection_that_says_nothing_is_given_up() -> None:
    async def main() -> None:
        mute = FaultRule(kind="data_mute", event="quotes", nth=(2,), seconds=100_000)
        async with following(AAPL_QUOTES, mute) as made:
            await made.client.quote(bid="187")
            await made.client.quote(bid="150")
            await made.ready(connections=2)
            assert bid(made) == 150

    virtually(main)


def test_a_stream_that_answers_but_does_not_tell_is_given_up() -> None:
    async def main() -> None:
        lose = FaultRule(kind="data_lose", event="quotes", after=1)
        async with following(AAPL_QUOTES, lose) as made:
            await made.client.quote(bid="187")
            await asyncio.sleep(0.1)
            await made.client.quote(bid="150")
            await asyncio.sleep(0.1)
            assert bid(made) == 187
            await made.until(lambda: bid(made) == 150)  # from the list
            await made.ready(connections=2)

    virtually(main)


def test_silence_of_a_quiet_market_costs_no_connection() -> None:
    async def main() -> None:
        async with following(EVERYTHING) as made:
            await made.client.quote(bid="187")
            await asyncio.sleep(200)
            health = made.feed.health()
            assert (health.connections, health.state) == (1, FeedState.READY)
            assert health.frames > 12
            assert health.last_frame_age_s is not None
            assert health.last_frame_age_s < 20

    virtually(main)


def test_garbage_is_kept_raw_and_counted_and_the_stream_goes_on() -> None:
    async def main() -> None:
        garbage = FaultRule(kind="data_garbage", event="quotes", nth=tuple(range(1, 200, 2)))
        async with following(AAPL_QUOTES, garbage) as made:
            for cents in range(199):
                await made.client.quote(bid=str(Decimal(18_000 + cents) / 100))
                await asyncio.sleep(0.01)
            health = made.feed.health()
            assert (health.connections, health.quarantined) == (1, 100)
            kept = made.feed.quarantine()
            assert len(kept) == 64
            assert b"\xc1\xc1" in kept[-1].raw
            assert bid(made) == Decimal("181.97")

    virtually(main)


@pytest.mark.parametrize("kinds", [("data_refuse",), ("data_refuse", "data_disconnect")])
def test_reconnecting_waits_longer_each_time_and_never_storms(kinds: tuple[str, ...]) -> None:
    async def main() -> None:
        faults = [FaultRule(kind=kind, count=8) for kind in kinds]
        async with following(AAPL_QUOTES, *faults, runs=False) as made:
            connects: list[float] = []
            loop = asyncio.get_running_loop()

            def turned(state: FeedState) -> None:
                made.turn(state)
                if state is FeedState.CONNECTING:
                    connects.append(loop.time())

            made.task.cancel()
            made.task = asyncio.create_task(made.feed.run(made.take, turned))
            await made.until(lambda: made.feed.health().connections == 1, 2000)
            waits = [after - before for before, after in pairwise(connects)]
            assert len(waits) >= 8
            assert waits[0] >= 0.5
            assert waits[-1] > 30
            assert max(waits) <= 90

    virtually(main)


def test_a_refused_key_pair_is_final_and_says_so_without_the_keys() -> None:
    async def main() -> None:
        front = FrontRules(keys={KEY_ID: "another"})
        async with following(AAPL_QUOTES, runs=False, front=front) as made:
            await made.until(lambda: made.feed.health().is_final)
            await asyncio.sleep(1000)
            health = made.feed.health()
            assert made.task.done()
            assert health.state is FeedState.DOWN
            assert "auth failed (402)" in health.text
            assert "APCA_API_KEY_ID" in health.text
            assert "not tried again" in health.text
            assert SECRET not in repr(health) + repr(made.feed.quarantine())
            assert KEY_ID not in repr(health)

    virtually(main)


def test_a_plan_without_the_feed_is_final_for_it() -> None:
    async def main() -> None:
        front = FrontRules(has_sip=False)
        async with following(AAPL_QUOTES, feeds=("sip",), runs=False, front=front) as made:
            await made.until(lambda: made.feed.health().is_final)
            assert "insufficient subscription (409)" in made.feed.health().text
            assert "FLOORBROKER_DATA_FEED" in made.feed.health().text

    virtually(main)


def test_a_fall_back_is_taken_where_it_was_named() -> None:
    async def main() -> None:
        front = FrontRules(has_sip=False)
        async with following(AAPL_QUOTES, feeds=("sip", "iex"), front=front) as made:
            await made.client.quote(bid="187")
            await asyncio.sleep(0.1)
            assert made.feed.name == "/v2/iex"
            assert bid(made) == 187

    virtually(main)


def test_over_the_limit_the_old_set_is_kept_and_the_caller_is_told() -> None:
    async def main() -> None:
        front = FrontRules(feed_symbol_limit=2)
        async with following(AAPL_QUOTES, front=front) as made:
            more: list[Item] = [(Channel.QUOTES, "MSFT"), (Channel.QUOTES, "SPY")]
            with pytest.raises(FeedRefused, match="symbol limit exceeded") as refused:
                await made.feed.subscribe(more)
            assert (refused.value.code, set(refused.value.items)) == (405, set(more))
            await made.client.quote(bid="187")
            await asyncio.sleep(0.1)
            assert bid(made) == 187
            await made.feed.subscribe(more[:1])
            assert made.feed.health().items == 2
            assert made.feed.health().connections == 1

    virtually(main)


def test_what_was_wished_for_first_is_told_where_not_all_of_it_can_be() -> None:
    async def main() -> None:
        wished: list[Item] = [(Channel.QUOTES, name) for name in ("MSFT", "AAPL", "SPY", "F")]
        async with following(wished, front=FrontRules(feed_symbol_limit=2)) as made:
            await made.client.quote("MSFT", "400", "401")
            await made.client.quote("F", "10", "11")
            await asyncio.sleep(0.1)
            assert bid(made, "MSFT") == 400
            assert why(made, "F") is Why.NEVER_TOLD
            assert "symbol limit exceeded (405)" in made.feed.health().text

    virtually(main)


def test_where_somebody_else_is_connected_it_waits_for_the_place() -> None:
    async def main() -> None:
        front = FrontRules(has_one_feed_per_account=True)
        async with following(AAPL_QUOTES, runs=False, front=front) as made:
            made.task.cancel()
            made.client.key = KEY_ID
            other = await listen(made.client)
            made.task = asyncio.create_task(made.feed.run(made.take, made.turn))
            await asyncio.sleep(300)
            health = made.feed.health()
            assert health.state is not FeedState.READY
            assert "somebody else is connected" in health.text
            assert 5 < made.states.count(FeedState.CONNECTING) < 20
            await other.frames.aclose()
            await made.ready()

    virtually(main)


def test_one_that_was_too_slow_connects_again() -> None:
    async def main() -> None:
        front = FrontRules(feed_backlog=5)
        async with following(AAPL_QUOTES, front=front) as made:
            for cents in range(400):  # at one stroke: nobody gets a turn
                server = made.client.front.server
                quote = Quote(
                    symbol="AAPL",
                    time_ns=server.now_ns + cents,
                    bid_px=Decimal(18_000 + cents) / 100,
                    bid_size=Decimal(100),
                    ask_px=Decimal(200),
                    ask_size=Decimal(100),
                )
                server.script(quote)
            await made.ready(connections=2)
            assert bid(made) == Decimal("183.99")

    virtually(main)


def test_the_test_feed_has_its_one_symbol() -> None:
    async def main() -> None:
        fake: list[Item] = [(Channel.QUOTES, "FAKEPACA"), (Channel.TRADES, "FAKEPACA")]
        async with following(fake, feeds=("test",)) as made:
            await asyncio.sleep(5)
            assert bid(made, "FAKEPACA") > 130

    virtually(main)


def test_coins_have_a_feed_and_a_list_of_their_own() -> None:
    async def main() -> None:
        coin: list[Item] = [(Channel.QUOTES, "BTC/USD"), (Channel.TRADES, "BTC/USD")]
        cut = FaultRule(kind="data_disconnect", event="quotes", nth=(2,))
        async with following(coin, cut, is_coin=True) as made:
            for price in ("60000.5", "61000"):
                await made.client.quote("BTC/USD", price, "62000")
                await asyncio.sleep(0.1)
            await made.ready(connections=2)
            assert bid(made, "BTC/USD") == 61000

    virtually(main)


def test_a_failure_of_whoever_listens_is_not_swallowed() -> None:
    async def main() -> None:
        async with following([], runs=False) as made:
            made.task.cancel()

            def fails(_: object) -> None:
                raise ZeroDivisionError

            await made.follow(AAPL_QUOTES)
            await made.client.quote()
            with pytest.raises(ZeroDivisionError):
                async with asyncio.timeout(60):
                    await made.feed.run(fails, made.turn)

    virtually(main)


def test_rules_may_be_changed() -> None:
    assert FeedRules(silence_s=1).silence_s == 1
