"""Alpaca's order rules as we state them, against an exchange that keeps them.

What the desk refuses the exchange refuses, and what the desk lets through the exchange takes.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from random import Random
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from floorbroker.brokers import order_rules
from floorbroker.brokers.alpaca.client import ALPACA, AlpacaClient, Endpoints
from floorbroker.brokers.alpaca.credentials import Credentials
from floorbroker.brokers.alpaca.words import ORDER_RULES
from floorbroker.brokers.alpaca_memory.memory import MemoryTransport
from floorbroker.brokers.freshness import Fresh
from floorbroker.brokers.order_rules import Known
from floorbroker.brokers.pacing import Pacer
from floorbroker.clock import SystemClock, ns_of
from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.errors import BrokerRejected, InvalidOrder
from floorbroker.domain.ids import Account, ClOrdID
from floorbroker.domain.instrument import Instrument
from floorbroker.domain.order import OrderClass, OrderRequest, OrdType, Side, TimeInForce
from floorbroker.domain.terms import OrderTerms
from floorbroker.engine import decide
from floorbroker.engine.settings import EngineSettings
from floorbroker.engine.state import State
from floorbroker.exchange.build import build_exchange
from floorbroker.exchange.front.server import Setup
from floorbroker.exchange.reference.assets import equity, listing

#: Eight in the morning in New York: auctions of both ends of the day still take orders.
EARLY = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
OTC, NO_FRACTIONS_EARLY = "OTCQX", "NOFEH"
ASSETS = {
    **listing(["AAPL", "BTC/USD"]),
    OTC: equity(OTC, exchange="OTC"),
    NO_FRACTIONS_EARLY: replace(equity(NO_FRACTIONS_EARLY), attributes=()),
}
KINDS, TIMES = tuple(OrdType), tuple(TimeInForce)
SIZES: tuple[dict[str, Any], ...] = (
    {"order_qty": Qty("200")},
    {"order_qty": Qty("200.5")},
    {"notional": Money("2000")},
)
BOOLS = (False, True)
RULES = decide.Rules(account=Account("A"), capabilities=ALPACA, settings=EngineSettings())


def prices(kind: OrdType, side: Side) -> dict[str, Any]:
    """Prices that are right for the type and the market at 100."""
    limit, stop = (Px("90"), Px("110")) if side is Side.BUY else (Px("110"), Px("90"))
    return {
        OrdType.MARKET: {},
        OrdType.LIMIT: {"price": limit},
        OrdType.STOP: {"stop_px": stop},
        OrdType.STOP_LIMIT: {"price": limit, "stop_px": stop},
        OrdType.TRAILING_STOP: {"trail_amount": Px("1")},
    }[kind]


def simple(symbol: str, side: Side = Side.BUY) -> Iterator[OrderRequest]:
    for kind, tif, size, late in product(KINDS, TIMES, SIZES, BOOLS):
        yield OrderRequest(
            side=side,
            symbol=symbol,
            ord_type=kind,
            time_in_force=tif,
            extended_hours=late,
            **size,
            **prices(kind, side),
        )


def with_legs(symbol: str) -> Iterator[OrderRequest]:
    """Entries into a long position, and exits of one."""
    profit = OrderTerms(side=Side.SELL, symbol=symbol, ord_type=OrdType.LIMIT, price=Px("150.00"))
    loss = OrderTerms(side=Side.SELL, symbol=symbol, ord_type=OrdType.STOP, stop_px=Px("50.00"))
    groups = (
        (OrderClass.BRACKET, Side.BUY, (profit, loss)),
        (OrderClass.OTO, Side.BUY, (loss,)),
        (OrderClass.OCO, Side.SELL, (loss,)),
    )
    for order, (name, side, legs) in product(simple(symbol), groups):
        terms = prices(order.ord_type, side)
        yield replace(order, side=side, order_class=name, legs=legs, **terms)


class Floor:
    """The exchange, the door to it, and what it says to an order."""

    def __init__(self, client: AlpacaClient, way: MemoryTransport) -> None:
        self._client, self._way, self._number = client, way, 0

    async def instrument(self, symbol: str) -> Instrument | None:
        return await self._client.instrument(symbol)

    async def post(self, path: str, **body: object) -> None:
        answer = await self._way.request("POST", path, body=msgspec.json.encode(body))
        assert answer.status == 200, answer.body

    async def takes(self, order: OrderRequest) -> str:
        """Empty if it does; else why not. What it took is canceled."""
        self._number += 1
        try:
            told = await self._client.place(ClOrdID(f"cell-{self._number}"), order)
        except BrokerRejected as no:
            return no.text
        with suppress(BrokerRejected):  # a coin trades at this hour: it may have filled
            await self._client.cancel(told.order_id)
        return ""

    async def hold(self, symbol: str) -> None:
        """Own a thousand, so that exits have something to end."""
        buy = OrderRequest.limit(
            "buy", 1000, symbol, limit_price="101", time_in_force="day", extended_hours=True
        )
        await self._client.place(ClOrdID(f"hold-{symbol}"), buy)
        held = {one.symbol: one.qty for one in await self._client.positions()}
        assert held[symbol] == 1000


@asynccontextmanager
async def floor() -> AsyncIterator[Floor]:
    clock = SystemClock()
    setup = Setup(clock=clock, assets=ASSETS, start_ns=ns_of(EARLY), cash=Decimal(10**9))
    front = build_exchange(setup)
    way = MemoryTransport(front)
    client = AlpacaClient(
        Account("A"),
        Endpoints(trading=way, market=way, stream=way),
        Credentials("PKRULES", "secret"),
        clock=clock,
        random=Random(1),
        pacer=Pacer(clock, Random(2)),
    )
    made = Floor(client, way)
    for symbol in ASSETS:
        await made.post(
            "/_exchange/quote",
            symbol=symbol,
            bid_price="99.99",
            bid_size=10**6,
            ask_price="100.01",
            ask_size=10**6,
        )
    yield made
    await client.aclose()
    await front.aclose()


def told_now(found: Any) -> Fresh[Any]:
    return Fresh(found, EARLY, 0.0, EARLY + timedelta(seconds=1))


def by_the_table(order: OrderRequest, known: Known) -> str:
    """What the stated rules alone say, without what any order must fulfil."""
    try:
        order_rules.check(order, ORDER_RULES)
        order_rules.check_known(order, ORDER_RULES, known, EARLY)
    except InvalidOrder as no:
        return str(no)
    return ""


def by_the_desk(order: OrderRequest, known: Known) -> str:
    command = decide.Submit(cl_ord_id=ClOrdID("cell"), request=order, known=known)
    try:
        decide.submit(State(), command, RULES, EARLY)
    except InvalidOrder as no:
        return str(no)
    return ""


async def disagreements(
    made: Floor, orders: Iterable[OrderRequest], held: Qty | None = None
) -> tuple[int, int, list[str]]:
    """How many orders were taken, how many refused, and where we and the exchange differ."""
    taken, refused, found = 0, 0, []
    instruments: dict[str, Instrument | None] = {}
    for order in orders:
        if order.symbol not in instruments:
            instruments[order.symbol] = await made.instrument(order.symbol)
        known = Known(
            instrument=told_now(instruments[order.symbol]),
            held=None if held is None else told_now(held),
        )
        theirs = await made.takes(order)
        taken, refused = taken + (not theirs), refused + bool(theirs)
        for who, ours in (
            ("table", by_the_table(order, known)),
            ("desk", by_the_desk(order, known)),
        ):
            if bool(ours) != bool(theirs):
                found.append(f"{_cell(order)}: {who} {ours or 'takes'}; they {theirs or 'take'}")
    return taken, refused, found


def _cell(order: OrderRequest) -> str:
    size = order.order_qty or f"${order.notional}"
    late = " extended" if order.extended_hours else ""
    words = (order.side, size, order.symbol, order.ord_type, order.time_in_force)
    return " ".join(map(str, words)) + f" {order.order_class}{late}"


def run(
    orders: Iterable[OrderRequest], *, held: Qty | None = None, holds: str = ""
) -> tuple[int, int]:
    """How many orders desk and exchange both took, and both refused; fails where they differ."""

    async def body() -> tuple[int, int]:
        async with floor() as made:
            if holds:
                await made.hold(holds)
            taken, refused, found = await disagreements(made, orders, held)
            assert not found, "\n" + "\n".join(found)
            return taken, refused

    return asyncio.run(body())


def test_buys_of_every_type_time_in_force_and_size() -> None:
    assert run(simple("AAPL")) == (30, 150)


def test_coin_pairs() -> None:
    assert run(simple("BTC/USD")) == (19, 161)


def test_shares_over_the_counter() -> None:
    assert run(simple(OTC)) == (22, 158)


def test_whole_shares_only() -> None:
    assert run(simple("WHOLE")) == (20, 160)


def test_fractions_in_regular_hours_only() -> None:
    assert run(simple(NO_FRACTIONS_EARLY)) == (28, 152)


def test_what_is_not_traded_or_not_listed() -> None:
    assert run([*simple("HALTD"), *simple("GONE"), *simple("NOSUCH")]) == (0, 540)


def test_short_sales() -> None:
    orders = [
        order
        for symbol in ("AAPL", "NOSHORT", "HARDB", "WHOLE")
        for order in simple(symbol, Side.SELL)
    ]
    assert run(orders, held=Qty("0")) == (40, 680)


def test_orders_with_legs() -> None:
    """Entries by a stop are left out: no page of Alpaca's says that it takes them, so we do not
    offer them; the exchange does."""
    entries = (OrdType.STOP, OrdType.STOP_LIMIT)
    orders = [one for one in with_legs("AAPL") if one.ord_type not in entries]
    assert run(orders, holds="AAPL") == (10, 314)
    for order in with_legs("AAPL"):
        if order.ord_type in entries:
            with pytest.raises(InvalidOrder):
                order_rules.check(order, ORDER_RULES)


def test_coins_have_no_legs() -> None:
    assert run(with_legs("BTC/USD")) == (0, 540)


def limit(**terms: Any) -> OrderRequest:
    return OrderRequest(side=Side.BUY, symbol="AAPL", ord_type=OrdType.LIMIT, **terms)


def test_decimals_of_sizes_and_prices() -> None:
    whole = {"order_qty": Qty("10")}
    takes = [
        limit(order_qty=Qty("1.123456789"), price=Px("90.01")),
        limit(order_qty=Qty("10.0"), price=Px("90.010")),
        limit(notional=Money("500.25"), price=Px("90")),
        limit(price=Px("0.9999"), **whole),
        limit(price=Px("1.00"), **whole),
    ]
    refuses = [
        limit(order_qty=Qty("1.1234567891"), price=Px("90")),
        limit(notional=Money("500.255"), price=Px("90")),
        limit(price=Px("90.001"), **whole),
        limit(price=Px("1.0001"), **whole),
        limit(price=Px("0.99999"), **whole),
    ]
    assert run(takes) == (5, 0)
    assert run(refuses) == (0, 5)
