"""What a report from the broker amounts to: which order it is about, and whether it is news.

Channels repeat each other: the stream, the answers, the look-ups and the listings all tell of one
order. Only news is journaled, so every execution in the journal was booked, and polling costs no
disk. What surprises is journaled all the same, with an alarm beside it.
"""

from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.books.breaks import BreakCause
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.lifecycle import NOT_AT_THE_BROKER, Report, is_surprise, next_status
from floorbroker.domain.messages import (
    Alarm,
    ExecType,
    ExecutionReport,
    JournalMessage,
    KillLevel,
    KillSwitched,
    OrderCancelRequest,
    OrderReopened,
    PositionAdjusted,
    Source,
)
from floorbroker.domain.order import ENDED, Fill, Order, OrderRequest, OrdStatus, Side
from floorbroker.engine.book import booking, counts
from floorbroker.engine.book.book import Book, Phase, base_id
from floorbroker.engine.book.reported import CONFIRMS_REPLACE, is_successor, restated, take

Messages = list[JournalMessage]

#: The alarm that the journal is behind its broker: restored from a backup, or copied.
STALE_JOURNAL = "stale_journal"
#: The alarm that the broker has an order which was held for never placed.
LATE_ORDER = "late_order"
#: The alarm that an order which had ended lives again, or has another end.
END_REVISED = "end_revised"
_UNEXPECTED = "unexpected_report"
#: Who stopped trading, if it was no person.
OURSELVES = "floorbroker"


def subject(book: Book, found: ExecutionReport) -> Order | None:
    """The live order that the report is about, by any of the names it may have."""
    return (
        book.orders.get(found.cl_ord_id)  # as nearly always
        or book.external.get(found.cl_ord_id)
        or book.find_by_order_id(found.order_id)
        or book.find_by_order_id(found.prev_order_id)
        or book.find(base_id(found.cl_ord_id))
    )


def report(
    book: Book, about: Order | None, found: ExecutionReport, *, namespace: str, now: datetime
) -> Messages:
    """The messages that the report leads to; `about` is its order, live or filed, if known."""
    messages = _report(book, about, found, namespace=namespace, now=now)
    is_ours = about is not None and not about.is_external
    taken_over = None if is_ours else _taken_over(book, about, found, now)
    is_booked = taken_over is not None and any(_is_execution(one) for one in messages)
    return [taken_over, *messages] if taken_over is not None and is_booked else messages


def _taken_over(
    book: Book, about: Order | None, found: ExecutionReport, now: datetime
) -> PositionAdjusted | None:
    """What takes an execution off again that was in the position when that was taken over; or
    brings one back that had been busted by then."""
    adopted = book.adopted_time
    if adopted is None or found.transact_time >= adopted:
        return None  # as nearly always
    moved = _moved(about, found)
    if not moved:
        return None
    shares = [(qty if found.side is Side.BUY else -qty, Decimal(px)) for qty, px in moved]
    return PositionAdjusted(
        account=book.account,
        symbol=found.symbol,
        qty=Qty.of(-sum((qty for qty, _ in shares), Decimal(0))),
        px=moved[-1][1],
        cost=Money.of(-sum((qty * px for qty, px in shares), Decimal(0))),
        cause=BreakCause.EXTERNAL_POSITION,
        text=f"execution {found.exec_id} was part of what was held before this journal began",
        transact_time=now,
    )


def _moved(about: Order | None, found: ExecutionReport) -> list[tuple[Decimal, Px]]:
    """Shares and prices that the report books, what it takes back being negative."""
    if found.exec_type is ExecType.TRADE:
        if found.last_qty is None or found.last_px is None:
            return []
        return [(Decimal(found.last_qty), found.last_px)]
    if found.exec_type not in counts.EXECUTIONS or about is None:
        return []
    original = booking.busted(about, found)
    fills = () if original is None else booking.revision(original, found)
    return [(Decimal(fill.last_qty), fill.last_px) for fill in fills]


def _is_execution(message: JournalMessage) -> bool:
    return type(message) is ExecutionReport and message.exec_type in counts.EXECUTIONS


