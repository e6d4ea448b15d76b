"""A desk behind a proxy that misbehaves: nothing is lost, nothing doubled, the books agree.

The desk is the one that users run: its settings come from the variables that point it at Alpaca,
the wire is real, the waits are those meant for Alpaca. So an order that never arrived is proven
never placed after a minute or two. In the short test each order arrives, and what is lost is the
answer, a part of it, or frames of the stream; requests that never arrive are there cancels and
questions. The long test loses orders too, and waits until each is proven never placed.
"""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from floorbroker import app, config, venues
from floorbroker.desk import Desk
from floorbroker.domain.errors import BrokerError, Halted
from floorbroker.domain.order import OrderRequest, OrdStatus
from tests.crash.proxy import LOST, Fault, FrameFault, Mischief, Proxy, a_proxy
from tests.e2e.ledger import Ledger, exchange_fills, exchange_positions, exchange_rows, ledger_of

SYMBOLS = ("AAPL", "MSFT", "SPY", "F")
LANES = 6
F = Fault

#: Every order arrives: its answer may be late, lost, cut, foreign or that of a second delivery.
ARRIVES = {
    F.THROUGH: 5,
    F.LATE: 3,
    F.HELD: 1,
    F.RESET_AFTER: 2,
    F.CUT: 2,
    F.BAD_GATEWAY: 2,
    F.GATEWAY_TIMEOUT: 2,
    F.TWICE: 1,
    F.TWICE_SECOND: 2,
}
#: The same ten times over, and three orders that never arrive.
SOME_LOST = {fault: 10 * count for fault, count in ARRIVES.items()} | dict.fromkeys(LOST, 1)
ANYTHING = {
    F.THROUGH: 12,
    F.LATE: 3,
    F.HELD: 1,
    F.RESET_BEFORE: 1,
    F.RESET_WITHIN: 1,
    F.TURNED_AWAY: 1,
    F.RESET_AFTER: 1,
    F.CUT: 1,
    F.BAD_GATEWAY: 1,
    F.GATEWAY_TIMEOUT: 1,
}
FRAMES = {
    FrameFault.THROUGH: 20,
    FrameFault.LATE: 6,
    FrameFault.DROPPED: 6,
    FrameFault.TWICE: 6,
    FrameFault.RESET: 2,
    FrameFault.MUTE: 1,
}


class World(Struct, frozen=True):
    """What is left to judge when the desk has closed."""

    ledger: Ledger
    orders: list[dict[str, Any]]
    fills: list[dict[str, Any]]
    positions: Mapping[str, Decimal]  #: As the desk had them.


def mischief(orders: dict[Fault, int]) -> Mischief:
    return Mischief(requests={"POST": orders, "GET": ANYTHING, "DELETE": ANYTHING}, frames=FRAMES)


def settings_of(proxy: Proxy, home: Path) -> config.Settings:
    """As `floorbroker` reads them, with every address of Alpaca's replaced."""
    found = config.load(
        {
            "APCA_API_KEY_ID": "PK1",
            "APCA_API_SECRET_KEY": "s",
            "APCA_API_BASE_URL": proxy.url,
            "APCA_API_DATA_URL": proxy.url,
            "APCA_API_STREAM_URL": proxy.url.replace("http", "ws") + "/stream",
            "FLOORBROKER_HOME": str(home),
        },
        env_file=home / "none",
    )
    assert found.mode == "paper"
    return found


def request_of(number: int) -> OrderRequest:
    """Mostly market orders; every fifth rests far away and is canceled, others are limits."""
    symbol = SYMBOLS[number % len(SYMBOLS)]
    cl_ord_id = f"proxy-{number:04d}"
    if is_canceled(number):
        return OrderRequest.limit("buy", 1, symbol, limit_price="1.00", cl_ord_id=cl_ord_id)
    if number % 7 == 6:
        return OrderRequest.limit("buy", 3, symbol, limit_price="900", cl_ord_id=cl_ord_id)
    return OrderRequest.market("buy", number % 9 + 1, symbol, cl_ord_id=cl_ord_id)


def is_canceled(number: int) -> bool:
    return number % 5 == 4


async def traded(home: Path, seed: int, orders: int, cards: dict[Fault, int]) -> World:
    """Work the list of orders through the proxy until every order has ended."""
    market = venues.open_market(None, SYMBOLS, 5)
    served_ = venues.serve_exchange(market, speed=5.0, seed=5, cash="10000000")
    async with served_ as served, a_proxy(served.url, mischief(cards), seed) as proxy:
        async with Desk.open(settings_of(proxy, home)) as desk:
            numbers = iter(range(orders))
            await asyncio.gather(*(_lane(desk, numbers) for _ in range(LANES)))
            await _settle(desk)
            positions = {each.symbol: each.qty for each in await desk.get_positions()}
        say(told(proxy, seed))
        check_struck(proxy, cards)
        return World(
            ledger=ledger_of(home / "desk.sqlite"),
            orders=await app.get_json(f"{served.url}/_exchange/orders"),
            fills=await app.get_json(f"{served.url}/_exchange/fills"),
            positions=positions,
        )


