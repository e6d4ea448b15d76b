"""The trade report as one HTML file that opens offline, reads well and prints well."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib import resources
from string import Template

import msgspec

from floorbroker.domain.amounts import Money
from floorbroker.domain.quotes import Bar
from floorbroker.journal.port import Verification
from floorbroker.posttrade.charts import Chart, chart_specs, profit_chart, symbol_chart
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

_JSON = msgspec.json.Encoder(decimal_format="number")

_PAGE = Template("""\
<!DOCTYPE html>
<html lang="en"$root_class>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data: blob:; \
style-src 'unsafe-inline'; script-src $script_hashes">
<meta name="referrer" content="no-referrer">
<title>$title</title>
<style>
$style
</style>
</head>
<body>
<main>
$body
</main>
<script type="application/json" id="charts">$charts</script>
$scripts
</body>
</html>
""")


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
    tables = Tables(report, view)
    profit = profit_chart(report, view)
    symbols = [(row, symbol_chart(row, report, bars or {}, view)) for row in report.symbols]
    body = [
        _header(report, view),
        _attention(report, verification),
        _figures(report.totals),
        _lead(profit),
        _incidents_section(report, tables),
        _symbols_section(report, tables, symbols),
        _orders_section(report, tables),
        _fills_section(report, tables),
        _reconciliation_section(report, tables),
        _journal_section(report, tables, verification),
        _notes_section(report),
    ]
    charts = [chart for chart in (profit, *(chart for _, chart in symbols)) if chart is not None]
    return _page("\n".join(body), f"{report.mode.upper()} trade report", charts, view)


def _page(body: str, title: str, charts: Sequence[Chart], view: View) -> str:
    scripts = [_plotly(), _asset("report.js")] if charts else []
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts) or "'none'"
    specs = _JSON.encode(chart_specs(charts)).decode()
    return _PAGE.substitute(
        root_class=' class="rising-is-red"' if view.rising_is_red else "",
        script_hashes=hashes,
        title=escaped(title),
        style=_asset("report.css"),
        body=body,
        # Inside a script only "<" could end it.
        charts=specs.replace("<", "\\u003c"),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
    )


def _asset(name: str) -> str:
    folder = resources.files("floorbroker.posttrade.page")
    return folder.joinpath(name).read_text(encoding="utf-8")


def _plotly() -> str:
    # Imported here because it takes a tenth of a second and only this page wants it.
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


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
            _figure(
                "Realised profit",
                pnl_text(totals.realized_pnl),
                f"unrealised {pnl_text(totals.unrealized_pnl)}",
                pnl_direction(totals.realized_pnl),
            ),
            _figure("Orders", f"{totals.orders:,}", _order_detail(totals)),
            _figure("Fills", f"{totals.fills:,}", f"${money_text(totals.notional)} traded"),
            _figure(
                "Open positions",
                f"{totals.open_positions:,}",
                f"net value {_dollars(totals.open_value)}",
            ),
            _figure("Open breaks", breaks, _break_detail(totals)),
            "</dl>",
        )
    )


def _dollars(money: Money) -> str:
    sign = "-" if money < 0 else ""
    return f"{sign}${money_text(abs(money))}"


def _figure(name: str, value: str, detail: str, classes: str = "") -> str:
    return (
        f'<div><dt>{escaped(name)}</dt><dd class="big {classes}">{escaped(value)}</dd>'
        f'<dd class="small">{escaped(detail)}</dd></div>\n'
    )


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
    return _figure_of(chart)


def _figure_of(chart: Chart, classes: str = "chart") -> str:
    return (
        f'<figure class="chart-box"><figcaption><h3>{escaped(chart.title)}</h3>'
        f'<p class="note">{escaped(chart.note)}</p></figcaption>'
        f'<div class="{classes}" role="img" aria-label="{escaped(chart.title)}" '
        f'data-chart="{escaped(chart.name)}"></div></figure>'
    )


def _section(name: str, gist: str, inside: str, *, is_open: bool = False) -> str:
    return (
        f"<section><details{' open' if is_open else ''}><summary><h2>{escaped(name)}</h2>"
        f'<span class="gist">{escaped(gist)}</span></summary>\n'
        f'<div class="inside">{inside}</div></details></section>'
    )


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
    return _section("What broke and how it was resolved", gist, inside, is_open=bool(unsettled))


def _symbols_section(
    report: TradeReport, tables: Tables, symbols: Sequence[tuple[SymbolRow, Chart | None]]
) -> str:
    if not symbols:
        return _section("Symbols", "none", "<p>No symbol was ordered, traded or held.</p>")
    parts = [tables.symbols()]
    if any(row.last_px is not None and not row.last_px_is_market for row, _ in symbols):
        parts.append('<p class="dim">* our own last fill, because no market price was at hand</p>')
    drawn = [(row, chart) for row, chart in symbols if chart is not None]
    for place, (row, chart) in enumerate(drawn):
        is_open = "" if place else " open"  # the first one shows what the others hold
        parts.append(
            f"<details{is_open}><summary><strong>{escaped(row.symbol)}</strong>"
            f'<span class="gist">{_symbol_gist(row, report)}</span></summary>'
            f"{_figure_of(chart, 'chart tall')}</details>"
        )
    return _section("Symbols", counted(len(symbols), "symbol"), "\n".join(parts), is_open=True)


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
    return _section("Orders", statuses or "none", inside)


def _fills_section(report: TradeReport, tables: Tables) -> str:
    inside = tables.fills(report.fills) if report.fills else "<p>No fills.</p>"
    if report.busted:
        inside += (
            "<h3>Busted</h3><p>These executions were taken back and count for nothing.</p>"
            + tables.fills(report.busted)
        )
    return _section("Fills", counted(len(report.fills), "fill"), inside)


def _reconciliation_section(report: TradeReport, tables: Tables) -> str:
    found = report.reconciliations
    if not found:
        inside = "<p>Our book was not held against the broker's in this period.</p>"
        return _section("Reconciliation", "none", inside)
    last = found[-1]
    compared = (
        f"{counted(len(found), 'comparison')}; last: {counted(last.orders_compared, 'order')}, "
        f"{counted(last.positions_compared, 'position')}, "
        f"{counted(len(last.open_breaks), 'open break')}"
    )
    return _section("Reconciliation", compared, tables.reconciliations(found))


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
    return _section("Journal", gist, inside, is_open=True)


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
    return _section(
        "How the figures are made", "", f'<ol class="notes">{notes}</ol>', is_open=True
    )