def _report(
    book: Book, about: Order | None, found: ExecutionReport, *, namespace: str, now: datetime
) -> Messages:
    if found.exec_type in counts.EXECUTIONS and not counts.is_bookable(found):
        found = as_status(found)
    if about is None:
        return _external(found, namespace, now)
    differing = terms_differ(about, found)
    if differing:
        return [
            _alarm("terms_differ", differing, about.cl_ord_id, now),
            KillSwitched(
                level=KillLevel.BLOCK,
                reason=f"terms_differ: {about.cl_ord_id}: {differing}",
                by=OURSELVES,
                transact_time=now,
            ),
        ]
    if not _is_news(book, about, found):
        return _contradiction(about, found, now)
    found = replace(found, cl_ord_id=about.cl_ord_id, received_time=found.received_time or now)
    reopened: Messages = []
    if about.venue_status in ENDED:
        reopened = [OrderReopened(order=about, transact_time=now)]
    alarms = _alarms(book, about, found, now)
    return [*reopened, found, *alarms, *_no_longer_wanted(about, found, alarms, now)]


def _no_longer_wanted(
    about: Order, found: ExecutionReport, alarms: Messages, now: datetime
) -> Messages:
    """The cancel of what is left of an order that was told to have come to nothing: whoever
    wanted it may have placed another since."""
    is_late = any(type(one) is Alarm and one.name == LATE_ORDER for one in alarms)
    if not is_late or about.venue_status not in ENDED or found.ord_status.is_ended:
        return []
    return [OrderCancelRequest(cl_ord_id=about.cl_ord_id, text=LATE_ORDER, transact_time=now)]


def as_status(found: ExecutionReport) -> ExecutionReport:
    """The report as an answer to how the order stands, its execution apart."""
    return replace(
        found, exec_type=ExecType.ORDER_STATUS, exec_id=None, last_qty=None, last_px=None
    )


def terms_differ(about: Order, found: ExecutionReport) -> str:
    """What the broker's order has that ours has not; empty where they agree. Size and prices
    count at the first sight only: a replace changes them."""
    ours = about.request
    is_known = about.order_id is not None or about.is_external
    if (
        ours.symbol == found.symbol
        and ours.side is found.side
        and (is_known or _is_alike(ours, found))
    ):
        return ""  # as nearly always
    names = ("symbol", "side") if is_known else _TERMS
    pairs = [(name, getattr(ours, name), getattr(found, name)) for name in names]
    return "; ".join(
        f"{name} is {theirs} at the broker, {mine} here"
        for name, mine, theirs in pairs
        if mine is not None and theirs is not None and mine != theirs
    )


_TERMS = ("symbol", "side", "order_qty", "price", "stop_px")


def _is_alike(ours: OrderRequest, found: ExecutionReport) -> bool:
    """Whether size and prices agree, as far as the report tells them."""
    return (
        (found.order_qty is None or found.order_qty == ours.order_qty)
        and (found.price is None or found.price == ours.price)
        and (found.stop_px is None or found.stop_px == ours.stop_px)
    )


def _external(found: ExecutionReport, namespace: str, now: datetime) -> Messages:
    """An order from elsewhere: kept apart, its executions booked, because facts are facts."""
    is_over = found.ord_status.is_ended and found.exec_type not in counts.EXECUTIONS
    has_our_name = found.cl_ord_id.startswith(f"{namespace}-")
    if is_over and found.cum_qty == 0 and not has_our_name:
        return []  # it never mattered and never will
    messages: Messages = [replace(found, received_time=found.received_time or now)]
    if has_our_name:
        text = "the broker has an order with an id of ours that this journal does not know"
        messages.append(_alarm(STALE_JOURNAL, text, found.cl_ord_id, now))
    return messages


def _is_news(book: Book, about: Order, found: ExecutionReport) -> bool:
    kind = found.exec_type
    if kind in counts.EXECUTIONS:
        return not counts.is_booked(about, found) and not _is_of_nothing(about, found)
    if kind is ExecType.PENDING_CANCEL:
        asked = book.cancels.get(about.cl_ord_id)
        if asked is not None and asked.phase is not Phase.TAKEN:
            # Of a successor that has ended meanwhile it says nothing of who lives again.
            return found.order_id == about.order_id
    if about.order_id is None or _brings_successor(book, about, found):
        return True
    if about.venue_status not in ENDED and restated(book, about, found) is not None:
        return True
    column = booking.column(about, found, book.goal(about))
    if column is None:
        return False
    following = next_status(about.venue_status, column)
    if following is None:
        return found.source in (Source.STREAM, Source.ANSWER)  # a listing may merely be old
    is_confirmed = not found.is_guessed and _confirms_replace(book, about, column)
    return following is not about.venue_status or is_confirmed


def _is_of_nothing(about: Order, found: ExecutionReport) -> bool:
    """Whether a list tells of the bust of an execution that we do not have: the list has that
    one, too, and if it fitted into the order it would have been booked before."""
    if found.source is not Source.ACTIVITY or found.exec_type is ExecType.TRADE:
        return False
    return about.venue_status in ENDED and booking.busted(about, found) is None


