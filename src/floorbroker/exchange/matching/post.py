"""One symbol's post on the floor: the tape's book, our orders, and how the two meet.

Orders come to the post when they go live and leave it when they end; in between they stand in one
of four places: resting at a price, waiting for liquidity (market orders), watched (stops that were
not touched yet), or called (orders for an auction). Every fill here is for a price and a size that
the tape offered at that moment; what to do with a fill is the desk's business.
"""

from collections.abc import Callable
from decimal import Decimal
from random import Random

from floorbroker.domain.quotes import Depth, Halt, MarketEvent, Quote, Trade
from floorbroker.exchange.matching.book import BUY, SELL, Level, OwnOrders
from floorbroker.exchange.matching.desk import Desk
from floorbroker.exchange.matching.fills import (
    ALPACA_PAPER,
    OPTIMISTIC,
    FillRules,
    after_print,
    aggressor_of,
    fillable,
    is_beyond,
    lot_of,
    reaches,
    rounded_to_lot,
    wanted,
)
from floorbroker.exchange.matching.marks import Marks
from floorbroker.exchange.matching.screen import Screen
from floorbroker.exchange.matching.waiting import AUCTIONS, Calls, Stops, collar, follow
from floorbroker.exchange.model import TERMINAL, ZERO, VenueOrder
from floorbroker.exchange.reference.calendar import NIGHT, POST, PRE, REGULAR

ADDED, REMOVED, AUCTION = "add", "remove", "auction"

STOP_TYPES = frozenset({"stop", "stop_limit", "trailing_stop"})
_OTHER = {BUY: SELL, SELL: BUY}


