"""The trade report: what was ordered, what was traded, what it earned and what broke."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from floorbroker.domain.amounts import ZERO_MONEY, Money, Px
from floorbroker.domain.ids import Account, ClOrdID
from floorbroker.domain.messages import Reconciliation
from floorbroker.domain.order import Order, OrdStatus
from floorbroker.domain.terms import Side
from floorbroker.journal.port import Head, Record, Verification
from floorbroker.posttrade.books import Books, Period, SymbolBook
from floorbroker.posttrade.fold import Execution, JournalFold
from floorbroker.posttrade.incidents import Incident, IncidentLog, Session, Trouble, during
from floorbroker.posttrade.rows import EXTERNAL, FillRow, OrderRow, SymbolRow, Totals
from floorbroker.posttrade.rows import Marks as Marks
from floorbroker.posttrade.rows import TradeReport as TradeReport
from floorbroker.posttrade.wording import counted, signed_money_text


def build_report(
    records: Iterable[Record],
    *,
    start: datetime | None,
    end: datetime | None,
    head: Head,
    marks: Marks | None = None,
    account: Account | None = None,
) -> TradeReport:
    """Fold the whole journal up to `head` into a report over `[start, end)`.

    Records must begin with the first one, because positions and average costs come from before
    the period. An order belongs to the period in which it was created, traded or ended; a fill to
    the broker's time of the execution. Profit is by average cost in the order of booking; an
    adjustment closes at its own price. `marks` adds what only the market knows.
    """
    reading = _Reading(Period(start=start, end=end, account=account), head)
    for record in records:
        if record.seq > head.seq:
            break
        reading.take(record)
    return reading.report(marks or Marks())


class _Reading:
    """The journal being read, and the report that comes out of it."""

    def __init__(self, period: Period, head: Head) -> None:
        self._period = period
        self._head = head
        self._fold = JournalFold()
        self._log = IncidentLog(self._fold)
        self._reconciliations: list[Reconciliation] = []

    def take(self, record: Record) -> None:
        message = record.message
        if not self._period.has_begun(message.transact_time):
            return
        self._fold.take(record)
        self._log.take(record)
        if isinstance(message, Reconciliation) and self._period.concerns(message.account):
            self._reconciliations.append(message)

    def report(self, marks: Marks) -> TradeReport:
        period = self._period
        books = Books(self._fold.bookings, period)
        orders = self._orders(books, marks)
        symbols = _symbols(books, orders, marks)
        incidents = during(self._log.incidents, period.start, period.end)
        totals = _totals(orders, books, symbols, incidents)
        compared = tuple(
            found for found in self._reconciliations if period.holds(found.transact_time)
        )
        totals = replace(totals, breaks_open=_open_breaks(compared))
        sessions = tuple(self._sessions())
        return TradeReport(
            start=period.start,
            end=period.end,
            accounts=self._accounts(orders, sessions),
            mode=_mode(sessions),
            verdict=verdict_of(totals),
            totals=totals,
            orders=orders,
            fills=tuple(_fill_row(found, closed) for found, closed in books.fills),
            busted=tuple(_fill_row(found, ZERO_MONEY) for found in books.busted),
            symbols=symbols,
            orders_by_type=_counts(order.ord_type for order in orders),
            orders_by_status=_counts(order.ord_status.value for order in orders),
            incidents=incidents,
            reconciliations=compared,
            sessions=sessions,
            head_seq=self._head.seq,
            head_hash=self._head.hash.hex(),
        )

    def _orders(self, books: Books, marks: Marks) -> tuple[OrderRow, ...]:
        """Orders that were created, traded or ended in the period, oldest first."""
        period = self._period
        executions: dict[ClOrdID, list[Execution]] = {}
        for booking in self._fold.bookings:
            if isinstance(booking, Execution):
                executions.setdefault(booking.fill.cl_ord_id, []).append(booking)
        traded = {found.fill.cl_ord_id for found, _ in books.fills}
        rows = [
            self._order_row(order, executions.get(order.cl_ord_id, []), marks)
            for order in self._fold.orders.values()
            if period.concerns(order.account)
            and (
                order.cl_ord_id in traded
                or period.holds(order.created_time)
                or period.holds(order.ended_time)
            )
        ]
        return tuple(sorted(rows, key=lambda row: row.created_time))

    def _order_row(self, order: Order, executions: Sequence[Execution], marks: Marks) -> OrderRow:
        standing = [found for found in executions if found.busted_time is None]
        arrival = marks.arrival_px.get(order.cl_ord_id)
        return OrderRow(
            account=order.account,
            cl_ord_id=order.cl_ord_id,
            symbol=order.symbol,
            side=order.side,
            ord_type=EXTERNAL if order.is_external else order.ord_type.value,
            order_qty=order.order_qty,
            terms=order.request,
            cum_qty=order.cum_qty,
            avg_px=order.avg_px,
            reported_qty=self._fold.reported_qty(order),
            fills=len(standing),
            busted=len(executions) - len(standing),
            ord_status=order.ord_status,
            created_time=order.created_time,
            sent_time=order.sent_time,
            acked_time=order.acked_time,
            ended_time=order.ended_time,
            replaced=len(order.replaces),
            text=order.text,
            arrival_px=arrival,
            slippage_bps=slippage_bps(order.side, order.avg_px, arrival),
        )

    def _sessions(self) -> Iterator[Session]:
        """The openings of the period, and the one that was running when it began."""
        for session in self._log.sessions:
            over = session.closed_time
            if self._period.start is None or over is None or over >= self._period.start:
                yield session

    def _accounts(
        self, orders: Sequence[OrderRow], sessions: Sequence[Session]
    ) -> tuple[Account, ...]:
        if self._period.account is not None:
            return (self._period.account,)
        opened = [account for session in sessions for account in session.accounts]
        return tuple(dict.fromkeys([*opened, *(order.account for order in orders)]))


def slippage_bps(side: Side, px: Px | None, benchmark: Px | None) -> Decimal | None:
    """Basis points against the benchmark; positive when it cost, for buys and sells alike."""
    if px is None or benchmark is None or benchmark == 0:
        return None
    return side.sign * (px.decimal - benchmark.decimal) / benchmark.decimal * 10_000


def _fill_row(found: Execution, closed: Money) -> FillRow:
    fill = found.fill
    return FillRow(
        seq=found.seq,
        transact_time=fill.transact_time,
        account=fill.account,
        symbol=fill.symbol,
        side=fill.side,
        last_qty=fill.last_qty,
        last_px=fill.last_px,
        notional=found.notional,
        realized_pnl=closed,
        cl_ord_id=fill.cl_ord_id,
        order_id=fill.order_id,
        exec_id=fill.exec_id,
        source=found.source,
        is_corrected=found.is_corrected,
        busted_time=found.busted_time,
    )


def _symbols(books: Books, orders: Sequence[OrderRow], marks: Marks) -> tuple[SymbolRow, ...]:
    """Symbols that were ordered, traded or are held, by name."""
    placed = Counter((order.account, order.symbol) for order in orders)
    rows = [
        _symbol_row(key, books.symbols.get(key) or SymbolBook.empty(key[1]), placed[key], marks)
        for key in sorted({*placed, *books.symbols})
    ]
    return tuple(row for row in rows if row.orders or row.fills or row.open_qty)


def _symbol_row(
    key: tuple[Account, str], book: SymbolBook, orders: int, marks: Marks
) -> SymbolRow:
    account, symbol = key
    market_px = marks.last_px.get(symbol)
    last_px = market_px if market_px is not None else book.last_px
    position = book.position
    unrealized = ZERO_MONEY if position.is_flat else None
    if unrealized is None and last_px is not None:
        unrealized = position.unrealized_pnl(last_px)
    return SymbolRow(
        account=account,
        symbol=symbol,
        orders=orders,
        fills=book.fills,
        bought_qty=book.bought_qty,
        sold_qty=book.sold_qty,
        bought_notional=book.bought_notional,
        sold_notional=book.sold_notional,
        buy_vwap=book.buy_vwap,
        sell_vwap=book.sell_vwap,
        realized_pnl=book.realized_pnl,
        open_qty=position.qty,
        avg_entry_px=position.avg_entry_px,
        last_px=last_px,
        last_px_is_market=market_px is not None,
        unrealized_pnl=unrealized,
    )


def _totals(
    orders: Sequence[OrderRow],
    books: Books,
    symbols: Sequence[SymbolRow],
    incidents: Sequence[Incident],
) -> Totals:
    statuses = Counter(order.ord_status for order in orders)
    troubles = Counter(found.trouble for found in incidents)
    unknown_open = sum(1 for i in incidents if i.trouble is Trouble.UNKNOWN and i.is_open)
    return Totals(
        orders=len(orders),
        fills=len(books.fills),
        bought_notional=sum((row.bought_notional for row in symbols), ZERO_MONEY),
        sold_notional=sum((row.sold_notional for row in symbols), ZERO_MONEY),
        realized_pnl=sum((row.realized_pnl for row in symbols), ZERO_MONEY),
        unrealized_pnl=sum((row.unrealized_pnl or ZERO_MONEY for row in symbols), ZERO_MONEY),
        open_positions=sum(1 for row in symbols if row.open_qty),
        open_value=sum((row.open_value for row in symbols), ZERO_MONEY),
        orders_filled=statuses[OrdStatus.FILLED],
        orders_open=sum(1 for order in orders if order.ord_status.is_open),
        orders_rejected=statuses[OrdStatus.REJECTED],
        commands_refused=troubles[Trouble.REFUSED],
        unknown_resolved=troubles[Trouble.UNKNOWN] - unknown_open,
        unknown_open=unknown_open,
        breaks_found=troubles[Trouble.BREAK],
        breaks_open=None,
        alarms=troubles[Trouble.ALARM],
        restarts=troubles[Trouble.CRASH],
    )


def _open_breaks(reconciliations: Sequence[Reconciliation]) -> int | None:
    """Breaks left open by each account's last comparison; None if there was none."""
    if not reconciliations:
        return None
    last = {found.account: found for found in reconciliations}
    return sum(len(found.open_breaks) for found in last.values())


