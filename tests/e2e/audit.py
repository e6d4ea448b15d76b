"""Holds every fill of a venue against the recorded day: was it on offer, then, and not yet taken?

What the venue may give, in the words of the tape (queue model "pessimistic"):

- taking (`remove`): a level that is displayed at that moment, at its price, and all that we take
  from one display of a level together is never more than it shows. What was taken stays taken
  while the level stands; where a file states the best price alone, each new statement is new;
- resting (`add`): either the print of that moment lies at or through the order's limit, and all
  that we get of one print is never more than its size; or the opposite display reaches the limit,
  and the shares come out of that display. A print at the limit itself serves first the shares
  that were displayed before us when we joined, less what has printed since, and never more than
  what is displayed now; a place that was never in sight is served by no print;
- auctions (`auction`): the auction's print, at its price and within its size; where the tape has
  none, the first or the last price-making print of the session stands in for it.
"""

from collections import Counter
from decimal import Decimal

from msgspec import Struct

from floorbroker.exchange.model import VenueEvent, VenueOrder
from tests.e2e.rawtape import Print, RawDay

ZERO = Decimal(0)
OTHER = {"buy": "sell", "sell": "buy"}
_ENDS = frozenset({"fill", "canceled", "expired", "rejected", "replaced"})


class Standing(Struct):
    """An order that rests at a price; `ahead` is None while nobody knows who stands before it."""

    order: VenueOrder
    px: Decimal
    ahead: Decimal | None


