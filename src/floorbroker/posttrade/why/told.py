"""What each kind of record says about an order, in plain words, and who says it."""

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from floorbroker.domain import messages as m
from floorbroker.domain.ids import ClOrdID
from floorbroker.posttrade.wording import (
    View,
    average_text,
    moment_text,
    px_text,
    qty_text,
    size_text,
    terms_text,
    words,
)

_CHANNELS = {
    m.Source.ANSWER: "broker, answer",
    m.Source.STREAM: "broker, stream",
    m.Source.LOOKUP: "broker, look-up",
    m.Source.POLL: "broker, listing",
    m.Source.ACTIVITY: "broker, executions",
}
#: Who speaks where it is not the desk itself.
_SPEAKERS = {
    m.NewOrderSingle: "caller",
    m.OrderCancelRequest: "caller",
    m.OrderCancelReplaceRequest: "caller",
    m.OrderReject: "broker, answer",
}
_REQUESTS = {
    m.RequestKind.NEW: "the order",
    m.RequestKind.CANCEL: "the cancel",
    m.RequestKind.REPLACE: "the replace",
}


def speaker(message: m.JournalMessage) -> str:
    """Who said it, and by which channel."""
    if isinstance(message, m.ExecutionReport | m.MessageQuarantined):
        return _CHANNELS[message.source]
    if isinstance(message, m.OrderCancelReject):
        return "desk" if message.code is None else "broker, answer"
    if isinstance(message, m.OrderCancelRequest) and message.text:
        return "desk"
    return _SPEAKERS.get(type(message), "desk")


class Heard(Struct):
    """What was told in the lines before."""

    was_closed: bool = True  #: The desk had been closed in good order.
    order_ids: set[str] = field(default_factory=set)  #: The broker's names for the order.


def said(message: m.JournalMessage, cl_ord_id: ClOrdID, view: View, heard: Heard) -> str:
    """What it says."""
    if isinstance(message, m.DeskOpened):
        return _opened(message, was_closed=heard.was_closed)
    if isinstance(message, m.Reconciliation):
        return _compared(message, cl_ord_id)
    if isinstance(message, m.TimerSet):
        return (
            f"will look for it again at {moment_text(message.due_time, view)},"
            " in case the broker shows it late"
        )
    if isinstance(message, m.ExecutionReport):
        return _reported(message, view, heard)
    tell = _TOLD.get(type(message))
    text = m.ENCODER.encode(message).decode() if tell is None else tell(message)
    return one_line(text)


