"""Parent orders for people and programs: large orders that an algorithm works over time."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypedDict, Unpack

from msgspec.structs import replace

from floorbroker import app
from floorbroker.clock import ns_of
from floorbroker.deskwork.halting import user
from floorbroker.deskwork.words import number, word
from floorbroker.domain.amounts import Number, Px, Qty
from floorbroker.domain.books.earlier import GIVEN, DayStats, Earlier, VolumeCurve, Wanted
from floorbroker.domain.books.parents import ParentOrder, ParentState
from floorbroker.domain.errors import InvalidOrder
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.order import Side
from floorbroker.engine.parents.board import ParentStatus
from floorbroker.engine.parents.steward import ReplaceParent, SubmitParent, SwitchParent
from floorbroker.execution.algos.port import Need
from floorbroker.execution.catalog import named, params_of


class MoreTerms(TypedDict, total=False):
    """What a parent order may have besides."""

    start: datetime | None
    limit: Number | None
    params: Mapping[str, Any] | None
    curve: Sequence[Number] | VolumeCurve | None
    stats: DayStats | None
    strategy: str


class NewTerms(TypedDict, total=False):
    """What a replace may change."""

    qty: Number | None
    limit: Number | None
    end: datetime | None
    params: Mapping[str, Any] | None


class DeskParents:
    """`desk.parents`: submit, follow and change parent orders. All of it is durable before it is
    answered, and a desk that starts again goes on where the last one died."""

    def __init__(self, parts: app.Parts) -> None:
        self._parts = parts
        self._door = parts.engine.parents

    async def submit(
        self,
        side: Side | str,
        qty: Number,
        symbol: str,
        *,
        algo: str,
        end: datetime | timedelta,
        **terms: Unpack[MoreTerms],
    ) -> ParentStatus:
        """Work an order from `start` (now) to `end`, a time or a while. `params` are those of the
        algorithm. `curve` is how volume spreads over equal parts of that time, or over bins of
        its own; it and `stats` come from earlier days where they are not given.

        Raises InvalidOrder with the field and what would be right, or another Refused.
        """
        now = self._parts.clock.now()
        begin = terms.get("start") or now
        limit = terms.get("limit")
        chosen = word(Side, "side", side)
        assert chosen is not None, "a side was given"
        order = ParentOrder(
            parent_id=self._parts.engine.make_id(),
            account=self._parts.broker.account,
            side=chosen,
            symbol=symbol.upper(),
            qty=Qty(number("qty", qty)),
            algo=algo,
            start_ns=_aware("start", begin),
            end_ns=_aware("end", begin + end if isinstance(end, timedelta) else end),
            limit=None if limit is None else Px(number("limit", limit)),
            params=dict(terms.get("params") or {}),
            strategy=terms.get("strategy", ""),
            transact_time=now,
        )
        told = await self._earlier(order, terms)
        order = replace(order, curve=told.curve, stats=told.stats)
        return await self._door.submit(SubmitParent(order))

    async def _earlier(self, order: ParentOrder, terms: MoreTerms) -> Earlier:
        """What was given, and what earlier days say where nothing was."""
        told = await self._of_days(order, terms)
        algorithm = named(self._door.catalog, order.algo)
        params = params_of(algorithm.params, order.params)
        is_capped = getattr(params, "max_rate", None) is not None
        if not (algorithm.in_auctions and is_capped) or told.stats.auctions.days:
            return told
        wanted = Wanted(symbol=order.symbol, start_ns=order.start_ns, auctions=True)
        found = await self._parts.earlier(wanted)
        auctions = replace(found.stats.auctions, why=found.why)
        return replace(told, stats=replace(told.stats, auctions=auctions))

    async def _of_days(self, order: ParentOrder, terms: MoreTerms) -> Earlier:
        curve, stats = terms.get("curve"), terms.get("stats")
        if curve is not None and not isinstance(curve, VolumeCurve):
            shares = tuple(number("curve", part) for part in curve)
            curve = VolumeCurve(edges_ns=(), shares=shares, source=GIVEN) if shares else None
        if curve is not None and stats is not None:
            return Earlier(curve=curve, stats=stats)
        algorithm = named(self._door.catalog, order.algo)
        if not (algorithm.looks_back or Need.CURVE in algorithm.needs):
            return Earlier(curve=curve, stats=stats or DayStats())
        params = params_of(algorithm.params, order.params)
        named_so = (("lookback_days", "days"), ("average", "average"))
        choice = {mine: getattr(params, its) for its, mine in named_so if hasattr(params, its)}
        wanted = Wanted(symbol=order.symbol, start_ns=order.start_ns, **choice)
        told = await self._parts.earlier(wanted)
        if curve is None and told.curve is None and Need.CURVE in algorithm.needs:
            hint = f"give one, or use another algorithm ({told.why})"
            raise InvalidOrder("curve", f"no volume curve for {order.symbol}", hint)
        return Earlier(curve=curve or told.curve, stats=stats or told.stats)

    async def get(self, parent_id: str) -> ParentStatus:
        """How it stands; raises UnknownOrder."""
        return self._door.get(ClOrdID(parent_id))

    async def list(self) -> "list[ParentStatus]":
        """Live ones and those that ended lately, oldest first."""
        return self._door.list()

    async def pause(self, parent_id: str, *, by: str = "", reason: str = "") -> ParentStatus:
        """Take its children back and send no new one until `resume`."""
        return await self._switch(parent_id, ParentState.PAUSED, by, reason)

    async def resume(self, parent_id: str, *, by: str = "", reason: str = "") -> ParentStatus:
        """Go on, on schedule: what is late by now is the algorithm's to judge."""
        return await self._switch(parent_id, ParentState.WORKING, by, reason)

    async def cancel(self, parent_id: str, *, by: str = "", reason: str = "") -> ParentStatus:
        """Take its children back; it has ended once none of them can fill: see `wait`."""
        return await self._switch(parent_id, ParentState.CANCELING, by, reason)

    async def _switch(self, parent_id: str, to: ParentState, by: str, reason: str) -> ParentStatus:
        name = ClOrdID(parent_id)
        command = SwitchParent(parent_id=name, to=to, by=by or user(), reason=reason)
        return await self._door.change(command)

    async def replace(
        self,
        parent_id: str,
        **terms: Unpack[NewTerms],
    ) -> ParentStatus:
        """Change it; `qty` is the total, shares already filled included, and `params` are all
        that it has from now on. Raises InvalidOrder, UnknownOrder."""
        qty, limit = terms.get("qty"), terms.get("limit")
        end, params = terms.get("end"), terms.get("params")
        if (qty, limit, end, params) == (None, None, None, None):
            raise InvalidOrder("qty", qty, "nothing would change; give a new term")
        command = ReplaceParent(
            parent_id=ClOrdID(parent_id),
            qty=None if qty is None else Qty(number("qty", qty)),
            limit=None if limit is None else Px(number("limit", limit)),
            end_ns=None if end is None else _aware("end", end),
            params=None if params is None else dict(params),
        )
        return await self._door.change(command)

    def updates(self) -> AsyncIterator[ParentStatus]:
        """Every parent order that changes from now on, each durable before it is seen; of one
        that changes faster than it is read, the newest."""
        return self._door.updates()

    async def wait(self, parent_id: str, *, timeout_s: float | None = None) -> ParentStatus:
        """The parent order once it has ended; raises UnknownOrder, and TimeoutError."""
        async with asyncio.timeout(timeout_s):
            return await self._door.wait(ClOrdID(parent_id))


def _aware(field: str, moment: datetime) -> int:
    if moment.tzinfo is None:
        raise InvalidOrder(field, moment, "give it with its time zone")
    return ns_of(moment)


def curve_numbers(text: str) -> tuple[Decimal, ...]:
    """A curve as a command line has it: numbers with commas between."""
    return tuple(number("curve", part.strip()) for part in text.split(",")) if text else ()
