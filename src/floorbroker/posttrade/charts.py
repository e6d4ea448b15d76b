"""The report's charts as plain descriptions that the page draws with Plotly, offline.

Numbers go in as exact decimals, colours as names of the page's own (`--buy`), text escaped: Plotly
reads a little HTML in its labels.
"""

import html
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from msgspec import Struct

from floorbroker.clock import NS_PER_S, datetime_of, ns_of
from floorbroker.domain.amounts import ZERO_MONEY, ZERO_QTY, Money, Px, Qty
from floorbroker.domain.quotes import Bar
from floorbroker.domain.terms import Side
from floorbroker.posttrade.rows import FillRow, SymbolRow, TradeReport
from floorbroker.posttrade.wording import (
    DEFAULT_VIEW,
    View,
    average_text,
    counted,
    moment_text,
    pnl_text,
    px_text,
    qty_text,
    signed_money_text,
)

#: A line has at most this many points: a full session of minutes.
POINTS_MAX = 390
#: A pause between two bars that is longer than this breaks the price line.
GAP_S = 1800
MARKER_PX_MIN, MARKER_PX_MAX = Decimal(8), Decimal(22)
Item = TypeVar("Item")


class Chart(Struct, frozen=True, kw_only=True):
    """One chart: a title that says the finding, a note, and what Plotly draws."""

    name: str
    title: str
    note: str
    data: list[dict[str, Any]]
    layout: dict[str, Any]


