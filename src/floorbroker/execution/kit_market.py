"""The market of the kit: children, and how they fill."""

from collections.abc import Mapping
from decimal import ROUND_FLOOR, Decimal

from msgspec import Struct, field, structs

from floorbroker.domain.amounts import ZERO_QTY, Px, Qty
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.terms import OrdType, Side, TimeInForce
from floorbroker.execution import rails
from floorbroker.execution.algos.port import (
    AUCTIONS,
    Algorithm,
    CancelChild,
    ChildState,
    Decision,
    MarketView,
    Memo,
    NewChild,
    OpenChild,
    ParentView,
    ReplaceChild,
    Touch,
)

#: An algorithm that answers its own fills so often in one instant does not come to rest.
ROUNDS_MAX = 50


class Step(Struct, frozen=True, kw_only=True):
    """The market from `time_ns` on; `volume` is what others traded since the step before."""

    time_ns: int
    bid: Px | None
    ask: Px | None
    bid_qty: Qty = Qty(1000)
    ask_qty: Qty = Qty(1000)
    volume: Qty = ZERO_QTY
    last: Px | None = None
    is_halted: bool = False
    stale: str = ""


class FillRules(Struct, frozen=True, kw_only=True):
    """See the module. `unknown` names children by number (0 the first) whose fate and fills
    nobody hears of until so many nanoseconds after their decision."""

    latency_ns: int = 0
    queue_part: Decimal = Decimal("0.25")
    prints_own: bool = False
    unknown: Mapping[int, int] = field(default_factory=dict)


class KitFill(Struct, frozen=True, kw_only=True):
    """An execution in the kit's market."""

    time_ns: int
    number: int
    qty: Qty
    px: Px


class KitChild(Struct, kw_only=True):
    """A child as it really is; `known_qty` is what the parent has heard of its fills."""

    number: int
    qty: Qty
    price: Px | None
    ord_type: OrdType
    time_in_force: TimeInForce
    word: str
    decided_ns: int
    priced_ns: int
    lands_ns: int  #: When the last command about it reaches the market.
    filled: Qty = ZERO_QTY
    known_qty: Qty = ZERO_QTY
    waiting: ReplaceChild | CancelChild | None = None  #: On its way.
    has_landed: bool = False
    is_ended: bool = False
    heard_ns: int = 0  #: Until then its state is UNKNOWN.

    @property
    def leaves(self) -> Qty:
        return ZERO_QTY if self.is_ended else self.qty - self.filled

    @property
    def at_most(self) -> Qty:
        """What it has filled and still may, a replace on its way included."""
        if isinstance(self.waiting, ReplaceChild) and self.waiting.order_qty is not None:
            return max(self.filled + self.leaves, self.waiting.order_qty)
        return self.filled + self.leaves


