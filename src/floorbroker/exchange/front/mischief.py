"""What the fault plan does behind the front: to the market, to fills, and to what is found."""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal

from msgspec.structs import replace

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import Depth, MarketEvent, Quote, Trade
from floorbroker.exchange.faults import MARKET, FaultPlan, FaultRule
from floorbroker.exchange.model import VenueError, VenueEvent, VenueOrder
from floorbroker.exchange.venue import Venue

#: More hidden orders than this are looked through for those that show again.
_HIDDEN_MAX = 1000


class Mischief:
    """The faults of one venue and its market; those of requests and streams strike elsewhere.

    `monotonic` gives real seconds, in which what is hidden stays hidden.
    """

    def __init__(self, plan: FaultPlan, venue: Venue, monotonic: Callable[[], float]) -> None:
        self.plan = plan
        self._venue = venue
        self._monotonic = monotonic
        #: Fills that wait to be taken back or corrected: time, execution, and why.
        self.busts: deque[tuple[int, str, FaultRule]] = deque()
        self._hidden_until_s: dict[str, float] = {}  # order id -> monotonic time when it shows
        self._hidden_max = _HIDDEN_MAX
        self.follow(plan)

    def follow(self, plan: FaultPlan) -> None:
        """This is the plan from now on."""
        self.plan = plan
        # Only where the plan has some: the venue asks for each order, and tells each event.
        kinds = {rule.kind for rule in plan.rules}
        self._venue.blotter.veto = self._veto if "async_reject" in kinds else None
        listeners = self._venue.listeners
        if self._note in listeners:
            listeners.remove(self._note)
        if kinds & {"bust", "correct"}:
            listeners.append(self._note)

    def _note(self, event: VenueEvent) -> None:
        """The `bust` and `correct` faults: some fills will be taken back, or be others."""
        fill = event.execution
        if fill is None or not fill.is_fill:
            return
        for kind in ("bust", "correct"):
            rule = self.plan.on_order(kind, fill.symbol, fill.account, fill.time_ns)
            if rule is not None:
                due_ns = fill.time_ns + round(rule.wait_s * NS_PER_S)
                self.busts.append((due_ns, fill.execution_id, rule))

    def bust_due(self) -> None:
        """Take back or correct the fills whose time has come."""
        for _ in range(len(self.busts)):
            due_ns, execution_id, rule = self.busts.popleft()
            if due_ns > self._venue.now_ns:
                self.busts.append((due_ns, execution_id, rule))
                continue
            with suppress(VenueError):  # it was undone already, or there is no room for it
                if rule.kind == "bust":
                    self._venue.bust(execution_id)
                else:
                    self._venue.correct(
                        execution_id, qty=_maybe(rule.qty), price=_maybe(rule.price)
                    )

    def thinned(self, event: MarketEvent) -> MarketEvent:
        """The `partial_fills` fault: what the market offers is cut, so orders fill in parts."""
        if self.plan.strikes_at(MARKET) and isinstance(event, Quote | Trade | Depth):
            rule = self.plan.on_market(event.symbol, event.time_ns)
            if rule is not None:
                return _cut(event, Decimal(rule.max_qty))
        return event

    def hide(self, order_id: str, seconds: float) -> None:
        """The `late_visibility` fault: an order is not found for a while."""
        now_s = self._monotonic()
        if len(self._hidden_until_s) >= self._hidden_max:  # most may be seen again, unasked for
            hidden = {each: s for each, s in self._hidden_until_s.items() if s > now_s}
            self._hidden_until_s = hidden
            self._hidden_max = max(_HIDDEN_MAX, 2 * len(hidden))
        self._hidden_until_s[order_id] = now_s + seconds

    def is_hidden(self, order_id: str) -> bool:
        if order_id not in self._hidden_until_s:
            return False
        if self._monotonic() < self._hidden_until_s[order_id]:
            return True
        del self._hidden_until_s[order_id]
        return False

    def _veto(self, order: VenueOrder) -> str | None:
        """The `async_reject` fault: the venue says no to an order that it had accepted."""
        now_ns = self._venue.now_ns
        rule = self.plan.on_order("async_reject", order.symbol, order.account, now_ns)
        return None if rule is None else rule.reason


def _maybe(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _cut(event: Quote | Trade | Depth, most: Decimal) -> MarketEvent:
    if isinstance(event, Quote):
        return replace(
            event, bid_size=min(event.bid_size, most), ask_size=min(event.ask_size, most)
        )
    if isinstance(event, Trade):
        return replace(event, size=min(event.size, most))
    return replace(
        event,
        bids=tuple((px, min(size, most)) for px, size in event.bids),
        asks=tuple((px, min(size, most)) for px, size in event.asks),
    )
