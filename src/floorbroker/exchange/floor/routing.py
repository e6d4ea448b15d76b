"""Routing: how accepted orders reach their post and leave it, at which hour and how late.

Nothing here judges an order. What happens at once, what waits for the opening, and what comes due
later (acknowledgements, cancels and replaces under way, the bells of the session) is decided here.
"""

from collections.abc import Sequence
from datetime import datetime
from random import Random

from floorbroker.clock import ns_of
from floorbroker.exchange.floor import hours
from floorbroker.exchange.floor.blotter import Blotter
from floorbroker.exchange.floor.groups import Groups
from floorbroker.exchange.floor.hours import Hours, Timers, is_live_in
from floorbroker.exchange.floor.settlement import close_day
from floorbroker.exchange.matching.fills import FillRules
from floorbroker.exchange.matching.post import TradingPost
from floorbroker.exchange.matching.waiting import AUCTIONS, CLOSING, OPENING, collar
from floorbroker.exchange.model import TERMINAL, ZERO, VenueOrder
from floorbroker.exchange.reference.assets import is_coin_pair
from floorbroker.exchange.reference.calendar import CLOSED, NEW_YORK, POST, PRE, REGULAR
from floorbroker.exchange.rules import VenueRules

#: When Alpaca began to tell orders that it holds on the order stream.
_ACCEPTED_EVENT_NS = ns_of(datetime(2026, 7, 30, tzinfo=NEW_YORK))
_ACK, _CANCEL, _REPLACE = "ack", "cancel", "replace"
#: Of orders that no venue has: what is asked of them is done at once.
_UNSENT = frozenset({"accepted", "pending_new", "held"})


