"""A plan as one JSON object: estimates are plain numbers, for nothing of them is ever booked."""

from itertools import accumulate
from typing import Any

from msgspec import to_builtins

from floorbroker.cli.planning.plan import CONFIDENCE, Plan
from floorbroker.cli.planning.typed import clock_text
from floorbroker.pretrade.costs.frontier import Point, quantile, value_at_risk
from floorbroker.pretrade.costs.outlook import Estimate


def plan_view(plan: Plan) -> dict[str, Any]:
    """Everything of the plan; `null` where a number does not exist."""
    found = plan.solution
    shown: dict[str, Any] = {"algorithm": plan.algorithm, "order": plan.title, "qty": plan.qty}
    if plan.algorithm == "is":
        shown["kappa"] = found.kappa
    shown |= {
        "risk_aversion": plan.program.risk_aversion,
        "holdings": list(found.holdings),
        "trades": list(found.trades),
        "expected_cost": found.expected_cost if _has_dollars(plan) else None,
        "std_dev": found.std_dev if _has_dollars(plan) else None,
        "value_at_risk": (
            value_at_risk(found, quantile(CONFIDENCE)) if _has_dollars(plan) else None
        ),
        "schedule": _schedule(plan),
        "estimates": [_estimate(plan, estimate) for estimate in plan.estimates],
        "parameters": {
            told.name: {"value": told.value, "unit": told.unit, "source": told.source}
            for told in plan.parameters
        },
        "frontier": [_point(plan, point) for point in plan.points],
        "least_value_at_risk": None if plan.least is None else _point(plan, plan.least),
        "notes": list(plan.notes),
    }
    return shown


def _has_dollars(plan: Plan) -> bool:
    return plan.scale is None or plan.dollars_per_bp is not None


def _schedule(plan: Plan) -> list[dict[str, Any]]:
    done = accumulate(part.shares for part in plan.slices)
    return [
        {
            "time": clock_text(part.start_s),
            "until": clock_text(part.end_s),
            "shares": part.shares,
            "cumulative": so_far,
            "volume": part.volume,
            "rate": part.rate,
        }
        for part, so_far in zip(plan.slices, done, strict=True)
    ]


def _estimate(plan: Plan, estimate: Estimate) -> dict[str, Any]:
    per_bp = plan.dollars_per_bp
    return {
        **to_builtins(estimate),
        "cost": None if per_bp is None else estimate.cost_bps * per_bp,
        "risk": None if per_bp is None else estimate.risk_bps * per_bp,
    }


def _point(plan: Plan, point: Point) -> dict[str, Any]:
    shown: dict[str, Any] = to_builtins(point)
    if plan.scale is not None:
        shown["cost_bps"] = point.expected_cost * plan.scale
        shown["risk_bps"] = point.std_dev * plan.scale
    if not _has_dollars(plan):
        shown["expected_cost"] = shown["std_dev"] = None
    return shown
