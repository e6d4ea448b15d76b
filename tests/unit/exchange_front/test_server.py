"""The market behind the front: tape, time, speed, and what is saved."""

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from floorbroker.domain.errors import FloorbrokerError, TapeError
from floorbroker.domain.quotes import MarketEvent, Quote, Trade
from floorbroker.exchange.faults import FaultPlan, FaultRule
from floorbroker.exchange.front.mischief import Mischief
from floorbroker.exchange.front.server import BATCH, UNPACED_BATCH
from floorbroker.exchange.records.archive import Archive
from floorbroker.exchange.rules import VenueRules
from floorbroker.exchange.store import ExchangeStore
from floorbroker.exchange.tape import Tape
from floorbroker.exchange.venue import Venue
from tests.unit.exchange.venue_kit import Floor
from tests.unit.exchange_front.conftest import (
    START_NS,
    Client,
    an_exchange,
    events,
    is_silent,
    virtually,
)

SECOND_NS = 1_000_000_000


def a_quote(after_s: float, ask: str = "100.02", size: int = 100) -> Quote:
    return Quote(
        symbol="AAPL",
        time_ns=START_NS + round(after_s * SECOND_NS),
        bid_px=Decimal(ask) - Decimal("0.02"),
        bid_size=Decimal(size),
        ask_px=Decimal(ask),
        ask_size=Decimal(size),
    )


def a_tape(*facts: MarketEvent) -> Tape:
    return Tape([facts], symbols=["AAPL"], start_ns=START_NS)


def test_a_request_finds_the_market_of_its_moment() -> None:
    async def main() -> None:
        tape = (a_quote(1, "100.02"), a_quote(5, "101.02"))
        async with an_exchange(make_tape=lambda: a_tape(*tape), speed=1.0) as client:
            sleep = client.front.server.setup.clock.sleep
            asks = []
            for _ in range(3):
                latest = await client.ask("GET", "/v2/stocks/quotes/latest", symbols="AAPL")
                asks.append(latest["quotes"].get("AAPL", {}).get("ap"))
                await sleep(3)
            assert asks == [None, 100.02, 101.02]

    virtually(main)


def test_a_fill_leaves_when_the_tape_gives_it_and_nobody_asks() -> None:
    async def main() -> None:
        tape = (a_quote(1, "100.02"), a_quote(1000, "99.02"))
        async with an_exchange(make_tape=lambda: a_tape(*tape), speed=10.0) as client:
            clock = client.front.server.setup.clock
            frames = await client.listen()
            await client.order(type="limit", limit_price="99.5")
            assert await events(frames, 2) == ["pending_new", "new"]
            assert await events(frames, 1) == ["fill"]
            # A thousand market seconds at ten times real time.
            assert clock.monotonic() == pytest.approx(100, abs=0.1)

    virtually(main)


def test_a_jump_goes_through_everything_on_the_tape() -> None:
    async def main() -> None:
        tape = (a_quote(1, "100.02"), a_quote(50, "99.02"), a_quote(60, "100.02"))
        async with an_exchange(make_tape=lambda: a_tape(*tape)) as client:
            order = await client.order(type="limit", limit_price="99.5")
            await client.ask("POST", "/_exchange/clock", {"advance": 3600})
            filled = await client.ask("GET", f"/v2/orders/{order['id']}")
            assert filled["status"] == "filled"
            assert filled["filled_at"].startswith("2026-06-01T14:00:50")

    virtually(main)


def test_as_fast_as_possible_still_lets_others_react() -> None:
    count = 200 * UNPACED_BATCH

    def ticks() -> Iterator[MarketEvent]:
        for n in range(count):
            yield a_quote(n / 100, "100.02")

    async def main() -> tuple[int, int, float]:
        def tape() -> Tape:
            return Tape([ticks()], symbols=["AAPL"], start_ns=START_NS)

        async with an_exchange(make_tape=tape, speed="max") as client:
            server = client.front.server
            frames = await client.listen()
            await client.order()
            assert (await events(frames, 3))[-1] == "fill"
            filled_ns = server.now_ns
            await server.setup.clock.sleep(0.001)  # the loop is never idle before the end
            end_ns, real_s = server.now_ns, server.setup.clock.monotonic()
            await server.setup.clock.sleep(5)
            server.catch_up()
            assert server.now_ns - end_ns == pytest.approx(5 * SECOND_NS, rel=0.01)
            return filled_ns, end_ns, real_s

    filled_ns, end_ns, real_s = virtually(main)
    last_ns = START_NS + (count - 1) * SECOND_NS // 100
    assert START_NS <= filled_ns < last_ns
    assert last_ns <= end_ns <= last_ns + SECOND_NS // 100
    assert real_s < 0.01


