"""What reports, requests and kills are called, and by which way a report came."""

from enum import StrEnum


class ExecType(StrEnum):
    """FIX ExecType (150): what an execution report is about."""

    PENDING_NEW = "pending_new"  #: The broker has the order.
    ACCEPTED = "accepted"  #: The broker holds the order, the venue is closed.
    HELD = "held"  #: A leg waits for its parent.
    NEW = "new"  #: The venue works the order.
    TRADE = "trade"  #: An execution: LastQty at LastPx.
    TRADE_CORRECT = "trade_correct"  #: An earlier execution was corrected.
    TRADE_CANCEL = "trade_cancel"  #: An earlier execution was busted.
    PENDING_CANCEL = "pending_cancel"  #: The venue has our cancel.
    CANCELED = "canceled"  #: The order was canceled.
    PENDING_REPLACE = "pending_replace"  #: The venue has our replace.
    REPLACED = "replaced"  #: The order was replaced; `next_order_id` is its successor.
    REJECTED = "rejected"  #: The order was rejected.
    EXPIRED = "expired"  #: The order ended with its session.
    DONE_FOR_DAY = "done_for_day"  #: No more fills today.
    STOPPED = "stopped"  #: A fill is guaranteed.
    SUSPENDED = "suspended"  #: Trading in the order is suspended.
    CALCULATED = "calculated"  #: Settlement is being computed.
    RESTATED = "restated"  #: The venue changed the order on its own.
    ORDER_STATUS = "order_status"  #: An answer to a question: how the order stands now.


class Source(StrEnum):
    """By which channel a report reached us."""

    ANSWER = "answer"  #: The answer to our own request.
    STREAM = "stream"  #: The broker's order stream.
    LOOKUP = "lookup"  #: A look-up by client order id.
    POLL = "poll"  #: A listing of orders.
    ACTIVITY = "activity"  #: The broker's list of executions.


class RequestKind(StrEnum):
    """Which of the three requests about an order is meant."""

    NEW = "new"
    CANCEL = "cancel"
    REPLACE = "replace"


class KillLevel(StrEnum):
    """How far a kill goes; each does what the one before it does."""

    BLOCK = "block"  #: New orders are refused.
    CANCEL = "cancel"  #: And every order is canceled, until the broker shows none.
    FLATTEN = "flatten"  #: And every position is closed.
