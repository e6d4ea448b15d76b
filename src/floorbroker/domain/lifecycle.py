"""The order state machine: one table, one `apply`.

Theory of operation
-------------------
Two small machines, not one. What the venue says of an order is its `venue_status`; what we have
asked for and not heard about is its `pending`. The table below moves the first one only.
Pending is set by our own requests and cleared by their answers or by the order's end; what
people see, `Order.ord_status`, is derived from both.

A row is a status, a column is a `Report`, a cell is the status that follows. A missing cell means
that the report does not fit the status: it is kept, the status stays, and the caller raises an
alarm. It is never an error, because facts are never refused.

Executions are booked in every status, also after the end: CumQty and AvgPx follow the
executions alone. The table only decides what the order is called afterwards. A fill that
arrives after CANCELED makes the order FILLED when nothing is left and leaves it CANCELED
otherwise; both raise an alarm (`AFTER_THE_END`), because somebody had relied on the end.

A report may be old news: channels race, and a POST answer that says `new` can arrive after the
stream's `fill`. Within a live order such a report leaves the status where it is (the cells that
map a status to itself); it never goes back.

Only evidence leaves UNKNOWN. Every report from the broker about the order is evidence; a time-out
is not, so UNKNOWN has no cell for it.
"""

from enum import StrEnum


class OrdStatus(StrEnum):
    """FIX OrdStatus (39), and the states that only an honest engine needs.

    The first three are ours: the order is written down, on its way, or nobody knows.
    """

    CREATED = "created"  #: Accepted and durable here; provably never sent.
    SENT = "sent"  #: A request left; no answer yet.
    UNKNOWN = "unknown"  #: The answer is missing; only evidence closes this.
    PENDING_NEW = "pending_new"  #: The broker has it, on its way to the venue.
    ACCEPTED = "accepted"  #: Held by the broker, for instance until the open.
    HELD = "held"  #: A leg that waits for its parent.
    NEW = "new"  #: Working at the venue.
    PARTIALLY_FILLED = "partially_filled"  #: Some of it is done, the rest works.
    STOPPED = "stopped"  #: A fill is guaranteed but not yet reported.
    SUSPENDED = "suspended"  #: Not eligible to trade at present.
    CALCULATED = "calculated"  #: Done for the day, settlement is being computed.
    DONE_FOR_DAY = "done_for_day"  #: No more fills today; may work again tomorrow.
    PENDING_CANCEL = "pending_cancel"  #: Shown while a cancel of ours is unanswered.
    PENDING_REPLACE = "pending_replace"  #: Shown while a replace of ours is unanswered.
    FILLED = "filled"  #: All of it is done.
    CANCELED = "canceled"  #: Ended on request or by its TIF.
    EXPIRED = "expired"  #: Ended with its session.
    REJECTED = "rejected"  #: The broker or venue said no.
    REPLACED = "replaced"  #: This broker order was superseded by another.
    NOT_PLACED = "not_placed"  #: Evidence shows that the broker never had it.
    EXPIRED_UNSENT = "expired_unsent"  #: Too old to send when its turn came.

    @property
    def is_ended(self) -> bool:
        return self in ENDED

    @property
    def is_open(self) -> bool:
        return self not in ENDED


ENDED = frozenset(
    {
        OrdStatus.FILLED,
        OrdStatus.CANCELED,
        OrdStatus.EXPIRED,
        OrdStatus.REJECTED,
        OrdStatus.REPLACED,
        OrdStatus.NOT_PLACED,
        OrdStatus.EXPIRED_UNSENT,
    }
)


class Report(StrEnum):
    """What can be learned about an order, as the table's columns."""

    SENT = "sent"  #: A request for the order is about to leave.
    UNDELIVERED = "undelivered"  #: The request surely did not arrive.
    UNANSWERED = "unanswered"  #: The request may have arrived.
    NOT_PLACED = "not_placed"  #: The evidence is complete that the broker never had it.
    EXPIRED_UNSENT = "expired_unsent"  #: It was too old to send.
    PENDING_NEW = "pending_new"  #: The broker has it, on its way to the venue.
    ACCEPTED = "accepted"  #: The broker holds it, for instance until the open.
    HELD = "held"  #: The broker holds it as a leg that waits for its parent.
    NEW = "new"  #: The venue works it.
    PARTIAL_FILL = "partial_fill"  #: An execution that leaves some of it working.
    FILL = "fill"  #: The execution that leaves nothing.
    STOPPED = "stopped"  #: A fill is guaranteed and will follow.
    SUSPENDED = "suspended"  #: It may not trade at present.
    CALCULATED = "calculated"  #: It is done for the day, settlement is being computed.
    DONE_FOR_DAY = "done_for_day"  #: No more fills today.
    CANCELED = "canceled"  #: It ended on request or by its TIF.
    EXPIRED = "expired"  #: It ended with its session.
    REJECTED = "rejected"  #: The broker or venue said no.
    REPLACED = "replaced"  #: Superseded by another broker order that carries the same intent.