def test_a_market_that_cannot_keep_up_slows_down_instead_of_jumping() -> None:
    def ticks() -> Iterator[MarketEvent]:
        for n in range(3 * BATCH):
            yield a_quote(n / 1000, "100.02")

    async def main() -> None:
        def tape() -> Tape:
            return Tape([ticks()], symbols=["AAPL"], start_ns=START_NS)

        async with an_exchange(make_tape=tape, speed=1000.0) as client:
            server = client.front.server
            server.catch_up()
            await server.setup.clock.sleep(1)  # a thousand market seconds, and all of the tape
            server.catch_up()
            assert server.now_ns == START_NS + BATCH * SECOND_NS // 1000
            server.catch_up()  # no time has passed since
            assert server.now_ns == START_NS + BATCH * SECOND_NS // 1000

    virtually(main)


def test_one_seed_gives_one_history() -> None:
    async def main() -> object:
        async with an_exchange(seed=5) as client:
            await client.quote()
            for n in range(5):
                await client.order(qty=n + 1)
                await client.ask("GET", "/v2/clock")
            return await client.ask("GET", "/_exchange/fills")

    assert virtually(main) == virtually(main)


def test_a_restart_finds_orders_fills_cash_and_time(tmp_path: Path) -> None:
    path = tmp_path / "exchange.sqlite"

    async def look(client: Client) -> list[object]:
        account = await client.ask("GET", "/v2/account")
        return [
            await client.ask("GET", "/_exchange/orders"),
            await client.ask("GET", "/_exchange/fills"),
            await client.ask("GET", "/v2/positions"),
            (account["id"], account["cash"]),
        ]

    async def before() -> list[object]:
        async with an_exchange(store=ExchangeStore(path)) as client:
            await client.quote(size=4)
            await client.order()
            await client.order(type="limit", limit_price=100, client_order_id="rests")
            await client.ask("POST", "/_exchange/clock", {"advance": 100})
            return await look(client)

    async def after() -> list[object]:
        async with an_exchange(store=ExchangeStore(path), seed=99) as client:
            assert client.front.server.now_ns >= START_NS + 100 * SECOND_NS
            found = await look(client)
            await client.order(422, client_order_id="rests")
            await client.quote()
            orders = await client.ask("GET", "/_exchange/orders")
            assert orders[0]["status"] == "filled"  # the rest of it filled after the restart
            ids = [fill["execution_id"] for fill in await client.ask("GET", "/_exchange/fills")]
            assert len(set(ids)) == len(ids)
            return found

    assert virtually(before) == virtually(after)


def test_nothing_is_answered_before_it_is_saved(tmp_path: Path) -> None:
    """A copy of the file, taken when the answer comes, already has the order."""
    path = tmp_path / "exchange.sqlite"

    async def main() -> None:
        async with an_exchange(store=ExchangeStore(path)) as client:
            await client.quote()
            frames = await client.listen()
            await client.order(client_order_id="mine")
            await events(frames, 3)
            async with an_exchange(store=ExchangeStore(path)) as other:
                (order,) = await other.ask("GET", "/_exchange/orders")
                assert (order["client_order_id"], order["status"]) == ("mine", "filled")

    virtually(main)


def test_a_reset_forgets_what_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "exchange.sqlite"

    async def main() -> list[object]:
        async with an_exchange(store=ExchangeStore(path)) as client:
            await client.quote()
            await client.order()
            await client.ask("POST", "/_exchange/reset")
            await client.quote()
            await client.order(client_order_id="after")
        async with an_exchange(store=ExchangeStore(path)) as client:
            orders = await client.ask("GET", "/_exchange/orders")
            return [order["client_order_id"] for order in orders]

    assert virtually(main) == ["after"]


def test_a_reset_rewinds_the_tape() -> None:
    async def main() -> None:
        tape = (a_quote(1, "100.02"), a_quote(5, "101.02"))
        async with an_exchange(make_tape=lambda: a_tape(*tape)) as client:
            await client.ask("POST", "/_exchange/clock", {"advance": 10})
            await client.ask("POST", "/_exchange/reset")
            await client.ask("POST", "/_exchange/clock", {"advance": 2})
            latest = await client.ask("GET", "/v2/stocks/AAPL/quotes/latest")
            assert latest["quote"]["ap"] == 100.02

    virtually(main)