async def _lane(desk: Desk, numbers: Iterator[int]) -> None:
    for number in numbers:
        request = request_of(number)
        await _submit(desk, request)
        if is_canceled(number):
            await _cancel(desk, str(request.cl_ord_id))


async def _submit(desk: Desk, request: OrderRequest) -> None:
    """An order whose fate is open closes its symbol for a while, or the account."""
    wait_s = 0.05
    while True:
        try:
            await desk.submit_order(request)
        except Halted:
            await desk.clock.sleep(wait_s)
            wait_s = min(1.2 * wait_s, 1.0)
        else:
            return


async def _cancel(desk: Desk, cl_ord_id: str) -> None:
    """Once it is known to be there; what was proven never placed has ended."""
    while (order := await desk.get_order(cl_ord_id)).ord_status is OrdStatus.UNKNOWN:
        await desk.clock.sleep(0.02)
    if not order.is_ended:
        await desk.cancel_order(cl_ord_id)


async def _settle(desk: Desk) -> None:
    """Every order has ended, and both books are the same."""
    while await desk.get_all_orders("open"):
        await _compare(desk)
        await desk.clock.sleep(0.1)
    while not await _compare(desk):
        await desk.clock.sleep(0.1)


async def _compare(desk: Desk) -> bool:
    try:
        return not (await desk.reconcile_positions()).open_breaks
    except BrokerError:
        return False  # the proxy had this question


def check_struck(proxy: Proxy, cards: dict[Fault, int]) -> None:
    """The desk went through the proxy with everything, and the proxy did what it was told."""
    for path in ("POST /v2/orders", "GET /v2/positions", "GET /stream", "GET /v2/iex"):
        assert proxy.seen[path], f"not through the proxy: {path}"
    assert not [fault for fault in cards if not proxy.count("POST", fault)]
    for fault in (FrameFault.DROPPED, FrameFault.TWICE, FrameFault.LATE):
        assert proxy.struck["frame", fault]


def judge(world: World, orders: int) -> None:
    """Every order was asked for once, is at the exchange once or proven never to have been."""
    ledger = world.ledger
    names = Counter(f"proxy-{number:04d}" for number in range(orders))
    assert ledger.asked == names, "each order is written down once, and none is missing"
    placed = Counter(order["client_order_id"] for order in world.orders)
    twice = {name: count for name, count in placed.items() if count > 1}
    assert not twice, "placed more than once"
    closed = ledger.absent | ledger.unsent
    both, neither = set(placed) & closed, set(names) - set(placed) - closed
    assert not both, "closed as never placed, and yet the exchange has it"
    assert not neither, "neither at the exchange nor closed by evidence"
    assert not ledger.turned_down
    assert set(ledger.attempts) == set(names) - ledger.unsent
    assert set(ledger.attempts.values()) == {1}, "sent again, which nothing here asks for"
    assert ledger.rows() == exchange_rows(world.orders)
    assert ledger.fills() == exchange_fills(world.fills)
    assert ledger.positions() == exchange_positions(world.fills) == world.positions


def told(proxy: Proxy, seed: int) -> str:
    """What struck, by the kind of request."""
    lines = [f"seed {seed}:"]
    for what in ("POST", "DELETE", "GET", "frame"):
        struck = {fault: n for (which, fault), n in proxy.struck.items() if which == what}
        lines.append(f"  {what}: " + ", ".join(f"{n} {fault}" for fault, n in struck.items()))
    return "\n".join(lines)


def say(text: str) -> None:
    """Shown where a test fails, so that the same faults can be had again: PROXY_SEED."""
    sys.stdout.write(text + "\n")


def seed_of() -> int:
    return int(os.environ.get("PROXY_SEED", "0")) or int.from_bytes(os.urandom(4), "big")


@pytest.mark.timeout(240)
@pytest.mark.proves("S03", "C09", "I02")
async def test_answers_lost_by_a_proxy_lose_and_double_nothing(tmp_path: Path) -> None:
    seed = seed_of()
    say(f"seed {seed}")
    async with asyncio.timeout(200):
        world = await traded(tmp_path, seed, 40, ARRIVES)
    judge(world, 40)
    assert not world.ledger.absent, "all of them arrived"


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("number", range(3))
@pytest.mark.proves("S03", "C07", "C09", "I02")
async def test_orders_and_answers_lost_by_a_proxy_are_told_apart(
    tmp_path: Path, number: int
) -> None:
    seed = seed_of() + number
    say(f"seed {seed}")
    async with asyncio.timeout(1700):
        world = await traded(tmp_path, seed, 400, SOME_LOST)
    judge(world, 400)
    ledger = world.ledger
    say(f"{len(ledger.absent)} proven never placed, {len(ledger.unsent)} grown old unsent")
    assert ledger.absent, "none of the orders was lost on its way there"
