"""A rehearsed rebalance as one HTML file: verdict, the day as it went, costs, and trades."""

from collections.abc import Sequence
from decimal import Decimal

from floorbroker.cli.portfolio.charts import cost_chart, day_chart
from floorbroker.cli.portfolio.result import cost_text
from floorbroker.cli.portfolio.sheets import outcome_lines, part_text
from floorbroker.cli.portfolio.showing import Rehearsed
from floorbroker.deskwork.portfolio.rebalance import Reached
from floorbroker.posttrade.charts import Chart
from floorbroker.posttrade.page.shell import chart_figure, figure, page, section
from floorbroker.posttrade.page.tables import (
    Cell,
    Column,
    average,
    escaped,
    number,
    prose,
    table,
)
from floorbroker.posttrade.report_html import trade_sections
from floorbroker.posttrade.trades import attention
from floorbroker.posttrade.wording import (
    NOTHING,
    bps_text,
    counted,
    money_text,
    qty_text,
    signed_money_text,
)
from floorbroker.simulation.costs import Costs, costs_by_symbol, costs_of, unfinished

_ZERO = Decimal(0)
_COSTS_NOTE = (
    "Arrival = midpoint of the last quote before the parent order began. VWAP = of the market's "
    "eligible prints from then to the last fill, or to the order's end where it was not filled "
    "whole. Cost = side x (average - reference) / reference x 10,000, positive where it cost. "
    "Part = our shares / (ours and those prints): the recorded market does not have ours."
)


def render(found: Rehearsed) -> str:
    simulated = found.played.simulated
    day, costs = day_chart(found), cost_chart(costs_by_symbol(simulated.orders))
    sections, charts = trade_sections(
        simulated.report, bars=simulated.bars, verification=simulated.verification
    )
    own = [chart for chart in (day, costs) if chart is not None]
    body = [
        _header(found),
        _attention(found),
        _figures(found),
        *map(chart_figure, own),
        _names_section(found),
        *sections,
    ]
    drawn: list[Chart] = [*own, *charts]
    return page("\n".join(body), f"Rebalance rehearsed, {found.market.name}", drawn)


def _header(found: Rehearsed) -> str:
    mode = found.made.mode
    return (
        f'<header><div class="line"><span class="badge {escaped(mode)}">{escaped(mode.upper())}'
        '</span><span class="name">Rebalance, rehearsed</span>'
        f"<span>{escaped(found.market.name)}</span></div>\n"
        f"<h1>{escaped(_verdict(found))}</h1></header>"
    )


def _verdict(found: Rehearsed) -> str:
    outcome, costs = found.played.outcome, costs_of(found.played.simulated.orders)
    there, names = sum(row.is_there for row in outcome.rows), len(outcome.rows)
    how = f" by {found.algo}" if found.algo else ""
    at = f"{there} of {counted(names, 'name')} as planned{how}"
    if costs.arrival.bps is None:
        return at
    return f"{at}: {bps_text(costs.arrival.bps)} bps against arrival, {_vwap(costs)} against VWAP"


def _vwap(costs: Costs) -> str:
    return f"{bps_text(costs.vwap.bps)} bps"


def _attention(found: Rehearsed) -> str:
    simulated = found.played.simulated
    wanted = [
        *unfinished(found.played),
        *attention(simulated.report, simulated.verification),
    ]
    if not wanted:
        return '<p class="attention">Nothing needs a decision.</p>'
    items = "".join(f"<li>{escaped(text)}</li>" for text in wanted)
    return f'<ul class="attention wanted">{items}</ul>'


def _figures(found: Rehearsed) -> str:
    played, report = found.played, found.played.simulated.report
    outcome, costs = played.outcome, costs_of(played.simulated.orders)
    there, names = sum(row.is_there for row in outcome.rows), len(outcome.rows)
    _, money = outcome_lines(played.plan, outcome)
    open_breaks = sum(one.is_open for one in played.compared.breaks)
    compared = f"{counted(played.compared.positions_compared, 'position')} compared at the end"
    children = f"{counted(report.totals.orders, 'child order')}, {report.totals.fills:,} fills"
    against = signed_money_text(costs.arrival.dollars)
    vwap = signed_money_text(costs.vwap.dollars)
    return "".join(
        (
            '<dl class="figures">',
            figure("Names as planned", f"{there} of {names}", children),
            figure("Cost, arrival", f"{bps_text(costs.arrival.bps)} bps", f"{against} dollars"),
            figure(
                "Cost, VWAP",
                f"{_vwap(costs)}",
                f"{vwap} dollars, {part_text(costs.participation)} of volume",
            ),
            figure("Cash", money_text(outcome.cash), money.partition(": ")[2]),
            figure("Open breaks", f"{open_breaks:,}", compared),
            "</dl>",
        )
    )


def _names_section(found: Rehearsed) -> str:
    outcome = found.played.outcome
    costs = costs_by_symbol(found.played.simulated.orders)
    columns = [
        Column("Symbol", "w"),
        *(Column(head, "n") for head in ("Target", "Reached", "Traded", "Average", "Money")),
        *(Column(head, "n") for head in ("Arrival, bps", "VWAP, bps", "Expected", "Cost", "Part")),
        Column("What", "t"),
    ]
    expected = _expected(found)
    rows = [_name(row, costs.get(row.symbol), expected) for row in outcome.rows]
    total = costs_of(found.played.simulated.orders)
    foot = [Cell("")] * len(columns)
    foot[0] = Cell("Total")
    foot[5] = number(signed_money_text(outcome.traded_cash), outcome.traded_cash)
    foot[6:8] = _bps(total)
    foot[8] = number(money_text(sum(expected.values(), _ZERO)))
    foot[9] = number(money_text(total.arrival.dollars), total.arrival.dollars)
    foot[10] = number(part_text(total.participation))
    gist = f"{cost_text(total.arrival)} against arrival"
    inside = table(columns, rows, foot) + f'<p class="dim">{escaped(_COSTS_NOTE)}</p>'
    return section("Names", gist, inside, is_open=True)


def _expected(found: Rehearsed) -> dict[str, Decimal]:
    """What the plan said that each name would cost: half the spread and impact."""
    told: dict[str, Decimal] = {}
    for one in found.made.ahead.trades:
        cost = one.half_spread + (one.impact or _ZERO)
        told[one.trade.symbol] = told.get(one.trade.symbol, _ZERO) + cost
    return told


def _name(row: Reached, costs: Costs | None, expected: dict[str, Decimal]) -> Sequence[Cell]:
    filled = sum((one.filled for one in row.sent), _ZERO)
    worth = sum((one.filled * (one.avg_px or _ZERO) for one in row.sent), _ZERO)
    money = sum((one.cash for one in row.sent), _ZERO)
    measured = [Cell(NOTHING)] * 2 if costs is None else _bps(costs)
    cost = None if costs is None else costs.arrival.dollars
    return [
        Cell(f"<strong>{escaped(row.symbol)}</strong>"),
        number(qty_text(row.target), row.target),
        number(qty_text(row.held), row.held),
        number(qty_text(filled), filled),
        average(worth / filled if filled else None),
        number(signed_money_text(money), money),
        *measured,
        number(money_text(expected.get(row.symbol))),
        number(money_text(cost), cost),
        number(NOTHING if costs is None else part_text(costs.participation)),
        prose("; ".join(one.text for one in row.sent)),
    ]


def _bps(costs: Costs) -> list[Cell]:
    return [number(bps_text(one.bps), one.bps) for one in (costs.arrival, costs.vwap)]