def test_thin_markets_cut_prints_too() -> None:
    async def main() -> None:
        prints = Trade(
            symbol="AAPL",
            time_ns=START_NS + SECOND_NS,
            px=Decimal(99),
            size=Decimal(500),
            aggressor="sell",
        )
        thin = FaultRule(kind="partial_fills", symbol="AAPL", max_qty="2")
        async with an_exchange(thin, make_tape=lambda: a_tape(prints)) as client:
            await client.order(type="limit", limit_price="99.5")
            await client.ask("POST", "/_exchange/clock", {"advance": 5})
            fills = await client.ask("GET", "/_exchange/fills")
            assert [fill["qty"] for fill in fills] == ["2"]

    virtually(main)


def test_a_scripted_quote_stands_until_the_next_script_whatever_the_tape_says() -> None:
    async def main() -> None:
        tape = (a_quote(1, "100.02"), a_quote(5, "101.02"))
        async with an_exchange(make_tape=lambda: a_tape(*tape), speed=1.0) as client:
            scripted = {"symbol": "AAPL", "bid_price": 50, "ask_price": 51}
            sizes = {"bid_size": 7, "ask_size": 7}
            await client.ask("POST", "/_exchange/quote", {**scripted, **sizes})
            await client.front.server.setup.clock.sleep(10)
            latest = await client.ask("GET", "/v2/stocks/quotes/latest", symbols="AAPL")
            assert latest["quotes"]["AAPL"]["ap"] == 51

    virtually(main)


def a_broken_tape(*facts: MarketEvent) -> Tape:
    """What a file gives that is malformed after these facts."""

    def ticks() -> Iterator[MarketEvent]:
        yield from facts
        raise TapeError("day.csv: line 3, price: 'soon' found; right is a number")

    return Tape([ticks()], symbols=["AAPL"], start_ns=START_NS)


def test_a_tape_that_breaks_off_ends_the_market_and_everybody_is_told() -> None:
    async def main() -> None:
        facts = (a_quote(1), a_quote(2), a_quote(3))
        async with an_exchange(make_tape=lambda: a_broken_tape(*facts), speed=1.0) as client:
            await client.order(type="limit", limit_price="90")
            with pytest.raises(TapeError, match="line 3, price"):
                await client.front.server.failed()  # nobody asks for anything meanwhile
            for _ in range(2):
                told = await client.ask("GET", "/v2/account", None, 500)
                assert told["code"] == 50010000
                assert told["message"].startswith("the market has ended: day.csv: line 3, price:")
            await client.order(500)
            await client.ask("POST", "/_exchange/quote", {}, 500)
            assert isinstance(client.front.server.failure, TapeError)

    virtually(main)


@pytest.mark.parametrize("speed", [1e-9, "max"])
def test_a_request_that_runs_into_the_end_of_a_broken_tape_says_so(speed: float | str) -> None:
    async def main() -> None:
        async with an_exchange(make_tape=lambda: a_broken_tape(a_quote(1)), speed=speed) as client:
            told = await client.ask("POST", "/_exchange/clock", {"advance": 10}, 500)
            assert "day.csv" in told["message"]
            with pytest.raises(TapeError):
                await client.front.server.failed()

    virtually(main)


def test_what_a_broken_tape_did_last_is_neither_told_nor_saved(tmp_path: Path) -> None:
    """The last quote fills, but the request in which it does so can no longer be answered."""

    async def main() -> None:
        facts = (a_quote(1), a_quote(50, "89.02"), a_quote(60))
        store = ExchangeStore(tmp_path / "exchange.sqlite")
        async with an_exchange(
            make_tape=lambda: a_broken_tape(*facts), speed=1.0, store=store
        ) as client:
            await client.order(type="limit", limit_price="90")
            frames = await client.listen()
            await client.ask("POST", "/_exchange/clock", {"advance": 100}, 500)
            assert await is_silent(frames)
        async with an_exchange(store=ExchangeStore(tmp_path / "exchange.sqlite")) as again:
            (order,) = await again.ask("GET", "/_exchange/orders")
            assert order["status"] == "new"

    virtually(main)


