"""The report's tables as HTML: every text escaped, every number exact on hover."""

import html
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from msgspec import Struct

from floorbroker.domain.amounts import Amount, plain
from floorbroker.domain.messages import Reconciliation
from floorbroker.domain.terms import Side
from floorbroker.posttrade.incidents import Incident, Session
from floorbroker.posttrade.rows import FillRow, OrderRow, SymbolRow, TradeReport
from floorbroker.posttrade.wording import (
    AVERAGE_STEP,
    NOTHING,
    View,
    age_text,
    bps_text,
    counted,
    moment_text,
    money_text,
    pnl_direction,
    pnl_text,
    px_text,
    qty_text,
    terms_text,
    time_text,
    words,
)

#: A longer table is cut here and says so; the whole of it is in the JSON and CSV forms.
ROWS_MAX = 2000


class Cell(Struct, frozen=True):
    """A cell: HTML that is ready, and its classes (`n` number, `w` unbroken, `t` prose)."""

    html: str
    classes: str = ""


class Column(Struct, frozen=True):
    """A column's head, its classes, and the footnote that names its formula (0 for none)."""

    head: str
    classes: str = ""
    note: int = 0


def escaped(text: object) -> str:
    return html.escape(str(text))


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], total: Sequence[Cell] = ()
) -> str:
    heads = "".join(
        f'<th scope="col" class="{column.classes}">{escaped(column.head)}{_note(column.note)}</th>'
        for column in columns
    )
    shown = [_row(columns, row) for row in rows[:ROWS_MAX]]
    caption = ""
    if len(rows) > ROWS_MAX:
        caption = (
            f"<caption>The first {ROWS_MAX:,} of {len(rows):,}; the JSON and CSV forms of this "
            "report hold them all.</caption>"
        )
    foot = f"<tfoot>{_row(columns, total)}</tfoot>" if total else ""
    body = "\n".join(shown)
    return (
        f'<div class="scroll"><table>{caption}<thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>{foot}</table></div>"
    )


def _row(columns: Sequence[Column], cells: Sequence[Cell]) -> str:
    parts = [
        f'<td class="{cell.classes or column.classes}" data-l="{escaped(column.head)}">'
        f"{cell.html}</td>"
        if cell.html
        else "<td></td>"
        for column, cell in zip(columns, cells, strict=True)
    ]
    return f"<tr>{''.join(parts)}</tr>"


def _note(number: int) -> str:
    return f'<sup><a href="#note-{number}">{number}</a></sup>' if number else ""


def prose(text: object) -> Cell:
    return Cell(escaped(text))


def number(text: str, exact: Decimal | None = None) -> Cell:
    """A number; where it is rounded or grouped, hovering shows it exactly."""
    if exact is None or plain(exact) == text:
        return Cell(escaped(text))
    return Cell(f'<span title="{plain(exact)}">{escaped(text)}</span>')


def profit(money: Amount | None) -> Cell:
    if money is None:
        return Cell(NOTHING)
    way = pnl_direction(money)
    return Cell(f'<span class="{way}" title="{plain(money)}">{pnl_text(money)}</span>')


def side(which: Side) -> Cell:
    return Cell(f'<span class="{which}">{"▲" if which is Side.BUY else "▼"} {which}</span>')


def moment(when: datetime | None, view: View, *, with_date: bool) -> Cell:
    """A time in the reader's zone, in UTC on hover."""
    if when is None:
        return Cell(NOTHING)
    utc = when.astimezone(UTC)
    text = moment_text(when, view) if with_date else time_text(when, view)
    hover = f"{utc:%Y-%m-%d %H:%M:%S.%f} UTC"
    return Cell(f'<time datetime="{utc.isoformat()}" title="{hover}">{text}</time>')


def average(px: Decimal | None) -> Cell:
    """An average price with all four decimals, so that a column of them lines up."""
    return Cell(NOTHING) if px is None else number(f"{px.quantize(AVERAGE_STEP):,.4f}", px)


def identifier(name: str) -> Cell:
    return Cell(f'<span class="id">{escaped(name)}</span>')


def identifier_tail(name: str) -> Cell:
    """An identifier whose end is shown where room is short; copied, searched, printed whole."""
    text = escaped(name)
    return Cell(f'<span class="id tail" title="{text}"><bdi>{text}</bdi></span>')