class Auditor:
    """Listens to a venue while someone else drives it, and keeps its own account of the offers.

    Whoever drives says what happens next (`sees_print`, `sees_display`, `sees_time`,
    `sees_request`), lets the venue act, and then calls `settle`, which raises AssertionError for a
    fill that was not on offer.
    """

    def __init__(self, day: RawDay) -> None:
        self.day = day
        self.kinds: Counter[str] = Counter()
        self._events: list[VenueEvent] = []
        self.standing: dict[str, Standing] = {}
        self.given_twice = ZERO  #: Shares taken from a display that then printed to us as well.
        self._taken: dict[str, dict[Decimal, Decimal]] = {"buy": {}, "sell": {}}
        self._waiting: dict[str, VenueOrder] = {}
        self._moment = ""
        self._print: Print | None = None
        self._print_left = ZERO
        self._stand_ins: dict[str, list[Decimal]] = {}

    def hears(self, event: VenueEvent) -> None:
        self._events.extend(event.steps())

    # What happens next.

    def sees_print(self, number: int, time_ns: int) -> None:
        self._moment = "print"
        self._print = self.day.print_at(number, time_ns)
        self._print_left = self._print.size

    def sees_display(self, time_ns: int) -> None:
        self._moment = "display"
        before = self.day.shown
        self.day.show(time_ns)
        for side, shown in self.day.shown.items():
            self._restate(side, before[side], shown)
        for place in self.standing.values():
            now = self._displayed_at(place.order.side, place.px)
            if now is not None:
                place.ahead = now if place.ahead is None else min(place.ahead, now)

    def sees_time(self) -> None:
        self._moment = "time"

    def sees_request(self) -> None:
        self._moment = "request"

    def settle(self, is_regular: bool = True) -> None:
        """Judge what the venue did since the last call."""
        given: dict[str, Decimal] = {}
        events, self._events = self._events, []
        for event in events:
            if event.execution is not None:
                self._judge(event, given)
            if event.event == "new":
                self._waiting[event.order.id] = event.order
            if event.event in _ENDS:
                self._note_end(event)
        if self._moment == "print":
            self._serve_queues()
            self._remember(is_regular)

    def joins(self, order: VenueOrder) -> None:
        """The order rests from now on, or goes on resting in its predecessor's place."""
        assert order.cap_px is not None
        self._waiting.pop(order.id, None)
        before = self.standing.pop(order.replaces or "", None)
        keeps = before is not None and _shrinks(before.order, order)
        ahead = before.ahead if before and keeps else self._displayed_at(order.side, order.cap_px)
        self.standing[order.id] = Standing(order, order.cap_px, ahead)

    @property
    def newcomers(self) -> list[str]:
        """Orders that went live and may have come to rest, or to wait for their stop."""
        return list(self._waiting)

    # Judgement.

    def _judge(self, event: VenueEvent, given: dict[str, Decimal]) -> None:
        fill, order = event.execution, event.order
        assert fill is not None
        assert fill.qty > 0
        assert order.limit_price is None or not _is_worse(order, fill.price), (
            f"{order.id} paid {fill.price}, its limit is {order.limit_price}"
        )
        if order.time_in_force in ("ioc", "fok"):
            assert self._moment == "request", "an order that does not wait was filled later"
        if fill.liquidity == "auction":
            self._judge_auction(order, fill.qty, fill.price)
        elif fill.liquidity == "remove":
            self._take(order.side, fill.price, fill.qty)
            self.kinds[f"{order.type} took the display"] += 1
        elif self._moment == "print":
            self._judge_print(event, given)
        else:
            self._judge_crossing(order, fill.qty, fill.price)

    def _judge_print(self, event: VenueEvent, given: dict[str, Decimal]) -> None:
        fill, order, print_ = event.execution, event.order, self._print
        assert fill is not None
        assert print_ is not None
        place = self.standing.get(order.id)
        assert place is not None, f"{order.id} was filled by a print and does not rest"
        assert print_.makes_price, f"{print_} makes no price"
        through = (place.px - print_.px) * (1 if order.side == "buy" else -1)
        assert through >= 0, f"{print_} is not at the limit {place.px} of a {order.side}"
        assert fill.price in (place.px, print_.px)
        self._print_left -= fill.qty
        assert self._print_left >= 0, f"our fills are {-self._print_left} more than {print_}"
        given[order.id] = given.get(order.id, ZERO) + fill.qty
        if through > 0:
            self._note_given_twice(order.side, print_, fill.qty)
            self.kinds["rested, the print went through"] += 1
            return
        assert self._is_ours(place), f"{print_} met the other side"
        assert place.ahead is not None, f"{order.id}: nobody knows who stands before it"
        left = print_.size - place.ahead
        assert given[order.id] <= left, (
            f"{order.id} got {given[order.id]} of {print_} with {place.ahead} shares before it"
        )
        self.kinds["rested, the queue was served"] += 1

    def _note_given_twice(self, side: str, print_: Print, qty: Decimal) -> None:
        """Count what a print gave us of displayed shares that we had taken before it."""
        shown = self.day.shown[OTHER[side]].get(print_.px, ZERO)
        taken = self._taken[OTHER[side]]
        if print_.aggressor == side and print_.px in taken:
            self.given_twice += max(taken[print_.px] + qty - shown, ZERO)

    def _judge_crossing(self, order: VenueOrder, qty: Decimal, px: Decimal) -> None:
        """The shares come out of the displayed levels that reach the limit, best first."""
        assert self._moment == "display", f"{order.id} was filled by nothing"
        place = self.standing.get(order.id)
        assert place is not None, f"{order.id} was filled by a display and does not rest"
        assert px == place.px, f"a resting order paid {px}, not its limit {place.px}"
        shown = self.day.shown[OTHER[order.side]]
        for level in sorted(shown, reverse=order.side == "sell"):
            if _is_worse(order, level):
                break
            taken = self._taken[OTHER[order.side]]
            part = min(qty, shown[level] - taken.get(level, ZERO))
            taken[level] = taken.get(level, ZERO) + part
            qty -= part
        assert qty == 0, f"{order.id} got {qty} shares more than reached its limit"
        self.kinds["rested, the display crossed"] += 1

    def _judge_auction(self, order: VenueOrder, qty: Decimal, px: Decimal) -> None:
        if self._moment == "print":
            assert self._print is not None
            assert self._print.auction == {"opg": "open", "cls": "close"}[order.time_in_force]
            assert px == self._print.px
            self._print_left -= qty
            assert self._print_left >= 0, "our fills are more than the auction's print"
            self.kinds["auction print"] += 1
            return
        stand_in = self._stand_ins[order.time_in_force]
        assert px == stand_in[0]
        stand_in[1] -= qty
        assert stand_in[1] >= 0, "our fills are more than the print that stands in"
        self.kinds["auction without a print"] += 1

    def _take(self, side: str, px: Decimal, qty: Decimal) -> None:
        shown = self.day.shown[OTHER[side]].get(px, ZERO)
        taken = self._taken[OTHER[side]]
        taken[px] = taken.get(px, ZERO) + qty
        assert taken[px] <= shown, f"took {taken[px]} at {px}, where {shown} are on display"

    # The market's side.

    def _restate(
        self, side: str, before: dict[Decimal, Decimal], shown: dict[Decimal, Decimal]
    ) -> None:
        taken = self._taken[side]
        if self.day.is_restated and before != shown:
            taken.clear()
        for px in list(taken):
            if px in shown:
                taken[px] = min(taken[px], shown[px])
            else:
                del taken[px]

    def _displayed_at(self, side: str, px: Decimal) -> Decimal | None:
        """Shares displayed at a price; None below what the file shows."""
        shown = self.day.shown[side]
        if px in shown:
            return shown[px]
        if not shown:
            return None
        deepest = min(shown) if side == "buy" else max(shown)
        return ZERO if (px > deepest if side == "buy" else px < deepest) else None

    def _serve_queues(self) -> None:
        print_ = self._print
        assert print_ is not None
        if not print_.makes_price or print_.auction:
            return
        for place in self.standing.values():
            sign = 1 if place.order.side == "buy" else -1
            if (place.px - print_.px) * sign > 0:
                place.ahead = ZERO
            elif place.px == print_.px and place.ahead is not None and self._is_ours(place):
                place.ahead = max(place.ahead - print_.size, ZERO)

    def _is_ours(self, place: Standing) -> bool:
        """Whether the print may have been on the side where we stand."""
        assert self._print is not None
        return self._print.aggressor in ("", OTHER[place.order.side])

    def _remember(self, is_regular: bool) -> None:
        """Prints of the session that stand in for an auction's."""
        print_ = self._print
        assert print_ is not None
        if is_regular and print_.makes_price:
            first = [print_.px, self._print_left]
            self._stand_ins.setdefault("opg", first)
            self._stand_ins["cls"] = first

    def _note_end(self, event: VenueEvent) -> None:
        self._waiting.pop(event.order.id, None)
        if event.event != "replaced":  # its successor may take its place
            self.standing.pop(event.order.id, None)


def _is_worse(order: VenueOrder, px: Decimal) -> bool:
    limit = order.cap_px if order.limit_price is None else order.limit_price
    if limit is None:
        return False
    return px > limit if order.side == "buy" else px < limit


def _shrinks(before: VenueOrder, order: VenueOrder) -> bool:
    assert order.qty is not None
    assert before.qty is not None
    return order.limit_price == before.limit_price and order.qty <= before.qty