def test_a_state_that_cannot_be_saved_ends_the_market() -> None:
    class FullDisk(ExchangeStore):
        is_full = False

        def save(self, venue: Venue) -> None:
            if self.is_full:
                raise sqlite3.OperationalError("database or disk is full")
            super().save(venue)

    async def main() -> None:
        store = FullDisk(":memory:")
        async with an_exchange(store=store) as client:
            await client.quote()
            store.is_full = True
            told = await client.ask("GET", "/v2/orders")  # nothing to save
            assert told == []
            frames = await client.listen()
            await client.order(500)
            assert await is_silent(frames)
            text = "the exchange's state cannot be saved: database or disk is full"
            assert text in (await client.ask("GET", "/v2/orders", None, 500))["message"]
            with pytest.raises(FloorbrokerError, match=text):
                await client.front.server.failed()

    virtually(main)


def test_an_archive_that_cannot_be_written_ends_the_market() -> None:
    class FullDisk(Archive):
        def put(self, orders: object, executions: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

    async def main() -> None:
        async with an_exchange(kept=2) as client:
            client.front.server.venue.blotter.keep_in(FullDisk())
            await client.quote()
            for _ in range(2):
                await client.order()
            await client.order(500)
            text = "the exchange's archive cannot be saved: database or disk is full"
            assert text in (await client.ask("GET", "/v2/orders", None, 500))["message"]
            with pytest.raises(FloorbrokerError, match=text):
                await client.front.server.failed()

    virtually(main)


def test_a_reset_forgets_what_was_put_away(tmp_path: Path) -> None:
    async def main(store: ExchangeStore | None) -> None:
        async with an_exchange(kept=2, store=store) as client:
            for _ in range(2):
                await client.quote()
                for number in range(6):
                    await client.order(client_order_id=f"x-{number}")
                assert len(await client.ask("GET", "/_exchange/orders")) == 6
                assert not client.front.server.venue.blotter.archive.is_empty
                await client.ask("POST", "/_exchange/reset")
                assert await client.ask("GET", "/_exchange/orders") == []
                assert await client.ask("GET", "/_exchange/fills") == []

    virtually(lambda: main(None))
    virtually(lambda: main(ExchangeStore(tmp_path / "exchange.sqlite")))


def test_the_order_that_is_hidden_is_the_latest_even_if_it_left_memory() -> None:
    async def main() -> None:
        async with an_exchange(kept=0) as client:
            await client.quote()
            await client.order()
            order = await client.order()
            client.front.server.hide_latest_order(client.key, 60)
            await client.ask("GET", f"/v2/orders/{order['id']}", None, 404)

    virtually(main)


def test_hidden_orders_that_show_again_are_forgotten() -> None:
    now_s = 0.0
    venue = Floor().venue
    mischief = Mischief(FaultPlan(), venue, lambda: now_s)
    for number in range(5_000):
        now_s = float(number)
        mischief.hide(str(number), 100)
    assert len(mischief._hidden_until_s) <= 1000
    assert [mischief.is_hidden(each) for each in ("4898", "4901", "4999")] == [False, True, True]


def test_the_next_thing_due_is_the_bell_or_what_is_under_way() -> None:
    async def main() -> None:
        rules = VenueRules(ack_latency_ns=7 * SECOND_NS)
        async with an_exchange(rules=rules) as client:
            venue = client.front.server.venue
            opened_ns = START_NS - 30 * 60 * SECOND_NS
            close_ns = opened_ns + 390 * 60 * SECOND_NS
            assert venue.next_due_ns == close_ns
            await client.quote()
            await client.order()
            assert venue.next_due_ns == venue.now_ns + 7 * SECOND_NS
            await client.ask("POST", "/_exchange/clock", {"advance": 10})
            assert venue.next_due_ns == close_ns

    virtually(main)


def test_a_request_sets_a_market_going_again_that_was_stopped() -> None:
    async def main() -> None:
        async with an_exchange(speed=1.0) as client:
            server, sleep = client.front.server, client.front.server.setup.clock.sleep
            for _ in range(2):
                await client.ask("GET", "/v2/clock")
                await sleep(1)
                before_ns = server.now_ns
                await sleep(30)
                assert server.now_ns - before_ns == pytest.approx(30 * SECOND_NS, abs=SECOND_NS)
                await server.aclose()
                stopped_ns = server.now_ns
                await sleep(30)
                assert server.now_ns == stopped_ns

    virtually(main)
