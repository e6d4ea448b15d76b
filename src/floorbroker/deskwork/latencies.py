"""How long the broker takes: of the orders of this process, else of the journal's newest.

This process has timed its orders with the monotonic clock. The journal's records carry the desk's
own dates, the time of each decision and of each report's arrival; they also tell of earlier
processes, and a little less: a SEND was decided just before its bytes left.
"""

from collections import deque
from datetime import datetime

from msgspec import Struct

from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import (
    ExecType,
    ExecutionReport,
    NewOrderSingle,
    RequestKind,
    RequestSent,
)
from floorbroker.engine.timing.stopwatch import Spread, Stopwatch, spread_of
from floorbroker.journal.port import JournalReader

#: So many of the journal's newest records are looked at.
RECORDS_MAX = 5_000
_NONE = Spread(count=0)


class Latencies(Struct, frozen=True, kw_only=True):
    """Of the newest orders. `source`: process, or journal."""

    source: str = "process"
    first_byte: Spread = _NONE  #: From the call until the request is handed to the wire.
    acknowledged: Spread = _NONE  #: From the call to the broker's first answer, durable.
    filled: Spread = _NONE  #: From there to the first execution.
    append: Spread = _NONE  #: One batch, durable.


def latencies_of(times: Stopwatch, journal: JournalReader) -> Latencies:
    """Those of this process where it has placed orders, else the journal's."""
    append = spread_of(times.appends_s)
    if times.acks_s:
        return Latencies(
            first_byte=spread_of(times.first_bytes_s),
            acknowledged=spread_of(times.acks_s),
            filled=spread_of(times.fills_s),
            append=append,
        )
    sends, acks, fills = _journaled(journal)
    return Latencies(
        source="journal",
        first_byte=spread_of(sends),
        acknowledged=spread_of(acks),
        filled=spread_of(fills),
        append=append,
    )


def _journaled(journal: JournalReader) -> "tuple[deque[float], deque[float], deque[float]]":
    asked: dict[ClOrdID, datetime] = {}
    answered: dict[ClOrdID, datetime] = {}
    filled: set[ClOrdID] = set()
    sends: deque[float] = deque()
    acks: deque[float] = deque()
    fills: deque[float] = deque()
    for record in journal.records(after=max(journal.head().seq - RECORDS_MAX, 0)):
        message = record.message
        if isinstance(message, NewOrderSingle):
            asked[message.cl_ord_id] = message.transact_time
        elif isinstance(message, RequestSent):
            if message.request is RequestKind.NEW and message.attempt == 1:
                began = asked.get(message.cl_ord_id)
                if began is not None:
                    sends.append((message.transact_time - began).total_seconds())
        elif isinstance(message, ExecutionReport) and message.received_time is not None:
            name, now = message.cl_ord_id, message.received_time
            began = asked.get(name)
            if began is not None and name not in answered:
                answered[name] = now
                acks.append(max((now - began).total_seconds(), 0.0))
            if message.exec_type is ExecType.TRADE and name in answered and name not in filled:
                filled.add(name)
                fills.append(max((now - answered[name]).total_seconds(), 0.0))
    return sends, acks, fills