def one_line(text: str) -> str:
    """Whatever the broker or a caller put in a text, it stays one line and rings no bells."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )


def _opened(message: m.DeskOpened, *, was_closed: bool) -> str:
    before = "" if was_closed else "; the desk before it ended without closing: it crashed"
    return f"the desk opens, for the {_nth(message.epoch)} time{before}"


def _nth(number: int) -> str:
    is_teen = 10 <= number % 100 <= 20
    return f"{number}{'th' if is_teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _asked(message: m.NewOrderSingle) -> str:
    order = message.order
    legs = "".join(f"; leg: {leg.side.upper()} {terms_text(leg)}" for leg in order.legs)
    what = f"{order.side.upper()} {size_text(order)} {order.symbol} {terms_text(order)}"
    return f"asks to {what}{legs}; the desk finds nothing against it and writes it down"


def _change(message: m.OrderCancelReplaceRequest) -> str:
    changes = {
        "quantity": message.order_qty and qty_text(message.order_qty),
        "limit": message.price and px_text(message.price),
        "stop": message.stop_px and px_text(message.stop_px),
        "trail": message.trail and px_text(message.trail),
        "time in force": message.time_in_force,
    }
    new = ", ".join(f"{name} {value}" for name, value in changes.items() if value)
    return f"asks to replace it: {new}; its successor is called {message.wire_id} on the wire"


def _unanswered(message: m.RequestUnanswered) -> str:
    about = _REQUESTS[message.request]
    if message.is_refusal:
        return (
            f"the broker says no to {about}, in words that prove nothing: {message.text};"
            " the desk asks how it stands"
        )
    return (
        f"no usable answer to {about} ({message.text}): whether the broker has it is UNKNOWN;"
        " the desk asks, and does not send it again"
    )


def _cancel_refused(message: m.OrderCancelReject) -> str:
    code = "" if message.code is None else f" (code {message.code})"
    return (
        f"{_REQUESTS[message.request]} is not done: {message.text}{code}; the order is unchanged"
    )


def _compared(message: m.Reconciliation, cl_ord_id: ClOrdID) -> str:
    about = [
        f"{words(found.cause)}: ours {found.ours}, the broker's {found.theirs};"
        f" {found.evidence}; {'OPEN, ' if found.is_open else ''}{found.repair}"
        for found in message.breaks
        if found.subject == cl_ord_id or found.subject.startswith(f"{cl_ord_id}/")
    ]
    return one_line(f"holds its book against the broker's: {'. '.join(about)}")


def _adopted(message: m.LegAdopted) -> str:
    order = message.order
    known = f"; until now it was taken for {message.known_as}" if message.known_as else ""
    return (
        f"finds that the broker's order {message.order_id} is a leg:"
        f" {order.side.upper()} {terms_text(order)}, here called {message.cl_ord_id}{known}"
    )


_TOLD: dict[type, Callable[[Any], str]] = {
    m.DeskClosed: lambda message: "the desk closes in good order",
    m.NewOrderSingle: _asked,
    m.OrderCancelRequest: lambda message: (
        f"decides to cancel it: {message.text}" if message.text else "asks to cancel it"
    ),
    m.OrderCancelReplaceRequest: _change,
    m.RequestSent: lambda message: (
        f"sends {_REQUESTS[message.request]} to the broker, attempt {message.attempt};"
        " from here on the broker may have it"
    ),
    m.RequestUndelivered: lambda message: (
        f"{_REQUESTS[message.request]} surely did not arrive, attempt {message.attempt}:"
        f" {message.text}; it may be sent again"
    ),
    m.RequestUnanswered: _unanswered,
    m.OrderCancelReject: _cancel_refused,
    m.OrderReject: lambda message: (
        f"refuses the order: {message.text}; that is final, nothing was traded"
    ),
    m.OrderNotPlaced: lambda message: (
        f"concludes that the broker never had it: {message.text}; closed, nothing was traded"
    ),
    m.OrderExpiredUnsent: lambda message: f"gives it up, never sent: {message.text}",
    m.BusinessMessageReject: lambda message: (
        f"refuses the caller's {message.command}: {message.text}; nothing left the desk"
    ),
    m.MessageQuarantined: lambda message: (
        f"sends something unreadable that names it ({message.text}); kept as it came"
    ),
    m.Alarm: lambda message: f"ALARM, {words(message.name)}: {message.text}",
    m.TimerFired: lambda message: "the time to look for it again has come",
    m.OrderReopened: lambda message: (
        f"takes it up again, {words(message.order.ord_status)} as it was: news of it came"
    ),
    m.LegAdopted: _adopted,
}


def _reported(message: m.ExecutionReport, view: View, heard: Heard) -> str:
    event = _event(message)
    total = f"{qty_text(message.cum_qty)}"
    if message.order_qty is not None:
        total += f" of {qty_text(message.order_qty)}"
    average = f" at {average_text(message.avg_px)}" if message.avg_px is not None else ""
    parts = [
        f"{event}; {words(message.ord_status)}, {total} filled{average}",
        message.text,
    ]
    if message.order_id not in heard.order_ids:
        heard.order_ids.add(message.order_id)
        parts.append(f"the broker's order {message.order_id}")
    if message.next_order_id is not None:
        parts.append(f"followed by {message.next_order_id}")
    learned = message.received_time or message.transact_time
    if abs((learned - message.transact_time).total_seconds()) >= 1:
        parts.append(f"dated {moment_text(message.transact_time, view)} by the broker")
    return one_line("; ".join(filter(None, parts)))


def _event(message: m.ExecutionReport) -> str:
    if message.last_qty is not None:
        size = f"{qty_text(message.last_qty)} @ {px_text(message.last_px)}"
        if message.exec_type is m.ExecType.TRADE_CANCEL:
            return f"takes back execution {message.ref_exec_id}: {size}"
        if message.exec_type is m.ExecType.TRADE_CORRECT:
            return f"corrects execution {message.ref_exec_id} to {size}"
        return f"{'buys' if message.side == 'buy' else 'sells'} {size}"
    return _EVENTS.get(message.exec_type, words(message.exec_type))


_EVENTS = {
    m.ExecType.PENDING_NEW: "has the order",
    m.ExecType.ACCEPTED: "holds the order until its venue opens",
    m.ExecType.HELD: "holds the leg until its turn comes",
    m.ExecType.NEW: "works the order",
    m.ExecType.PENDING_CANCEL: "has our cancel",
    m.ExecType.CANCELED: "has canceled it",
    m.ExecType.PENDING_REPLACE: "has our replace",
    m.ExecType.REPLACED: "has replaced it",
    m.ExecType.REJECTED: "rejects it",
    m.ExecType.EXPIRED: "lets it expire",
    m.ExecType.DONE_FOR_DAY: "is done with it for today",
    m.ExecType.STOPPED: "guarantees a fill",
    m.ExecType.SUSPENDED: "has suspended it",
    m.ExecType.CALCULATED: "computes its settlement",
    m.ExecType.RESTATED: "has changed it by itself",
    m.ExecType.ORDER_STATUS: "says how it stands",
}
