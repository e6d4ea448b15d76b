"""Orders, fills, positions, reports and comparisons as they are shown in a terminal."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.text import Text

from floorbroker.cli.sheet import Column, Sheet, show
from floorbroker.domain.amounts import ZERO_MONEY, Amount, Px
from floorbroker.domain.order import Fill, Order, OrdStatus
from floorbroker.domain.position import Position
from floorbroker.domain.terms import Side
from floorbroker.posttrade.rows import FillRow, SymbolRow
from floorbroker.posttrade.trades import TradeReport, attention
from floorbroker.posttrade.wording import (
    DEFAULT_VIEW,
    View,
    age_text,
    average_text,
    moment_text,
    money_text,
    pnl_direction,
    pnl_text,
    px_text,
    qty_text,
    size_text,
    terms_text,
    time_text,
    words,
)

GAP = "  ·  "
_MODES = {"live": "bold white on red", "paper": "bold white on blue"}
_ALARMING = frozenset({OrdStatus.UNKNOWN, OrdStatus.REJECTED, OrdStatus.NOT_PLACED})


def order_line(order: Order, now: datetime | None = None) -> str:
    """The one line that an order always is.

    `BUY 100 AAPL limit 187.20 day  ·  40/100 @ 187.185  ·  working 12 s  ·  o-01J9...`
    """
    asked = f"{order.side.value.upper()} {size_text(order.request)} {order.symbol}"
    done = f"{qty_text(order.cum_qty)}/{size_text(order.request)}"
    if order.avg_px is not None:
        done += f" @ {average_text(order.avg_px)}"
    return GAP.join(
        (
            f"{asked} {terms_text(order.request)}",
            done,
            _state(order, now),
            order.cl_ord_id,
        )
    )


def _state(order: Order, now: datetime | None) -> str:
    """`working 12 s` for a live order at the venue, else the status in words."""
    age = _age(order, now)
    if order.ended_time is not None:
        return f"{words(order.ord_status)} after {age}"
    is_working = order.ord_status in (OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED)
    return f"{'working' if is_working else words(order.ord_status)} {age}".rstrip()


def _age(order: Order, now: datetime | None) -> str:
    """How long it took, or how long it has lasted; empty when that is not known."""
    until = order.ended_time or now
    return "" if until is None else age_text(until - order.created_time)


def show_orders(
    orders: Sequence[Order], now: datetime | None = None, view: View = DEFAULT_VIEW
) -> None:
    show(orders_sheet(orders, now, view) if orders else Text("no orders"))


def orders_sheet(
    orders: Sequence[Order], now: datetime | None = None, view: View = DEFAULT_VIEW
) -> Sheet:
    """Orders as they stand, one a row."""
    columns = [
        Column(f"Created, {view.zone_name}", 4),
        Column("Side"),
        Column("Quantity", is_number=True),
        Column("Symbol"),
        Column("Terms", 1),
        Column("Filled", is_number=True),
        Column("Average", 2, is_number=True),
        Column("Status"),
        Column("Age", 5, is_number=True),
        Column("Order", folds=True),
        Column("Remark", 6, folds=True),
    ]
    return Sheet(columns, (_order_cells(order, now, view) for order in orders))


def _order_cells(order: Order, now: datetime | None, view: View) -> list[Text]:
    alarming = order.ord_status in _ALARMING
    return [
        Text(moment_text(order.created_time, view)),
        _side(order.side),
        Text(size_text(order.request)),
        Text(order.symbol, style="bold"),
        Text(terms_text(order.request)),
        Text(qty_text(order.cum_qty)),
        Text(average_text(order.avg_px)),
        Text(words(order.ord_status), style="bold red" if alarming else ""),
        Text(_age(order, now)),
        Text(order.cl_ord_id),
        Text(order.text),
    ]


def show_life(order: Order, view: View = DEFAULT_VIEW) -> None:
    show(life_sheet(order, view))


def life_sheet(order: Order, view: View = DEFAULT_VIEW) -> Sheet:
    """When what happened to the order, and how long each step took."""
    steps = [(order.created_time, Text("written down"))]
    if order.sent_time is not None:
        steps.append((order.sent_time, Text(f"sent, attempt {max(order.attempt, 1)}")))
    if order.acked_time is not None:
        earlier = f", earlier as {', '.join(order.replaces)}" if order.replaces else ""
        text = f"known to the broker as {order.order_id}{earlier}"
        steps.append((order.acked_time, Text(text)))
    steps += [(fill.transact_time, Text(_fill_words(fill))) for fill in order.fills]
    if order.ended_time is not None:
        text = (
            f"{words(order.ord_status)}. {order.text}" if order.text else words(order.ord_status)
        )
        steps.append((order.ended_time, Text(text)))
    elif order.text:
        steps.append((order.updated_time or order.created_time, Text(order.text)))
    steps.sort(key=lambda step: step[0])
    rows = []
    before = steps[0][0]
    for when, what in steps:
        gap = when - before
        after = Text(f"+{age_text(gap)}" if gap > timedelta(0) else "", style="dim")
        rows.append([Text(moment_text(when, view)), after, what])
        before = when
    columns = [
        Column(f"Time, {view.zone_name}"),
        Column("Step", 1, is_number=True),
        Column("What", folds=True),
    ]
    return Sheet(columns, rows)


def _fill_words(fill: Fill) -> str:
    if fill.last_qty < 0:
        return f"taken back: {qty_text(-fill.last_qty)} @ {px_text(fill.last_px)}"
    return f"filled {qty_text(fill.last_qty)} @ {px_text(fill.last_px)}"


def show_fills(fills: Sequence[FillRow], view: View = DEFAULT_VIEW) -> None:
    show(fills_sheet(fills, view) if fills else Text("no fills"))


def fills_sheet(fills: Sequence[FillRow], view: View = DEFAULT_VIEW) -> Sheet:
    """The fills of a trade report, one a row."""
    columns = [
        Column(f"Time, {view.zone_name}", 1),
        Column("Side"),
        Column("Quantity", is_number=True),
        Column("Symbol"),
        Column("Price", is_number=True),
        Column("Notional", 2, is_number=True),
        Column("Realised", 3, is_number=True),
        Column("Order", 4, folds=True),
        Column("Execution", 5),
    ]
    rows = (
        [
            Text(moment_text(fill.transact_time, view)),
            _side(fill.side),
            Text(qty_text(fill.last_qty)),
            Text(fill.symbol, style="bold"),
            Text(px_text(fill.last_px)),
            Text(money_text(fill.notional)),
            _profit(fill.realized_pnl, view) if fill.realized_pnl else Text("-", style="dim"),
            Text(fill.cl_ord_id),
            Text(fill.exec_id),
        ]
        for fill in fills
    )
    return Sheet(columns, rows)


def show_positions(
    positions: Sequence[Position],
    last_px: Mapping[str, Px | None] | None = None,
    view: View = DEFAULT_VIEW,
    ages: Mapping[str, str] | None = None,
) -> None:
    """Open positions at these prices; symbols without one show no value."""
    held = [position for position in positions if not position.is_flat]
    sheet = positions_sheet(held, last_px or {}, view, ages or {})
    show(sheet if held else Text("no open positions"))


def positions_sheet(
    positions: Sequence[Position],
    last_px: Mapping[str, Px | None],
    view: View = DEFAULT_VIEW,
    ages: Mapping[str, str] | None = None,
) -> Sheet:
    """Positions, one a row, and their total; `ages` are those of the prices."""
    columns = [
        Column("Symbol"),
        Column("Quantity", is_number=True),
        Column("Entry", 2, is_number=True),
        Column("Last", 3, is_number=True),
        Column("Age", 3, is_number=True),
        Column("Value", 1, is_number=True),
        Column("Unrealised", is_number=True),
        Column("Realised", 4, is_number=True),
    ]
    rows = []
    value_total = unrealized_total = realized_total = ZERO_MONEY
    for position in positions:
        px = last_px.get(position.symbol)
        value = None if px is None else position.market_value(px)
        unrealized = None if px is None else position.unrealized_pnl(px)
        value_total += value or ZERO_MONEY
        unrealized_total += unrealized or ZERO_MONEY
        realized_total += position.realized_pnl
        rows.append(
            [
                Text(position.symbol, style="bold"),
                Text(qty_text(position.qty)),
                Text(average_text(position.avg_entry_px)),
                Text(px_text(px)),
                Text((ages or {}).get(position.symbol, "-")),
                Text(money_text(value)),
                _profit(unrealized, view),
                _profit(position.realized_pnl, view),
            ]
        )
    total = [Text("Total"), Text(), Text(), Text(), Text(), Text(money_text(value_total))]
    rows.append([*total, _profit(unrealized_total, view), _profit(realized_total, view)])
    return Sheet(columns, rows)


def show_report(report: TradeReport, view: View = DEFAULT_VIEW) -> None:
    show(report_view(report, view))


def report_view(report: TradeReport, view: View = DEFAULT_VIEW) -> RenderableType:
    """The report on a screen: what needs a decision, the verdict, the symbols, what broke."""
    parts: list[RenderableType] = [_badge(report), _verdict(report), Text()]
    if report.symbols:
        parts += [symbols_sheet(report, view), Text()]
    if report.incidents:
        parts += [incidents_sheet(report, view), Text()]
    parts.append(
        Text(f"journal head: record {report.head_seq:,}, {report.head_hash}", style="dim")
    )
    return Group(*parts)


def _badge(report: TradeReport) -> Text:
    mode = report.mode or "no desk"
    return Text.assemble(
        (f" {mode.upper()} ", _MODES.get(mode, "bold reverse")),
        f" {', '.join(report.accounts)}",
    )


def _verdict(report: TradeReport) -> Text:
    wanted = attention(report)
    text = Text()
    for sentence in wanted or ["Nothing needs a decision."]:
        text.append(f"{sentence}\n", style="bold yellow" if wanted else "dim")
    text.append(report.verdict, style="bold")
    return text


def symbols_sheet(report: TradeReport, view: View = DEFAULT_VIEW) -> Sheet:
    """What was traded in each symbol and what is left open."""
    columns = [
        Column("Symbol"),
        Column("Orders", 5, is_number=True),
        Column("Fills", 5, is_number=True),
        Column("Bought", 2, is_number=True),
        Column("VWAP buys", 4, is_number=True),
        Column("Sold", 2, is_number=True),
        Column("VWAP sells", 4, is_number=True),
        Column("Realised", is_number=True),
        Column("Open", 1, is_number=True),
        Column("Last", 3, is_number=True),
        Column("Unrealised", 1, is_number=True),
        Column("Account", 6),
    ]
    totals = report.totals
    rows = [_symbol_cells(row, view) for row in report.symbols]
    foot = [Text() for _ in columns]
    foot[0], foot[1], foot[2] = (
        Text("Total"),
        Text(f"{totals.orders:,}"),
        Text(f"{totals.fills:,}"),
    )
    foot[7], foot[10] = _profit(totals.realized_pnl, view), _profit(totals.unrealized_pnl, view)
    return Sheet(columns, [*rows, foot])


def _symbol_cells(row: SymbolRow, view: View) -> list[Text]:
    return [
        Text(row.symbol, style="bold"),
        Text(f"{row.orders:,}"),
        Text(f"{row.fills:,}"),
        Text(qty_text(row.bought_qty)),
        Text(average_text(row.buy_vwap)),
        Text(qty_text(row.sold_qty)),
        Text(average_text(row.sell_vwap)),
        _profit(row.realized_pnl, view),
        Text(qty_text(row.open_qty)),
        Text(px_text(row.last_px)),
        _profit(row.unrealized_pnl, view),
        Text(row.account),
    ]


def incidents_sheet(report: TradeReport, view: View = DEFAULT_VIEW) -> Sheet:
    """What broke, the unresolved first."""
    ranked = sorted(report.incidents, key=lambda found: (not found.is_open, found.time))
    rows = [
        [
            Text(time_text(found.time, view)),
            Text(words(found.trouble), style="bold"),
            Text(f"{found.subject}: {found.text}"),
            Text(f"OPEN {found.outcome}", style="bold yellow")
            if found.is_open
            else Text(found.outcome),
        ]
        for found in ranked
    ]
    columns = [
        Column("Time", 1),
        Column("What broke"),
        Column("What happened", folds=True),
        Column("How it was resolved", folds=True),
    ]
    return Sheet(columns, rows)


def _side(side: Side) -> Text:
    return Text(side.value.upper(), style="blue" if side is Side.BUY else "dark_orange3")


def _profit(money: Amount | None, view: View) -> Text:
    rising, falling = ("red", "green") if view.rising_is_red else ("green", "red")
    style = {"up": rising, "down": falling, "flat": ""}[pnl_direction(money)]
    return Text(pnl_text(money), style=style)
