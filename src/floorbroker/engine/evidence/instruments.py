"""What the broker tells of an order's instrument, gathered before the order is decided on."""

import asyncio
from collections.abc import Callable

from floorbroker.brokers import order_rules
from floorbroker.brokers.freshness import Fresh
from floorbroker.brokers.order_rules import Known, OrderRules
from floorbroker.domain.amounts import ZERO_QTY, Qty
from floorbroker.domain.errors import BrokerError, InvalidOrder
from floorbroker.domain.instrument import Instrument
from floorbroker.domain.order import OrderRequest
from floorbroker.domain.position import Position
from floorbroker.engine.settings import Means

#: A no is believed for this long only: what was halted an hour ago may trade again.
REFUSAL_AGE_S = 1.0


class Instruments:
    """Asks the cache. An order never waits longer than `reference_wait_s` for it, and never fails
    because of it: what could not be told in time is the broker's to judge."""

    def __init__(self, means: Means, positions: Callable[[], dict[str, Position]]) -> None:
        self._rules = means.broker.capabilities.orders
        self._cache, self._errors = means.cache, means.errors
        self._wait_s = means.settings.reference_wait_s
        self._positions = positions

    async def known(self, request: OrderRequest) -> Known | None:
        if self._rules is None:
            return None
        found = self._cache.instrument_at_hand(request.symbol)
        if found is not None and _takes(request, self._rules, found.value):
            return Known(instrument=found)
        try:
            async with asyncio.timeout(self._wait_s):
                return await self._ask(request, self._rules)
        except BrokerError as problem:
            self._errors.append(problem)
        except TimeoutError:
            pass
        return None

    async def _ask(self, request: OrderRequest, rules: OrderRules) -> Known:
        found = await self._cache.instrument(request.symbol)
        if not _takes(request, rules, found.value):
            found = await self._cache.instrument(request.symbol, max_age_s=REFUSAL_AGE_S)
        held = None
        if order_rules.may_need_position(request, rules, found.value) and self._is_flat(request):
            held = await self._held(request.symbol)
        return Known(instrument=found, held=held)

    def _is_flat(self, request: OrderRequest) -> bool:
        ours = self._positions().get(request.symbol)
        return ours is None or ours.qty <= 0

    async def _held(self, symbol: str) -> Fresh[Qty]:
        """Our own book may be behind: before a no, the broker is asked."""
        told = await self._cache.positions(max_age_s=0)
        held = next((one.qty for one in told.value if one.symbol == symbol), ZERO_QTY)
        return Fresh(held, told.as_of, told.age_s, told.good_until)


def _takes(request: OrderRequest, rules: OrderRules, instrument: Instrument | None) -> bool:
    try:
        order_rules.check_instrument(request, rules, instrument)
    except InvalidOrder:
        return False
    return instrument is not None and not order_rules.may_need_position(request, rules, instrument)
