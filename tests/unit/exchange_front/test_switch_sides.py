"""The switches of the fills and of the door, both ways; those of the venue are beside it.

`test_every_switch_is_tried_both_ways` sees to it that none is forgotten.
"""

import ast
from decimal import Decimal
from pathlib import Path

import pytest

from floorbroker.exchange.front.server import FrontRules
from floorbroker.exchange.front.switches import TABLES
from floorbroker.exchange.matching.fills import FillRules
from floorbroker.exchange.model import VenueOrder
from tests.unit.exchange.venue_kit import MINUTE, SESSION, Floor
from tests.unit.exchange_data.conftest import listen, opened
from tests.unit.exchange_front.conftest import Client, an_exchange, virtually
from tests.unit.exchange_streams.test_feed import AUTH, error

D = Decimal
TESTS = Path(__file__).parents[2]


def a_floor(**switches: object) -> Floor:
    floor = Floor(fill_rules=FillRules(**switches), cash="10000000")  # type: ignore[arg-type]  # any switch
    floor.quote("100", 500, "100.02", 300)
    floor.trade("100.01", 10)
    return floor


def filled(floor: Floor, order: VenueOrder) -> int:
    return int(floor.now(order).filled_qty)


@pytest.mark.parametrize(
    ("queue", "qty"),
    [("pessimistic", 0), ("probabilistic", 50), ("optimistic", 100), ("alpaca_paper", 0)],
)
def test_who_leaves_a_queue_that_shrinks(queue: str, qty: int) -> None:
    floor = a_floor(queue=queue)
    order = floor.limit("buy", 100, "100")
    floor.quote("100", 1000, "100.02", 300)  # five hundred stand before us, as many behind
    floor.quote("100", 600, "100.02", 300)
    floor.trade("100", 350, "sell")
    assert filled(floor, order) == qty


@pytest.mark.parametrize("power", [0, 3])
def test_the_weight_of_a_place_in_the_queue(power: int) -> None:
    floor = a_floor(queue="probabilistic", queue_power=power)
    floor.limit("buy", 100, "100")
    floor.quote("100", 900, "100.02", 300)
    floor.quote("100", 450, "100.02", 300)
    (order,) = floor.account.open_orders.values()
    assert order.queue_ahead is not None
    assert (order.queue_ahead > 250) is (power == 0)


@pytest.mark.parametrize(("pays", "px"), [("limit", "99.90"), ("quote", "99.85")])
def test_what_an_order_pays_that_a_quote_crosses(pays: str, px: str) -> None:
    floor = a_floor(crossing_px=pays)
    floor.limit("buy", 100, "99.90")
    floor.quote("99.80", 500, "99.85", 120)
    assert floor.fills == [("100", px)]


@pytest.mark.parametrize(("renewal", "qty"), [("restated", 400), ("price", 300)])
def test_what_gives_liquidity_back(renewal: str, qty: int) -> None:
    floor = a_floor(renewal=renewal)
    order = floor.send("buy", 400)
    floor.quote("100", 500, "100.02", 300)
    assert filled(floor, order) == qty


@pytest.mark.parametrize(("wait_s", "qty"), [(30, 10), (120, 0)])
def test_how_long_an_auction_is_waited_for(wait_s: int, qty: int) -> None:
    floor = a_floor(auction_wait_s=wait_s)
    order = floor.send("buy", 10, tif="cls")
    floor.venue.advance(SESSION.close_ns - MINUTE)
    floor.trade("100.01", 500)
    floor.venue.advance(SESSION.close_ns + MINUTE)
    assert filled(floor, order) == qty
    floor.venue.advance(SESSION.close_ns + 2 * MINUTE)
    assert filled(floor, order) == 10


@pytest.mark.parametrize(("needs", "qty"), [(True, 0), (False, 10)])
def test_whether_a_print_outside_the_quote_elects_a_stop(needs: bool, qty: int) -> None:
    floor = a_floor(stops_need_nbbo=needs)
    order = floor.send("buy", 10, type="stop", stop_price="101")
    floor.trade("101", 5)
    assert filled(floor, order) == qty


@pytest.mark.parametrize("percent", [0, 99])
def test_how_often_paper_trading_fills_in_parts(percent: int) -> None:
    floor = a_floor(queue="alpaca_paper", paper_partial_percent=percent)
    floor.send("buy", 100)
    assert (len(floor.fills) > 1) is (percent > 0)


@pytest.mark.parametrize("is_alone", [False, True])
def test_how_many_order_streams_an_account_may_have(is_alone: bool) -> None:
    async def main() -> None:
        front = FrontRules(has_one_stream_per_account=is_alone)
        async with an_exchange(front=front) as client:
            await client.listen()
            if is_alone:
                with pytest.raises(Exception, match="429"):
                    await client.listen()
            else:
                await client.listen()

    virtually(main)


