"""A plan's trades as parent orders: worked by an algorithm, each followed to its end.

What survives a kill: a parent order is journaled before it is answered, and whoever opens the desk
next goes on with it. A plan made meanwhile counts what live parents will still trade as if they
had, so nothing is asked for twice.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from floorbroker import app
from floorbroker.deskwork.parents import DeskParents
from floorbroker.deskwork.portfolio.looking import How, Price
from floorbroker.deskwork.portfolio.sending import OnStep, Sent
from floorbroker.domain.errors import Refused
from floorbroker.engine.parents.board import ParentStatus
from floorbroker.posttrade.wording import counted
from floorbroker.pretrade.allocation.trades import Trade

#: How orders of a rebalance are named in limits, counts and reports.
STRATEGY = "rebalance"
#: How often those who look on are told, seconds of the market.
LOOK_S = 1.0
#: Told how the parents at work stand.
OnLook = Callable[[Sequence[ParentStatus]], None]


def unseen(_: Sequence[ParentStatus]) -> None:
    """Nobody looks on."""


class Work(Struct, frozen=True, kw_only=True):
    """By which algorithm, until when. `phases` share what is left of the time equally: each must
    end before the next begins."""

    algo: str
    end: datetime
    phases: int = 1
    params: Mapping[str, Any] = field(default_factory=dict)


class AlgoSender:
    """One parent order for each trade, and then the wait for its end, however long that is."""

    takes_long = True

    def __init__(self, parts: app.Parts, how: How, work: Work, on_look: OnLook = unseen) -> None:
        self._parts = parts
        self._parents = DeskParents(parts)
        self._how, self._work, self._on_look = how, work, on_look
        self._phases_left = work.phases

    async def send(
        self, trades: Sequence[Trade], prices: Mapping[str, Price], on_step: OnStep
    ) -> list[Sent]:
        end = self._end_of_phase()
        placed = [await self._placed(one, prices[one.symbol], end) for one in trades]
        live = [one.parent_id for one in placed if isinstance(one, ParentStatus)]
        looking = asyncio.ensure_future(self._look(live))

        async def follow(place: int) -> Sent:
            sent = await self._followed(trades[place], placed[place])
            on_step(place, sent)
            return sent

        try:
            return list(await asyncio.gather(*map(follow, range(len(trades)))))
        finally:
            looking.cancel()

    def _end_of_phase(self) -> datetime:
        now, left = self._parts.clock.now(), max(self._phases_left, 1)
        self._phases_left -= 1
        return now + (self._work.end - now) / left

    async def _placed(self, trade: Trade, price: Price, end: datetime) -> ParentStatus | Refused:
        collared = self._how.limit_bps is not None
        try:
            return await self._parents.submit(
                trade.side,
                trade.qty,
                trade.symbol,
                algo=self._work.algo,
                end=end,
                limit=price.worst(trade.side, self._how) if collared else None,
                params=self._work.params,
                strategy=STRATEGY,
            )
        except Refused as refusal:
            return refusal

    async def _followed(self, trade: Trade, placed: ParentStatus | Refused) -> Sent:
        if isinstance(placed, Refused):
            return Sent(trade=trade, text=f"refused: {placed}")
        status = await self._parents.wait(placed.parent_id)
        said = status.refusal or status.reason
        children = counted(status.children, "child order")
        return Sent(
            trade=trade,
            order_id=status.parent_id,
            filled=Decimal(status.filled),
            avg_px=None if status.avg_px is None else Decimal(status.avg_px),
            is_ended=status.is_ended,
            text=f"{status.state}, {children}: {said}" if said else f"{status.state}, {children}",
            parent=status,
        )

    async def _look(self, names: Sequence[str]) -> None:
        while True:
            self._on_look([await self._parents.get(name) for name in names])
            await self._parts.clock.sleep(LOOK_S)


async def earlier_parents(parts: app.Parts, on_look: OnLook = unseen) -> list[ParentStatus]:
    """Wait for the parents of an earlier rebalance that still live, and return them at their
    ends: a plan made before would not know what they will have traded."""
    door = DeskParents(parts)
    live = [one for one in await door.list() if one.strategy == STRATEGY and not one.is_ended]

    async def look() -> None:
        while True:
            on_look([await door.get(one.parent_id) for one in live])
            await parts.clock.sleep(LOOK_S)

    looking = asyncio.ensure_future(look())
    try:
        return list(await asyncio.gather(*(door.wait(one.parent_id) for one in live)))
    finally:
        looking.cancel()
