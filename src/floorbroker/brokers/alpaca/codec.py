"""Orders and executions in Alpaca's JSON, translated into ours and back; pure.

Alpaca adds, renames and removes without notice, so nothing here asks for more than it needs:
unknown fields are skipped, an unknown order status is read from the facts beside it and kept in
`text`, an unknown stream event is handed on as MessageQuarantined with its bytes. What is needed
and absent, or is no finite number, is an `Unreadable` that names the field.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Raw, Struct, structs

from floorbroker.brokers.alpaca.words import (
    EVENT_TEXTS,
    EVENTS,
    EXECUTIONS,
    RAW_MAX,
    STATUSES,
    Instant,
    Unreadable,
    bad,
    in_utc,
    is_amount,
    px_of,
    qty_of,
    read,
    side_of,
)
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.ids import ClOrdID, ExecID, OrderID
from floorbroker.domain.messages import (
    ExecType,
    ExecutionReport,
    MessageQuarantined,
    Source,
)
from floorbroker.domain.order import OrdStatus


class WireOrder(Struct, gc=False):
    """The fields of an Alpaca order that we read."""

    id: str
    client_order_id: str
    status: str
    filled_qty: Decimal
    symbol: str | None = None
    side: str | None = None
    qty: Decimal | None = None
    filled_avg_price: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    updated_at: Instant | None = None
    submitted_at: Instant | None = None
    created_at: Instant | None = None
    canceled_at: str | None = None
    expired_at: str | None = None
    failed_at: str | None = None
    replaced_by: str | None = None
    replaces: str | None = None
    order_class: str | None = None
    legs: list[Raw] | None = None
    source: str | None = None  # null for what people and programs place


class _TradeUpdate(Struct, gc=False):
    event: str
    order: WireOrder
    timestamp: Instant | None = None
    at: Instant | None = None
    execution_id: str | None = None
    previous_execution_id: str | None = None
    price: Decimal | None = None
    qty: Decimal | None = None


class TradeUpdates(Struct, tag_field="stream", tag="trade_updates", gc=False):
    """A frame that reports on an order."""

    data: _TradeUpdate


class Authorization(Struct, tag_field="stream", tag="authorization"):
    """The answer to our key pair."""

    data: dict[str, Any]

    @property
    def is_granted(self) -> bool:
        return self.data.get("status") == "authorized"

    @property
    def text(self) -> str:
        return str(self.data.get("message") or self.data.get("status"))


class Listening(Struct, tag_field="stream", tag="listening"):
    """The answer to a subscription: what is followed now."""

    data: dict[str, Any]

    @property
    def is_following(self) -> bool:
        return "trade_updates" in (self.data.get("streams") or ())


class Notice(Struct):
    """Anything else that is no report: a heartbeat, or the other side's own complaint."""

    text: str
    is_error: bool = False


Control = Authorization | Listening | Notice
_FRAME = msgspec.json.Decoder(TradeUpdates | Authorization | Listening)
_ORDER = msgspec.json.Decoder(WireOrder)
_ORDERS = msgspec.json.Decoder(list[WireOrder])


def _status(order: WireOrder) -> tuple[OrdStatus, str]:
    """Our word for the status; for a word that we do not know, what the facts say and a text.

    The quantities have been checked to be numbers before.
    """
    known = STATUSES.get(order.status)
    if known is not None:
        return known, ""
    if order.replaced_by:
        read_as = OrdStatus.REPLACED
    elif order.failed_at:
        read_as = OrdStatus.REJECTED
    elif order.canceled_at:
        read_as = OrdStatus.CANCELED
    elif order.expired_at:
        read_as = OrdStatus.EXPIRED
    elif order.qty is not None and order.filled_qty >= order.qty > 0:
        read_as = OrdStatus.FILLED
    elif order.filled_qty > 0:
        read_as = OrdStatus.PARTIALLY_FILLED
    else:
        read_as = OrdStatus.ACCEPTED
    return read_as, f"status {order.status!r} is not known here; read as {read_as}"


def _status_report(
    order: WireOrder, source: Source, received_time: datetime, parent: str | None = None
) -> ExecutionReport:
    cum_qty = qty_of("filled_qty", order.filled_qty)
    order_qty = None if order.qty is None else qty_of("qty", order.qty)
    ord_status, text = _status(order)
    stated = order.updated_at or order.submitted_at or order.created_at
    if stated is None:
        bad("updated_at", "null", "time; nor are submitted_at and created_at given")
    if not order.symbol:
        bad("symbol", repr(order.symbol), "symbol")
    return ExecutionReport(
        transact_time=in_utc(stated),
        cl_ord_id=ClOrdID(order.client_order_id),
        order_id=OrderID(order.id),
        exec_type=ExecType.ORDER_STATUS,
        ord_status=ord_status,
        symbol=order.symbol,
        side=side_of(order.side),
        source=source,
        cum_qty=cum_qty,
        avg_px=px_of("filled_avg_price", order.filled_avg_price),
        order_qty=order_qty,
        price=px_of("limit_price", order.limit_price),
        stop_px=px_of("stop_price", order.stop_price),
        prev_order_id=OrderID(order.replaces) if order.replaces else None,
        next_order_id=OrderID(order.replaced_by) if order.replaced_by else None,
        received_time=received_time,
        text=text,
        parent=ClOrdID(parent) if parent else None,
        origin=order.source or "",
        is_guessed=bool(text),
    )


def order_report(raw: bytes, source: Source, received_time: datetime) -> ExecutionReport:
    """How one order stands (ORDER_STATUS), its legs with it. Raises Unreadable."""
    order: WireOrder = read(_ORDER.decode, "order", raw)
    report = _status_report(order, source, received_time)
    if not order.legs:
        return report
    legs = _with_legs([order])[1:]
    told = tuple(_status_report(leg, source, received_time, name) for leg, name in legs)
    return structs.replace(report, legs=told)


