"""The trade report as one HTML file that opens offline, reads well and prints well."""

from collections.abc import Mapping, Sequence

from floorbroker.domain.amounts import Money
from floorbroker.domain.quotes import Bar
from floorbroker.journal.port import Verification
from floorbroker.posttrade.charts import Chart, profit_chart, symbol_chart
from floorbroker.posttrade.page.shell import chart_figure, figure, page, section
from floorbroker.posttrade.page.tables import Tables, escaped
from floorbroker.posttrade.rows import SymbolRow, Totals, TradeReport
from floorbroker.posttrade.trades import attention
from floorbroker.posttrade.wording import (
    DEFAULT_VIEW,
    View,
    counted,
    moment_text,
    money_text,
    pnl_direction,
    pnl_text,
    words,
)


def render_report(
    report: TradeReport,
    *,
    bars: Mapping[str, Sequence[Bar]] | None = None,
    verification: Verification | None = None,
    view: View = DEFAULT_VIEW,
) -> str:
    """The whole file as text; it makes no request, and its policy forbids any.

    `bars` are the market's, by symbol and in time order: the price charts draw their closes.
    `verification` is the outcome of walking the journal's chain; without it the page says that
    nobody checked.
    """
    profit = profit_chart(report, view)
    sections, charts = trade_sections(report, bars=bars, verification=verification, view=view)
    body = [
        _header(report, view),
        _attention(report, verification),
        _figures(report.totals),
        _lead(profit),
        *sections,
    ]
    drawn = charts if profit is None else [profit, *charts]
    return page("\n".join(body), f"{report.mode.upper()} trade report", drawn, view)


def trade_sections(
    report: TradeReport,
    *,
    bars: Mapping[str, Sequence[Bar]] | None = None,
    verification: Verification | None = None,
    view: View = DEFAULT_VIEW,
) -> tuple[list[str], list[Chart]]:
    """What stands below the first screen of every page about trades, and the charts in it."""
    tables = Tables(report, view)
    symbols = [(row, symbol_chart(row, report, bars or {}, view)) for row in report.symbols]
    sections = [
        _incidents_section(report, tables),
        _symbols_section(report, tables, symbols),
        _orders_section(report, tables),
        _fills_section(report, tables),
        _reconciliation_section(report, tables),
        _journal_section(report, tables, verification),
        _notes_section(report),
    ]
    return sections, [chart for _, chart in symbols if chart is not None]


def _header(report: TradeReport, view: View) -> str:
    mode = report.mode or "no desk"
    accounts = ", ".join(report.accounts) or "no account"
    return (
        f'<header><div class="line"><span class="badge {escaped(mode)}">{escaped(mode.upper())}'
        f'</span><span class="name">Trade report</span><span>{escaped(accounts)}</span>'
        f"<span>{escaped(_period(report, view))}</span></div>\n"
        f"<h1>{escaped(report.verdict)}</h1></header>"
    )


def _period(report: TradeReport, view: View) -> str:
    start, end = "the journal's beginning", "the journal's end"
    if report.start is not None:
        start = moment_text(report.start, view).removesuffix(".000")
    if report.end is not None:
        end = moment_text(report.end, view).removesuffix(".000")
    return f"{start} to {end}, {view.zone_name}"


def _attention(report: TradeReport, verification: Verification | None) -> str:
    wanted = attention(report, verification)
    if not wanted:
        return '<p class="attention">Nothing needs a decision.</p>'
    items = "".join(f"<li>{escaped(text)}</li>" for text in wanted)
    return f'<ul class="attention wanted">{items}</ul>'


def _figures(totals: Totals) -> str:
    breaks = "not compared" if totals.breaks_open is None else f"{totals.breaks_open:,}"
    return "".join(
        (
            '<dl class="figures">',
            figure(
                "Realised profit",
                pnl_text(totals.realized_pnl),
                f"unrealised {pnl_text(totals.unrealized_pnl)}",
                pnl_direction(totals.realized_pnl),
            ),
            figure("Orders", f"{totals.orders:,}", _order_detail(totals)),
            figure("Fills", f"{totals.fills:,}", f"${money_text(totals.notional)} traded"),
            figure(
                "Open positions",
                f"{totals.open_positions:,}",
                f"net value {_dollars(totals.open_value)}",
            ),
            figure("Open breaks", breaks, _break_detail(totals)),
            "</dl>",
        )
    )


def _dollars(money: Money) -> str:
    sign = "-" if money < 0 else ""
    return f"{sign}${money_text(abs(money))}"


def _order_detail(totals: Totals) -> str:
    parts = [f"{totals.orders_filled:,} filled"]
    if totals.orders_open:
        parts.append(f"{totals.orders_open:,} open")
    if totals.orders_rejected:
        parts.append(f"{totals.orders_rejected:,} rejected")
    return ", ".join(parts)


def _break_detail(totals: Totals) -> str:
    repaired = totals.breaks_found - (totals.breaks_open or 0)
    parts = [f"{repaired:,} repaired"]
    if totals.unknown_resolved:
        parts.append(f"{totals.unknown_resolved:,} unknown resolved")
    if totals.restarts:
        parts.append(counted(totals.restarts, "crash"))
    return ", ".join(parts)


def _lead(chart: Chart | None) -> str:
    if chart is None:
        return '<p class="chart-box">Nothing was traded in this period.</p>'
    return chart_figure(chart)


