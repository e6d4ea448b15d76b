"""Every algorithm on every recorded day: as a parent order of the engine, through Alpaca's client
and the exchange under the virtual clock.

Each cell of the table is a run of its own, with an exchange of its own: two parents on one
exchange would take each other's liquidity. What a parent may never exceed is judged by the
exchange's word alone. A cell that breaks a promise is told, and the part fails.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, time
from decimal import ROUND_FLOOR, Decimal
from itertools import groupby, product
from pathlib import Path
from typing import Any

from msgspec import Struct, structs

from bench.recorded import CAP, HUNDREDTH, data_folder, days_of, events_of, market_of
from bench.runs import Figures, say
from bench.truth import Bounds, Truth
from floorbroker.clock import NS_PER_S
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.order import OrderRequest
from floorbroker.domain.quotes import MarketEvent, Quote, Trade
from floorbroker.domain.terms import Side
from floorbroker.exchange.tape import Tape
from floorbroker.execution.catalog import SHIPPED
from floorbroker.marketdata.history.day import VolumeRules
from floorbroker.marketdata.port import new_york_ns
from floorbroker.simulation.results import OrderOutcome
from floorbroker.simulation.run import Plan, Planned, Work, simulate
from floorbroker.venues import MarketPlan, open_market

PERCENTS = (1, 5, 10)
#: The size that is worked with a tight limit, too.
TIGHT = 5
#: From when until when a parent is worked, in New York. Auctions print up to two minutes late.
MIDDAY = time(10, 30), time(12, 30)
WINDOWS = {"open": (time(9, 20), time(10, 30)), "close": (time(15), time(16, 5))}
#: Of the parent's limit, beyond the midpoint at its start. A night's news comes before an open.
LIMIT_PARTS = {"open": Decimal("0.03")}
LIMIT_PART = Decimal("0.01")
#: Half of it in the auction, half worked beside.
AUCTION_PART = "0.5"
#: So much of its rate POV reaches at least: volume counts once its bucket is over.
POV_LEAST = Decimal("0.8")
CLEANUP_NS = 60 * NS_PER_S
#: Cash is not what is measured.
PLENTY = Decimal(1_000_000_000)
#: These have no earlier day here: the curve is even, and nothing of the day is in it.
EVEN = (Decimal(1),)


class Day(Struct, frozen=True, kw_only=True):
    """A recorded day in memory, read once for all its cells."""

    symbol: str
    day: date
    events: list[MarketEvent]
    market: MarketPlan
    history: Path | None  #: Minutes of earlier days, where there are any.
    ticks: Path | None  #: The same with every print, which tell the auctions.


class Asked(Struct, frozen=True, kw_only=True):
    """A parent order for a window of the day; one that `is_tight` has its limit at the midpoint
    of its start, so that the limit is in the way for much of its time."""

    algo: str
    start_ns: int
    end_ns: int
    bounds: Bounds
    params: dict[str, Any]
    is_tight: bool = False


class Cell(Struct, frozen=True, kw_only=True):
    """What came of one parent. `broken` are the promises that were not kept, a sentence each."""

    symbol: str
    day: date
    algo: str
    percent: int
    is_tight: bool
    asked: Decimal
    filled: Decimal
    orders: int
    cap: Decimal | None
    most_part: Decimal | None
    part: Decimal
    arrival_bps: Decimal | None
    vwap_bps: Decimal | None
    auction_part: Decimal | None
    note: str
    broken: tuple[str, ...]


def opened(folder: Path, symbol: str, day: date) -> Day:
    events = list(events_of(folder, symbol, day))
    lean = folder / "algoseek_lean"
    ticks, history = lean / "tick" / symbol.lower(), lean / "minute" / symbol.lower()
    place = f"{ticks}@{day}" if ticks.is_dir() else f"{folder / 'lobster'}@{symbol}"
    is_first = market_of(folder, symbol, day).curve is None
    return Day(
        symbol=symbol,
        day=day,
        events=events,
        market=shown(open_market(Path(place), (), 0), events),
        history=None if is_first else history,
        ticks=ticks if ticks.is_dir() else None,
    )


def shown(market: MarketPlan, events: Sequence[MarketEvent]) -> MarketPlan:
    """The market whose tape is these events."""
    return structs.replace(market, make_tape=lambda: Tape([events], symbols=market.symbols))


def asked(
    of: Day, algo: str, percent: int, side: Side = Side.BUY, *, is_tight: bool = False
) -> Asked:
    """So much of the window's volume, auctions with it where the algorithm takes part in them.
    POV's is twice as large, so that its rate bounds it and not its quantity."""
    start_ns, end_ns = (new_york_ns(of.day, at) for at in WINDOWS.get(algo, MIDDAY))
    rules = VolumeRules(auctions=SHIPPED[algo].in_auctions)
    volume = sum(
        (
            one.size
            for one in of.events
            if isinstance(one, Trade) and start_ns <= one.time_ns <= end_ns and rules.takes(one)
        ),
        Decimal(0),
    )
    whole = 2 if algo == "pov" else 1
    qty = (volume * whole * percent * HUNDREDTH).to_integral_value(ROUND_FLOOR)
    params = params_of(algo, percent, qty)
    cap = params.get("rate") or params.get("max_rate")
    return Asked(
        algo=algo,
        start_ns=start_ns,
        end_ns=end_ns,
        bounds=Bounds(
            side=side,
            qty=qty,
            limit=limit_of(of, algo, start_ns, None if is_tight else side),
            cap=None if cap is None else Decimal(cap),
        ),
        params=params,
        is_tight=is_tight,
    )


