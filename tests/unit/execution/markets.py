"""Markets and orders that hypothesis draws: prices walk, quotes break, children get lost."""

from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import strategies as st

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.books.earlier import AuctionVolumes
from floorbroker.execution.algos.port import DayStats, MarketView, ParentRequest
from floorbroker.execution.kit import FillRules, Step
from tests.unit.execution.views import BUY, SELL, S, asked, curve

END_S = 300
CENT = Decimal("0.01")

#: The same for every drawn market; the curve is wider than the order, the session, too.
CONSTANTS = MarketView(
    curve=curve(3, 1, 2, 5, day_volume=20_000),
    stats=DayStats(
        adv=Decimal(100_000),
        daily_volatility=Decimal("0.02"),
        spread=Decimal("0.02"),
        auctions=AuctionVolumes(opening=Decimal(3000), closing=Decimal(5000), days=1),
    ),
    session_open_ns=0,
    session_close_ns=(END_S + 60) * S,
)

PARAMS: dict[str, dict[str, Any]] = {
    "twap": {"slices": 5, "vary_size": "0.4", "vary_time": "0.5", "seed": 11},
    "vwap": {"interval_s": 30, "follow": "dynamic"},
    "pov": {"rate": "0.2", "min_rate": "0.1", "bucket_s": 20},
    "is": {"risk_aversion": "1e-6", "interval_s": 30, "alpha": "0.3"},
    "iceberg": {"display": 70, "vary_display": "0.5", "stand": "near", "refill_s": 3},
    "pegged": {"to": "midpoint", "display": 80, "discretion": "0.01"},
    "sniper": {"take": "0.5", "max_clip": 120},
    "close": {"part": "0.4", "cutoff_s": 100, "interval_s": 30},
    "open": {"part": "0.5", "interval_s": 30},
}


def markets(*, is_whole: bool = False) -> st.SearchStrategy[list[Step]]:
    """A step every few seconds; with `is_whole` the quotes never break. Drawn from a seed, which
    is much faster than step by step."""
    return st.integers(0, 2**32).map(lambda seed: _market(Random(seed), is_whole=is_whole))


def _market(chance: Random, *, is_whole: bool) -> list[Step]:
    count, mid, steps = chance.randint(20, 60), 10_000, []
    for place in range(count):
        move, half = chance.randint(-8, 8), chance.randint(0, 4)
        mid += move
        bid, ask = Px.of((mid - half) * CENT), Px.of((mid + half) * CENT)
        trouble = "" if is_whole else chance.choices(TROUBLES, (30, 1, 1, 1, 1))[0]
        steps.append(
            Step(
                time_ns=place * (END_S + 80) * S // count,
                bid=ask + Px("0.01") if trouble == "crossed" else bid,
                ask=None if trouble == "one-sided" else ask,
                bid_qty=Qty(chance.randint(0, 600)),
                ask_qty=Qty(chance.randint(0, 600)),
                volume=Qty(chance.randint(0, 800)),
                last=ask if move > 0 else bid,
                is_halted=trouble == "halted",
                stale="feed lost" if trouble == "stale" else "",
            )
        )
    return steps


TROUBLES = ("", "halted", "stale", "crossed", "one-sided")


@st.composite
def orders(draw: st.DrawFn, /, algo: str, **fixed: Any) -> ParentRequest:
    """An order of that kind: either side, with or without limit, cap, clips and style."""
    wanted: dict[str, Any] = {**PARAMS[algo], **fixed}
    side = draw(st.sampled_from([BUY, SELL]))
    limit = draw(st.none() | st.integers(9_980, 10_020)) if "limit" not in fixed else None
    if algo == "sniper" and limit is None:
        limit = 10_000
    if limit is not None:
        wanted["limit"] = str(limit * CENT)
    if algo in ("twap", "vwap", "is", "close", "open"):
        wanted |= draw(_WORKED)
    until_s = END_S + 70 if algo in ("close", "open") else END_S
    return asked(algo, draw(st.integers(1, 3000)), side=side, until_s=until_s, **wanted)


_WORKED = st.fixed_dictionaries(
    {},
    optional={
        "style": st.sampled_from(["patient", "passive", "cross"]),
        "patience_s": st.integers(0, 60),
        "max_clip": st.integers(50, 400),
        "max_rate": st.sampled_from(["0.05", "0.2", "0.5"]),
        "tolerance": st.sampled_from(["0", "0.1"]),
        "unit": st.sampled_from(["1", "10"]),
        "cleanup_s": st.integers(0, 60),
    },
)


def rules() -> st.SearchStrategy[FillRules]:
    """Slow wires, and children of whose fate nobody hears for a while."""
    return st.builds(
        FillRules,
        latency_ns=st.sampled_from([0, 1, 500_000_000, 7 * S]),
        prints_own=st.booleans(),
        unknown=st.dictionaries(st.integers(0, 6), st.integers(1, 200).map(lambda s: s * S)),
    )
