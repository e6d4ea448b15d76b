"""A plan as one HTML file that opens offline: verdict, frontier, schedule, and its sources."""

from collections.abc import Sequence
from itertools import accumulate

from floorbroker.cli.planning.charts import frontier_chart, schedule_chart
from floorbroker.cli.planning.plan import CONFIDENCE, Plan
from floorbroker.cli.planning.sheets import MODELS, dollars
from floorbroker.cli.planning.sheets import figure as figure_text
from floorbroker.cli.planning.typed import clock_text
from floorbroker.posttrade.page.shell import chart_figure, figure, page, section
from floorbroker.posttrade.page.tables import Cell, Column, escaped, table
from floorbroker.pretrade.costs.frontier import quantile, value_at_risk

_ALGORITHMS = {
    "twap": "evenly (TWAP)",
    "vwap": "with the volume (VWAP)",
    "pov": "at a part of the volume (POV)",
    "is": "by Almgren and Chriss (IS)",
}


def render_plan(plan: Plan) -> str:
    charts = [chart for chart in (frontier_chart(plan), schedule_chart(plan)) if chart is not None]
    body = [
        _header(plan),
        _attention(plan),
        _figures(plan),
        *(chart_figure(chart) for chart in charts),
        _models(plan),
        section("Parameters", _parameters_gist(plan), _parameters(plan), is_open=True),
        section("Schedule", plan.when, _schedule(plan)),
        section("How the figures are made", "", _notes(), is_open=True),
    ]
    return page("\n".join(body), f"Plan: {plan.title}", charts)


def _header(plan: Plan) -> str:
    return (
        '<header><div class="line"><span class="badge">PLAN</span>'
        f'<span class="name">{escaped(plan.title)}</span><span>{escaped(plan.when)}</span></div>\n'
        f"<h1>{escaped(_verdict(plan))}</h1></header>"
    )


def _verdict(plan: Plan) -> str:
    way = _ALGORITHMS[plan.algorithm]
    if not plan.estimates:
        found = plan.solution
        cost, risk = dollars(found.expected_cost), dollars(found.std_dev)
        return f"{plan.title} {way}: expected to cost {cost}, give or take {risk}"
    first = plan.estimates[0]
    cost = f"{first.cost_bps:,.1f} bps"
    if plan.dollars_per_bp is not None:
        cost += f" ({dollars(first.cost_bps * plan.dollars_per_bp)})"
    return f"{plan.title} {way}: expected to cost {cost}, give or take {first.risk_bps:,.1f} bps"


def _attention(plan: Plan) -> str:
    assumed = [
        f"{told.name}: {figure_text(told.value)}, {told.source}"
        for told in plan.parameters
        if told.source.startswith("assumed")
    ]
    if plan.notes:
        items = "".join(f"<li>{escaped(text)}</li>" for text in (*plan.notes, *assumed))
        return f'<ul class="attention wanted">{items}</ul>'
    if not assumed:
        return '<p class="attention">Nothing is assumed: every number was given.</p>'
    return f'<ul class="attention">{"".join(f"<li>{escaped(text)}</li>" for text in assumed)}</ul>'


def _figures(plan: Plan) -> str:
    return f'<dl class="figures">{"".join(_five(plan))}</dl>'


def _five(plan: Plan) -> list[str]:
    z = quantile(CONFIDENCE)
    if not plan.estimates:
        found, program = plan.solution, plan.program
        half = f"{1 / found.kappa:.4g} days" if found.kappa else "never"
        return [
            figure("Expected cost", dollars(found.expected_cost), "against the first price"),
            figure("Risk", dollars(found.std_dev), "one standard deviation"),
            figure(f"{CONFIDENCE:.0%} value at risk", dollars(value_at_risk(found, z)), "L-VaR"),
            figure("kappa", f"{found.kappa:.6f}", f"falls by e in {half}"),
            figure("First trade", f"{found.trades[0] / program.shares:.1%}", "of the shares"),
        ]
    first = plan.estimates[0]
    shares = sum(part.shares for part in plan.slices)
    volume = sum(part.volume for part in plan.slices if part.shares)
    fastest = max(part.rate for part in plan.slices)
    last = max(part.end_s for part in plan.slices if part.shares)
    at_risk = first.cost_bps + z * first.risk_bps
    return [
        figure("Expected cost", f"{first.cost_bps:,.1f} bps", _in_dollars(plan, first.cost_bps)),
        figure("Risk", f"{first.risk_bps:,.1f} bps", _in_dollars(plan, first.risk_bps)),
        figure(
            f"{CONFIDENCE:.0%} value at risk", f"{at_risk:,.1f} bps", _in_dollars(plan, at_risk)
        ),
        figure("Of the volume", f"{shares / (shares + volume):.1%}", f"at most {fastest:.1%}"),
        figure("Done", clock_text(last), f"{shares:,} of {plan.qty:,.0f} shares"),
    ]


