"""Routing: how accepted orders reach their post and leave it, at which hour and how late.

Nothing here judges an order. What happens at once, what waits for the opening, and what comes due
later (acknowledgements, cancels and replaces under way, the bells of the session) is decided here.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from random import Random

from floorbroker.clock import ns_of
from floorbroker.exchange.floor import hours
from floorbroker.exchange.floor.blotter import Blotter
from floorbroker.exchange.floor.groups import Groups
from floorbroker.exchange.floor.hours import Hours, Timers, is_live_in
from floorbroker.exchange.floor.overnight import Overnight
from floorbroker.exchange.floor.settlement import close_day
from floorbroker.exchange.floor.succession import Succession
from floorbroker.exchange.matching.fills import ALPACA_PAPER, FillRules
from floorbroker.exchange.matching.post import TradingPost
from floorbroker.exchange.matching.waiting import AUCTIONS, CLOSING, OPENING, collar
from floorbroker.exchange.model import TERMINAL, ZERO, VenueOrder
from floorbroker.exchange.reference.assets import is_coin_pair
from floorbroker.exchange.reference.calendar import CLOSED, NEW_YORK, NIGHT, POST, PRE, REGULAR
from floorbroker.exchange.rules import VenueRules

#: When Alpaca began to tell orders that it holds on the order stream.
_ACCEPTED_EVENT_NS = ns_of(datetime(2026, 7, 30, tzinfo=NEW_YORK))
#: A timer for what a day brings that is about no single order.
TRADE_DATE = "trade_date"
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
        self._begin_hours()
        self.overnight = Overnight(rules, blotter.assets, blotter.accounts)
        self.scripted: set[str] = set()  #: Symbols whose quotes stand until they are stated anew.
        self.timers = Timers()
        self._queued: dict[str, VenueOrder] = {}
        #: Called when a time comes that somebody asked for by a timer TRADE_DATE.
        self.on_trade_date: Callable[[], None] | None = None
        self.groups = blotter.groups = Groups(blotter, self.post)
        self.succession = Succession(blotter, rules, self.groups, self.post)
        #: Whether an order meets the book in the moment in which it is told of as pending.
        self.is_prompt = (
            rules.initial_status == "pending_new"
            and not (rules.ack_latency_ns or rules.collars_market_buys)
            and fill_rules.queue != ALPACA_PAPER
        )
        blotter.ends_auctions_as = rules.auction_end_status
        blotter.journals_first_cash = rules.journals_first_cash
        blotter.pdt = rules.pdt

    def _begin_hours(self) -> None:
        now_ns = self._blotter.now_ns
        wait_s, has_night = self._fill_rules.auction_wait_s, self._rules.has_overnight
        self.hours = Hours(now_ns, wait_s, has_night=has_night)
        self.phase = self.hours.phase_at(now_ns)

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
            post.works_overnight = self.overnight.works
        return post

    def check_hours(self, order: VenueOrder) -> None:
        """Raises VenueError for an order that is not taken at this hour, nor kept for its own."""
        if order.time_in_force in AUCTIONS:
            self.hours.check(order, self._blotter.now_ns)
        if self.phase == NIGHT:
            self.overnight.check(order)

    def accept(self, order: VenueOrder, legs: Sequence[VenueOrder] = ()) -> VenueOrder:
        """Take an order in; answers it as it stood before anything else happened."""
        blotter = self._blotter
        blotter.orders.add(order)
        if legs:
            blotter.open(order)  # before its legs
        for leg in legs:
            self._hold(leg)
        answer = self._send(order)
        if legs:
            answer = answer.snapshot()
            answer.legs = tuple(leg.snapshot() for leg in legs)
        if self.groups.filled:
            self.groups.settle()
        return answer

    def _send(self, order: VenueOrder) -> VenueOrder:
        blotter = self._blotter
        if self.phase == REGULAR or self._is_live(order):
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
        self._blotter.orders.add(leg)
        self._blotter.open(leg)
        self._blotter.touched(leg)
        self.groups.watch(leg)

    def cancel(self, order: VenueOrder) -> None:
        """An open order shall end; it may be filled first where canceling takes time."""
        order.cancel_requested_ns = self._blotter.now_ns
        self._queued.pop(order.id, None)
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

    def replace(self, old: VenueOrder, order: VenueOrder) -> VenueOrder:
        """Put a judged successor in its predecessor's place, now or when the venue gets to it."""
        blotter = self._blotter
        order.status = "pending_new"
        blotter.orders.add(order)
        answer = order.snapshot()
        if not self._rules.replace_latency_ns or old.status in _UNSENT:
            self.succession.put_in_place(old, order)
            self.groups.settle()
            return answer
        old.status = "pending_replace"
        if self._rules.has_pending_replace_event:
            blotter.emit("pending_replace", old)
        blotter.touched(old)
        blotter.touched(order)
        self.timers.add(blotter.now_ns + self._rules.replace_latency_ns, _REPLACE, order.id)
        return answer

    def succeed(self, old: VenueOrder, order: VenueOrder) -> None:
        """The venue itself puts a successor in an open order's place."""
        self._blotter.orders.add(order)
        self.succession.put_in_place(old, order)

    @property
    def next_due_ns(self) -> int:
        """When the next bell rings, or what is under way comes due if that is earlier."""
        return min(self.hours.next_ns, self.timers.next_ns)

    def advance(self, to_ns: int) -> None:
        """Let everything happen that comes due until then, each at its own time."""
        if to_ns >= self.hours.next_ns or to_ns >= self.timers.next_ns:
            self._let_come(to_ns)
        self._blotter.now_ns = to_ns

    def _let_come(self, to_ns: int) -> None:
        blotter = self._blotter
        while (due_ns := self.next_due_ns) <= to_ns:
            blotter.now_ns = max(blotter.now_ns, due_ns)
            if due_ns == self.timers.next_ns:
                _, kind, order_id = self.timers.pop()
                if kind == TRADE_DATE:
                    assert self.on_trade_date is not None, "whoever set the timer waits for it"
                    self.on_trade_date()
                else:
                    self._come_due(kind, blotter.orders[order_id])
            else:
                self._ring(self.hours.ring())
            self.groups.settle()

    def restart(self) -> None:
        """Take up the open orders that were read back, each where it had got to."""
        self._begin_hours()
        for symbol, post in self._blotter.posts.items():
            post.phase = REGULAR if is_coin_pair(symbol) else self.phase
        for order in self._blotter.orders.here():
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
            self.succession.put_in_place(self._blotter.orders[order.replaces], order)

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
        post = blotter.posts.get(order.symbol) or self.post(order.symbol)
        if order.type == "market" and order.side == "buy" and self._rules.collars_market_buys:
            order.cap_px = None if post.ask_px is None else collar(post.ask_px)
        post.enter(order)

    def _tells_accepted(self) -> bool:
        how = self._rules.accepted_event
        return how == "on" or (how == "dated" and self._blotter.now_ns >= _ACCEPTED_EVENT_NS)

    # The bells.

    def _ring(self, bell: str) -> None:
        if bell == hours.NIGHT_OPEN:
            self._enter(NIGHT)
        elif bell == hours.PRE_OPEN:
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
        changes_market = phase == NIGHT or self.phase == NIGHT
        self.phase = phase
        for symbol, post in self._blotter.posts.items():
            if not is_coin_pair(symbol):
                if changes_market and symbol not in self.scripted:
                    post.turn(to_night=phase == NIGHT)
                post.enter_phase(phase)
        self._send_queued()

    def look_again(self) -> None:
        """Who may trade overnight has changed; in the night that counts at once."""
        if self.phase == NIGHT:
            for symbol, post in self._blotter.posts.items():
                if not is_coin_pair(symbol):
                    post.enter_phase(NIGHT)
            self._send_queued()
            self.groups.settle()

    def _is_live(self, order: VenueOrder) -> bool:
        if self.phase == NIGHT and order.asset_class != "crypto":
            return self.overnight.works(order)
        return is_live_in(self.phase, order)

    def _send_queued(self) -> None:
        for order in list(self._queued.values()):
            if order.status != "accepted":
                del self._queued[order.id]
            elif self._is_live(order):
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
                if order.status == "held" and not self.groups.is_active(order):
                    continue  # it ends with its entry
                if is_due and order.is_open and order.time_in_force not in AUCTIONS:
                    self._blotter.finish(order, self._rules.day_end_status)
