"""What came of a simulation: each order beside what the market did, and the report."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from floorbroker.clock import datetime_of, ns_of
from floorbroker.domain.amounts import Px
from floorbroker.domain.ids import CHILD, ClOrdID
from floorbroker.domain.order import OrderRequest
from floorbroker.domain.quotes import Bar
from floorbroker.domain.terms import Side
from floorbroker.engine.parents.board import ParentStatus
from floorbroker.journal.port import Journal, Verification
from floorbroker.posttrade.rows import FillRow, Marks, OrderRow, TradeReport
from floorbroker.posttrade.trades import build_report
from floorbroker.simulation.seen import MarketSeen

BPS = Decimal(10_000)


class OrderResult(Struct, frozen=True):
    """A line of the file: its order's id, or why the desk refused it; and its parent order where
    an algorithm works it."""

    line: int
    request: OrderRequest
    time_ns: int
    cl_ord_id: ClOrdID | None
    refused: str
    parent: ParentStatus | None = None


class OrderOutcome(Struct, frozen=True, kw_only=True):
    """An order beside its market. Slippages are positive where they cost.

    `interval_vwap` is of the eligible prints from arrival to the last fill, or to the order's end
    where it was not filled whole; None where nothing was printed. `interval_volume` is theirs, and
    `participation` our part of it and ours together, since the tape does not have our fills.
    """

    line: int
    time: datetime
    side: Side
    symbol: str
    ord_type: str
    order_qty: str | None
    cl_ord_id: ClOrdID | None
    ord_status: str
    filled: str
    fills: int
    average_px: Decimal | None
    arrival_px: Decimal | None
    arrival_slippage_bps: Decimal | None
    interval_vwap: Decimal | None
    interval_volume: Decimal | None
    vwap_slippage_bps: Decimal | None
    participation: Decimal | None
    text: str


class Simulated(Struct, frozen=True, kw_only=True):
    """All of it. `head` is the journal's: the same inputs give the same."""

    market: str
    orders: tuple[OrderOutcome, ...]
    report: TradeReport
    bars: dict[str, list[Bar]]
    verification: Verification
    head: str
    market_events: int
    open_orders: tuple[ClOrdID, ...]

    @property
    def refused(self) -> int:
        return sum(one.cl_ord_id is None for one in self.orders)


def simulated(
    market: str,
    journal: Journal,
    results: Sequence[OrderResult],
    seen: MarketSeen,
    *,
    open_orders: Sequence[ClOrdID],
) -> Simulated:
    """Put the journal's report beside what the market showed."""
    head = journal.head()
    plain = build_report(journal.records(), start=None, end=None, head=head)
    arrivals = {row.cl_ord_id: _arrival(row, seen) for row in plain.orders}
    marks = Marks(arrival_px={name: Px.of(px) for name, px in arrivals.items() if px is not None})
    report = build_report(journal.records(), start=None, end=None, head=head, marks=marks)
    rows = {row.cl_ord_id: row for row in report.orders}
    last_fill = {fill.cl_ord_id: fill.transact_time for fill in report.fills}

    def outcome(one: OrderResult) -> OrderOutcome:
        if one.cl_ord_id is None:
            return _refused(one)
        if one.parent is not None:
            return _worked(one, one.parent, report.fills, seen)
        return _outcome(one, rows[one.cl_ord_id], last_fill.get(one.cl_ord_id), seen)

    return Simulated(
        market=market,
        orders=tuple(map(outcome, results)),
        report=report,
        bars={symbol: one.bars() for symbol, one in seen.symbols.items()},
        verification=journal.verify(),
        head=report.head_hash,
        market_events=seen.events,
        open_orders=tuple(open_orders),
    )


def _arrival(row: OrderRow, seen: MarketSeen) -> Decimal | None:
    symbol = seen.symbols.get(row.symbol)
    return None if symbol is None else symbol.mid_before(ns_of(row.created_time))