def profit_chart(report: TradeReport, view: View = DEFAULT_VIEW) -> Chart | None:
    """Realised profit over the period, or what was traded when nothing was closed."""
    if not report.fills:
        return None
    closing = [fill for fill in report.fills if fill.realized_pnl]
    if not closing:
        return _notional_chart(report)
    total = ZERO_MONEY
    points = [(report.fills[0].transact_time, total, "before the first fill")]
    for fill in closing:
        total += fill.realized_pnl
        points.append((fill.transact_time, total, _closed_text(fill, total, view)))
    points.append((report.fills[-1].transact_time, total, f"{pnl_text(total)} at the last fill"))
    kept = thinned(points)
    line = {
        "type": "scatter",
        "mode": "lines",
        "line": {"shape": "hv", "width": 2, "color": "--text"},
        "x": [moment_text(moment, view) for moment, _, _ in kept],
        "y": [Decimal(value) for _, value, _ in kept],
        "customdata": [text for _, _, text in kept],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    layout = layout_of(f"time, {view.zone_name}", "realised profit, US dollars")
    layout["yaxis"].update(zeroline=True, zerolinecolor="--muted")
    return Chart(
        name="profit",
        title=_profit_title(report.symbols, total),
        note=f"Realised profit after each closing fill (n = {len(closing):,}); fees apart.",
        data=[line],
        layout=layout,
    )


def _closed_text(fill: FillRow, total: Money, view: View) -> str:
    return "<br>".join(
        (
            f"{pnl_text(total)} in all",
            f"{signed_money_text(fill.realized_pnl)} by {_escaped(_fill_words(fill))}",
            moment_text(fill.transact_time, view),
        )
    )


def _profit_title(symbols: Sequence[SymbolRow], total: Money) -> str:
    """The total, and who earned or lost the most."""
    ranked = sorted(symbols, key=lambda row: row.realized_pnl)
    best, worst = ranked[-1], ranked[0]
    parts = []
    if best.realized_pnl > 0:
        parts.append(f"{best.symbol} earned {signed_money_text(best.realized_pnl)}")
    if worst.realized_pnl < 0:
        parts.append(f"{worst.symbol} lost {signed_money_text(worst.realized_pnl)}")
    detail = f": {', '.join(parts)}" if parts and len(symbols) > 1 else ""
    return f"Realised {signed_money_text(total)}{detail}"


def _notional_chart(report: TradeReport) -> Chart:
    rows = sorted(report.symbols, key=lambda row: row.notional, reverse=True)[:30]
    bars = [
        {
            "type": "bar",
            "name": name,
            "marker": {"color": color},
            "x": [_escaped(row.symbol) for row in rows],
            "y": [Decimal(getattr(row, field)) for row in rows],
            "customdata": [signed_money_text(getattr(row, field)).lstrip("+") for row in rows],
            "hovertemplate": f"%{{x}} {name} %{{customdata}}<extra></extra>",
        }
        for name, field, color in (
            ("bought", "bought_notional", "--buy"),
            ("sold", "sold_notional", "--sell"),
        )
    ]
    layout = layout_of("symbol", "notional, US dollars")
    layout["showlegend"] = True
    layout["xaxis"]["type"] = "category"
    return Chart(
        name="profit",
        title=f"Nothing was closed; {counted(len(rows), 'symbol')} traded, {rows[0].symbol} most",
        note="Notional bought and sold by symbol.",
        data=bars,
        layout=layout,
    )


def symbol_chart(
    row: SymbolRow,
    report: TradeReport,
    bars: Mapping[str, Sequence[Bar]],
    view: View = DEFAULT_VIEW,
) -> Chart | None:
    """The symbol's price with our fills on it; without bars the fills alone, and it says so."""
    fills = [f for f in report.fills if (f.account, f.symbol) == (row.account, row.symbol)]
    if not fills:
        return None
    shown = _bars_within(bars.get(row.symbol, ()), report, fills)
    largest = max(fill.last_qty for fill in fills)
    data = [_price_line(shown, view)] if shown else []
    for side in Side:
        own = [fill for fill in fills if fill.side is side]
        if own:
            data.append(_fill_markers(own, side, largest, view))
    layout = layout_of(f"time, {view.zone_name}", "price, US dollars")
    layout["showlegend"] = True
    return Chart(
        name=f"symbol-{row.account}-{row.symbol}",
        title=_symbol_title(row),
        note=_symbol_note(shown, fills),
        data=data,
        layout=layout,
    )


def _symbol_title(row: SymbolRow) -> str:
    parts = []
    if row.bought_qty:
        parts.append(f"bought {qty_text(row.bought_qty)} @ {average_text(row.buy_vwap)}")
    if row.sold_qty:
        parts.append(f"sold {qty_text(row.sold_qty)} @ {average_text(row.sell_vwap)}")
    parts.append(
        f"realised {pnl_text(row.realized_pnl)}" if row.realized_pnl else "nothing realised"
    )
    return f"{row.symbol}: {', '.join(parts)}"


def _symbol_note(bars: Sequence[Bar], fills: Sequence[FillRow]) -> str:
    about = f"▲ buys and ▼ sells, area by quantity (n = {len(fills):,})"
    if not bars:
        return f"{about}. No market prices were at hand, so only our own fills are drawn."
    minutes = Decimal(bars[0].duration_s) / 60
    return f"{about}, on the closes of {qty_text(minutes)}-minute bars."


def _bars_within(bars: Sequence[Bar], report: TradeReport, fills: Sequence[FillRow]) -> list[Bar]:
    """The bars that end in the period; without bounds, those around the fills."""
    margin = 30 * 60 * NS_PER_S
    return [
        bar
        for bar in bars
        if (report.start is None or _end_of(bar) > report.start)
        and (report.end is None or _end_of(bar) <= report.end)
        and (report.start is not None or bar.time_ns >= ns_of(fills[0].transact_time) - margin)
        and (report.end is not None or bar.time_ns <= ns_of(fills[-1].transact_time) + margin)
    ]


def _end_of(bar: Bar) -> datetime:
    return datetime_of(bar.time_ns + bar.duration_s * NS_PER_S)


def _price_line(bars: Sequence[Bar], view: View) -> dict[str, Any]:
    """Closes at the ends of their bars; the line breaks where the market paused."""
    x: list[str] = []
    y: list[Decimal | None] = []
    kept = thinned(bars)
    usual_ns = (kept[-1].time_ns - kept[0].time_ns) // max(len(kept) - 1, 1)
    gap_ns = max(GAP_S * NS_PER_S, 3 * usual_ns)
    for before, bar in zip([kept[0], *kept], kept, strict=False):
        x.append(moment_text(_end_of(bar), view))
        if bar.time_ns - before.time_ns > gap_ns:
            y.append(None)
            x.append(moment_text(_end_of(bar), view))
        y.append(bar.close_px)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "price",
        "line": {"width": 1.5, "color": "--price"},
        "x": x,
        "y": y,
        "hovertemplate": "%{y}<br>%{x}<extra>price</extra>",
    }


