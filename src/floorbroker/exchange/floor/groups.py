"""Groups: the legs of bracket, OCO and OTO orders, held back, let go, and ended together.

An entry's legs are held until it is filled completely. Then its take-profit works, and its
stop-loss stays held: only its stop price is watched, because both stand for the same shares. An
OCO's parent is the take-profit itself. Whatever ends one side of a pair ends the other.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal

from floorbroker.exchange.floor.blotter import Blotter
from floorbroker.exchange.matching.post import STOP_TYPES, TradingPost
from floorbroker.exchange.model import ZERO, VenueOrder
from floorbroker.exchange.tickets import OCO, OTO


class Groups:
    """Follows every order that is part of a class; the blotter tells of each fill and each end."""

    def __init__(self, blotter: Blotter, post: Callable[[str], TradingPost]) -> None:
        self._blotter = blotter
        self._post = post
        self.filled: list[VenueOrder] = []  #: Entries whose legs `settle` will let go.
        self._released: VenueOrder | None = None

    def follow(self, order: VenueOrder) -> None:
        """An order of a class was filled, in part or whole, or has ended."""
        if order.status == "replaced":
            return  # its successor has taken over
        if order.parent_id is None and order.order_class != OCO:
            self._follow_entry(order)
            return
        for other in self._others(order):
            if other is self._released:
                continue
            if not order.is_open:
                self._end(other, order)
            elif other.status == "held":
                self._shrink(other, order)

    def settle(self) -> None:
        """Let the legs of entries go that were filled since. Not done at once: the post may be in
        the middle of matching."""
        while self.filled:
            self._activate(self.filled.pop(0))

    def release(self, order: VenueOrder) -> None:
        """The stop of a held leg was touched: it takes its partner's place and shares."""
        self._released = order
        for other in self._others(order):
            if other.is_open:
                self._blotter.finish(other, "canceled")
        self._released = None
        self._hold(order)
        order.status = "new"
        self._blotter.emit("new", order)

    def watch(self, order: VenueOrder) -> None:
        """A held stop-loss whose partner works: its stop price counts from now on."""
        if self.is_active(order) and order.type in STOP_TYPES:
            self._post(order.symbol).watch(order)

    def is_active(self, leg: VenueOrder) -> bool:
        """Whether the position that the leg is to end is there."""
        parent = self._blotter.orders[leg.parent_id or ""]
        return parent.order_class == OCO or parent.status == "filled"

    def hand_over(self, old: VenueOrder, order: VenueOrder) -> None:
        """A successor takes its predecessor's place in the group."""
        orders = self._blotter.orders
        if old.parent_id is not None:
            parent = orders[old.parent_id]
            ids = (order.id if each == old.id else each for each in parent.leg_ids)
            parent.leg_ids = tuple(ids)
            self._blotter.touched(parent)
        order.leg_ids = old.leg_ids
        for leg in self._legs(order):
            leg.parent_id = order.id
            if leg.is_open:
                leg.qty = order.leaves_qty if order.order_class == OCO else order.qty
            self._blotter.touched(leg)

    def _follow_entry(self, entry: VenueOrder) -> None:
        if entry.status == "filled":
            self.filled.append(entry)
        elif not entry.is_open:
            for leg in self._legs(entry):
                if leg.is_open:
                    self._blotter.finish(leg, "canceled")

    def _activate(self, entry: VenueOrder) -> None:
        legs = [leg for leg in self._legs(entry) if leg.status == "held"]
        if entry.order_class == OTO:
            working, held = legs, []
        else:
            working, held = legs[:1], legs[1:]
        for leg in held:
            self._post(leg.symbol).watch(leg)
        for leg in working:
            if not self._can_hold(leg):
                leg.reject_reason = "the position was closed before the leg could work"
                self._blotter.finish(leg, "rejected")
                continue
            self._hold(leg)
            leg.status = "new"
            self._blotter.emit("new", leg)
            self._post(leg.symbol).enter(leg)

    def _end(self, other: VenueOrder, cause: VenueOrder) -> None:
        if other.is_open:
            is_due = cause.status == "expired" and other.expires_ns == cause.expires_ns
            self._blotter.finish(other, "expired" if is_due else "canceled")

    def _shrink(self, held: VenueOrder, working: VenueOrder) -> None:
        """Both stand for the same shares: what the one has sold, the other need not."""
        held.qty = working.leaves_qty
        self._blotter.touched(held)

    def _can_hold(self, leg: VenueOrder) -> bool:
        return abs(self._available(leg)) >= leg.leaves_qty

    def _available(self, leg: VenueOrder) -> Decimal:
        """What of the position the leg may still tie up; zero if it is on the wrong side."""
        holding = self._blotter.accounts[leg.account].positions.get(leg.symbol)
        if holding is None or (holding.qty > 0) == (leg.side == "buy"):
            return ZERO
        return holding.qty_available

    def _hold(self, leg: VenueOrder) -> None:
        account = self._blotter.accounts[leg.account]
        account.hold(leg, min(leg.leaves_qty, abs(self._available(leg))))

    def _legs(self, parent: VenueOrder) -> list[VenueOrder]:
        return [self._blotter.orders[each] for each in parent.leg_ids]

    def _others(self, order: VenueOrder) -> Iterator[VenueOrder]:
        """The rest of the order's group, the parent first."""
        parent = order if order.parent_id is None else self._blotter.orders[order.parent_id]
        for each in (parent, *self._legs(parent)):
            if each is not order:
                yield each