class Routing:
    """Moves orders between the blotter and the posts, and time along."""

    def __init__(
        self, blotter: Blotter, rules: VenueRules, fill_rules: FillRules, random: Random
    ) -> None:
        self._blotter = blotter
        self._rules = rules
        self._fill_rules = fill_rules
        self._random = random
        self.hours = Hours(blotter.now_ns, fill_rules.auction_wait_s)
        self.phase = self.hours.phase_at(blotter.now_ns)
        self.timers = Timers()
        self._queued: dict[str, VenueOrder] = {}
        self.groups = blotter.groups = Groups(blotter, self.post)
        blotter.ends_auctions_as = rules.auction_end_status

    def post(self, symbol: str) -> TradingPost:
        """Where a symbol trades; set up when first asked for."""
        post = self._blotter.posts.get(symbol)
        if post is None:
            post = self._blotter.posts[symbol] = TradingPost(
                symbol,
                self._fill_rules,
                random=self._random,
                marks=self._blotter.marks,
                desk=self._blotter,
            )
            post.phase = REGULAR if is_coin_pair(symbol) else self.phase
            post.collars_buy_stops = self._rules.collars_buy_stops
        return post

    def accept(self, order: VenueOrder, legs: Sequence[VenueOrder] = ()) -> VenueOrder:
        """Take an order in; answers it as it stood before anything else happened."""
        blotter = self._blotter
        blotter.register(order)
        if legs:
            blotter.open(order)  # before its legs
        for leg in legs:
            self._hold(leg)
        answer = self._send(order)
        if legs:
            answer = answer.snapshot()
            answer.legs = tuple(leg.snapshot() for leg in legs)
        self.groups.settle()
        return answer

    def _send(self, order: VenueOrder) -> VenueOrder:
        blotter = self._blotter
        if is_live_in(self.phase, order):
            order.status = "pending_new"
            answer = blotter.emit("pending_new", order)
            if self._rules.initial_status != "pending_new":
                answer = order.snapshot()
                answer.status = self._rules.initial_status
            if self._rules.ack_latency_ns:
                self.timers.add(blotter.now_ns + self._rules.ack_latency_ns, _ACK, order.id)
            else:
                self._acknowledge(order)
            if order.status in TERMINAL:  # it ended as it arrived, and never tied up anything
                order.held_qty = ZERO
            else:
                blotter.open(order)
            return answer
        order.status = "accepted"
        blotter.open(order)
        self._queued[order.id] = order
        if self._tells_accepted():
            return blotter.emit("accepted", order)
        blotter.touched(order)
        return order.snapshot()

    def _hold(self, leg: VenueOrder) -> None:
        """Take in a leg that waits for its parent."""
        leg.status = "held"
        self._blotter.register(leg)
        self._blotter.open(leg)
        self._blotter.touched(leg)
        self.groups.watch(leg)

    def cancel(self, order: VenueOrder) -> None:
        """An open order shall end; it may be filled first where canceling takes time."""
        order.cancel_requested_ns = self._blotter.now_ns
        takes_time = self._rules.cancel_latency_ns and order.status not in _UNSENT
        if takes_time or self._rules.has_pending_cancel_event:
            order.status = "pending_cancel"
        if self._rules.has_pending_cancel_event:
            self._blotter.emit("pending_cancel", order)
        if takes_time:
            self._blotter.touched(order)
            due_ns = self._blotter.now_ns + self._rules.cancel_latency_ns
            self.timers.add(due_ns, _CANCEL, order.id)
        else:
            self._blotter.finish(order, "canceled")

    def hurry(self, order: VenueOrder) -> bool:
        """The venue has the order now, if it waited for that; False if it is not its turn yet."""
        if order.id not in self._blotter.accounts[order.account].open_orders:
            return False  # its predecessor still works
        self._queued.pop(order.id, None)
        self._acknowledge(order)
        return True

    def refuse_cancel(self, order: VenueOrder) -> None:
        """The venue cannot do what was taken for it: the order has ended meanwhile."""
        self._blotter.emit("order_cancel_rejected", order)

    def prepare_successor(self, old: VenueOrder, order: VenueOrder) -> None:
        """Give a successor what it inherits, so that it can be judged."""
        order.replaces = old.id
        order.order_class, order.parent_id = old.order_class, old.parent_id
        order.extended_hours = old.extended_hours
        if not self._rules.replace_resets_created_at:
            order.created_ns = old.created_ns
        if self._rules.replace_keeps_hwm and old.hwm is not None:
            order.hwm = old.hwm
            if order.trail_price is not None:
                trail = order.trail_price
            else:
                trail = old.hwm * (order.trail_percent or ZERO) / 100
            order.stop_price = old.hwm + trail if order.side == "buy" else old.hwm - trail
        self._carry_fills(old, order)

    def replace(self, old: VenueOrder, order: VenueOrder) -> VenueOrder:
        """Put a judged successor in its predecessor's place, now or when the venue gets to it."""
        blotter = self._blotter
        order.status = "pending_new"
        blotter.register(order)
        answer = order.snapshot()
        if not self._rules.replace_latency_ns or old.status in _UNSENT:
            self._put_in_place(old, order)
            self.groups.settle()
            return answer
        old.status = "pending_replace"
        if self._rules.has_pending_replace_event:
            blotter.emit("pending_replace", old)
        blotter.touched(old)
        blotter.touched(order)
        self.timers.add(blotter.now_ns + self._rules.replace_latency_ns, _REPLACE, order.id)
        return answer

    @property
    def next_due_ns(self) -> int:
        """When the next bell rings, or what is under way comes due if that is earlier."""
        bell_ns, timer_ns = self.hours.next_ns, self.timers.next_ns
        return bell_ns if timer_ns is None or bell_ns < timer_ns else timer_ns

    def advance(self, to_ns: int) -> None:
        """Let everything happen that comes due until then, each at its own time."""
        blotter = self._blotter
        while (due_ns := self.next_due_ns) <= to_ns:
            blotter.now_ns = max(blotter.now_ns, due_ns)
            if due_ns == self.timers.next_ns:
                _, kind, order_id = self.timers.pop()
                self._come_due(kind, blotter.orders[order_id])
            else:
                self._ring(self.hours.ring())
            self.groups.settle()
        blotter.now_ns = to_ns

    def restart(self) -> None:
        """Take up the open orders that were read back, each where it had got to."""
        now_ns = self._blotter.now_ns
        self.hours = Hours(now_ns, self._fill_rules.auction_wait_s)
        self.phase = self.hours.phase_at(now_ns)
        for symbol, post in self._blotter.posts.items():
            post.phase = REGULAR if is_coin_pair(symbol) else self.phase
        for order in self._blotter.orders.values():
            if order.is_open:
                self._take_up(order)

    def _take_up(self, order: VenueOrder) -> None:
        blotter = self._blotter
        if order.status == "accepted":
            blotter.open(order)
            self._queued[order.id] = order
            return
        if order.status == "pending_new":
            old = blotter.orders.get(order.replaces or "")
            if old is not None and old.replaced_by is None:
                self.timers.add(blotter.now_ns, _REPLACE, order.id)
            else:
                blotter.open(order)
                self.timers.add(blotter.now_ns, _ACK, order.id)
            return
        blotter.open(order)
        if order.status == "held":
            self.groups.watch(order)
            return
        order.queue_ahead = None
        self.post(order.symbol).enter(order)
        if order.cancel_requested_ns is not None:  # a fill may have changed its status since
            self.timers.add(blotter.now_ns, _CANCEL, order.id)

    def _come_due(self, kind: str, order: VenueOrder) -> None:
        if kind == _ACK:
            self._acknowledge(order)
        elif kind == _CANCEL:
            if order.is_open:
                self._blotter.finish(order, "canceled")
            elif order.status != "canceled":
                self.refuse_cancel(order)
        else:
            assert order.replaces is not None, "only a successor replaces"
            self._put_in_place(self._blotter.orders[order.replaces], order)

    def _acknowledge(self, order: VenueOrder) -> None:
        """The venue has the order: it works from now on."""
        if order.status not in ("pending_new", "accepted"):
            return
        blotter = self._blotter
        reason = blotter.veto(order) if blotter.veto is not None else None
        if reason is not None:
            order.reject_reason = reason
            blotter.finish(order, "rejected")
            return
        order.status = "new"
        blotter.emit("new", order)
        post = self.post(order.symbol)
        if order.type == "market" and order.side == "buy" and self._rules.collars_market_buys:
            order.cap_px = None if post.ask_px is None else collar(post.ask_px)
        post.enter(order)

    def _put_in_place(self, old: VenueOrder, order: VenueOrder) -> None:
        blotter = self._blotter
        if order.status != "pending_new" or not old.is_open:
            self._refuse_successor(old, order)
            return
        self._carry_fills(old, order)
        if order.qty is not None and order.qty - order.base_qty <= order.filled_qty:
            self._refuse_successor(old, order)
            return
        if order.held_qty:
            order.held_qty = order.leaves_qty
        post = self.post(order.symbol)
        keeps_place = self._keeps_place(old, order) and post.is_resting(old)
        if keeps_place:
            post.put_in_place_of(old, order)
        old.replaced_by = order.id
        is_held = old.status == "held"
        blotter.finish(old, "replaced")
        if old.order_class:
            self.groups.hand_over(old, order)
        if is_held:
            self._hold_successor(order)
            return
        order.status = "new"
        blotter.open(order)
        blotter.emit("new", order)
        if not keeps_place:
            post.enter(order)

    def _hold_successor(self, leg: VenueOrder) -> None:
        leg.status = "held"
        self._blotter.open(leg)
        self._blotter.emit("held", leg)
        self.groups.watch(leg)

    def _refuse_successor(self, old: VenueOrder, order: VenueOrder) -> None:
        """The order was filled, or the successor canceled, before it could take its place."""
        if old.is_open:
            old.status = "partially_filled" if old.filled_qty else "new"
        self._blotter.emit("order_replace_rejected", old)
        if order.is_open:
            order.reject_reason = f"order {old.id} could not be replaced"
            self._blotter.finish(order, "rejected")

    def _carry_fills(self, old: VenueOrder, order: VenueOrder) -> None:
        """The successor's quantity is the total, with what its predecessors filled."""
        if self._rules.replace_restarts_filled:
            order.base_qty = old.base_qty + old.filled_qty
        else:
            order.base_qty = old.base_qty
            order.filled_qty = old.filled_qty
            order.filled_notional = old.filled_notional

    def _keeps_place(self, old: VenueOrder, order: VenueOrder) -> bool:
        """A smaller quantity at the same price keeps its place in the queue."""
        return (
            self._rules.replace_keeps_priority
            and order.limit_price == old.limit_price
            and order.stop_price == old.stop_price
            and order.qty is not None
            and old.qty is not None
            and order.qty <= old.qty
        )

    def _tells_accepted(self) -> bool:
        how = self._rules.accepted_event
        return how == "on" or (how == "dated" and self._blotter.now_ns >= _ACCEPTED_EVENT_NS)

    # The bells.

    def _ring(self, bell: str) -> None:
        if bell == hours.PRE_OPEN:
            self._enter(PRE)
        elif bell == hours.OPEN:
            self._enter(REGULAR)
        elif bell == hours.OPENING_DONE:
            self._end_auctions(OPENING)
        elif bell == hours.CLOSE:
            self._expire()
            self._enter(POST)
            close_day(self._blotter, charges_fees=self._rules.charges_fees)
        elif bell == hours.CLOSING_DONE:
            self._end_auctions(CLOSING)
        else:
            self._expire()
            self._enter(CLOSED)

    def _enter(self, phase: str) -> None:
        self.phase = phase
        for symbol, post in self._blotter.posts.items():
            if not is_coin_pair(symbol):
                post.enter_phase(phase)
        for order in list(self._queued.values()):
            if order.status != "accepted":
                del self._queued[order.id]
            elif is_live_in(phase, order):
                del self._queued[order.id]
                self._acknowledge(order)

    def _end_auctions(self, time_in_force: str) -> None:
        for post in self._blotter.posts.values():
            post.end_auction(time_in_force)

    def _expire(self) -> None:
        now_ns = self._blotter.now_ns
        for account in self._blotter.accounts.values():
            for order in list(account.open_orders.values()):
                is_due = order.expires_ns is not None and order.expires_ns <= now_ns
                if is_due and order.is_open and order.time_in_force not in AUCTIONS:
                    self._blotter.finish(order, self._rules.day_end_status)