class Tables:
    """The tables of one report, for one reader."""

    def __init__(self, report: TradeReport, view: View) -> None:
        self._report = report
        self._view = view
        self._with_account = len({row.account for row in report.symbols}) > 1
        self._with_date = _spans_days(report, view)
        self._with_slippage = any(order.slippage_bps is not None for order in report.orders)

    def symbols(self) -> str:
        columns = [
            *self._account_column(),
            Column("Symbol", "w"),
            Column("Orders", "n"),
            Column("Fills", "n"),
            Column("Bought", "n"),
            Column("VWAP buys", "n", 1),
            Column("Sold", "n"),
            Column("VWAP sells", "n", 1),
            Column("Notional", "n", 2),
            Column("Realised", "n", 3),
            Column("Open", "n"),
            Column("Entry", "n", 3),
            Column("Last", "n", 4),
            Column("Unrealised", "n", 4),
        ]
        rows = [self._symbol(row) for row in self._report.symbols]
        return table(columns, rows, self._symbol_totals(len(columns)))

    def _symbol(self, row: SymbolRow) -> list[Cell]:
        last = number(px_text(row.last_px), row.last_px)
        if row.last_px is not None and not row.last_px_is_market:
            last = Cell(f'{last.html}<span class="dim" title="our own last fill">*</span>')
        return [
            *self._account_cell(row.account),
            Cell(f"<strong>{escaped(row.symbol)}</strong>"),
            number(f"{row.orders:,}"),
            number(f"{row.fills:,}"),
            number(qty_text(row.bought_qty), row.bought_qty),
            average(row.buy_vwap),
            number(qty_text(row.sold_qty), row.sold_qty),
            average(row.sell_vwap),
            number(money_text(row.notional), row.notional),
            profit(row.realized_pnl),
            number(qty_text(row.open_qty), row.open_qty),
            average(row.avg_entry_px),
            last,
            profit(row.unrealized_pnl),
        ]

    def _symbol_totals(self, width: int) -> list[Cell]:
        totals = self._report.totals
        cells = [Cell("")] * width
        cells[0] = Cell("Total")
        start = width - 12
        cells[start] = number(f"{totals.orders:,}")
        cells[start + 1] = number(f"{totals.fills:,}")
        cells[start + 6] = number(money_text(totals.notional), totals.notional)
        cells[start + 7] = profit(totals.realized_pnl)
        cells[start + 11] = profit(totals.unrealized_pnl)
        return cells

    def orders(self) -> str:
        columns = [
            Column("Created", "w"),
            *self._account_column(),
            Column("Side", "w"),
            Column("Quantity", "n"),
            Column("Symbol", "w"),
            Column("Terms", "w"),
            Column("Filled", "n"),
            Column("Average", "n", 1),
            Column("Status", "w"),
            Column("Took", "n", 5),
            *([Column("Slippage bps", "n", 6)] if self._with_slippage else []),
            Column("Remark", "t"),
            Column("Order", "w"),
        ]
        return table(columns, [self._order(row) for row in self._report.orders])

    def _order(self, row: OrderRow) -> list[Cell]:
        terms = "placed elsewhere" if row.is_external else terms_text(row.terms)
        took = NOTHING if row.ended_time is None else age_text(row.ended_time - row.created_time)
        slippage = number(bps_text(row.slippage_bps), row.slippage_bps)
        return [
            moment(row.created_time, self._view, with_date=self._with_date),
            *self._account_cell(row.account),
            side(row.side),
            self._size(row),
            prose(row.symbol),
            prose(terms),
            number(qty_text(row.cum_qty), row.cum_qty),
            average(row.avg_px),
            Cell(_status(row)),
            prose(took),
            *([slippage] if self._with_slippage else []),
            prose(_remark(row)),
            identifier_tail(row.cl_ord_id),
        ]

    def _size(self, row: OrderRow) -> Cell:
        if row.order_qty is None and row.terms.notional is not None:
            return number(f"${money_text(row.terms.notional)}", row.terms.notional)
        return number(qty_text(row.order_qty), row.order_qty)

    def fills(self, fills: Sequence[FillRow]) -> str:
        columns = [
            Column("Time", "w"),
            *self._account_column(),
            Column("Side", "w"),
            Column("Quantity", "n"),
            Column("Symbol", "w"),
            Column("Price", "n"),
            Column("Notional", "n", 2),
            Column("Realised", "n", 3),
            Column("Order", "w"),
            Column("Execution", "w"),
            Column("Record", "n", 7),
        ]
        return table(columns, [self._fill(row) for row in fills])

    def _fill(self, row: FillRow) -> list[Cell]:
        price = number(px_text(row.last_px), row.last_px)
        if row.is_corrected:
            price = Cell(f'{price.html} <span class="dim">corrected</span>')
        return [
            moment(row.transact_time, self._view, with_date=self._with_date),
            *self._account_cell(row.account),
            side(row.side),
            number(qty_text(row.last_qty), row.last_qty),
            prose(row.symbol),
            price,
            number(money_text(row.notional), row.notional),
            profit(row.realized_pnl) if row.realized_pnl else Cell(NOTHING),
            identifier_tail(row.cl_ord_id),
            identifier_tail(row.exec_id),
            number(f"{row.seq:,}"),
        ]

    def incidents(self, incidents: Iterable[Incident]) -> str:
        columns = [
            Column("Time", "w"),
            Column("What", "w"),
            Column("About", "w"),
            Column("What happened", "t"),
            Column("How it was resolved", "t"),
        ]
        return table(columns, [self._incident(found) for found in incidents])

    def _incident(self, found: Incident) -> list[Cell]:
        outcome = escaped(found.outcome)
        if found.is_open:
            outcome = f'<span class="open">open</span> {outcome}'
        return [
            moment(found.time, self._view, with_date=self._with_date),
            prose(words(found.trouble)),
            identifier(found.subject),
            prose(found.text),
            Cell(outcome),
        ]

    def reconciliations(self, found: Iterable[Reconciliation]) -> str:
        columns = [
            Column("Time", "w"),
            Column("Account", "w"),
            Column("Orders compared", "n"),
            Column("Positions compared", "n"),
            Column("Breaks", "n"),
            Column("Still open", "n"),
        ]
        rows = [
            [
                moment(each.transact_time, self._view, with_date=self._with_date),
                prose(each.account),
                number(f"{each.orders_compared:,}"),
                number(f"{each.positions_compared:,}"),
                number(f"{len(each.breaks):,}"),
                number(f"{len(each.open_breaks):,}"),
            ]
            for each in found
        ]
        return table(columns, rows)

    def sessions(self, sessions: Iterable[Session]) -> str:
        columns = [
            Column("Epoch", "n"),
            Column("Opened", "w"),
            Column("Closed", "w"),
            Column("Mode", "w"),
            Column("Broker", "w"),
            Column("Accounts", "w"),
            Column("Version", "w"),
        ]
        return table(columns, [self._session(each) for each in sessions])

    def _session(self, each: Session) -> list[Cell]:
        closed = moment(each.closed_time, self._view, with_date=True)
        if each.closed_time is None:
            closed = prose("crashed" if each.crashed else "open when this was written")
        return [
            number(str(each.epoch)),
            moment(each.opened_time, self._view, with_date=True),
            closed,
            prose(each.mode),
            prose(each.broker),
            prose(", ".join(each.accounts)),
            prose(each.version),
        ]

    def _account_column(self) -> list[Column]:
        return [Column("Account", "w")] if self._with_account else []

    def _account_cell(self, account: str) -> list[Cell]:
        return [prose(account)] if self._with_account else []


def _status(row: OrderRow) -> str:
    text = escaped(words(row.ord_status))
    return f'<span class="open">{text}</span>' if row.ord_status == "unknown" else text


def _remark(row: OrderRow) -> str:
    """What is not in the other columns: differences first, then the broker's words."""
    parts = []
    if row.reported_qty != row.cum_qty:
        parts.append(f"the broker reports {qty_text(row.reported_qty)} filled")
    if row.busted:
        parts.append(f"{counted(row.busted, 'execution')} busted")
    if row.replaced:
        parts.append(f"replaced {row.replaced} x")
    if row.text:
        parts.append(row.text)
    return "; ".join(parts)


def _spans_days(report: TradeReport, view: View) -> bool:
    times = [order.created_time for order in report.orders] + [
        fill.transact_time for fill in report.fills
    ]
    times += [found.time for found in report.incidents]
    return len({when.astimezone(view.zone).date() for when in times}) > 1