class TradingPost:
    """One symbol's place on the floor."""

    def __init__(
        self, symbol: str, rules: FillRules, *, random: Random, marks: Marks, desk: Desk
    ) -> None:
        self.symbol = symbol
        self.phase = REGULAR
        self.is_halted = False
        self.collars_buy_stops = True
        self.works_overnight: Callable[[VenueOrder], bool] = lambda order: False
        self._rules = rules
        self._random = random
        self._marks = marks
        self._desk = desk
        self._own = {BUY: OwnOrders(BUY), SELL: OwnOrders(SELL)}
        self._screen = Screen(rules, self._own)
        self._day_screen: Screen | None = None  # while it is night
        self._waiting: dict[str, dict[str, VenueOrder]] = {BUY: {}, SELL: {}}
        self._stops = Stops()
        self._calls = Calls()
        self._has_trades = False

    # Orders come and go.

    def enter(self, order: VenueOrder) -> None:
        """A live order: match what can be matched, then let it stand where it belongs."""
        if order.time_in_force in AUCTIONS:
            self._calls.add(order)
        elif order.type in STOP_TYPES and not order.is_elected:
            self.watch(order)
        else:
            if order.limit_price is not None:
                order.cap_px = order.limit_price
            self._work(order)

    def leave(self, order: VenueOrder) -> None:
        """The order has ended; harmless if it is not here."""
        if order.cap_px is not None and self._own[order.side].remove(order.id, order.cap_px):
            return
        self._waiting[order.side].pop(order.id, None)
        self._calls.remove(order)
        if order.type in STOP_TYPES:
            self._stops.remove(order.id)

    def put_in_place_of(self, old: VenueOrder, order: VenueOrder) -> None:
        """A successor takes its resting predecessor's place in the queue."""
        assert old.cap_px is not None, "only a resting order has a place"
        order.cap_px, order.queue_ahead = old.cap_px, old.queue_ahead
        self._own[order.side].put_in_place_of(old.id, order, old.cap_px)

    def is_resting(self, order: VenueOrder) -> bool:
        return order.cap_px is not None and self._own[order.side].holds(order.id, order.cap_px)

    # The tape moves.

    def quote(self, quote: Quote) -> None:
        touches = self._screen.touches() if self._has_orders else None
        self.show(quote)
        if touches is not None:
            self._sweep(touches)

    def depth(self, depth: Depth) -> None:
        touches = self._screen.touches()
        self.show(depth)
        self._sweep(touches)

    def show(self, event: Quote | Depth) -> None:
        """Display what the tape says, without matching."""
        self._screen.show(event)
        if not self._has_trades and isinstance(event, Quote) and event.has_both_sides:
            self._marks.set(self.symbol, event.mid_px)

    def forget(self, empty: Quote) -> None:
        """What was displayed stands no more, by day or night; `empty` has no sizes."""
        for screen in filter(None, (self._screen, self._day_screen)):
            screen.show(empty)

    def recall(self, event: MarketEvent) -> None:
        """Know again what the tape said before a restart; it fills nothing and elects nothing."""
        if isinstance(event, Halt):
            self.is_halted = event.halted
        elif not isinstance(event, Trade):
            self.show(event)
        elif event.eligible and not self.is_halted:
            self._has_trades = True
            self._marks.set(self.symbol, event.px)

    def trade(self, trade: Trade) -> None:
        taken = ZERO
        if self.is_halted:
            return
        if trade.auction:
            called = self._calls.called_by(trade.auction)
            taken = self._fill_called(called, trade.px, trade.size)
        if not trade.eligible:
            return
        if not trade.auction and self._rules.queue != ALPACA_PAPER:
            taken = self._print(trade)
        self._has_trades = True
        self._marks.set(self.symbol, trade.px)
        if self.phase == REGULAR:
            self._calls.remember(trade.px, trade.size - taken)
            if self._stops and self._is_electing(trade.px):
                self._elect(trade.px)

    def halt(self, halt: Halt) -> None:
        self.is_halted = halt.halted
        if not halt.halted:
            self._sweep(self._screen.touches())

    def turn(self, *, to_night: bool) -> None:
        """The other market opens, and displays its own; the day's stays as the day left it."""
        other = None if to_night else self._day_screen
        self._day_screen = self._screen if to_night else None
        self._screen = other or Screen(self._rules, self._own)

    def enter_phase(self, phase: str) -> None:
        self.phase = phase
        if phase == REGULAR:
            self._calls.begin_session()
        self._sweep(self._screen.touches())

    def end_auction(self, time_in_force: str) -> None:
        """Settle what was called: at the session's own prints if no auction printed."""
        called = self._calls.called(time_in_force)
        if called and not self.is_halted:
            px, size = self._calls.substitute(time_in_force)
            self._calls.use(time_in_force, self._fill_called(called, px, size))
        for order in self._calls.called(time_in_force):
            self._desk.cancel_rest(order)

    @property
    def bid_px(self) -> Decimal | None:
        return self._screen.touch(BUY)

    @property
    def ask_px(self) -> Decimal | None:
        return self._screen.touch(SELL)

    def touch(self, side: str) -> Level | None:
        """The best displayed level."""
        return self._screen.sides[side].best

    @property
    def last_px(self) -> Decimal | None:
        """The last eligible price, else the quote's middle."""
        return self._marks.px.get(self.symbol)

    # How an order meets the displayed book.

    def can_match(self, order: VenueOrder) -> bool:
        """Whether the symbol and the hour let this order trade now."""
        if self.is_halted:
            return False
        if self.phase == NIGHT:
            return self.works_overnight(order)
        return self.phase == REGULAR or (order.extended_hours and self.phase in (PRE, POST))

    def level_for(self, side: str, qty: Decimal | None, cap_px: Decimal | None) -> Level | None:
        """The best level, if a new order for whole shares may have all of them from there."""
        is_buy = side == BUY
        levels = self._screen.sides[SELL if is_buy else BUY].levels
        if not levels or qty is None or self.is_halted or self.phase != REGULAR:
            return None
        best = levels[0]
        if cap_px is not None and (best.px > cap_px if is_buy else best.px < cap_px):
            return None
        return best if best.left >= qty else None

    def _work(self, order: VenueOrder) -> None:
        is_regular = self.phase == REGULAR and not self.is_halted
        can_match = is_regular or self.can_match(order)
        if can_match and (order.time_in_force != "fok" or self._is_fillable(order)):
            self._take(order)
        if order.status in TERMINAL:
            return
        if order.time_in_force in ("ioc", "fok"):
            self._desk.cancel_rest(order)
        elif order.cap_px is None:
            self._waiting[order.side][order.id] = order
        else:
            self._own[order.side].add(order, order.cap_px)
            order.queue_ahead = self._screen.sides[order.side].size_at(order.cap_px)

    def _is_fillable(self, order: VenueOrder) -> bool:
        """False for a fill-or-kill that the displayed book cannot fill whole."""
        if self._rules.queue == ALPACA_PAPER:
            return True
        opposite = self._screen.sides[_OTHER[order.side]]
        return opposite.available_to(order.cap_px) >= order.leaves_qty

    def _take(self, order: VenueOrder, px: Decimal | None = None) -> None:
        """Take what is displayed up to the order's cap, at the displayed prices or at `px`."""
        liquidity, cap_px = REMOVED if px is None else ADDED, order.cap_px
        is_buy = order.side == BUY
        for level in self._screen.sides[SELL if is_buy else BUY].levels:
            if order.status in TERMINAL:
                break
            level_px = level.px
            if cap_px is not None and (level_px > cap_px if is_buy else level_px < cap_px):
                break
            if self._rules.queue == ALPACA_PAPER:
                self._take_on_paper(order, level_px)
                break
            fill_px = level_px if px is None else px
            while (qty := fillable(order, fill_px, level.left)) > ZERO:
                level.left -= self._desk.fill(order, qty, fill_px, liquidity)
                if order.status in TERMINAL:
                    break

    def _take_on_paper(self, order: VenueOrder, px: Decimal) -> None:
        """All of it at the touch, whatever its size; now and then in random parts."""
        while order.is_open:
            qty = rounded_to_lot(order, wanted(order, px))
            lots = int(qty / lot_of(order))
            if lots > 1 and self._random.randrange(100) < self._rules.paper_partial_percent:
                qty = self._random.randrange(1, lots) * lot_of(order)
            if qty <= 0:
                break
            self._desk.fill(order, qty, px, REMOVED)

    def _sweep(self, touches: dict[str, Decimal | None]) -> None:
        """Match our standing orders with the displayed book; `touches` is how it was before.

        An order that the market's touch had not reached before was there first: it is the maker,
        and pays its own limit. One that waits for liquidity pays what is displayed.
        """
        for side, own in self._own.items():
            for order in list(self._waiting[side].values()):
                if self.can_match(order):
                    self._take(order)
            touch = self._screen.touch(_OTHER[side])
            if touch is None or not own:
                continue
            before = touches[_OTHER[side]]
            for px in own.prices_to(touch):
                is_maker = before is None or is_beyond(side, px, before)
                for order in own.at(px):
                    if self.can_match(order):
                        self._take(order, px if is_maker and self._pays_limit(order) else None)

    def _pays_limit(self, order: VenueOrder) -> bool:
        return order.limit_price is not None and self._rules.makers_pay_limit

    # How an order meets a print.

    def _print(self, trade: Trade) -> Decimal:
        """Shares of the print that our orders got; never more than it has."""
        if not self._has_orders:
            return ZERO
        left = trade.size
        for waiting in () if self._screen.has_quotes else self._waiting.values():
            for order in list(waiting.values()):  # prints are all the liquidity that is known
                if self.can_match(order):
                    left -= self._give(order, left, trade.px, REMOVED)
        inner = self._screen.inner(BUY), self._screen.inner(SELL)
        aggressor = trade.aggressor or aggressor_of(trade.px, *inner)
        for side, own in self._own.items():
            # Shares that were displayed and that we took before do not print for us once more.
            level = self._screen.sides[_OTHER[side]].at(trade.px) if aggressor == side else None
            for px in own.prices_to(trade.px):
                if px != trade.px:
                    left -= self._trade_through(own.at(px), trade.px, left, level)
                elif aggressor == _OTHER[side]:
                    self._screen.note_print(side, px, trade.size)
                    left -= self._trade_at(own.at(px), px, left)
        return trade.size - left

    def _trade_through(
        self, orders: list[VenueOrder], px: Decimal, size: Decimal, level: Level | None
    ) -> Decimal:
        """The print was worse than our price, so the whole queue before us is gone.

        `level` is the displayed one that the print took from, if it did.
        """
        used = ZERO
        most = size if level is None else min(size, max(level.left, ZERO))
        for order in orders:
            if not self.can_match(order):
                continue
            order.queue_ahead = ZERO
            is_maker = self._screen.has_quotes and not self._is_marketable(order)
            fill_px = order.cap_px if is_maker and order.limit_price is not None else px
            assert fill_px is not None, "a resting order has a price"
            used += self._give(order, most - used, fill_px, ADDED)
        if level is not None:
            level.left -= used
        return used

    def _trade_at(self, orders: list[VenueOrder], px: Decimal, size: Decimal) -> Decimal:
        """The print was at our price: first those before us, then we."""
        used = ZERO
        for order in orders:
            if order.queue_ahead is None and self._rules.queue == OPTIMISTIC:
                order.queue_ahead = ZERO
            if order.queue_ahead is None or not self.can_match(order):
                continue
            order.queue_ahead, left = after_print(order.queue_ahead, size - used)
            used += self._give(order, left, px, ADDED)
        return used

    def _give(self, order: VenueOrder, size: Decimal, px: Decimal, liquidity: str) -> Decimal:
        used = ZERO
        while order.is_open:
            qty = fillable(order, px, size - used)
            if qty <= ZERO:
                break
            used += self._desk.fill(order, qty, px, liquidity)
        return used

    @property
    def _has_orders(self) -> bool:
        own, waiting = self._own, self._waiting
        return bool(own[BUY] or own[SELL] or waiting[BUY] or waiting[SELL])

    def _is_marketable(self, order: VenueOrder) -> bool:
        touch = self._screen.touch(_OTHER[order.side])
        return touch is not None and reaches(order, touch)

    # Stops and auctions.

    def watch(self, order: VenueOrder) -> None:
        """Wait for a print that touches the order's stop."""
        if order.type == "trailing_stop":
            if order.hwm is None and (last := self.last_px) is not None:
                follow(order, last)
            self._stops.trailing[order.id] = order
        else:
            self._stops.add(order)

    def _is_electing(self, px: Decimal) -> bool:
        """A print elects stops when it lies at or between the best bid and offer."""
        if not self._rules.stops_need_nbbo:
            return True
        bid, ask = self._screen.touch(BUY), self._screen.touch(SELL)
        return (bid is None or px >= bid) and (ask is None or px <= ask)

    def _elect(self, px: Decimal) -> None:
        for order in self._stops.trailing.values():
            if follow(order, px):
                self._desk.touched(order)
        for order in self._stops.pop_touched(px):
            if order.status == "held":
                self._desk.release(order)
            order.is_elected = True
            if order.type == "stop_limit":
                order.cap_px = order.limit_price
            elif order.type == "stop" and order.side == BUY and self.collars_buy_stops:
                assert order.stop_price is not None, "a stop order has a stop price"
                order.cap_px = collar(order.stop_price)
            self._desk.touched(order)
            self._work(order)

    def _fill_called(self, called: list[VenueOrder], px: Decimal, size: Decimal) -> Decimal:
        used = ZERO
        for order in called:
            if order.limit_price is None or not is_beyond(order.side, order.limit_price, px):
                used += self._give(order, size - used, px, AUCTION)
        return used