def _outcome(
    one: OrderResult, row: OrderRow, filled_time: datetime | None, seen: MarketSeen
) -> OrderOutcome:
    start_ns = ns_of(row.created_time)
    is_whole = row.order_qty is not None and row.cum_qty == row.order_qty
    end = filled_time if is_whole and filled_time is not None else row.ended_time or filled_time
    end_ns = start_ns if end is None else ns_of(end)
    volume, notional = seen.symbols[row.symbol].traded(start_ns, end_ns)
    vwap = notional / volume if volume else None
    average = None if row.avg_px is None else row.avg_px.decimal
    own = row.cum_qty.decimal
    return OrderOutcome(
        line=one.line,
        time=datetime_of(one.time_ns),
        side=row.side,
        symbol=row.symbol,
        ord_type=row.ord_type,
        order_qty=None if row.order_qty is None else str(row.order_qty),
        cl_ord_id=row.cl_ord_id,
        ord_status=row.ord_status.value,
        filled=str(row.cum_qty),
        fills=row.fills,
        average_px=average,
        arrival_px=None if row.arrival_px is None else row.arrival_px.decimal,
        arrival_slippage_bps=row.slippage_bps,
        interval_vwap=vwap,
        interval_volume=volume,
        vwap_slippage_bps=_slippage(row.side, average, vwap),
        participation=own / (own + volume) if volume else None,
        text=row.text,
    )


def _worked(
    one: OrderResult, parent: ParentStatus, fills: Sequence[FillRow], seen: MarketSeen
) -> OrderOutcome:
    """A parent order: the fills of its children against its own time in the market."""
    own = [fill for fill in fills if fill.cl_ord_id.startswith(f"{parent.parent_id}{CHILD}")]
    symbol, start_ns = seen.symbols[parent.symbol], one.time_ns
    is_whole = bool(own) and parent.filled == parent.qty
    end_ns = ns_of(own[-1].transact_time if is_whole else parent.ended or parent.end)
    volume, notional = symbol.traded(start_ns, end_ns)
    vwap = notional / volume if volume else None
    arrival = symbol.mid_before(start_ns)
    average = None if parent.avg_px is None else parent.avg_px.decimal
    filled = parent.filled.decimal
    return OrderOutcome(
        line=one.line,
        time=datetime_of(one.time_ns),
        side=one.request.side,
        symbol=parent.symbol,
        ord_type=parent.algo,
        order_qty=str(parent.qty),
        cl_ord_id=parent.parent_id,
        ord_status=parent.state.value,
        filled=str(parent.filled),
        fills=len(own),
        average_px=average,
        arrival_px=arrival,
        arrival_slippage_bps=_slippage(one.request.side, average, arrival),
        interval_vwap=vwap,
        interval_volume=volume,
        vwap_slippage_bps=_slippage(one.request.side, average, vwap),
        participation=filled / (filled + volume) if volume else None,
        text=parent.refusal or parent.reason or f"{parent.children} child orders",
    )


def _slippage(side: Side, average: Decimal | None, benchmark: Decimal | None) -> Decimal | None:
    """Basis points against a price, positive where they cost."""
    if average is None or not benchmark:
        return None
    return (1 if side is Side.BUY else -1) * (average - benchmark) / benchmark * BPS


def _refused(one: OrderResult) -> OrderOutcome:
    """The desk did not take it; nothing left."""
    qty = one.request.order_qty
    return OrderOutcome(
        line=one.line,
        time=datetime_of(one.time_ns),
        side=one.request.side,
        symbol=one.request.symbol,
        ord_type=one.request.ord_type.value,
        order_qty=None if qty is None else str(qty),
        cl_ord_id=None,
        ord_status="refused",
        filled="0",
        fills=0,
        average_px=None,
        arrival_px=None,
        arrival_slippage_bps=None,
        interval_vwap=None,
        interval_volume=None,
        vwap_slippage_bps=None,
        participation=None,
        text=one.refused,
    )
