"""Where an order's time goes, from the call to its acknowledgement and its first fill.

Theory of operation
-------------------
Times are read from the monotonic clock at six places on the way of an order, and kept as bare
numbers; what they amount to is worked out once the caller has its answer. A batch is stamped once
for all of its orders. What is kept is bounded: the newest `most` figures of each kind,
and the orders of callers that still wait.

| stage | from | to |
| --- | --- | --- |
| stream | the call | the order stream is whole, and the inbox has room |
| instrument | | what the broker told of the instrument is at hand |
| inbox | | its batch begins |
| decide | | the batch is decided |
| journal | | the batch is durable |
| pacing | its INTENT is durable | the batch of its SEND begins: it waited for its turn |
| wire | the request is handed to the door | the door has an answer |
| book | | the answer is durable, and with the caller |
"""

from collections import deque
from datetime import datetime

from msgspec import Struct

from floorbroker.clock import Clock
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.order import Order
from floorbroker.telemetry import log

#: How many acknowledged orders are watched for their first fill.
_WATCHED_MAX = 4096
_SLOW_MAX = 50
_APPENDS_MIN = 50


class SlowOrder(Struct, frozen=True, kw_only=True):
    """An order that took long to be acknowledged, and which stage took the most of it."""

    cl_ord_id: ClOrdID
    time: datetime
    total_ms: int
    stage: str
    stages_ms: dict[str, int]
    is_degraded: bool
    status: str


class Spread(Struct, frozen=True, kw_only=True):
    """How a number of latencies are spread, by nearest rank; None where there are none."""

    count: int
    p50_us: int | None = None
    p95_us: int | None = None
    p99_us: int | None = None
    max_us: int | None = None


#: When a batch began, was decided and was durable.
Batch = tuple[float, float, float]
#: When a caller called, was let in, and knew the instrument.
Called = tuple[float, float, float]


class Way:
    """One order's way to the broker; a time that was not reached is None."""

    __slots__ = ("answered_s", "batch", "held_s", "started_s")

    def __init__(self) -> None:
        self.held_s: float | None = None
        self.batch: Batch | None = None
        self.started_s: float | None = None
        self.answered_s: float | None = None


class Stopwatch:
    """Takes the times, and keeps the newest."""

    def __init__(self, clock: Clock, *, slow_s: float, degraded_s: float, most: int) -> None:
        self.now_s = clock.monotonic
        self.batch: Batch = (0, 0, 0)
        self.sent = 0  #: Requests that were handed to the door, counted where that happens.
        self.slow: deque[SlowOrder] = deque(maxlen=_SLOW_MAX)
        self.appends_s: deque[float] = deque(maxlen=most)
        self.first_bytes_s: deque[float] = deque(maxlen=most)
        self.acks_s: deque[float] = deque(maxlen=most)
        self.fills_s: deque[float] = deque(maxlen=most)
        self._clock = clock
        self._slow_s, self._degraded_s = slow_s, degraded_s
        self._ways: dict[ClOrdID, Way] = {}
        self._acked_s: dict[ClOrdID, float] = {}

    def begin(self, cl_ord_id: ClOrdID) -> Way:
        """A caller waits for this order from now on."""
        way = self._ways[cl_ord_id] = Way()
        return way

    def drop(self, cl_ord_id: ClOrdID) -> None:
        """The caller waits no longer."""
        self._ways.pop(cl_ord_id, None)

    @property
    def is_short(self) -> bool:
        """Whether few batches were timed yet: later only those count by which orders leave."""
        return len(self.appends_s) < _APPENDS_MIN

    def committed(self, begun_s: float, decided_s: float, durable_s: float) -> None:
        """A batch was written."""
        self.batch = (begun_s, decided_s, durable_s)
        self.appends_s.append(durable_s - decided_s)

    def held(self, cl_ord_id: ClOrdID) -> None:
        """The order waits for its turn with the pacer, or for the stream."""
        way = self._ways.get(cl_ord_id)
        if way is not None:
            way.held_s = self.now_s()

    def leaves(self, cl_ord_id: ClOrdID, batch: Batch) -> Way | None:
        """The request is about to be handed to the door; the way, if somebody waits for it."""
        way = self._ways.get(cl_ord_id)
        if way is not None:
            way.batch, way.started_s = batch, self.now_s()
        return way

    def placed(self, order: Order, way: Way, called: Called) -> None:
        """The caller has the broker's first answer; `called` is when it called, was let in, and
        knew the instrument."""
        now_s = self.now_s()
        total_s = now_s - called[0]
        self.acks_s.append(total_s)
        if way.started_s is not None:
            self.first_bytes_s.append(way.started_s - called[0])
        if order.cum_qty:
            self.fills_s.append(0)
        elif not order.is_ended:
            self._watch(order.cl_ord_id, now_s)
        if total_s >= self._slow_s:
            self._note(order, _stages_s(way, called, now_s), total_s)

    def _watch(self, cl_ord_id: ClOrdID, now_s: float) -> None:
        acked_s = self._acked_s
        if len(acked_s) >= _WATCHED_MAX:
            del acked_s[next(iter(acked_s))]
        acked_s[cl_ord_id] = now_s

    def filled(self, cl_ord_id: ClOrdID) -> None:
        """An execution of the order was booked."""
        acked_s = self._acked_s.pop(cl_ord_id, None)
        if acked_s is not None:
            self.fills_s.append(self.now_s() - acked_s)

    def _note(self, order: Order, stages_s: dict[str, float], total_s: float) -> None:
        stages_ms = {name: round(took_s * 1000) for name, took_s in stages_s.items()}
        stage = max(stages_ms, key=stages_ms.__getitem__)
        found = SlowOrder(
            cl_ord_id=order.cl_ord_id,
            time=self._clock.now(),
            total_ms=round(total_s * 1000),
            stage=stage,
            stages_ms=stages_ms,
            is_degraded=total_s >= self._degraded_s,
            status=order.ord_status.value,
        )
        self.slow.append(found)
        if found.is_degraded:
            log.warn(
                "order_degraded",
                order=found.cl_ord_id,
                status=found.status,
                total_ms=found.total_ms,
                stage=stage,
                **{f"{name}_ms": took for name, took in stages_ms.items() if took},
            )


def _stages_s(way: Way, called: Called, now_s: float) -> dict[str, float]:
    called_s, admitted_s, known_s = called
    stages_s = {"stream": admitted_s - called_s, "instrument": known_s - admitted_s}
    held_s, started_s, batch = way.held_s, way.started_s, way.batch
    if batch is None or started_s is None:
        return stages_s | {"inbox" if held_s is None else "pacing": now_s - known_s}
    begun_s, decided_s, durable_s = batch
    if held_s is None:
        stages_s["inbox"] = begun_s - known_s
    else:
        stages_s |= {"inbox": held_s - known_s, "pacing": begun_s - held_s}
    stages_s |= {"decide": decided_s - begun_s, "journal": durable_s - decided_s}
    answered_s = now_s if way.answered_s is None else way.answered_s
    return stages_s | {"wire": answered_s - started_s, "book": now_s - answered_s}


def spread_of(sample_s: "deque[float]") -> Spread:
    """How these are spread."""
    if not sample_s:
        return Spread(count=0)
    us = sorted(round(one_s * 1_000_000) for one_s in sample_s)

    def rank(percent: int) -> int:
        return us[max(-(-percent * len(us) // 100) - 1, 0)]

    return Spread(count=len(us), p50_us=rank(50), p95_us=rank(95), p99_us=rank(99), max_us=us[-1])