def _incidents_section(report: TradeReport, tables: Tables) -> str:
    incidents = report.incidents
    unsettled = sum(1 for found in incidents if found.is_open)
    gist = "nothing broke"
    if incidents:
        rest = f"{unsettled:,} still open" if unsettled else "all resolved"
        gist = f"{counted(len(incidents), 'incident')}, {rest}"
    # Those that are still open come first; each part stays in time order.
    ranked = sorted(incidents, key=lambda found: (not found.is_open, found.time))
    inside = tables.incidents(ranked) if incidents else "<p>Nothing broke in this period.</p>"
    return section("What broke and how it was resolved", gist, inside, is_open=bool(unsettled))


def _symbols_section(
    report: TradeReport, tables: Tables, symbols: Sequence[tuple[SymbolRow, Chart | None]]
) -> str:
    if not symbols:
        return section("Symbols", "none", "<p>No symbol was ordered, traded or held.</p>")
    parts = [tables.symbols()]
    if any(row.last_px is not None and not row.last_px_is_market for row, _ in symbols):
        parts.append('<p class="dim">* our own last fill, because no market price was at hand</p>')
    drawn = [(row, chart) for row, chart in symbols if chart is not None]
    for place, (row, chart) in enumerate(drawn):
        is_open = "" if place else " open"  # the first one shows what the others hold
        parts.append(
            f"<details{is_open}><summary><strong>{escaped(row.symbol)}</strong>"
            f'<span class="gist">{_symbol_gist(row, report)}</span></summary>'
            f"{chart_figure(chart, 'chart tall')}</details>"
        )
    return section("Symbols", counted(len(symbols), "symbol"), "\n".join(parts), is_open=True)


def _symbol_gist(row: SymbolRow, report: TradeReport) -> str:
    account = f"{row.account}, " if len(report.accounts) > 1 else ""
    return escaped(f"{account}{counted(row.fills, 'fill')}, {pnl_text(row.realized_pnl)} realised")


def _orders_section(report: TradeReport, tables: Tables) -> str:
    statuses = ", ".join(
        f"{number:,} {words(name)}" for name, number in report.orders_by_status.items()
    )
    types = ", ".join(f"{words(name)} {n:,}" for name, n in report.orders_by_type.items())
    inside = "<p>No orders.</p>"
    if report.orders:
        inside = f'<p class="dim">By type: {escaped(types)}</p>{tables.orders()}'
    return section("Orders", statuses or "none", inside)


def _fills_section(report: TradeReport, tables: Tables) -> str:
    inside = tables.fills(report.fills) if report.fills else "<p>No fills.</p>"
    if report.busted:
        inside += (
            "<h3>Busted</h3><p>These executions were taken back and count for nothing.</p>"
            + tables.fills(report.busted)
        )
    return section("Fills", counted(len(report.fills), "fill"), inside)


def _reconciliation_section(report: TradeReport, tables: Tables) -> str:
    found = report.reconciliations
    if not found:
        inside = "<p>Our book was not held against the broker's in this period.</p>"
        return section("Reconciliation", "none", inside)
    last = found[-1]
    compared = (
        f"{counted(len(found), 'comparison')}; last: {counted(last.orders_compared, 'order')}, "
        f"{counted(last.positions_compared, 'position')}, "
        f"{counted(len(last.open_breaks), 'open break')}"
    )
    return section("Reconciliation", compared, tables.reconciliations(found))


def _journal_section(
    report: TradeReport, tables: Tables, verification: Verification | None
) -> str:
    checked = "The chain was not verified when this report was written."
    gist = f"{report.head_seq:,} records, not verified"
    if verification is not None:
        checked = (
            f"The whole chain verifies: {counted(verification.records, 'record')} up to "
            f"{verification.head.hash.hex()}."
        )
        gist = f"{report.head_seq:,} records, chain verified"
        if verification.damage is not None:
            checked = (
                f"The chain does not verify: record {verification.damage.seq:,}, "
                f"{verification.damage.reason}."
            )
            gist = f"damaged at record {verification.damage.seq:,}"
    inside = (
        f"<p>Read up to record {report.head_seq:,}, whose SHA-256 is</p>"
        f'<p class="hash"><code id="head-hash">{escaped(report.head_hash)}</code></p>'
        f'<p class="hash">{escaped(checked)}</p>'
        f"{tables.sessions(report.sessions) if report.sessions else ''}"
    )
    return section("Journal", gist, inside, is_open=True)


_NOTES = (
    "VWAP and average = sum(quantity x price) / sum(quantity) over our own standing executions.",
    "Notional = quantity x price, summed; bought and sold are added, not netted.",
    "Realised = for each closing execution, proceeds less the average cost of the shares it "
    "closes, in the order of booking; cost comes from before the period where it must. Entry = "
    "cost of the open shares / open shares. Fees are not in the journal and not deducted.",
    "Unrealised = open shares x last price less their cost. Last is the market's price if one "
    "was at hand, else the price of our own last fill (*).",
    "Took = from the intent (NewOrderSingle) to the order's end.",
    "Slippage = side x (average - arrival) / arrival x 10,000, side +1 for a buy and -1 for a "
    "sell: positive when it cost. Arrival = mid of the best bid and offer when the order arrived.",
    "Record = number of the journal record (an ExecutionReport with ExecType TRADE) that the row "
    "comes from. Busted executions count for nothing; corrected ones count as corrected.",
)


def _notes_section(report: TradeReport) -> str:
    notes = "".join(
        f'<li id="note-{place}">{escaped(text)}</li>' for place, text in enumerate(_NOTES, 1)
    )
    return section("How the figures are made", "", f'<ol class="notes">{notes}</ol>', is_open=True)
