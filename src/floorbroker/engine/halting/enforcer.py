"""Sees a kill through: until the broker shows no order that has to go, and no position."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import chain, repeat
from typing import Protocol

from floorbroker.domain.amounts import Qty
from floorbroker.domain.errors import BrokerError, Refused
from floorbroker.domain.order import Order, OrderRequest, OrdStatus, Side, TimeInForce
from floorbroker.domain.position import Position
from floorbroker.domain.terms import is_coin_pair
from floorbroker.engine.compare.orders import Theirs
from floorbroker.engine.decide import LookForStuck
from floorbroker.engine.inbox import Inbox
from floorbroker.engine.settings import Means
from floorbroker.engine.standing.kill import doomed, must_go
from floorbroker.engine.state import State

#: Between two looks at what is left; the last one repeats.
_LOOKS_S = (0.25, 0.5, 1.0, 1.0, 2.0, 4.0, 8.0)


class Lister(Protocol):
    """Asks the broker for its open orders."""

    async def sweep(self) -> list[Theirs]: ...


class Enforcer:
    """Asks for what the kill that stands has not achieved yet, again and again.

    Nothing here needs to survive a crash: what is left follows from the book and from the broker's
    own list, and the next start looks at both.
    """

    def __init__(self, means: Means, surveyor: Lister, state: State, inbox: Inbox) -> None:
        self._broker, self._clock, self._errors = means.broker, means.clock, means.errors
        self._surveyor = surveyor
        self._state = state
        self._inbox = inbox
        self._changed = asyncio.Event()
        self._is_quiet = asyncio.Event()

    def changed(self) -> None:
        """Somebody has killed or resumed."""
        self._is_quiet.clear()
        self._changed.set()

    def left(self) -> list[Order]:
        """The orders that the kill has still to see canceled, as far as the book knows."""
        return [] if self._state.kill is None else doomed(self._state.book, self._state.kill)

    async def quiet(self) -> None:
        """Return once nothing is left that the kill asks for."""
        await self._is_quiet.wait()

    async def run(self, submit: Callable[[OrderRequest], Awaitable[Order]]) -> None:
        """See to every kill, for ever; `submit` places orders that close positions."""
        while True:
            self._changed.clear()
            for delay_s in chain(_LOOKS_S, repeat(_LOOKS_S[-1])):
                if self._state.kill is None:
                    break
                if await self._is_done(submit):
                    if not self._changed.is_set():
                        self._is_quiet.set()
                    break
                await self._pause(delay_s)
            await self._changed.wait()

    async def _pause(self, delay_s: float) -> None:
        """Another kill is seen to at once."""
        try:
            async with asyncio.timeout(delay_s):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    async def _is_done(self, submit: Callable[[OrderRequest], Awaitable[Order]]) -> bool:
        kill = self._state.kill
        if kill is None or not kill.cancels:
            return True
        try:
            listed = await self._surveyor.sweep()
            self._inbox.post(LookForStuck())
            await self._inbox.record(())
            if self.left() or self._shows(listed):
                return False
            kill = self._state.kill
            return kill is None or not kill.is_flattening or await self._is_flat(submit)
        except BrokerError as problem:
            self._errors.append(problem)
            return False

    def _shows(self, listed: list[Theirs]) -> bool:
        """Whether the broker has an open order that is to go, or that nobody knows yet."""
        kill, book = self._state.kill, self._state.book
        if kill is None:
            return False  # somebody has resumed meanwhile
        for pair in listed:
            if pair.found is None or not pair.found.ord_status.is_open:
                continue
            ours = None if pair.ours is None else book.find(pair.ours.cl_ord_id)
            if pair.ours is None or (ours is not None and must_go(book, kill, ours)):
                return True
        return False

    async def _is_flat(self, submit: Callable[[OrderRequest], Awaitable[Order]]) -> bool:
        """Close what is open, one order at a time in a symbol, and never more of it than both we
        and the broker count."""
        book = self._state.book
        held = [one.symbol for one in book.positions.values() if not one.is_flat]
        theirs = {one.symbol: one for one in await self._broker.positions()} if held else {}
        for symbol in held:
            position, there = book.positions[symbol], theirs.get(symbol)
            is_busy = any(one.symbol == symbol for one in self._live())
            if is_busy or there is None or (position.qty > 0) is not (there.qty > 0):
                continue
            size = min(abs(position.qty), abs(there.qty), abs(there.qty_available))
            if size > 0:
                await self._close(submit, position, Qty(size))
        return not held

    async def _close(
        self,
        submit: Callable[[OrderRequest], Awaitable[Order]],
        position: Position,
        size: Qty,
    ) -> None:
        try:
            await submit(closing(position, size))
        except Refused:
            return  # it is journaled, and tried again

    def _live(self) -> list[Order]:
        book = self._state.book
        live = (*book.orders.values(), *book.external.values())
        return [order for order in live if order.venue_status is not OrdStatus.HELD]


def closing(position: Position, size: Qty) -> OrderRequest:
    """The market order that takes so much off the position."""
    side = Side.SELL if position.qty > 0 else Side.BUY
    is_coin = is_coin_pair(position.symbol)
    tif = TimeInForce.GOOD_TILL_CANCEL if is_coin else TimeInForce.DAY
    return OrderRequest.market(side, size, position.symbol, time_in_force=tif)
