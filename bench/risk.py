"""All pre-trade checks of one order, with 1,000 open orders: what the single writer spends."""

import gc
import time
from datetime import UTC, datetime
from decimal import Decimal

from bench.runs import Figures, percentile, run
from bench.stub import order
from floorbroker.clock import ns_of
from floorbroker.domain.ids import Account, ClOrdID
from floorbroker.domain.messages import NewOrderSingle
from floorbroker.domain.order import OrderRequest
from floorbroker.engine.exposure.facts import Facts, Reference
from floorbroker.engine.gates import risk
from floorbroker.engine.gates.risk import Around, Sight
from floorbroker.engine.settings import EngineSettings
from floorbroker.engine.state import State

OPEN, CALLS = 1000, 20_000
NOW = datetime(2026, 6, 1, 14, tzinfo=UTC)


def crowded() -> State:
    """A thousand open orders in a hundred symbols."""
    state = State()
    for number in range(OPEN):
        request = OrderRequest.limit("buy", 10, f"S{number % 100}", limit_price="187.20")
        name, account = ClOrdID(f"o{number}"), Account("bench")
        state.apply(
            NewOrderSingle(cl_ord_id=name, account=account, order=request, transact_time=NOW)
        )
    return state


async def main() -> Figures:
    reference = Reference(at_ns=ns_of(NOW), bid_px=Decimal("187.10"), ask_px=Decimal("187.30"))
    worth = Decimal(10_000_000)
    facts = Facts(
        at_ns=ns_of(NOW),
        reference=reference,
        today="2026-06-01",
        equity=worth,
        first_equity=worth,
        peak_equity=worth,
        broker_bp=worth,
        multiplier=2,
    )
    sight = Sight(crowded(), EngineSettings(), Around(facts=facts), NOW)
    request, waits = order(), []
    for _ in range(CALLS // 10):
        risk.check(sight, request)
    gc.collect()
    for _ in range(CALLS):
        started = time.perf_counter_ns()
        risk.check(sight, request)
        waits.append((time.perf_counter_ns() - started) / 1e3)
    return {"p50_us": percentile(waits, 0.5), "p99_us": percentile(waits, 0.99)}


if __name__ == "__main__":
    run(main)
