"""A plan in the terminal: what it costs first, then by whom, from what, and when."""

from itertools import accumulate

from rich.text import Text

from floorbroker.cli.planning.plan import CONFIDENCE, Plan
from floorbroker.cli.planning.typed import clock_text
from floorbroker.cli.root import say
from floorbroker.cli.sheet import Column, Sheet, show
from floorbroker.pretrade.costs.frontier import quantile, value_at_risk

MODELS = {
    "almgren_2005": "Almgren et al. 2005",
    "square_root": "square root law",
    "i_star": "I-Star",
    "almgren_chriss": "Almgren-Chriss, linear",
}


def show_plan(plan: Plan) -> None:
    say(f"{plan.title}  ·  {plan.algorithm}  ·  {plan.when}")
    for line in verdict(plan):
        say(line)
    for note in plan.notes:
        say(f"note  {note}")
    if plan.estimates:
        say()
        show(_estimates(plan))
    say()
    show(_parameters(plan))
    say()
    show(_schedule(plan) if plan.slices else _holdings(plan))


def verdict(plan: Plan) -> list[str]:
    """Cost and risk in words: an order by Almgren et al. 2005, a program by its own model."""
    if plan.estimates:
        first = plan.estimates[0]
        cost, risk = f"{first.cost_bps:.1f} bps", f"{first.risk_bps:.1f} bps"
        if plan.dollars_per_bp is not None:
            cost += f", {dollars(first.cost_bps * plan.dollars_per_bp)}"
            risk += f", {dollars(first.risk_bps * plan.dollars_per_bp)}"
        return [
            f"expected cost  {cost} ({MODELS[first.model]})",
            f"risk           {risk} (one standard deviation)",
        ]
    found = plan.solution
    at_risk = value_at_risk(found, quantile(CONFIDENCE))
    fall = f", falls by e in {1 / found.kappa:.4g} days" if found.kappa else ""
    return [
        f"expected cost  {dollars(found.expected_cost)}",
        f"risk           {dollars(found.std_dev)} (one standard deviation)",
        f"value at risk  {dollars(at_risk)} ({CONFIDENCE:.0%})",
        f"kappa          {found.kappa:.6f} a day{fall}",
    ]


def dollars(value: float) -> str:
    sign = "-" if value < 0 else ""
    return f"{sign}${abs(value):,.2f}"


def figure(value: float | str) -> str:
    """A parameter as people read it: grouped where it is large, short where it is small."""
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:.6g}"


def _estimates(plan: Plan) -> Sheet:
    columns = [
        Column("Model"),
        Column("Cost, bps", is_number=True),
        Column("Risk, bps", is_number=True),
    ]
    per_bp = plan.dollars_per_bp
    if per_bp is not None:
        columns += [
            Column("Cost, dollars", 1, is_number=True),
            Column("Risk, dollars", 2, is_number=True),
        ]
    rows = []
    for estimate in plan.estimates:
        cells = [
            Text(MODELS[estimate.model]),
            Text(f"{estimate.cost_bps:,.1f}"),
            Text(f"{estimate.risk_bps:,.1f}"),
        ]
        if per_bp is not None:
            cells.append(Text(f"{estimate.cost_bps * per_bp:,.2f}"))
            cells.append(Text(f"{estimate.risk_bps * per_bp:,.2f}"))
        rows.append(cells)
    return Sheet(columns, rows)


def _parameters(plan: Plan) -> Sheet:
    columns = [
        Column("Parameter"),
        Column("Value", is_number=True),
        Column("Unit", 1),
        Column("From", folds=True),
    ]
    return Sheet(
        columns,
        [
            [Text(told.name), Text(figure(told.value)), Text(told.unit), Text(told.source)]
            for told in plan.parameters
        ],
    )


def _schedule(plan: Plan) -> Sheet:
    columns = [
        Column("Time, New York"),
        Column("Shares", is_number=True),
        Column("Cumulative", is_number=True),
        Column("Left", 1, is_number=True),
        Column("% of volume", 2, is_number=True),
    ]
    done = accumulate(part.shares for part in plan.slices)
    return Sheet(
        columns,
        [
            [
                Text(f"{clock_text(part.start_s)} to {clock_text(part.end_s)}"),
                Text(f"{part.shares:,}"),
                Text(f"{so_far:,}"),
                Text(f"{plan.qty - so_far:,.0f}"),
                Text(f"{part.rate:.1%}"),
            ]
            for part, so_far in zip(plan.slices, done, strict=True)
        ],
    )


def _holdings(plan: Plan) -> Sheet:
    columns = [
        Column("Day", is_number=True),
        Column("Shares", is_number=True),
        Column("Cumulative", is_number=True),
        Column("Left", is_number=True),
    ]
    found, tau = plan.solution, plan.program.tau
    return Sheet(
        columns,
        [
            [
                Text(f"{place * tau:g}"),
                Text(f"{trade:,.1f}"),
                Text(f"{plan.qty - left:,.1f}"),
                Text(f"{left:,.1f}"),
            ]
            for place, (trade, left) in enumerate(
                zip(found.trades, found.holdings[1:], strict=True)
            )
        ],
    )
