"""What was done lately, counted: orders, requests, executions, look-alikes, the day's turnover.

A fold over messages, so that a replay counts what was counted, and nothing twice: an order once,
when it is written down, however often it is sent. Windows are rings of slots and never too short:
what was done just before a window began may still be in its oldest slot.

A day is one of UTC: it changes at seven or eight in the evening in New York, after the last hour
of trading or just before it.
"""

from bisect import bisect_right
from datetime import UTC, datetime
from decimal import Decimal

from msgspec import Struct, field

from floorbroker.domain.messages import (
    DeskOpened,
    ExecType,
    ExecutionReport,
    NewOrderSingle,
    OrderCancelRequest,
    RequestKind,
    RequestSent,
)
from floorbroker.domain.order import Order, OrderRequest

_START = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
#: Orders of a symbol, and re-entries, that are remembered: limits as high as this see fewer than
#: there were, and deny nothing.
REMEMBERED = 64
#: Strategies, symbols, and pairs of the two, that are told apart.
STRATEGIES_MAX = 4096


def micros(now: datetime) -> int:
    """Microseconds since 1970."""
    since = now - _START
    return (since.days * 86_400 + since.seconds) * _SECOND + since.microseconds


class Ring(Struct):
    """A count over the last slots of time."""

    slot: int  #: Microseconds.
    counts: list[int]
    last: int = 0  #: The number of the newest slot.
    total: int = 0

    def add(self, now: int) -> None:
        if now // self.slot != self.last:
            self._turn(now)
        self.counts[self.last % len(self.counts)] += 1
        self.total += 1

    def count(self, now: int) -> int:
        """Looking changes nothing."""
        slot, size = now // self.slot, len(self.counts)
        if slot <= self.last:
            return self.total
        if slot - self.last >= size:
            return 0
        gone = range(self.last + 1, slot + 1)
        return self.total - sum(self.counts[number % size] for number in gone)

    def _turn(self, now: int) -> None:
        slot = now // self.slot
        if slot <= self.last:  # clocks may go back: what was counted stays
            return
        size = len(self.counts)
        for number in range(max(self.last + 1, slot - size + 1), slot + 1):
            self.total -= self.counts[number % size]
            self.counts[number % size] = 0
        self.last = slot


def second() -> Ring:
    return Ring(slot=_SECOND // 10, counts=[0] * 11)


def minute() -> Ring:
    return Ring(slot=_SECOND, counts=[0] * 61)


def hour() -> Ring:
    return Ring(slot=60 * _SECOND, counts=[0] * 61)


class Rate(Struct):
    """A strategy's new orders."""

    second: Ring = field(default_factory=second)
    minute: Ring = field(default_factory=minute)


class Alike(Struct, frozen=True, gc=False):
    """An order that others may look like, and when it was written down."""

    at: int
    request: OrderRequest


class Tally(Struct):
    """All counts; a snapshot keeps them as they are."""

    rates: dict[str, Rate] = field(default_factory=dict)
    orders: Ring = field(default_factory=minute)
    requests: Ring = field(default_factory=minute)
    messages: Ring = field(default_factory=hour)
    fills: Ring = field(default_factory=hour)
    recent: dict[str, list[Alike]] = field(default_factory=dict)  #: By symbol.
    filled: dict[str, str] = field(default_factory=dict)  #: By strategy and symbol, the side.
    entries: dict[str, list[int]] = field(default_factory=dict)
    day: int = 0
    turnover: Decimal = Decimal(0)
    orders_today: int = 0
    version: str = ""
    since_change: int = 0

    def opened(self, message: DeskOpened) -> None:
        if message.version != self.version:
            self.version, self.since_change = message.version, 0

    def ordered(self, message: NewOrderSingle, value: Decimal) -> None:
        """An order was written down, worth so much."""
        now, request = micros(message.transact_time), message.order
        rate = self.rates.get(request.strategy)
        if rate is None:
            rate = self.rates[request.strategy] = Rate()
            while len(self.rates) > STRATEGIES_MAX:
                self.rates.pop(next(iter(self.rates)))
        rate.second.add(now)
        rate.minute.add(now)
        self.orders.add(now)
        self.messages.add(now)
        self._alike(request, now)
        self._entered(request, now)
        self.since_change += 1
        self.spent(now, value)
        self.orders_today += 1

    def spent(self, now: int, value: Decimal) -> None:
        """So much more was asked for today."""
        self._turn(now)
        if value > 0:
            self.turnover += value

    def sent(self, message: RequestSent) -> None:
        """A request left; of orders and replaces each attempt counts."""
        if message.request is not RequestKind.CANCEL:
            self.requests.add(micros(message.transact_time))

    def asked(self, message: OrderCancelRequest | RequestSent) -> None:
        """A cancel or a replace was wished for."""
        self.messages.add(micros(message.transact_time))

    def reported(self, report: ExecutionReport, order: Order) -> None:
        """An execution: the next order of its strategy on its side enters again."""
        if report.exec_type is ExecType.TRADE:
            self.fills.add(micros(report.transact_time))
            if not order.is_external:
                self.filled[_whose(order.request)] = order.request.side.value

    def repeats(self, request: OrderRequest, now: int, window_s: int) -> int:
        """Orders like this one in so many seconds."""
        since, found = now - window_s * _SECOND, 0
        for one in reversed(self.recent.get(request.symbol, ())):
            if one.at <= since:
                break
            found += _are_alike(one.request, request)
        return found

    def reentries(self, request: OrderRequest, now: int, window_s: int) -> int:
        """Orders on the side just filled, this one among them if it is one."""
        whose, since = _whose(request), now - window_s * _SECOND
        is_one = self.filled.get(whose) == request.side
        before = self.entries.get(whose)
        return is_one + (0 if before is None else len(before) - bisect_right(before, since))

    def today(self, now: int) -> tuple[Decimal, int]:
        """The day's turnover and orders."""
        if now // _DAY > self.day:
            return Decimal(0), 0
        return self.turnover, self.orders_today

    def _turn(self, now: int) -> None:
        day = now // _DAY
        if day > self.day:
            self.day, self.turnover, self.orders_today = day, Decimal(0), 0

    def _alike(self, request: OrderRequest, now: int) -> None:
        recent = self.recent.get(request.symbol)
        if recent is None:
            recent = self.recent[request.symbol] = []
            while len(self.recent) > STRATEGIES_MAX:
                self.recent.pop(next(iter(self.recent)))
        recent.append(Alike(max(now, recent[-1].at) if recent else now, request))
        if len(recent) > REMEMBERED:
            del recent[0]

    def _entered(self, request: OrderRequest, now: int) -> None:
        whose = _whose(request)
        if self.filled.get(whose) != request.side:
            return
        del self.filled[whose]
        times = self.entries.setdefault(whose, [])
        _remember(times, now)
        while len(self.entries) > STRATEGIES_MAX:
            self.entries.pop(next(iter(self.entries)))


def _remember(times: list[int], now: int) -> None:
    """Clocks may go back; what is remembered does not."""
    times.append(max(now, times[-1]) if times else now)
    if len(times) > REMEMBERED:
        del times[0]


def _are_alike(one: OrderRequest, other: OrderRequest) -> bool:
    """Same side, size, prices and strategy; of one symbol they are already."""
    return (one.side, one.order_qty, one.notional, one.price, one.stop_px, one.strategy) == (
        other.side,
        other.order_qty,
        other.notional,
        other.price,
        other.stop_px,
        other.strategy,
    )


def _whose(request: OrderRequest) -> str:
    return f"{request.strategy}|{request.symbol}"