class Floor:
    """The order, its children and the market, from step to step."""

    def __init__(
        self,
        algorithm: Algorithm,
        parent: ParentView[Struct],
        market: MarketView,
        rules: FillRules,
    ) -> None:
        self.algorithm = algorithm
        self.parent = parent
        self.market = market
        self.rules = rules
        self.now_ns = 0
        self.wake_ns: int | None = None
        self.memo: Memo = {}
        self.children: list[KitChild] = []
        self.fills: list[KitFill] = []
        self.decisions: list[tuple[int, Decision]] = []
        self.displayed = {Side.BUY: ZERO_QTY, Side.SELL: ZERO_QTY}
        self.error = Decimal(0)
        self.most_out = ZERO_QTY
        self.others = ZERO_QTY
        self.last_ended_ns = 0

    def pass_time(self, until_ns: int) -> None:
        """Land what is on its way and wake the algorithm, up to but not at that instant."""
        while (at := self._next_ns()) is not None and at < until_ns:
            self.now_ns = max(at, self.now_ns)
            self._settle()

    def show(self, step: Step) -> None:
        request = self.parent.request
        self.now_ns = step.time_ns
        touch = Touch(
            time_ns=step.time_ns,
            bid_px=step.bid,
            bid_qty=step.bid_qty,
            ask_px=step.ask,
            ask_qty=step.ask_qty,
            includes_own=False,
        )
        is_counted = request.start_ns < step.time_ns <= request.end_ns
        volume = step.volume if is_counted else ZERO_QTY
        self.others += volume
        self.displayed = {Side.BUY: step.ask_qty, Side.SELL: step.bid_qty}
        self.market = structs.replace(
            self.market,
            touch=touch,
            stale=step.stale,
            volume=self.market.volume + volume,
            last_px=step.last or self.market.last_px,
            is_halted=step.is_halted,
        )
        if not step.is_halted:
            self._hold_auctions()
            self._trade_resting(step)
        self._settle()

    def _settle(self) -> None:
        """Decide, land, match, and again, until this instant brings nothing new."""
        for _ in range(ROUNDS_MAX):
            self._land()
            view = self._view()
            decision = rails.step(self.algorithm, view, self.market, self.now_ns)
            self.decisions.append((self.now_ns, decision))
            if decision.memo is not None:
                self.memo = decision.memo
            self.wake_ns = decision.wake_ns
            if not decision.commands:
                self._measure(view, decision)
                return
            for command in decision.commands:
                self._take(command)
            out = sum((child.at_most for child in self.children), ZERO_QTY)
            self.most_out = max(self.most_out, out)
        raise RuntimeError(f"it did not come to rest at {self.now_ns}: {decision.why}")

    def _take(self, command: NewChild | ReplaceChild | CancelChild) -> None:
        lands_ns = self.now_ns + self.rules.latency_ns
        if isinstance(command, NewChild):
            number = len(self.children)
            self.children.append(
                KitChild(
                    number=number,
                    qty=command.qty,
                    price=command.price,
                    ord_type=command.ord_type,
                    time_in_force=command.time_in_force,
                    word=command.word,
                    decided_ns=self.now_ns,
                    priced_ns=self.now_ns,
                    lands_ns=lands_ns,
                    heard_ns=self.now_ns + self.rules.unknown.get(number, 0),
                )
            )
            return
        child = self.children[int(command.cl_ord_id)]
        child.waiting, child.lands_ns = command, lands_ns
        if isinstance(command, ReplaceChild):
            child.word = command.word or child.word
            child.priced_ns = self.now_ns

    def _land(self) -> None:
        """Commands that have reached the market by now take effect, and trade where they can."""
        for child in self.children:
            if child.is_ended or self.now_ns < child.lands_ns:
                continue
            waiting, child.waiting = child.waiting, None
            if isinstance(waiting, CancelChild):
                self._end(child)
            elif isinstance(waiting, ReplaceChild):
                child.price = waiting.price or child.price
                child.qty = max(waiting.order_qty or child.qty, child.filled)
                self._take_liquidity(child)
            elif not child.has_landed:
                child.has_landed = True
                self._take_liquidity(child)

    def _take_liquidity(self, child: KitChild) -> None:
        side, touch = self.parent.request.side, self.market.touch
        if touch is None or self.market.is_halted or child.time_in_force in AUCTIONS:
            return
        far = touch.ask_px if side is Side.BUY else touch.bid_px
        if far is not None and _reaches(side, child.price, far):
            self._fill(child, min(child.leaves, self.displayed[side]), far)
        if child.time_in_force is TimeInForce.IMMEDIATE_OR_CANCEL and not child.is_ended:
            self._end(child)

    def _trade_resting(self, step: Step) -> None:
        side = self.parent.request.side
        far = step.ask if side is Side.BUY else step.bid
        part = step.volume.decimal * self.rules.queue_part / self.market.lot
        queue = Qty.of(part.to_integral_value(ROUND_FLOOR) * self.market.lot)
        for child in self.children:
            is_resting = child.has_landed and not child.is_ended and child.price is not None
            if not is_resting or child.price is None or child.time_in_force in AUCTIONS:
                continue
            if far is not None and _reaches(side, child.price, far):
                self._fill(child, min(child.leaves, self.displayed[side]), child.price)
            elif step.last is not None and _reaches(side, child.price, step.last):
                qty = min(child.leaves, queue)
                queue -= qty
                self._fill(child, qty, child.price, is_taking=False)

    def _hold_auctions(self) -> None:
        times = {
            TimeInForce.AT_THE_OPENING: self.market.session_open_ns,
            TimeInForce.AT_THE_CLOSE: self.market.session_close_ns,
        }
        for child in self.children:
            auction_ns = times.get(child.time_in_force)
            if child.is_ended or auction_ns is None or self.now_ns < auction_ns:
                continue
            px = self._auction_px()
            if px is not None and _reaches(self.parent.request.side, child.price, px):
                self._fill(child, child.leaves, px, is_taking=False)
            if not child.is_ended:
                self._end(child)

    def _auction_px(self) -> Px | None:
        touch = self.market.touch
        if self.market.last_px is not None or touch is None:
            return self.market.last_px
        if touch.bid_px is None or touch.ask_px is None:
            return None
        return Px.of((touch.bid_px + touch.ask_px).decimal / 2)

    def _fill(self, child: KitChild, qty: Qty, px: Px, *, is_taking: bool = True) -> None:
        if qty <= 0:
            return
        child.filled += qty
        if is_taking:
            self.displayed[self.parent.request.side] -= qty
        self.fills.append(KitFill(time_ns=self.now_ns, number=child.number, qty=qty, px=px))
        if self.rules.prints_own:
            volume, own = self.market.volume + qty, self.market.own_volume + qty
            self.market = structs.replace(self.market, volume=volume, own_volume=own)
        if child.filled >= child.qty:
            self._end(child)

    def _end(self, child: KitChild) -> None:
        child.is_ended = True
        self.last_ended_ns = self.now_ns

    def _view(self) -> ParentView[Struct]:
        """What the parent knows: nothing of a child in UNKNOWN but what it asked for."""
        for child in self.children:
            if self.now_ns >= child.heard_ns:
                child.known_qty = child.filled
        last = self.children[-1].decided_ns if self.children else 0
        return structs.replace(
            self.parent,
            filled=sum((child.known_qty for child in self.children), ZERO_QTY),
            children=tuple(self._shown(child) for child in self.children if self._is_open(child)),
            memo=self.memo,
            sent_children=len(self.children),
            last_sent_ns=last,
            last_ended_ns=self.last_ended_ns,
        )

    def _is_open(self, child: KitChild) -> bool:
        return not child.is_ended or self.now_ns < child.heard_ns

    def _shown(self, child: KitChild) -> OpenChild:
        waiting, qty = child.waiting, child.qty
        if isinstance(waiting, ReplaceChild) and waiting.order_qty is not None:
            qty = max(qty, waiting.order_qty)
        state = ChildState.WORKING
        if child.waiting is not None or not child.has_landed:
            state = ChildState.PENDING
        if self.now_ns < child.heard_ns:
            state = ChildState.UNKNOWN
        return OpenChild(
            cl_ord_id=ClOrdID(str(child.number)),
            order_qty=child.qty,
            cum_qty=child.known_qty,
            leaves_qty=qty - child.known_qty,
            ord_type=child.ord_type,
            price=child.price,
            time_in_force=child.time_in_force,
            state=state,
            tag=child.word,
            decided_ns=child.decided_ns,
            priced_ns=child.priced_ns,
        )

    def _measure(self, view: ParentView[Struct], decision: Decision) -> None:
        if decision.target is not None:
            off = abs(decision.target.decimal - view.filled.decimal) / view.request.qty.decimal
            self.error = max(self.error, off)

    def _next_ns(self) -> int | None:
        """When something happens by itself: a wake, a command that lands, an answer."""
        times = [time for time in (self.wake_ns,) if time is not None and time > self.now_ns]
        for child in self.children:
            times += [at for at in (child.lands_ns, child.heard_ns) if at > self.now_ns]
        return min(times, default=None)


def _reaches(side: Side, price: Px | None, px: Px) -> bool:
    """Whether an order at this price, or at any, trades at the other."""
    if price is None:
        return True
    return px <= price if side is Side.BUY else px >= price