def params_of(algo: str, percent: int, qty: Decimal) -> dict[str, Any]:
    if algo == "pov":
        return {"rate": str(percent * HUNDREDTH)}
    if algo == "iceberg":
        return {"display": str(max(qty // 20, Decimal(1))), "stand": "near"}
    if algo == "sniper":
        return {"cooldown_s": "10"}
    if algo == "pegged":
        return {}
    params = {"max_rate": str(CAP)}
    if algo in WINDOWS:
        params["part"] = AUCTION_PART
    if algo == "open":
        params["work_missed"] = "true"
    return params


def limit_of(of: Day, algo: str, start_ns: int, side: Side | None) -> Decimal | None:
    """A part beyond the midpoint before the start, or with no side the midpoint itself; None
    where nothing was quoted yet."""
    mid = None
    for one in of.events:
        if one.time_ns >= start_ns:
            break
        if isinstance(one, Quote) and one.has_both_sides:
            mid = one.mid_px
    if mid is None:
        return None
    sign = 0 if side is None else 1 if side is Side.BUY else -1
    return (mid * (1 + sign * LIMIT_PARTS.get(algo, LIMIT_PART))).quantize(HUNDREDTH)


def worked(of: Day, wish: Asked, percent: int) -> Cell:
    truth = Truth(wish.bounds, wish.start_ns)
    (outcome,) = simulate(structs.replace(plan_of(of, wish), meet=truth.meet)).orders
    note = why_open(of, wish, truth)
    broken = [*truth.exceeded(), *unkept(wish, truth, outcome, is_excused=bool(note))]
    parts = truth.parts()
    return Cell(
        symbol=of.symbol,
        day=of.day,
        algo=wish.algo,
        percent=percent,
        is_tight=wish.is_tight,
        asked=wish.bounds.qty,
        filled=truth.filled,
        orders=truth.orders,
        cap=wish.bounds.cap,
        most_part=max(parts) if parts else None,
        part=truth.part_until(min(wish.end_ns, of.market.close_ns)),
        arrival_bps=outcome.arrival_slippage_bps,
        vwap_bps=outcome.vwap_slippage_bps,
        auction_part=truth.auction_part,
        note=note,
        broken=tuple(broken),
    )


def plan_of(of: Day, wish: Asked) -> Plan:
    bounds = wish.bounds
    qty = Qty.of(bounds.qty)
    if bounds.limit is None:
        order = OrderRequest.market(bounds.side, qty, of.symbol)
    else:
        order = OrderRequest.limit(bounds.side, qty, of.symbol, limit_price=Px.of(bounds.limit))
    curve = EVEN if wish.algo == "vwap" and of.history is None else ()
    work = Work(algo=wish.algo, end_ns=wish.end_ns, params=wish.params, curve=curve)
    planned = [Planned(1, order, wish.start_ns, work)]
    history = of.ticks if wish.algo in WINDOWS else of.history
    return Plan(market=of.market, orders=planned, cash=PLENTY, history=history)


def why_open(of: Day, wish: Asked, truth: Truth) -> str:
    """Why this parent need not complete, where it need not."""
    if wish.is_tight:
        return "a tight limit"
    if wish.algo == "pov":
        return "its rate bounds it"
    if wish.algo in ("iceberg", "pegged", "sniper"):
        return "not sure to complete"
    last_ns = min(wish.end_ns, of.market.close_ns)
    return "" if truth.was_in_reach(last_ns - CLEANUP_NS, last_ns) else "beyond its limit"


def unkept(wish: Asked, truth: Truth, outcome: OrderOutcome, *, is_excused: bool) -> Iterator[str]:
    """What the parent should have done and did not."""
    if outcome.cl_ord_id is None:
        yield f"refused: {outcome.text}"
        return
    if Decimal(outcome.filled) != truth.filled:
        yield f"the desk booked {outcome.filled}, the exchange filled {truth.filled}"
    if outcome.ord_status not in ("done", "expired"):
        yield f"it is {outcome.ord_status} after its time"
    if not is_excused and truth.filled < wish.bounds.qty:
        yield f"{truth.filled} of {wish.bounds.qty} are done, and nothing was in the way"
    rate = wish.bounds.cap
    if wish.algo == "pov" and rate is not None and not wish.is_tight:
        part = truth.part_until(wish.end_ns)
        if part < rate * POV_LEAST:
            yield f"{part:.2%} of the volume, {rate:.2%} was asked"


def cells(
    days: Iterable[tuple[str, date]], algos: Iterable[str], percents: Iterable[int]
) -> Iterator[Cell]:
    """Each size with a wide limit, and the middle one with a tight limit, too."""
    for symbol, day in days:
        of = opened(data_folder(), symbol, day)
        for algo, percent in product(algos, percents):
            yield worked(of, asked(of, algo, percent), percent)
            tight = asked(of, algo, percent, is_tight=True)
            if percent == TIGHT and tight.bounds.limit is not None:
                yield worked(of, tight, percent)


def line_of(cell: Cell) -> str:
    def bp(number: Decimal | None) -> str:
        return "      -" if number is None else f"{number:7.2f}"

    most = "-" if cell.most_part is None else f"{cell.most_part:.2%}"
    cap = "-" if cell.cap is None else f"{cell.cap:.0%}"
    auction = "" if cell.auction_part is None else f"{cell.auction_part:.1%} of the auction"
    told = cell.broken or tuple(one for one in (cell.note, auction) if one)
    size = f"{cell.percent:2} %{'*' if cell.is_tight else ' '}"
    return (
        f"{cell.symbol:4} {cell.day} {cell.algo:7} {size}"
        f"  {cell.filled:>7}/{cell.asked:<7} {cell.filled / cell.asked:7.2%}"
        f"  most {most:>6} of {cap:>3}  part {cell.part:6.2%}"
        f"  arrival {bp(cell.arrival_bps)} bp  VWAP {bp(cell.vwap_bps)} bp"
        f"  {cell.orders:4} orders  {'; '.join(told)}"
    )


def mean(numbers: Iterable[Decimal | None]) -> float | None:
    known = [float(one) for one in numbers if one is not None]
    return sum(known) / len(known) if known else None


def summed(found: list[Cell]) -> list[dict[str, Any]]:
    """A row for each symbol, algorithm and percent, over its days."""

    def key(cell: Cell) -> tuple[str, str, int]:
        return cell.symbol, cell.algo, cell.percent

    rows = []
    for (symbol, algo, percent), group in groupby(sorted(found, key=key), key):
        some = list(group)
        off = [float(one.vwap_bps) ** 2 for one in some if one.vwap_bps is not None]
        rows.append(
            {
                "symbol": symbol,
                "algo": algo,
                "percent": percent,
                "days": len(some),
                "done": mean(one.filled / one.asked for one in some),
                "part": mean(one.part for one in some),
                "most_part": max(float(one.most_part or 0) for one in some),
                "arrival_bps": mean(one.arrival_bps for one in some),
                "tracking_bps": (sum(off) / len(off)) ** 0.5 if off else None,
            }
        )
    return rows


def main() -> Figures:
    found = []
    for cell in cells(days_of(), SHIPPED, PERCENTS):
        say(line_of(cell))
        found.append(cell)
    broken = sum(bool(cell.broken) for cell in found)
    say("* with its limit at the midpoint of its start")
    say(f"{len(found)} parents, {broken} with a promise that was not kept")
    if broken:
        sys.exit(1)
    return {"rows": summed([one for one in found if not one.is_tight])}


if __name__ == "__main__":
    print(json.dumps(main()))