def _fill_markers(
    fills: Sequence[FillRow], side: Side, largest: Qty, view: View
) -> dict[str, Any]:
    groups = grouped(fills)
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "buys" if side is Side.BUY else "sells",
        "marker": {
            "symbol": "triangle-up" if side is Side.BUY else "triangle-down",
            "color": "--buy" if side is Side.BUY else "--sell",
            "line": {"width": 1, "color": "--surface"},
            "opacity": 0.9,
            "size": [_marker_size(max(f.last_qty for f in group), largest) for group in groups],
        },
        "x": [moment_text(group[-1].transact_time, view) for group in groups],
        "y": [_average(group) for group in groups],
        "customdata": [_group_text(group, view) for group in groups],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _marker_size(qty: Qty, largest: Qty) -> Decimal:
    """A diameter in pixels whose area grows with the quantity."""
    share = (qty.decimal / largest.decimal).sqrt()
    size = MARKER_PX_MIN + (MARKER_PX_MAX - MARKER_PX_MIN) * share
    return size.quantize(Decimal("0.1"))


def _average(fills: Sequence[FillRow]) -> Decimal:
    if len(fills) == 1:
        return Decimal(fills[0].last_px)
    notional = sum((fill.notional for fill in fills), ZERO_MONEY)
    qty = sum((fill.last_qty for fill in fills), ZERO_QTY)
    px: Px = notional / qty
    return px.decimal.quantize(Decimal("0.0001"))


def _group_text(fills: Sequence[FillRow], view: View) -> str:
    last = fills[-1]
    if len(fills) == 1:
        parts = (
            _fill_words(last),
            moment_text(last.transact_time, view),
            f"order {last.cl_ord_id}",
        )
    else:
        qty = sum((fill.last_qty for fill in fills), ZERO_QTY)
        parts = (
            f"{last.side} {qty_text(qty)} {last.symbol} @ {px_text(_average(fills))} on average",
            f"{counted(len(fills), 'fill')}, {moment_text(fills[0].transact_time, view)} to",
            moment_text(last.transact_time, view),
        )
    return "<br>".join(_escaped(part) for part in parts)


def _fill_words(fill: FillRow) -> str:
    return f"{fill.side} {qty_text(fill.last_qty)} {fill.symbol} @ {px_text(fill.last_px)}"


def thinned(items: Sequence[Item], most: int = POINTS_MAX) -> list[Item]:
    """At most `most` of them, evenly, the first and the last always kept."""
    if len(items) <= most:
        return list(items)
    last = len(items) - 1
    return [items[place * last // (most - 1)] for place in range(most)]


def grouped(fills: Sequence[FillRow], most: int = POINTS_MAX) -> list[Sequence[FillRow]]:
    """Neighbours put together so that at most `most` groups remain; nothing is left out."""
    step = -(-len(fills) // most)
    return [fills[place : place + step] for place in range(0, len(fills), step)]


def layout_of(x_title: str, y_title: str) -> dict[str, Any]:
    axis = {
        "gridcolor": "--grid",
        "linecolor": "--line",
        "zerolinecolor": "--line",
        "automargin": True,
        "fixedrange": False,
    }
    return {
        "paper_bgcolor": "--surface",
        "plot_bgcolor": "--surface",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": "--muted"},
        "margin": {"l": 64, "r": 12, "t": 8, "b": 44},
        "hovermode": "closest",
        "hoverlabel": {
            "bgcolor": "--surface",
            "bordercolor": "--line",
            "font": {"color": "--text"},
            "align": "left",
        },
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "showlegend": False,
        "separators": ".,",
        "xaxis": {**axis, "type": "date", "title": {"text": x_title}},
        "yaxis": {**axis, "title": {"text": y_title}, "separatethousands": True},
    }


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def chart_specs(charts: Iterable[Chart]) -> dict[str, dict[str, Any]]:
    """What the page's script reads, by chart name."""
    return {chart.name: {"data": chart.data, "layout": chart.layout} for chart in charts}