def hides_legs(raw: bytes) -> bool:
    """Whether the order belongs to a group and is told without legs. Raises Unreadable."""
    order: WireOrder = read(_ORDER.decode, "order", raw)
    return _is_grouped(order) and not order.legs


def _is_grouped(order: WireOrder) -> bool:
    return order.order_class not in (None, "", "simple")


class OrderPage(Struct, frozen=True):
    """One page of a listing: its reports, and what is needed to ask for the next page."""

    reports: list[ExecutionReport]
    rows: int
    last_id: str | None
    has_groups: bool  #: Some row belongs to a group of orders, so held legs may be folded away.


def order_page(raw: bytes, source: Source, received_time: datetime) -> OrderPage:
    """A listing of orders, the legs that it folds under their parents included.

    Option orders with several legs have neither side nor symbol of their own and are left out;
    their legs are orders like any other. Raises Unreadable for everything else that lacks a
    needed field, since a listing with a hole must not pass for complete.
    """
    found: list[WireOrder] = read(_ORDERS.decode, "orders", raw)
    reports = [
        _status_report(order, source, received_time, parent)
        for order, parent in _with_legs(found)
        if order.order_class != "mleg" or order.side
    ]
    return OrderPage(
        reports,
        len(found),
        found[-1].id if found else None,
        any(map(_is_grouped, found)),
    )


def _with_legs(
    orders: list[WireOrder], parent: str | None = None
) -> list[tuple[WireOrder, str | None]]:
    """Each order, its legs behind it, and the client order id of the order whose leg it is."""
    everything: list[tuple[WireOrder, str | None]] = []
    for order in orders:
        everything.append((order, parent))
        if order.legs:
            legs = [read(_ORDER.decode, "legs", leg) for leg in order.legs]
            everything += _with_legs(legs, order.client_order_id)
    return everything


def decode_frame(
    frame: bytes | str, now: datetime
) -> ExecutionReport | MessageQuarantined | Control:
    """One message of the order stream, text or binary; never raises for what it contains."""
    try:
        found = _FRAME.decode(frame)
        return _stream_report(found.data, now) if type(found) is TradeUpdates else found
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Unreadable) as problem:
        return _notice(frame) or _quarantined(frame, str(problem), now)


def _stream_report(update: _TradeUpdate, now: datetime) -> ExecutionReport:
    order = update.order
    if (exec_type := EVENTS.get(update.event)) is None:
        bad("event", repr(update.event), "event that we know")
    cum_qty = qty_of("filled_qty", order.filled_qty)
    order_qty = None if order.qty is None else qty_of("qty", order.qty)
    ord_status, text = _status(order)
    if (stated := update.timestamp or update.at or order.updated_at) is None:
        bad("timestamp", "null", "time")
    if not order.symbol:
        bad("symbol", repr(order.symbol), "symbol")
    last_qty, last_px = _execution(update) if exec_type in EXECUTIONS else (None, None)
    bust = exec_type in EXECUTIONS and exec_type is not ExecType.TRADE
    return ExecutionReport(
        transact_time=in_utc(stated),
        cl_ord_id=ClOrdID(order.client_order_id),
        order_id=OrderID(order.id),
        exec_type=exec_type,
        ord_status=ord_status,
        symbol=order.symbol,
        side=side_of(order.side),
        source=Source.STREAM,
        exec_id=ExecID(update.execution_id) if update.execution_id else None,
        ref_exec_id=_busted(update) if bust else None,
        last_qty=last_qty,
        last_px=last_px,
        cum_qty=cum_qty,
        avg_px=px_of("filled_avg_price", order.filled_avg_price),
        order_qty=order_qty,
        price=px_of("limit_price", order.limit_price),
        stop_px=px_of("stop_price", order.stop_price),
        prev_order_id=OrderID(order.replaces) if order.replaces else None,
        next_order_id=OrderID(order.replaced_by) if order.replaced_by else None,
        received_time=now,
        text=text or EVENT_TEXTS.get(update.event, ""),
        is_guessed=bool(text) and exec_type is ExecType.RESTATED,  # else the event says it
    )


def _execution(update: _TradeUpdate) -> tuple[Qty, Px]:
    if update.qty is None or not is_amount(update.qty) or update.qty == 0:
        bad("qty", update.qty, f"size of the execution that {update.event!r} reports")
    if update.price is None or not is_amount(update.price) or update.price <= 0:
        bad("price", update.price, f"price of the execution that {update.event!r} reports")
    return Qty.of(abs(update.qty)), Px.of(update.price)


def _busted(update: _TradeUpdate) -> ExecID:
    if not update.previous_execution_id:
        bad("previous_execution_id", "null", f"execution that {update.event!r} is about")
    return ExecID(update.previous_execution_id)


def _notice(frame: bytes | str) -> Notice | None:
    """A frame that is no report and no secret either; None for what must be kept."""
    if len(frame) <= 1:
        return Notice("heartbeat")
    try:
        found = msgspec.json.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("action") != "error":
        return None
    details = found.get("data")
    text = details.get("error_message") if isinstance(details, dict) else details
    return Notice(str(text or "error without a message"), is_error=True)


def _quarantined(frame: bytes | str, problem: str, now: datetime) -> MessageQuarantined:
    if len(frame) > RAW_MAX:
        frame, problem = frame[:RAW_MAX], f"{problem} (the first {RAW_MAX} of {len(frame)} kept)"
    raw = frame if isinstance(frame, str) else frame.decode("utf-8", "backslashreplace")
    return MessageQuarantined(transact_time=now, source=Source.STREAM, raw=raw, text=problem)
