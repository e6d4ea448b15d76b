"""Many orders at once: each result by itself, the order within a symbol kept, never too many."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from floorbroker.deskwork.words import number
from floorbroker.domain.amounts import Number, Qty
from floorbroker.domain.errors import InvalidOrder, Refused
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.order import Order, OrderRequest, OrdStatus
from floorbroker.domain.position import Position
from floorbroker.engine.book import legs
from floorbroker.engine.halting.enforcer import closing
from floorbroker.engine.loop import Engine
from floorbroker.publish.journaled import held

Item = TypeVar("Item")
#: What became of one request: the order as it stands, or why it was not let through here.
Result = Order | Refused
#: Called with the place of a request in its batch, as soon as its result is known.
OnResult = Callable[[int, Result], None]

#: Requests of a batch under way at a time: as many as are worth a connection each.
IN_FLIGHT = 128
#: How long to wait for the end of orders that hold a position which is to be closed.
_HOLDERS_S = 60.0
_SENT = frozenset(OrdStatus) - {OrdStatus.CREATED}


async def submit_all(
    engine: Engine, requests: Iterable[OrderRequest], on_result: OnResult | None = None
) -> list[Result]:
    """Place them; of one symbol each leaves once the one before has been answered or is UNKNOWN.

    Raises JournalError and whatever else ended the engine; what was placed by then stays placed.
    """
    batch = list(requests)
    queues: dict[str, list[int]] = {}
    for place, request in enumerate(batch):
        queues.setdefault(request.symbol, []).append(place)

    async def work(places: Sequence[int]) -> None:
        for place in places:
            results[place] = await _tried(engine, engine.submit(batch[place]))
            _tell(on_result, place, results[place])

    results: dict[int, Result] = {}
    await _each(work, queues.values())
    return [results[place] for place in range(len(batch))]


async def cancel_all(engine: Engine, on_result: OnResult | None = None) -> list[Result]:
    """Ask for a cancel of every order that is open now; each result is the order once the broker
    has taken or refused the request, which is not yet its end. What was never sent ends first."""
    live = sorted(engine.open_orders(), key=lambda order: order.venue_status in _SENT)
    names = legs.to_cancel(live)

    async def work(place: int) -> None:
        results[place] = await _tried(engine, engine.cancel(names[place]))
        _tell(on_result, place, results[place])

    results: dict[int, Result] = {}
    await _each(work, range(len(names)))
    return [results[place] for place in range(len(names))]


async def cancel_all_and_wait(engine: Engine, timeout_s: float) -> None:
    """Return once no order that is open now holds shares any more, or `timeout_s` is up."""
    asked = await cancel_all(engine)

    async def work(name: ClOrdID) -> None:
        await engine.wait(name)

    try:
        async with asyncio.timeout(timeout_s):
            await _each(work, [one.cl_ord_id for one in asked if isinstance(one, Order)])
    except TimeoutError:
        return  # what still holds shares will have its closing order rejected, and says so


async def close_everything(engine: Engine, cancel_within_s: float | None) -> dict[str, Result]:
    """End each position at the market; results by symbol. None cancels no order before."""
    if cancel_within_s is not None:
        await cancel_all_and_wait(engine, cancel_within_s)
    return await close_all(engine, held(engine.positions().values()))


async def close_all(engine: Engine, positions: Iterable[Position]) -> dict[str, Result]:
    """End each position at the market; results by symbol."""
    requests = [closing(position, abs(position.qty)) for position in positions]
    results = await submit_all(engine, requests)
    return {request.symbol: found for request, found in zip(requests, results, strict=True)}


async def close_one(
    engine: Engine, symbol: str, qty: Number | None, *, cancel_orders: bool
) -> Order:
    """See `Desk.close_position`."""
    symbol = symbol.upper()
    position = engine.positions().get(symbol) or Position(symbol=symbol)
    if position.is_flat:
        raise Refused(f"there is no position in {symbol} to close")
    size = abs(position.qty) if qty is None else Qty(number("qty", qty))
    if size > abs(position.qty):
        raise InvalidOrder("qty", size, f"at most {abs(position.qty)!s} are held")
    order = closing(position, size)
    holders = legs.holders(engine.open_orders(), position.symbol, order.side)
    kept = legs.held_in_words(position, size, holders)
    if kept and not cancel_orders:
        raise Refused(f"{kept}; cancel these, or close with cancel_orders=True")
    if not kept:
        return await engine.submit(order)
    async with asyncio.timeout(_HOLDERS_S):
        await asyncio.gather(*map(engine.cancel, legs.to_cancel(holders)))
        for holder in holders:
            await engine.wait(holder.cl_ord_id)
    return await close_one(engine, symbol, qty, cancel_orders=False)


async def _tried(engine: Engine, asked: Awaitable[Order]) -> Result:
    """A refusal is a result; but what a dying engine says to those who wait is none: their
    requests may have left."""
    try:
        return await asked
    except Refused as refusal:
        if engine.has_ended:
            raise
        return refusal


def _tell(on_result: OnResult | None, place: int, result: Result) -> None:
    if on_result is not None:
        on_result(place, result)


async def _each(work: Callable[[Item], Awaitable[None]], items: Iterable[Item]) -> None:
    """Do the work for each item, so many at a time; the first error ends all and is raised."""
    waiting = iter(items)

    async def lane() -> None:
        for item in waiting:
            await work(item)

    tasks = [asyncio.ensure_future(lane()) for _ in range(IN_FLIGHT)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
