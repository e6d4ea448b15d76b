"""What is written down of requests that came to nothing: by a crash, or for a long time."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import Alarm, JournalMessage, RequestKind, RequestUnanswered
from floorbroker.domain.order import OrdStatus
from floorbroker.engine.book.book import Book, Phase

Messages = list[JournalMessage]


def stuck_cancels(book: Book, *, after_s: float, now: datetime) -> Messages:
    """One alarm for each cancel that came to nothing for so long."""
    return [
        Alarm(
            name="cancel_stuck",
            text=f"asked for {(now - asked.since).total_seconds():.0f} s ago ({asked.phase})",
            cl_ord_id=cl_ord_id,
            transact_time=now,
        )
        for cl_ord_id, asked in book.cancels.items()
        if not asked.has_alarmed and now - asked.since > timedelta(seconds=after_s)
    ]


def interrupted(book: Book, now: datetime) -> Messages:
    """After a crash: whatever was on the wire then may have arrived."""
    return [
        RequestUnanswered(
            cl_ord_id=cl_ord_id,
            request=kind,
            attempt=attempt,
            text="the desk ended before the answer",
            transact_time=now,
        )
        for cl_ord_id, kind, attempt in _on_the_wire(book)
    ]


def _on_the_wire(book: Book) -> Iterator[tuple[ClOrdID, RequestKind, int]]:
    for order in book.orders.values():
        if order.venue_status is OrdStatus.SENT:
            yield order.cl_ord_id, RequestKind.NEW, order.attempt
    for kind, table in ((RequestKind.CANCEL, book.cancels), (RequestKind.REPLACE, book.replaces)):
        for cl_ord_id, asked in table.items():
            if asked.phase is Phase.SENT:
                yield cl_ord_id, kind, asked.attempt