def _brings_successor(book: Book, about: Order, found: ExecutionReport) -> bool:
    if is_successor(book, about, found):
        return True
    if not found.next_order_id or found.order_id != about.order_id:
        return False
    return booking.is_replaced(found)


def _confirms_replace(book: Book, about: Order, column: Report) -> bool:
    asked = book.replaces.get(about.cl_ord_id)
    if asked is None or asked.phase is not Phase.TAKEN:
        return False
    return column in CONFIRMS_REPLACE


def _alarms(book: Book, about: Order, found: ExecutionReport, now: datetime) -> Messages:
    name = _surprise(book, about, found)
    names: tuple[str, ...] = (name,) if name else ()
    if name not in _EACH_TIME and about.venue_status in ENDED and _is_end_revised(about, found):
        names = (END_REVISED, *(one for one in names if one != _UNEXPECTED))
    text = f"{found.exec_type} ({found.ord_status}) of {found.order_id} while {about.ord_status}"
    return [_alarm(name, text, about.cl_ord_id, now) for name in names]


def _surprise(book: Book, about: Order, found: ExecutionReport) -> str:
    """Why somebody should look, in one word; empty where nothing surprises."""
    kind, status = found.exec_type, about.venue_status
    if kind is ExecType.TRADE_CANCEL or kind is ExecType.TRADE_CORRECT:
        known = any(fill.exec_id == found.ref_exec_id for fill in about.fills)
        return kind.value if known else f"{kind}_of_unknown"
    if not _is_of(about, found) and not is_successor(book, about, found):
        return "second_order"
    if kind is ExecType.TRADE:
        if status in ENDED:
            return LATE_ORDER if status in _NEVER_HAD else "fill_after_end"
        return LATE_ORDER if status in NOT_AT_THE_BROKER else ""
    column = booking.column(about, found, book.goal(about))
    if column is None or not is_surprise(status, column):
        return ""
    return LATE_ORDER if status in _NEVER_HAD else _UNEXPECTED


def _is_end_revised(about: Order, found: ExecutionReport) -> bool:
    """Whether an ended order lives again, or turns out to have ended otherwise, by what the broker
    says of it or of its successor. Somebody had relied on the end, so that is always told."""
    apart = Book()  # what was asked of an order is forgotten when it ends: nothing else counts
    apart.reopen(about)
    return take(apart, found).venue_status is not about.venue_status


#: The broker never had such an order, we thought.
_NEVER_HAD = (*NOT_AT_THE_BROKER, OrdStatus.REJECTED)


def _is_of(about: Order, found: ExecutionReport) -> bool:
    ours = about.order_id
    return ours is None or found.order_id == ours or found.order_id in about.replaces


def _contradiction(about: Order, found: ExecutionReport, now: datetime) -> Messages:
    """Two channels told of one execution; they should agree on its price."""
    if found.exec_type is not ExecType.TRADE or found.source is Source.POLL:
        return []
    twin = _twin(about, found)
    if twin is None or twin.last_px == found.last_px:
        return []
    text = f"execution {twin.exec_id} was at {twin.last_px}, {found.source} says {found.last_px}"
    return [_alarm("execution_differs", text, about.cl_ord_id, now)]


def _twin(about: Order, found: ExecutionReport) -> Fill | None:
    for fill in about.fills:
        if fill.exec_id == found.exec_id:
            return fill
    for fill in about.fills:  # after a bust two may have covered one interval
        if (fill.order_id, fill.cum_qty, fill.last_qty) == (
            found.order_id,
            found.cum_qty,
            found.last_qty,
        ):
            return fill
    return None


def _alarm(name: str, text: str, cl_ord_id: ClOrdID, now: datetime) -> Alarm:
    return Alarm(name=name, text=text, cl_ord_id=cl_ord_id, transact_time=now)


_EACH_TIME = frozenset(
    {LATE_ORDER, END_REVISED, "fill_after_end", "trade_cancel", "trade_correct"}
)
_RAISED_MAX = 4096


class Raised:
    """Remembers alarms: one of a kind for an order is enough, but executions each have theirs."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, ClOrdID | None], None] = {}

    def has(self, alarm: Alarm) -> bool:
        """Whether the alarm was raised before; it is from now on. The oldest are forgotten."""
        if alarm.name in _EACH_TIME:
            return False
        key = (alarm.name, alarm.cl_ord_id)
        if key in self._names:
            return True
        self._names[key] = None
        if len(self._names) > _RAISED_MAX:
            del self._names[next(iter(self._names))]
        return False
