"""A plan's pictures: the efficient frontier with the plan on it, and what is traded when."""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

from floorbroker.cli.planning.plan import CONFIDENCE, Plan
from floorbroker.cli.planning.sheets import dollars
from floorbroker.cli.planning.typed import clock_text
from floorbroker.domain.terms import Side
from floorbroker.posttrade.charts import Chart, layout_of
from floorbroker.pretrade.costs.frontier import Point

#: The frontier's dear end is cut where it costs this many times what is marked on it.
DEAREST = 3.0
_NAMES = {"twap": "TWAP", "vwap": "VWAP", "pov": "POV", "is": "IS"}


def frontier_chart(plan: Plan) -> Chart | None:
    """Cost against risk; every point is the cheapest schedule of its risk."""
    if plan.least is None:
        return None
    chosen, least, even = plan.chosen, plan.least, plan.points[0]
    dearest = DEAREST * max(point.expected_cost for point in (chosen, least, even))
    shown = [point for point in plan.points if point.expected_cost <= dearest]
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "frontier",
            "line": {"width": 2, "color": "--price", "shape": "spline"},
            **_placed(plan, shown),
        },
        _mark(plan, even, f"evenly: {_words(plan, even)}", ("circle-open", 11, "--text", 2)),
        _mark(plan, least, _least_text(plan, least), ("diamond", 12, "--gain", 0)),
        _mark(plan, chosen, f"this plan: {_words(plan, chosen)}", ("circle", 15, "--buy", 0)),
    ]
    unit = "dollars" if plan.scale is None else "basis points"
    layout = layout_of(f"risk: one standard deviation, {unit}", f"expected cost, {unit}")
    layout["xaxis"] |= {"type": "linear", "rangemode": "tozero", "separatethousands": True}
    layout["yaxis"]["rangemode"] = "tozero"
    layout["showlegend"] = True
    return Chart(
        name="frontier", title=_finding(plan), note=_frontier_note(plan), data=data, layout=layout
    )


def _finding(plan: Plan) -> str:
    chosen = plan.chosen
    name = _NAMES[plan.algorithm]
    cost, risk = amount(plan, chosen.expected_cost), amount(plan, chosen.std_dev)
    excess = above(plan.points, chosen)
    if excess > 0.01 * chosen.expected_cost:
        return f"{name} pays {cost} for {risk} of risk, {amount(plan, excess)} above the frontier"
    return f"{name} pays {cost} for {risk} of risk, on the frontier"


def _frontier_note(plan: Plan) -> str:
    drift = "; without the drift" if plan.program.drift else ""
    return (
        "Each point of the line is the schedule that costs least at its risk, by Almgren and "
        f"Chriss: impact in proportion to shares an hour{drift}. Further left trades faster."
    )


def above(points: Sequence[Point], chosen: Point) -> float:
    """What the schedule costs more than the frontier's of the same risk."""
    for slow, fast in pairwise(points):
        if fast.std_dev <= chosen.std_dev <= slow.std_dev and fast.std_dev < slow.std_dev:
            part = (slow.std_dev - chosen.std_dev) / (slow.std_dev - fast.std_dev)
            cost = slow.expected_cost + part * (fast.expected_cost - slow.expected_cost)
            return chosen.expected_cost - cost
    return chosen.expected_cost - points[0].expected_cost


def amount(plan: Plan, value: float) -> str:
    """A cost of the program as people read it: basis points, or dollars without a price."""
    return dollars(value) if plan.scale is None else f"{value * plan.scale:,.1f} bps"


def _words(plan: Plan, point: Point) -> str:
    return f"{amount(plan, point.expected_cost)}, risk {amount(plan, point.std_dev)}"


def _least_text(plan: Plan, point: Point) -> str:
    return f"least {CONFIDENCE:.0%} value at risk: {_words(plan, point)}"


def _placed(plan: Plan, points: Sequence[Point]) -> dict[str, Any]:
    scale = plan.scale or 1.0
    return {
        "x": [point.std_dev * scale for point in points],
        "y": [point.expected_cost * scale for point in points],
        "customdata": [
            f"{_words(plan, point)}<br>kappa*T = {point.kappa * plan.program.days:.3g}"
            for point in points
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def _mark(plan: Plan, point: Point, name: str, look: tuple[str, int, str, int]) -> dict[str, Any]:
    symbol, size, color, line = look
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "marker": {
            "symbol": symbol,
            "size": size,
            "color": color,
            "line": {"width": line, "color": color},
        },
        **_placed(plan, [point]),
    }


def schedule_chart(plan: Plan) -> Chart:
    """Shares of each slice, and what is left after it."""
    times, trades = _trades(plan)
    left = [plan.qty - so_far for so_far in accumulate(trades)]
    color = "--sell" if plan.title.startswith(Side.SELL.upper()) else "--buy"
    data: list[dict[str, Any]] = [
        {
            "type": "bar",
            "name": "shares",
            "marker": {"color": color},
            "x": times,
            "y": trades,
            "customdata": _slice_words(plan, times, trades),
            "hovertemplate": "%{customdata}<extra></extra>",
        },
        {
            "type": "scatter",
            "mode": "lines+markers" if len(times) <= 40 else "lines",
            "name": "left",
            "yaxis": "y2",
            "line": {"width": 2, "color": "--text"},
            "marker": {"size": 5},
            "x": times,
            "y": left,
            "hovertemplate": "%{y:,.0f} left after %{x}<extra></extra>",
        },
    ]
    x_title = "start of the slice, New York" if plan.slices else "day"
    layout = layout_of(x_title, "shares traded")
    layout["xaxis"] |= {"type": "category", "nticks": 14, "showgrid": False}
    layout["yaxis"]["rangemode"] = "tozero"
    layout["yaxis2"] = {
        **layout["yaxis"],
        "tickmode": "auto",  # its own round numbers, not the other axis' places
        "range": [min(0.0, *left), 1.05 * max(plan.qty, *left)],
        "title": {"text": "shares left"},
        "overlaying": "y",
        "side": "right",
        "showgrid": False,
    }
    layout["margin"] = {**layout["margin"], "r": 64}
    layout["bargap"] = 0.15
    layout["showlegend"] = True
    return Chart(
        name="schedule", title=_pace(plan, trades, times), note=plan.when, data=data, layout=layout
    )


def _trades(plan: Plan) -> tuple[list[str], list[float]]:
    if plan.slices:
        times = [clock_text(part.start_s) for part in plan.slices]
        return times, [float(part.shares) for part in plan.slices]
    tau = plan.program.tau
    trades = list(plan.solution.trades)
    return [f"{place * tau:g}" for place in range(len(trades))], trades


def _slice_words(plan: Plan, times: Sequence[str], trades: Sequence[float]) -> list[str]:
    if not plan.slices:
        return [f"{n:,.1f} on day {at}" for at, n in zip(times, trades, strict=True)]
    return [f"{part.shares:,} from {at}<br>{part.rate:.1%} of the volume"
            for at, part in zip(times, plan.slices, strict=True)]  # fmt: skip


def _pace(plan: Plan, trades: Sequence[float], times: Sequence[str]) -> str:
    """When half is done."""
    total, done = sum(trades), 0.0
    for trade, at in zip(trades, times, strict=True):
        done += trade
        if done >= total / 2:
            begins = at if plan.slices else f"on day {at}"
            return f"Half is done in part {times.index(at) + 1} of {len(times)}, begun {begins}"
    raise AssertionError("the slices do not sum to the whole")
