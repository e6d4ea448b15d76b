"""Algorithms on recorded days: completion, participation, and cost against what they aim at.

Replayed by the kit, over steps of five seconds: the algorithms and their rails alone, with fills
by the kit's rules. `bench.days` does it with the engine and the exchange. The tape does not feel
our orders, so neither predicts what a broker's fills would cost.
"""

import json
from collections import defaultdict
from decimal import Decimal
from itertools import product

from msgspec import Struct

from bench.recorded import Recorded, data_folder, recorded_days, worked
from bench.runs import Figures, say
from floorbroker.domain.errors import InvalidOrder
from floorbroker.execution.kit import Run

ALGOS = ("twap", "vwap", "pov", "is", "iceberg", "pegged", "sniper")
PERCENTS = (1, 5, 10)
BPS = Decimal(10_000)


class Figure(Struct, frozen=True):
    """One parent: parts are of one, costs in basis points, positive where they hurt."""

    done: float
    rate: float
    off_schedule: float | None
    arrival_bps: float | None
    vwap_bps: float | None


def figure_of(of: Recorded, run: Run) -> Figure:
    return compared(
        of,
        None if run.average_px is None else run.average_px.decimal,
        done=float(run.filled / run.request.qty),
        rate=float(run.rate),
        off_schedule=float(run.schedule_error),
    )


def compared(
    of: Recorded, average: Decimal | None, *, done: float, rate: float, off_schedule: float | None
) -> Figure:
    """With its average price against the same two benchmarks, whoever filled it."""
    volume = notional = Decimal(0)
    for step in of.steps[1:]:
        if step.last is not None:
            volume += step.volume.decimal
            notional += step.volume.decimal * step.last.decimal

    def cost(benchmark: Decimal) -> float | None:
        return None if average is None else float((average - benchmark) / benchmark * BPS)

    return Figure(
        done=done,
        rate=rate,
        off_schedule=off_schedule,
        arrival_bps=cost(of.arrival),
        vwap_bps=cost(notional / volume),
    )


Group = tuple[str, str, int]


def measure() -> dict[Group, list[Figure]]:
    """Figures by symbol, algorithm and percent, one a day."""
    found: dict[Group, list[Figure]] = defaultdict(list)
    for of in recorded_days(data_folder()):
        for algo, percent in product(ALGOS, PERCENTS):
            try:
                run = worked(of, algo, percent)
            except InvalidOrder as no:
                say(f"{of.symbol} {of.day} {algo} {percent} %: left out: {no}")
                continue
            found[of.symbol, algo, percent].append(figure_of(of, run))
    return found


def mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0


def summed(figures: list[Figure]) -> dict[str, float | None]:
    off = [one.off_schedule for one in figures if one.off_schedule is not None]
    against = [one.vwap_bps for one in figures if one.vwap_bps is not None]
    return {
        "days": len(figures),
        "done": mean([one.done for one in figures]),
        "rate": mean([one.rate for one in figures]),
        "off_schedule": mean(off) if off else None,
        "arrival_bps": mean([one.arrival_bps for one in figures if one.arrival_bps is not None]),
        "vwap_bps": mean(against),
        "tracking_bps": mean([one * one for one in against]) ** 0.5,
    }


def main() -> Figures:
    rows = []
    for (symbol, algo, percent), figures in measure().items():
        row = {"symbol": symbol, "algo": algo, "percent": percent, **summed(figures)}
        rows.append(row)
        off = "-" if row["off_schedule"] is None else f"{row['off_schedule']:.2%}"
        say(
            f"{symbol:5} {algo:8} {percent:3} %  {row['days']} days"
            f"  done {row['done']:7.2%}  part {row['rate']:6.2%}"
            f"  off schedule {off:>6}  arrival {row['arrival_bps']:7.2f} bp"
            f"  VWAP {row['vwap_bps']:6.2f} bp  tracking {row['tracking_bps']:6.2f} bp"
        )
    return {"rows": rows}


if __name__ == "__main__":
    print(json.dumps(main()))