S, R = OrdStatus, Report

#: Reports that any order which may be at the broker can receive, whatever it was before.
_FROM_THE_BROKER = {
    R.PARTIAL_FILL: S.PARTIALLY_FILLED,
    R.FILL: S.FILLED,
    R.STOPPED: S.STOPPED,
    R.SUSPENDED: S.SUSPENDED,
    R.CALCULATED: S.CALCULATED,
    R.DONE_FOR_DAY: S.DONE_FOR_DAY,
    R.CANCELED: S.CANCELED,
    R.EXPIRED: S.EXPIRED,
    R.REJECTED: S.REJECTED,
}
_FIRST_NEWS = {
    R.PENDING_NEW: S.PENDING_NEW,
    R.ACCEPTED: S.ACCEPTED,
    R.HELD: S.HELD,
    R.NEW: S.NEW,
    **_FROM_THE_BROKER,
}

TRANSITIONS: dict[OrdStatus, dict[Report, OrdStatus]] = {
    S.CREATED: {
        R.SENT: S.SENT,
        R.EXPIRED_UNSENT: S.EXPIRED_UNSENT,
        **_FIRST_NEWS,  # a ghost: it did arrive, so it must not be sent again
    },
    S.SENT: {
        R.UNDELIVERED: S.CREATED,
        R.UNANSWERED: S.UNKNOWN,
        **_FIRST_NEWS,
    },
    S.UNKNOWN: {
        R.SENT: S.UNKNOWN,  # a resend with the same id, where the broker enforces uniqueness
        R.UNDELIVERED: S.UNKNOWN,  # this attempt did not arrive; the one before still may have
        R.UNANSWERED: S.UNKNOWN,
        R.NOT_PLACED: S.NOT_PLACED,
        R.REPLACED: S.NEW,
        **_FIRST_NEWS,
    },
    S.PENDING_NEW: {
        R.UNANSWERED: S.PENDING_NEW,  # the stream was faster than the answer that never came
        R.PENDING_NEW: S.PENDING_NEW,
        R.ACCEPTED: S.ACCEPTED,
        R.HELD: S.HELD,
        R.NEW: S.NEW,
        R.REPLACED: S.NEW,
        **_FROM_THE_BROKER,
    },
    S.ACCEPTED: {
        R.UNANSWERED: S.ACCEPTED,
        R.PENDING_NEW: S.PENDING_NEW,
        R.ACCEPTED: S.ACCEPTED,
        R.HELD: S.ACCEPTED,  # old news
        R.NEW: S.NEW,
        R.REPLACED: S.ACCEPTED,
        **_FROM_THE_BROKER,
    },
    S.HELD: {
        R.UNANSWERED: S.HELD,
        R.HELD: S.HELD,
        R.PENDING_NEW: S.PENDING_NEW,
        R.ACCEPTED: S.ACCEPTED,
        R.NEW: S.NEW,
        R.REPLACED: S.HELD,
        **_FROM_THE_BROKER,
    },
    S.NEW: {
        R.UNANSWERED: S.NEW,
        R.PENDING_NEW: S.NEW,  # old news
        R.ACCEPTED: S.NEW,  # old news
        R.HELD: S.NEW,  # old news
        R.NEW: S.NEW,
        R.REPLACED: S.NEW,
        **_FROM_THE_BROKER,
    },
    S.PARTIALLY_FILLED: {
        R.UNANSWERED: S.PARTIALLY_FILLED,
        R.PENDING_NEW: S.PARTIALLY_FILLED,  # old news
        R.ACCEPTED: S.PARTIALLY_FILLED,  # old news
        R.HELD: S.PARTIALLY_FILLED,  # old news
        R.NEW: S.PARTIALLY_FILLED,  # old news
        R.REPLACED: S.PARTIALLY_FILLED,
        **_FROM_THE_BROKER,
    },
    S.STOPPED: {
        R.PENDING_NEW: S.STOPPED,  # old news
        R.NEW: S.NEW,
        R.REPLACED: S.NEW,
        **_FROM_THE_BROKER,
    },
    S.SUSPENDED: {
        R.PENDING_NEW: S.SUSPENDED,  # old news
        R.NEW: S.NEW,
        R.REPLACED: S.NEW,
        **_FROM_THE_BROKER,
    },
    S.CALCULATED: {
        R.NEW: S.NEW,
        **_FROM_THE_BROKER,
    },
    S.DONE_FOR_DAY: {
        R.ACCEPTED: S.ACCEPTED,  # the next session comes
        R.PENDING_NEW: S.PENDING_NEW,
        R.NEW: S.NEW,
        R.REPLACED: S.NEW,
        **_FROM_THE_BROKER,
    },
    # The ends. Repeated and old news is silent; anything else is kept and raises an alarm.
    S.FILLED: {
        R.UNANSWERED: S.FILLED,
        R.PENDING_NEW: S.FILLED,
        R.ACCEPTED: S.FILLED,
        R.HELD: S.FILLED,
        R.NEW: S.FILLED,
        R.PARTIAL_FILL: S.FILLED,  # an execution older than the last one, by another channel
        R.FILL: S.FILLED,
        R.CALCULATED: S.FILLED,
        R.DONE_FOR_DAY: S.FILLED,
    },
    S.CANCELED: {
        R.UNANSWERED: S.CANCELED,
        R.PENDING_NEW: S.CANCELED,
        R.ACCEPTED: S.CANCELED,
        R.HELD: S.CANCELED,
        R.NEW: S.CANCELED,
        R.CANCELED: S.CANCELED,
        R.FILL: S.FILLED,
        R.PARTIAL_FILL: S.CANCELED,
    },
    S.EXPIRED: {
        R.UNANSWERED: S.EXPIRED,
        R.PENDING_NEW: S.EXPIRED,
        R.ACCEPTED: S.EXPIRED,
        R.HELD: S.EXPIRED,
        R.NEW: S.EXPIRED,
        R.EXPIRED: S.EXPIRED,
        R.DONE_FOR_DAY: S.EXPIRED,
        R.FILL: S.FILLED,
        R.PARTIAL_FILL: S.EXPIRED,
    },
    S.REJECTED: {
        R.UNANSWERED: S.REJECTED,
        R.PENDING_NEW: S.REJECTED,
        R.ACCEPTED: S.REJECTED,
        R.HELD: S.REJECTED,
        R.REJECTED: S.REJECTED,
        R.FILL: S.FILLED,
        R.PARTIAL_FILL: S.PARTIALLY_FILLED,  # the broker does hold it after all
        R.NEW: S.NEW,
    },
    S.REPLACED: {
        R.PENDING_NEW: S.REPLACED,
        R.ACCEPTED: S.REPLACED,
        R.HELD: S.REPLACED,
        R.NEW: S.REPLACED,
        R.REPLACED: S.REPLACED,
        R.PARTIAL_FILL: S.REPLACED,
        R.FILL: S.FILLED,
    },
    S.NOT_PLACED: {
        R.NOT_PLACED: S.NOT_PLACED,
        **_FIRST_NEWS,  # a ghost: late, and ours all the same
    },
    S.EXPIRED_UNSENT: {
        R.EXPIRED_UNSENT: S.EXPIRED_UNSENT,
        **_FIRST_NEWS,  # a ghost
    },
    # Shown to people, derived from `pending`; an order never stands in them.
    S.PENDING_CANCEL: {},
    S.PENDING_REPLACE: {},
}

#: Ended statuses in which an execution is still booked, with an alarm.
AFTER_THE_END = frozenset(ENDED - {S.FILLED})

#: Statuses that claim that the broker does not have the order; any news from there denies it.
NOT_AT_THE_BROKER = frozenset({S.CREATED, S.NOT_PLACED, S.EXPIRED_UNSENT})

#: Statuses of an order which the broker may have, and which it has not answered for.
IN_DOUBT = frozenset({S.SENT, S.UNKNOWN})

#: Statuses in which we have not heard from the broker: any report proves that it has the order.
UNHEARD = IN_DOUBT | {S.CREATED}


def next_status(status: OrdStatus, report: Report) -> OrdStatus | None:
    """The status after the report, or None where the table has no such cell."""
    return TRANSITIONS[status].get(report)


def is_surprise(status: OrdStatus, report: Report) -> bool:
    """Whether the report does not fit: no cell, news of life, or an execution after the end."""
    following = next_status(status, report)
    if following is None:
        return True
    if status in NOT_AT_THE_BROKER:
        return report in _FIRST_NEWS
    if status not in AFTER_THE_END:
        return False
    return report in (R.PARTIAL_FILL, R.FILL) or following not in ENDED