@pytest.mark.parametrize("is_alone", [False, True])
def test_how_many_feeds_an_account_may_have(is_alone: bool) -> None:
    async def main() -> None:
        front = FrontRules(has_one_feed_per_account=is_alone)
        async with an_exchange(front=front) as client:
            await listen(client)
            told = await (await opened(client)).tell(**AUTH)
            refusal = error(406, "connection limit exceeded")
            assert (told == refusal) is is_alone

    virtually(main)


@pytest.mark.parametrize("has_sip", [False, True])
def test_who_may_have_the_consolidated_tape(has_sip: bool) -> None:
    async def main() -> None:
        async with an_exchange(front=FrontRules(has_sip=has_sip)) as client:
            await client.quote()
            told = await (await opened(client, "/v2/sip")).tell(**AUTH)
            assert (told == error(409, "insufficient subscription")) is not has_sip
            answer = await client.send("GET", "/v2/stocks/AAPL/quotes/latest", feed="sip")
            assert answer.status == (200 if has_sip else 403)

    virtually(main)


@pytest.mark.parametrize("limit", [0, 2])
def test_how_many_symbols_a_feed_may_have(limit: int) -> None:
    async def main() -> None:
        async with an_exchange(front=FrontRules(feed_symbol_limit=limit)) as client:
            heard = await listen(client, trades=["AAPL", "F"])
            told = await heard.tell(action="subscribe", trades=["MSFT"])
            assert (told == error(405, "symbol limit exceeded")) is (limit > 0)

    virtually(main)


@pytest.mark.parametrize("limit", [0, 2])
def test_how_many_requests_a_minute_are_answered(limit: int) -> None:
    async def main() -> None:
        async with an_exchange(front=FrontRules(rate_limit=limit)) as client:
            statuses = [(await client.send("GET", "/v2/clock")).status for _ in range(3)]
            assert statuses == [200, 200, 429 if limit else 200]

    virtually(main)


@pytest.mark.parametrize(
    ("keys", "is_403", "status"),
    [(None, False, 200), ({"PK1": "right"}, False, 401), ({"PK1": "right"}, True, 403)],
)
def test_how_a_wrong_key_is_answered(
    keys: dict[str, str] | None, is_403: bool, status: int
) -> None:
    async def main() -> None:
        front = FrontRules(keys=keys, is_forbidden_403=is_403)
        async with an_exchange(front=front) as client:
            assert (await client.send("GET", "/v2/account")).status == status
            right = Client(client.front, "PK1", "right")
            assert (await right.send("GET", "/v2/account")).status == 200

    virtually(main)


#: Tried both ways where their frames are read.
ELSEWHERE = {
    "has_text_frames": "unit/exchange_front/test_stream.py",
    "feed_backlog": "wire/test_market_data_stream.py",
    "charges_fees": "unit/exchange/test_accounts.py",
    "ack_latency_ns": "unit/exchange/test_venue.py",
    "cancel_latency_ns": "unit/exchange/test_venue.py",
    "replace_latency_ns": "unit/exchange/test_venue.py",
    "has_overnight": "unit/exchange/floor/test_overnight.py",
    "overnight_takes_gtc": "unit/exchange/floor/test_overnight.py",
    "overnight_disabled": "unit/exchange/floor/test_overnight.py",
    "overnight_untradable": "unit/exchange/floor/test_overnight.py",
    "split_orders": "unit/exchange_actions/test_splits.py",
    "reverse_split_orders": "unit/exchange_actions/test_splits.py",
    "split_class_orders": "unit/exchange_actions/test_splits.py",
    "dividend_orders": "unit/exchange_actions/test_dividends.py",
    "dividends_paid": "unit/exchange_actions/test_dividends.py",
    "journals_first_cash": "unit/exchange_actions/test_over_http.py",
    "pdt": "unit/exchange/test_day_trades.py",
    "lists_busts": "unit/exchange_actions/test_over_http.py",
}


@pytest.mark.parametrize("table", TABLES)
def test_every_switch_is_tried_both_ways(table: str) -> None:
    here = [Path(__file__), TESTS / "unit" / "exchange" / "test_switches.py"]
    tried = {name for path in here for name in keywords(path)}
    for name in TABLES[table].__struct_fields__:
        if name in ELSEWHERE:
            assert name in set(keywords(TESTS / ELSEWHERE[name])), f"{name} is not tried there"
        else:
            assert name in tried, f"try {name} both ways"


def keywords(path: Path) -> list[str]:
    """The names that a module's calls give, and those that its parametrised tables spell."""
    tree = ast.parse(path.read_text("utf-8"))
    given = [node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg]
    spelt = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return given + spelt