def _in_dollars(plan: Plan, bps: float) -> str:
    if plan.dollars_per_bp is None:
        return "no price was given"
    return dollars(bps * plan.dollars_per_bp)


def _models(plan: Plan) -> str:
    if not plan.estimates:
        return ""
    columns = [Column("Model"), *(Column(f"{name}, bps", "n") for name in ("Cost", "Risk"))]
    per_bp = plan.dollars_per_bp
    if per_bp is not None:
        columns += [Column(f"{name}, dollars", "n") for name in ("Cost", "Risk")]
    rows = []
    for found in plan.estimates:
        numbers = [f"{found.cost_bps:,.1f}", f"{found.risk_bps:,.1f}"]
        if per_bp is not None:
            numbers += [f"{bps * per_bp:,.2f}" for bps in (found.cost_bps, found.risk_bps)]
        rows.append([Cell(escaped(text)) for text in (MODELS[found.model], *numbers)])
    costs = sorted(found.cost_bps for found in plan.estimates)
    gist = f"{costs[0]:,.1f} to {costs[-1]:,.1f} bps"
    return section("What each model expects", gist, table(columns, rows), is_open=True)


def _parameters_gist(plan: Plan) -> str:
    given = sum(1 for told in plan.parameters if told.source == "given")
    return f"{given} of {len(plan.parameters)} given"


def _parameters(plan: Plan) -> str:
    columns = [Column("Parameter"), Column("Value", "n"), Column("Unit"), Column("From", "t")]
    return table(
        columns,
        [
            [
                Cell(escaped(text))
                for text in (told.name, figure_text(told.value), told.unit, told.source)
            ]
            for told in plan.parameters
        ],
    )


def _schedule(plan: Plan) -> str:
    if not plan.slices:
        found = plan.solution
        days = [f"{place * plan.program.tau:g}" for place in range(len(found.trades))]
        days_of = [
            (day, f"{trade:,.1f}", f"{plan.qty - left:,.1f}", f"{left:,.1f}")
            for day, trade, left in zip(days, found.trades, found.holdings[1:], strict=True)
        ]
        return _numbers(("Day", "Shares", "Cumulative", "Left"), days_of)
    done = accumulate(part.shares for part in plan.slices)
    rows = [
        (
            f"{clock_text(part.start_s)} to {clock_text(part.end_s)}",
            f"{part.shares:,}",
            f"{so_far:,}",
            f"{plan.qty - so_far:,.0f}",
            f"{part.volume:,.0f}",
            f"{part.rate:.1%}",
        )
        for part, so_far in zip(plan.slices, done, strict=True)
    ]
    heads = ("Time, New York", "Shares", "Cumulative", "Left", "Volume of others", "Of the volume")
    return _numbers(heads, rows)


def _numbers(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    columns = [Column(heads[0], "w"), *(Column(head, "n") for head in heads[1:])]
    return table(columns, [[Cell(escaped(text)) for text in row] for row in rows])


_NOTES = (
    "Costs are positive when they hurt, against the price before the first share, in basis points "
    "of it. All figures are estimates; fees are not in them.",
    "Almgren et al. 2005: I/2 + sum(n/X K(n/volume)), I = 0.314 sigma (X/V) (Theta/V)^(1/4), "
    "K(r) = 0.142 sigma r^(3/5). Square root law: sigma sqrt(X/V). I-Star: b1 POV^a4 I* + "
    "(1 - b1) I*, I* = 708 (X/V)^0.55 sigma^0.71, sigma a year. Half the spread is added to each.",
    "X shares of the order, n of a slice, V average daily volume, Theta shares outstanding, sigma "
    "volatility of a day. Volume is that of others.",
    "Almgren-Chriss: E = gamma X^2/2 + epsilon X + (eta - gamma tau/2)/tau sum(n^2), V = sigma^2 "
    "tau sum(x^2), x shares left after each slice. The frontier minimises E + lambda V. Risk = "
    "sqrt(V), in the other models too; I-Star has its own.",
    f"{CONFIDENCE:.0%} value at risk = cost + {quantile(CONFIDENCE):.3f} risk.",
    "Sources: Almgren, Chriss (2000); Almgren, Thum, Hauptmann, Li (2005); Kissell, Malamut "
    "(2006); for the square root arXiv:2411.13965.",
)


def _notes() -> str:
    items = "".join(f"<li>{escaped(text)}</li>" for text in _NOTES)
    return f'<ol class="notes">{items}</ol>'
