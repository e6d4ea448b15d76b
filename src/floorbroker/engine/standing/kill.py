"""A kill: who stopped trading, when and why, and what it means for orders."""

from datetime import datetime

from msgspec import Struct

from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import KillLevel, KillSwitched, RiskState
from floorbroker.domain.order import Order
from floorbroker.engine.book.book import Book

#: What new orders may do.
Trading = RiskState

_RANK = {level: rank for rank, level in enumerate(KillLevel)}


class Kill(Struct, frozen=True, kw_only=True):
    """What stands since the last KillSwitched; a later one may go further, never less far."""

    since: datetime
    level: KillLevel
    reason: str
    by: str
    may_reduce: bool
    latch_id: str
    is_flattening: bool  #: Whether this desk closes the positions itself.
    passed: frozenset[ClOrdID] = frozenset()  #: Orders that were let in under it.

    @property
    def trading(self) -> Trading:
        """What closes positions must get through, so a flattening desk is REDUCING."""
        is_reducing = self.may_reduce or self.level is KillLevel.FLATTEN
        return Trading.REDUCING if is_reducing else Trading.HALTED

    @property
    def cancels(self) -> bool:
        return self.level is not KillLevel.BLOCK

    def in_words(self) -> str:
        """Who, when and why."""
        reason = f': "{self.reason}"' if self.reason else ", without a reason"
        return f"killed ({self.level}) by {self.by} at {self.since:%Y-%m-%d %H:%M:%S} UTC{reason}"


def killed(before: Kill | None, message: KillSwitched) -> Kill:
    """The kill that stands after this message."""
    level = message.level
    is_flattening = level is KillLevel.FLATTEN and not message.latch_id
    may_reduce = message.may_reduce
    if before is not None:
        level = max(level, before.level, key=_RANK.__getitem__)
        is_flattening = is_flattening or before.is_flattening
        may_reduce = may_reduce and before.may_reduce
    return Kill(
        since=message.transact_time,
        level=level,
        reason=message.reason,
        by=message.by,
        may_reduce=may_reduce,
        latch_id=message.latch_id or ("" if before is None else before.latch_id),
        is_flattening=is_flattening,
    )


def doomed(book: Book, kill: Kill) -> list[Order]:
    """The live orders that the kill is to cancel."""
    live = (*book.orders.values(), *book.external.values())
    return [order for order in live if must_go(book, kill, order)]


def must_go(book: Book, kill: Kill, order: Order) -> bool:
    """Whether the kill cancels this order.

    Ours go if they were there before it, and legs with their order. Of those from
    elsewhere one that takes off a position is spared, because somebody may be ending it by hand;
    but for a kill by this desk, which knows what was there when it came.
    """
    if not kill.cancels or order.is_ended:
        return False
    if not order.is_external:
        return (order.parent or order.cl_ord_id) not in kill.passed
    was_there = order.created_time <= kill.since
    return (was_there and not kill.latch_id) or not book.ends_part(order.request)
