"""A rebalance as JSON: the plan with its outlook, and where it led."""

from typing import TYPE_CHECKING

from floorbroker.clock import datetime_of
from floorbroker.deskwork.portfolio.outlook import Outlook, TradeOutlook
from floorbroker.deskwork.portfolio.rebalance import Outcome, Rebalance

if TYPE_CHECKING:
    from floorbroker.cli.portfolio.showing import Rehearsed
    from floorbroker.simulation.costs import Cost, Costs


def document(
    plan: Rebalance, ahead: Outlook, outcome: Outcome | None, mode: str
) -> dict[str, object]:
    """All of it; `outcome` is null where nothing was sent."""
    planned = _plan_document(plan, ahead)
    return {"mode": mode, "plan": planned, "outcome": _outcome_document(outcome)}


def rehearsal_document(found: "Rehearsed") -> dict[str, object]:
    """The same, with what it cost beside the market, the comparison, and where the files are."""
    from floorbroker.cli.tapes.folder import JOURNAL, REPORT
    from floorbroker.simulation.costs import costs_by_symbol, costs_of, unfinished

    made, played = found.made, found.played
    simulated = played.simulated
    rehearsal = {
        "market": simulated.market,
        "market_events": simulated.market_events,
        "cost": _costs(costs_of(simulated.orders)),
        "costs": {
            name: _costs(costs) for name, costs in costs_by_symbol(simulated.orders).items()
        },
        "orders": list(simulated.orders),
        "unfinished": unfinished(played),
        "open_breaks": sum(one.is_open for one in played.compared.breaks),
        "broker": {"cash": played.cash, "positions": played.held},
        "child_orders": simulated.report.totals.orders,
        "fills": simulated.report.totals.fills,
        "journal": f"{found.out / JOURNAL}",
        "journal_records": simulated.report.head_seq,
        "journal_head": simulated.head,
        "journal_verified": simulated.verification.damage is None,
        "report": f"{found.out / REPORT}",
    }
    told = document(made.plan, made.ahead, played.outcome, made.mode)
    return {**told, "rehearsal": rehearsal}


def _costs(costs: "Costs") -> dict[str, object]:
    return {
        "arrival": _cost(costs.arrival),
        "vwap": _cost(costs.vwap),
        "participation": costs.participation,
    }


def _cost(cost: "Cost") -> dict[str, object]:
    return {"dollars": cost.dollars, "bps": cost.bps, "worth": cost.worth}


def _plan_document(plan: Rebalance, ahead: Outlook) -> dict[str, object]:
    found = plan.trade_list
    return {
        "made_at": plan.made_at,
        "kind": plan.targets.kind,
        "nav": found.nav,
        "cash": found.cash,
        "kept_back": found.kept_back,
        "cash_after": found.cash_after,
        "half_spread_cost": ahead.half_spread,
        "impact_cost": ahead.impact,
        "notes": list(plan.notes),
        "trades": [
            {
                "phase": trade.phase,
                "side": trade.side,
                "qty": trade.qty,
                "symbol": trade.symbol,
                "px": trade.px,
                "value": trade.value,
                "px_age_s": round(plan.prices[trade.symbol].age_s, 3),
                "px_source": plan.prices[trade.symbol].source,
                **_ahead(one),
            }
            for trade, one in zip(found.trades, ahead.trades, strict=True)
        ],
        "names": [
            {
                "symbol": line.name.symbol,
                "held": line.name.held,
                "open_qty": line.name.open_buys - line.name.open_sells,
                "target": line.target,
                "change": line.change,
                "px": line.name.px,
                "why": line.why,
                "text": line.text,
            }
            for line in found.lines
        ],
    }


def _outcome_document(outcome: Outcome | None) -> dict[str, object] | None:
    if outcome is None:
        return None
    return {
        "is_done": outcome.is_done,
        "cash": outcome.cash,
        "traded_cash": outcome.traded_cash,
        "names": [
            {
                "symbol": row.symbol,
                "target": row.target,
                "held": row.held,
                "is_there": row.is_there,
                "trades": [
                    {
                        "side": one.trade.side,
                        "qty": one.trade.qty,
                        "filled": one.filled,
                        "avg_px": one.avg_px,
                        "order": one.order_id or None,
                        "text": one.text,
                    }
                    for one in row.sent
                ],
            }
            for row in outcome.rows
        ],
    }


def _ahead(one: TradeOutlook) -> dict[str, object]:
    stats = one.stats
    return {
        "half_spread_cost": one.half_spread,
        "impact_cost": one.impact,
        "adv": stats.adv,
        "daily_volatility": stats.daily_volatility,
        "stats_source": stats.source or None,
        "stats_as_of": datetime_of(stats.as_of_ns) if stats.source else None,
        "not_known": one.why or None,
        "denials": list(one.denials),
    }
