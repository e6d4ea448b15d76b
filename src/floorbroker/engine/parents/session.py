"""The trading day that a parent order lives in."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from floorbroker.brokers.cache import BrokerCache
from floorbroker.clock import datetime_of, ns_of
from floorbroker.domain.books.parents import ParentOrder

_NEW_YORK = ZoneInfo("America/New_York")
#: No market is closed for longer.
_DAYS = timedelta(days=10)


async def session_of(cache: BrokerCache, order: ParentOrder) -> tuple[int, int] | None:
    """When the regular session opens and closes in which it begins, or the next one where it
    begins outside of one; half days as the broker has them. None where he knows of none."""
    first = datetime_of(order.start_ns).astimezone(_NEW_YORK).date()
    for day in (await cache.calendar(first, first + _DAYS)).value:
        if ns_of(day.closes) > order.start_ns:
            return ns_of(day.opens), ns_of(day.closes)
    return None
