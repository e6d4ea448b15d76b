"""Succession: how an order takes another's place, with what it filled and where it stood."""

from collections.abc import Callable

from floorbroker.exchange.floor.blotter import Blotter
from floorbroker.exchange.floor.groups import Groups
from floorbroker.exchange.matching.post import TradingPost
from floorbroker.exchange.model import ZERO, VenueOrder
from floorbroker.exchange.rules import VenueRules


class Succession:
    """Puts successors in their predecessors' places; when is decided elsewhere."""

    def __init__(
        self,
        blotter: Blotter,
        rules: VenueRules,
        groups: Groups,
        post: Callable[[str], TradingPost],
    ) -> None:
        self._blotter = blotter
        self._rules = rules
        self._groups = groups
        self._post = post

    def prepare(self, old: VenueOrder, order: VenueOrder) -> None:
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
        if old.is_elected and order.stop_price == old.stop_price:
            order.is_elected, order.cap_px = True, old.cap_px  # another stop waits anew
        self._carry_fills(old, order)

    def put_in_place(self, old: VenueOrder, order: VenueOrder) -> None:
        """The successor works from now on, unless its predecessor or it has ended meanwhile."""
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
        post = self._post(order.symbol)
        keeps_place = self._keeps_place(old, order) and post.is_resting(old)
        if keeps_place:
            post.put_in_place_of(old, order)
        old.replaced_by = order.id
        is_held = old.status == "held"
        blotter.finish(old, "replaced")
        if old.order_class:
            self._groups.hand_over(old, order)
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
        self._groups.watch(leg)

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
