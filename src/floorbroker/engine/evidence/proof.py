"""What proves that the broker never had a request, how often to ask for it, and what of the engine
is seen by who asks."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.messages import ExecutionReport, OrderCancelReject
from floorbroker.domain.order import Order
from floorbroker.engine.decide import Missing, NotPlaced, Resend
from floorbroker.engine.settings import EngineSettings

ABSENCES_MIN = 5
LISTINGS_MIN = 2


class Evidence(Struct):
    """What speaks for the broker never having had the request; times are monotonic seconds."""

    since_s: float  #: The last instant at which the request can have arrived.
    absences: int = 0
    last_absence_s: float = 0
    listings: int = 0

    def absent(self, now_s: float) -> None:
        self.absences += 1
        self.last_absence_s = now_s

    def refuted(self) -> None:
        self.absences = self.listings = 0

    def is_complete(self, grace_s: float, *, is_stream_ready: bool) -> bool:
        return (
            is_stream_ready
            and self.absences >= ABSENCES_MIN
            and self.listings >= LISTINGS_MIN
            and self.last_absence_s - self.since_s >= grace_s
        )

    def in_words(self) -> str:
        waited_s = self.last_absence_s - self.since_s
        return (
            f"{self.absences} look-ups and {self.listings} listings without it, the last"
            f" {waited_s:.0f} s after it can have arrived, with the order stream ready"
        )


class Pace:
    """When to ask next. Answers slow the questions down; failures are made up for soon, so that
    a broker that answers again is heard soon."""

    def __init__(self, settings: EngineSettings) -> None:
        self._delays_s = settings.lookup_delays_s
        self._retries_s = settings.retry_delays_s
        self._answers = 0
        self._failures = 0

    def delay_s(self) -> float:
        if self._failures:
            return self._retries_s[min(self._failures, len(self._retries_s)) - 1]
        return self._delays_s[min(self._answers, len(self._delays_s) - 1)]

    def note(self, *, is_answered: bool) -> None:
        self._answers += is_answered
        self._failures = 0 if is_answered else self._failures + 1


Finding = ExecutionReport | OrderCancelReject | NotPlaced | Resend | Missing


class World(Protocol):
    """How the resolver sees the engine; orders are committed ones."""

    def order(self, cl_ord_id: ClOrdID) -> Order | None: ...

    def open_replace(self, cl_ord_id: ClOrdID) -> str | None:
        """The wire id of the order's replace that was never answered."""
        ...

    def is_whole(self) -> bool: ...

    def has_doubts(self) -> bool: ...

    def is_explained(self, symbol: str) -> bool: ...

    def since(self) -> datetime | None: ...

    def deliver(self, found: Finding) -> None: ...

    def fail(self, defect: BaseException) -> None: ...
