"""Pictures of a rehearsed rebalance: the day as it went, and what each name cost."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from floorbroker.cli.portfolio.showing import Rehearsed
from floorbroker.cli.portfolio.working import Standing
from floorbroker.marketdata.port import NEW_YORK
from floorbroker.posttrade.charts import Chart, layout_of, thinned
from floorbroker.posttrade.wording import DEFAULT_VIEW, bps_text, moment_text, signed_money_text
from floorbroker.simulation.costs import Cost, Costs

_HALF = Decimal("0.5")


def day_chart(found: Rehearsed) -> Chart | None:
    """What was done of the plan's value, beside what the schedule wanted; None without one."""
    standings = found.standings
    if len(standings) < 2:
        return None
    layout = layout_of(f"time, {DEFAULT_VIEW.zone_name}", "part of the plan's value, %")
    layout["showlegend"] = True
    layout["yaxis"]["rangemode"] = "tozero"
    kept = thinned(standings)
    due = _line(kept, "schedule", [one.due for one in kept], {"color": "--price", "dash": "dot"})
    done = _line(kept, "done", [one.done for one in kept], {"color": "--buy"})
    return Chart(
        name="day",
        title=_day_finding(standings),
        note=f"Filled shares at the plan's prices, once a minute (n = {len(standings):,}). The "
        "schedule is that of the parent orders: what they wanted done by then.",
        data=[due, done],
        layout=layout,
    )


def _day_finding(standings: Sequence[Standing]) -> str:
    behind = max((one.due - one.done for one in standings), default=Decimal(0))
    half = next((one for one in standings if one.done >= _HALF), None)
    told = f"never more than {behind * 100:.1f} % of the plan behind its schedule"
    if half is None:
        return f"{standings[-1].done * 100:.1f} % was done, {told}"
    return f"Half was done by {half.time.astimezone(NEW_YORK):%H:%M}, {told}"


def _line(
    kept: Sequence[Standing], name: str, parts: Sequence[Decimal], look: dict[str, str]
) -> dict[str, Any]:
    times = [moment_text(one.time, DEFAULT_VIEW) for one in kept]
    told = [f"{moment[11:16]} {part * 100:.1f} % {name}<br>{one}" for moment, part, one in
            zip(times, parts, kept, strict=True)]  # fmt: skip
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "line": {"width": 2, "shape": "hv", **look},
        "x": times,
        "y": [part * 100 for part in parts],
        "customdata": told,
        "hovertemplate": "%{customdata}<extra></extra>",
    }


def cost_chart(costs: Mapping[str, Costs]) -> Chart | None:
    """Each name's cost in basis points, the dearest first."""
    known = {name: one for name, one in costs.items() if one.arrival.bps is not None}
    names = sorted(known, key=lambda name: -(known[name].arrival.bps or Decimal(0)))
    if not names:
        return None
    arrival = [(name, known[name].arrival) for name in names]
    vwap = [(name, known[name].vwap) for name in names if known[name].vwap.bps is not None]
    layout = layout_of("symbol", "cost, basis points")
    layout["showlegend"] = True
    layout["xaxis"] |= {"type": "category", "tickangle": -60}
    layout["yaxis"].update(zeroline=True, zerolinecolor="--muted")
    bars = {"type": "bar", "name": "against arrival", "marker": {"color": "--price"}}
    marks = {
        "type": "scatter",
        "mode": "markers",
        "name": "against VWAP",
        "marker": {"symbol": "diamond", "size": 9, "color": "--buy"},
    }
    return Chart(
        name="costs",
        title=_cost_finding(arrival, vwap),
        note=f"Positive is a cost (n = {len(names):,}, one order each). Against arrival is what "
        "the market moved, and we; against VWAP is how its volume was met.",
        data=[bars | _placed(arrival, "arrival"), marks | _placed(vwap, "VWAP")],
        layout=layout,
    )


def _cost_finding(arrival: Sequence[tuple[str, Cost]], vwap: Sequence[tuple[str, Cost]]) -> str:
    name, dearest = arrival[0]
    told = f"{name} cost most against arrival, {bps_text(dearest.bps)} bps"
    if not vwap:
        return told
    within = max(abs(one.bps or Decimal(0)) for _, one in vwap)
    return f"{told}; none was further than {within:.1f} bps from its VWAP"


def _placed(costs: Sequence[tuple[str, Cost]], reference: str) -> dict[str, Any]:
    return {
        "x": [name for name, _ in costs],
        "y": [one.bps for _, one in costs],
        "customdata": [
            f"{name}: {bps_text(one.bps)} bps against {reference}, "
            f"{signed_money_text(one.dollars)} dollars"
            for name, one in costs
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
