"""Executions of Alpaca's own list of activities, translated into ours; pure."""

from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec import Struct

from floorbroker.brokers.alpaca.words import Instant, bad, in_utc, px_of, qty_of, read, side_of
from floorbroker.domain.ids import ClOrdID, ExecID, OrderID
from floorbroker.domain.messages import ExecType, ExecutionReport, Source
from floorbroker.domain.order import OrdStatus


class _Activity(Struct, gc=False):
    id: str
    order_id: str
    symbol: str
    side: str
    qty: Decimal
    price: Decimal
    cum_qty: Decimal
    transaction_time: Instant
    leaves_qty: Decimal | None = None
    order_status: str | None = None
    status: str | None = None
    previous_id: str | None = None  # of the execution that a bust or correction is about


_ACTIVITIES = msgspec.json.Decoder(list[_Activity])


class ActivityPage(Struct, frozen=True):
    """Executions by the broker's name of the row; the last of `count` rows names the next page."""

    reports: dict[str, ExecutionReport]
    last_id: str | None
    count: int


def activity_page(raw: bytes, received_time: datetime) -> ActivityPage:
    """Executions of the broker's own list, in its order. Raises Unreadable.

    A row names its order only by the broker's id, so `cl_ord_id` is empty. Of a correction the
    half that takes shares back is left out: the other half says all that it does. Whatever its
    status is called, it is the one that has such another half.
    """
    rows: list[_Activity] = read(_ACTIVITIES.decode, "activities", raw)
    corrected = {row.previous_id for row in rows if row.qty > 0 and row.previous_id}
    reports = {
        row.id: _activity_report(row, received_time)
        for row in rows
        if row.qty > 0 or (row.status != "correct" and row.previous_id not in corrected)
    }
    return ActivityPage(reports, rows[-1].id if rows else None, len(rows))


def _activity_type(row: _Activity) -> ExecType:
    """A row that names another undoes it; shares that come back are a bust."""
    if not row.previous_id:
        return ExecType.TRADE
    return ExecType.TRADE_CANCEL if row.qty < 0 else ExecType.TRADE_CORRECT


def _activity_report(row: _Activity, received_time: datetime) -> ExecutionReport:
    if row.order_status is not None:
        is_filled = row.order_status == "filled"
    else:
        is_filled = row.leaves_qty is not None and qty_of("leaves_qty", row.leaves_qty) == 0
    exec_type = _activity_type(row)
    qty = qty_of("qty", -row.qty if exec_type is ExecType.TRADE_CANCEL else row.qty)
    if qty == 0:
        bad("qty", row.qty, "size of an execution")
    px = px_of("price", row.price)
    return ExecutionReport(
        transact_time=in_utc(row.transaction_time),
        cl_ord_id=ClOrdID(""),
        order_id=OrderID(row.order_id),
        exec_type=exec_type,
        ord_status=OrdStatus.FILLED if is_filled else OrdStatus.PARTIALLY_FILLED,
        symbol=row.symbol,
        side=side_of(row.side),
        source=Source.ACTIVITY,
        exec_id=ExecID(row.id.partition("::")[2] or row.id),
        ref_exec_id=ExecID(row.previous_id) if row.previous_id else None,
        last_qty=qty,
        last_px=px,
        cum_qty=qty_of("cum_qty", row.cum_qty),
        received_time=received_time,
    )