def _mode(sessions: Sequence[Session]) -> str:
    """The mode that calls for the most care of all that the period saw."""
    modes = {session.mode for session in sessions}
    for mode in ("live", "paper", "embedded"):
        if mode in modes:
            return mode
    return min(modes, default="")


def _counts(names: Iterable[str]) -> dict[str, int]:
    """How often each name occurs, the most frequent first."""
    return dict(sorted(Counter(names).items(), key=lambda pair: (-pair[1], pair[0])))


def verdict_of(totals: Totals) -> str:
    """The report in one sentence."""
    if not totals.orders and not totals.fills:
        return f"Nothing was ordered or traded, {_breaks_text(totals)}"
    return ", ".join(
        (
            counted(totals.orders, "order"),
            counted(totals.fills, "fill"),
            _breaks_text(totals),
            f"{signed_money_text(totals.realized_pnl)} realised",
        )
    )


def _breaks_text(totals: Totals) -> str:
    if totals.breaks_open is None:
        return "not reconciled"
    repaired = totals.breaks_found - totals.breaks_open
    note = f" ({repaired:,} repaired)" if repaired > 0 else ""
    return counted(totals.breaks_open, "break") + note


def attention(report: TradeReport, verification: Verification | None = None) -> list[str]:
    """What needs a decision, one sentence each, with the next action; empty when all is well."""
    totals = report.totals
    unexplained = sum(1 for order in report.orders if order.reported_qty != order.cum_qty)
    crashed = sum(
        1 for found in report.incidents if found.trouble is Trouble.CRASH and found.is_open
    )
    said = []
    if verification is not None and verification.damage is not None:
        damage = verification.damage
        said.append(
            f"The journal does not verify from record {damage.seq:,} on ({damage.reason}): "
            "trust no figure here before that is explained."
        )
    if totals.unknown_open:
        said.append(
            f"{counted(totals.unknown_open, 'request')} with unknown outcome: reconcile, do not "
            "send again."
        )
    if totals.breaks_open:
        said.append(f"{counted(totals.breaks_open, 'break')} open: see Reconciliation.")
    if totals.breaks_open is None and totals.orders:
        said.append("Our book was not compared with the broker's in this period: reconcile.")
    if crashed:
        said.append("The desk crashed and has not reconciled since: start it again.")
    if unexplained:
        said.append(
            f"{counted(unexplained, 'order')} where the broker reports another quantity than our "
            "fills explain: see Orders."
        )
    if totals.alarms:
        said.append(
            f"{counted(totals.alarms, 'alarm')}: a fact was booked although it surprised us; read "
            "What broke and confirm it with the broker."
        )
    return said
