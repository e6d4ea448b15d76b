"""Where an order stands, in words that a person reads."""

from floorbroker.domain.amounts import plain
from floorbroker.exchange.matching.post import STOP_TYPES
from floorbroker.exchange.model import VenueOrder
from floorbroker.exchange.reference.calendar import NIGHT
from floorbroker.exchange.venue import Venue

_ON_THE_WAY = {
    "pending_new": "on its way to the venue",
    "pending_cancel": "cancel under way",
    "pending_replace": "replace under way",
}


def state_of(order: VenueOrder, venue: Venue) -> str:
    """What an open order waits for, or how it ended."""
    if not order.is_open:
        return order.reject_reason or order.status
    if order.status in _ON_THE_WAY:
        return _ON_THE_WAY[order.status]
    if order.status == "held":
        return _held(order, venue)
    post = venue.routing.post(order.symbol)
    if order.status == "accepted":
        return _waiting(order, venue)
    if post.is_halted:
        return "symbol is halted"
    if order.time_in_force in ("opg", "cls"):
        return f"waits for the {'opening' if order.time_in_force == 'opg' else 'closing'} auction"
    if order.type in STOP_TYPES and not order.is_elected:
        if order.stop_price is None:
            return "waits for a first price to trail"
        return f"watches for {plain(order.stop_price)}"
    if not post.can_match(order):
        return "sleeps until its hours"
    return ("elected, " if order.type in STOP_TYPES else "") + _place(order)


def _held(order: VenueOrder, venue: Venue) -> str:
    if not venue.routing.groups.is_active(order):
        return "until its parent is filled"
    return f"watches for {plain(order.stop_price)}" if order.stop_price else "until its turn"


def _waiting(order: VenueOrder, venue: Venue) -> str:
    if not order.extended_hours:
        return "waits for the opening"
    if venue.routing.phase != NIGHT:
        return "waits for its hours"
    return "waits for the pre-market, not at work overnight"


def _place(order: VenueOrder) -> str:
    if order.cap_px is None:
        return "waits for liquidity"
    if order.queue_ahead is None:
        return "resting, queue unknown"
    return f"resting, {plain(order.queue_ahead)} ahead" if order.queue_ahead else "first in line"
