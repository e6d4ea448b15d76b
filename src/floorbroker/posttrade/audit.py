"""The audit trail for people and other programs: lines to read, JSON lines, Parquet.

An exported line holds the record's exact bytes, so a copy proves as much as the journal: each
line's hash is SHA-256( 0x00 | seq | epoch | hash of the line before | message bytes ), numbers as
8 bytes, most significant first; the first line follows 32 zero bytes. In JSON lines the message
bytes are what stands between `"message":` and the line's last brace.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
from msgspec import Struct

from floorbroker.clock import Clock, datetime_of
from floorbroker.domain import messages as m
from floorbroker.journal.port import JournalReader, Record, StoredRecord
from floorbroker.posttrade.wording import (
    DEFAULT_VIEW,
    View,
    average_text,
    counted,
    moment_text,
    px_text,
    qty_text,
    size_text,
    terms_text,
    words,
)

if TYPE_CHECKING:
    import polars as pl

_ROWS_A_BLOCK = 20_000
_BETWEEN = "  ·  "


def export_jsonl(reader: JournalReader, out: BinaryIO, *, after: int = 0) -> int:
    """Write every record above `after` as one JSON line; returns how many there were."""
    count = 0
    for record in reader.stored_records(after):
        out.write(
            b'{"seq":%d,"epoch":%d,"hash":"%s","message":%s}\n'
            % (record.seq, record.epoch, record.hash.hex().encode(), record.body)
        )
        count += 1
    return count


def export_parquet(reader: JournalReader, path: Path) -> int:
    """Write every record to a Parquet file, whole or not at all; returns how many there were.

    Columns: seq, epoch (Int64), type, transact_time (microseconds, UTC), cl_ord_id, symbol (null
    where a record is about none), body (its JSON) and hash (hexadecimal). Records are streamed, so
    the memory needed does not grow with the journal. Raises JournalDamaged like the reader.
    """
    import polars as pl  # here, because only this export pays for loading it
    from polars.io.plugins import register_io_source

    schema = _parquet_schema(pl)
    count = 0

    def blocks(*_hints: object) -> Iterator["pl.DataFrame"]:
        nonlocal count
        rows = (_parquet_row(record) for record in reader.stored_records())
        while block := list(islice(rows, _ROWS_A_BLOCK)):
            count += len(block)
            yield pl.DataFrame(block, schema=schema, orient="row")

    part = path.with_name(path.name + ".part")
    try:
        register_io_source(blocks, schema=schema).sink_parquet(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return count


async def tail(
    reader: JournalReader,
    lines: int = 10,
    *,
    clock: Clock | None = None,
    poll_s: float = 0.25,
    view: View = DEFAULT_VIEW,
) -> AsyncIterator[str]:
    """The last records, one line each; given a clock, goes on with the new ones as they come."""
    seen = max(reader.head().seq - lines, 0)
    while True:
        for record in reader.records(seen):
            yield line_of(record, view)
            seen = record.seq
        if clock is None:
            return
        await clock.sleep(poll_s)


def line_of(record: Record, view: View = DEFAULT_VIEW) -> str:
    """One record as one line: when, its number, what happened, why, to which order.

    Whatever the broker or a caller put in a text, it stays one line and rings no bells.
    """
    message = record.message
    say = _SAID.get(type(message))
    parts = say(message) if say is not None else _unsaid(message)
    cl_ord_id = getattr(message, "cl_ord_id", None) or ""
    said = _BETWEEN.join(part for part in (*parts, cl_ord_id) if part)
    line = f"{moment_text(message.transact_time, view)}  #{record.seq}  {said}"
    return "".join(sign if sign.isprintable() else _escaped(sign) for sign in line)


def _escaped(sign: str) -> str:
    return sign.encode("unicode_escape").decode()


class _Request(Struct):
    symbol: str | None = None


class _Inner(Struct):
    symbol: str | None = None
    cl_ord_id: str | None = None
    request: _Request | None = None


class _Columns(Struct):
    """What the table shows of a message beside its bytes."""

    type: str
    transact_time: datetime
    cl_ord_id: str | None = None
    symbol: str | None = None
    order: _Inner | None = None


_COLUMNS = msgspec.json.Decoder(_Columns)


def _parquet_schema(pl: Any) -> dict[str, Any]:
    return {
        "seq": pl.Int64,
        "epoch": pl.Int64,
        "type": pl.String,
        "transact_time": pl.Datetime("us", "UTC"),
        "cl_ord_id": pl.String,
        "symbol": pl.String,
        "body": pl.String,
        "hash": pl.String,
    }


def _parquet_row(record: StoredRecord) -> tuple[object, ...]:
    shown = _COLUMNS.decode(record.body)
    cl_ord_id, symbol = shown.cl_ord_id, shown.symbol
    if (inner := shown.order) is not None:
        request_symbol = inner.request.symbol if inner.request else None
        cl_ord_id = cl_ord_id or inner.cl_ord_id
        symbol = symbol or inner.symbol or request_symbol
    return (
        record.seq,
        record.epoch,
        shown.type,
        shown.transact_time,
        cl_ord_id,
        symbol or None,
        record.body.decode(),
        record.hash.hex(),
    )


def _opened(message: m.DeskOpened) -> tuple[str, ...]:
    where = f"account {message.account} at {message.broker}"
    return f"desk opened, {message.mode}", where, f"version {message.version}"


def _new_order(message: m.NewOrderSingle) -> tuple[str, ...]:
    order = message.order
    return (
        f"{order.side.upper()} {size_text(order)} {order.symbol} {terms_text(order)}",
        "accepted and written down",
    )


def _replace(message: m.OrderCancelReplaceRequest) -> tuple[str, ...]:
    changes = {
        "quantity": message.order_qty and qty_text(message.order_qty),
        "price": message.price and px_text(message.price),
        "stop": message.stop_px and px_text(message.stop_px),
        "trail": message.trail and px_text(message.trail),
        "time in force": message.time_in_force,
    }
    said = ", ".join(f"{name} {value}" for name, value in changes.items() if value)
    return "replace asked for", said


def _attempt(message: Any, what: str) -> tuple[str, ...]:
    text = getattr(message, "text", "")
    return f"{words(message.request)} request {what} (attempt {message.attempt})", text


def _report(message: m.ExecutionReport) -> tuple[str, ...]:
    subject = f"{message.side.upper()} {message.symbol}"
    if message.last_qty is not None:
        verb = _FILL_VERBS.get(message.exec_type, words(message.exec_type))
        event = f"{verb} {qty_text(message.last_qty)} @ {px_text(message.last_px)}"
    else:
        event = words(message.exec_type)
    total = qty_text(message.cum_qty)
    of = f"/{qty_text(message.order_qty)}" if message.order_qty is not None else ""
    at = f" @ {average_text(message.avg_px)}" if message.avg_px is not None else ""
    stands = f"{total}{of}{at} {words(message.ord_status)}"
    return f"{subject} {event}", stands, message.text, f"by {message.source}"


_FILL_VERBS = {
    m.ExecType.TRADE: "filled",
    m.ExecType.TRADE_CORRECT: "fill corrected to",
    m.ExecType.TRADE_CANCEL: "fill busted,",
}


def _refused(message: m.BusinessMessageReject) -> tuple[str, ...]:
    return f"{message.command} refused here".lower(), message.symbol, message.text


def _laid_on(message: m.RiskStateChanged) -> str:
    if message.symbol:
        return f"trading in {message.symbol}"
    return "trading" if message.strategy is None else f"strategy {message.strategy or '-'}"


def _adjusted(message: m.PositionAdjusted) -> tuple[str, ...]:
    cost = f"@ {px_text(message.px)}" if message.cost is None else f"for {message.cost}"
    moved = f"{qty_text(message.qty)} {message.symbol} {cost}"
    by = f"approved by {message.approved_by}" if message.approved_by else ""
    return f"position adjusted by {moved}", words(message.cause), message.text, by


def _reconciled(message: m.Reconciliation) -> tuple[str, ...]:
    compared = (
        f"{counted(message.orders_compared, 'order')} and"
        f" {counted(message.positions_compared, 'position')} compared"
    )
    found = counted(len(message.breaks), "break")
    first = "; ".join(f"{words(one.cause)} {one.subject}" for one in message.breaks[:3])
    return f"reconciled {message.account}: {compared}", found, first


def _reopened(message: m.OrderReopened) -> tuple[str, ...]:
    order = message.order
    return f"{order.side.upper()} {order.symbol} came back to life", order.text, order.cl_ord_id


def _adopted(message: m.LegAdopted) -> tuple[str, ...]:
    order, name = message.order, "profit" if message.order.stop_px is None else "stop"
    came = f"known as {message.known_as}" if message.known_as else ""
    return f"{name} leg {order.side.upper()} {order.symbol} is ours", f"of {message.parent}", came


def _unsaid(message: m.Message) -> tuple[str, ...]:
    """A kind of message that has no words of its own yet: its name and its fields."""
    return type(message).__name__, m.ENCODER.encode(message).decode()


def _changed_parent(message: m.ParentReplaced) -> tuple[str, ...]:
    terms = {"qty": message.qty, "limit": message.limit, "params": message.params}
    told = [f"{name} {value}" for name, value in terms.items() if value is not None]
    if message.end_ns is not None:
        told.append(f"until {datetime_of(message.end_ns):%H:%M:%S} UTC")
    return (f"parent {message.parent_id} replaced", ", ".join(told))


_SAID: dict[type, Callable[[Any], tuple[str, ...]]] = {
    m.DeskOpened: _opened,
    m.DeskClosed: lambda message: ("desk closed in good order", f"epoch {message.epoch}"),
    m.NewOrderSingle: _new_order,
    m.OrderCancelRequest: lambda message: ("cancel asked for", message.text),
    m.OrderCancelReplaceRequest: _replace,
    m.RequestSent: lambda message: _attempt(message, "sent"),
    m.RequestUndelivered: lambda message: _attempt(message, "did not arrive"),
    m.RequestUnanswered: lambda message: _attempt(message, "unanswered, outcome UNKNOWN"),
    m.ExecutionReport: _report,
    m.OrderCancelReject: lambda message: (f"{message.request} refused by broker", message.text),
    m.OrderReject: lambda message: ("order rejected by broker", message.text),
    m.OrderNotPlaced: lambda message: ("the broker never had it", message.text),
    m.OrderExpiredUnsent: lambda message: ("expired before it was sent", message.text),
    m.BusinessMessageReject: _refused,
    m.MessageQuarantined: lambda message: (
        f"unreadable message by {message.source}, kept",
        message.text,
        message.raw[:120],
    ),
    m.Alarm: lambda message: (f"ALARM {words(message.name)}", message.text),
    m.TimerSet: lambda message: (
        f"timer {message.timer_id} set for {message.due_time.isoformat()}",
    ),
    m.TimerFired: lambda message: (f"timer {message.timer_id} done",),
    m.PositionAdjusted: _adjusted,
    m.OrderReopened: _reopened,
    m.LegAdopted: _adopted,
    m.Reconciliation: _reconciled,
    m.KillSwitched: lambda message: (f"KILL {message.level}", f"by {message.by}", message.reason),
    m.TradingResumed: lambda message: ("trading resumed", f"by {message.by}", message.reason),
    m.RiskStateChanged: lambda message: (
        f"{_laid_on(message)} {message.state.upper()}",
        f"by {message.by}",
        message.cause,
    ),
    m.LimitsChanged: lambda message: (
        f"limit {message.name} of {message.scope} {message.whose}".rstrip(),
        f"{message.old} -> {message.new} from {message.effective_time:%H:%M:%S} UTC",
        f"by {message.by}",
        message.reason,
    ),
    m.Armed: lambda message: (
        "live trading DISARMED" if message.expires_time is None else "live trading ARMED",
        f"by {message.by}",
        message.cause or f"build {message.identity} until {message.expires_time}",
    ),
    m.ParentOrder: lambda message: (
        f"parent {message.side} {message.qty} {message.symbol} by {message.algo}",
        f"limit {message.limit}" if message.limit is not None else "",
        message.parent_id,
    ),
    m.ParentStep: lambda message: (
        f"parent {message.parent_id}: {message.why}",
        *(f"kept back: {text}" for text in message.withheld),
    ),
    m.ParentSwitched: lambda message: (
        f"parent {message.parent_id} {message.to}",
        f"by {message.by}" if message.by else "",
        message.reason,
    ),
    m.ParentReplaced: _changed_parent,
    m.ParentEnded: lambda message: (
        f"parent {message.parent_id} {message.outcome}",
        f"{message.filled} filled",
        message.text,
    ),
    m.CashAdjusted: lambda message: (
        f"cash adjusted by {message.amount}",
        words(message.cause),
        f"{message.break_id}, approved by {message.approved_by}",
    ),
    m.BreakApproved: lambda message: (
        f"break {message.found.break_id} approved by {message.approved_by}",
        f"{words(message.found.cause)} {message.found.subject}",
        message.note,
    ),
}
