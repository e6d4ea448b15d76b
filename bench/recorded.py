"""Recorded days for the algorithms: their steps, and what was known of the symbol before."""

import os
from collections.abc import Iterator, Sequence
from datetime import date, time
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any

from msgspec import Struct

from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.errors import TapeError
from floorbroker.domain.quotes import MarketEvent
from floorbroker.domain.terms import Side
from floorbroker.exchange.reference.calendar import regular_hours
from floorbroker.execution.algos.port import MarketView, ParentRequest
from floorbroker.execution.catalog import SHIPPED
from floorbroker.execution.kit import FillRules, Run, Step, replay
from floorbroker.marketdata.detect import open_tape
from floorbroker.marketdata.history.estimate import Choice, history_of
from floorbroker.marketdata.history.known import curve_of, stats_of
from floorbroker.marketdata.history.load import Reading
from floorbroker.marketdata.port import NS_PER_MINUTE, Selection, new_york_ns
from floorbroker.simulation.tape_kit import steps_of

EVERY_NS = 5 * 1_000_000_000
BIN_NS = 30 * NS_PER_MINUTE
START, END = time(10, 30), time(12, 30)
CAP = Decimal("0.25")
HUNDREDTH = Decimal("0.01")
#: Of the parent's limit, beyond the midpoint at its start.
LIMIT_PART = Decimal("0.01")
#: A command reaches the market so long after its decision.
RULES = FillRules(latency_ns=50_000_000)
#: Those without a cap of their own bound themselves by price and size.
CAPPED = frozenset({"twap", "vwap", "is"})


class Recorded(Struct, frozen=True, kw_only=True):
    """A symbol's day: its steps, and what earlier days say (`market.curve` None: no such day)."""

    symbol: str
    day: date
    steps: Sequence[Step]
    market: MarketView

    @property
    def volume(self) -> Decimal:
        """Of the whole window; a parent is a part of it."""
        return sum((step.volume.decimal for step in self.steps[1:]), Decimal(0))

    @property
    def arrival(self) -> Decimal:
        first = self.steps[0]
        assert first.bid is not None
        assert first.ask is not None
        return (first.bid.decimal + first.ask.decimal) / 2


def data_folder() -> Path:
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("RECORDED_MARKET_DATA", default))


def days_of() -> list[tuple[str, date]]:
    """Symbols and days, in the order in which they are worked."""
    ibm = [("IBM", date(2013, 10, number)) for number in range(7, 12)]
    return [*ibm, *((symbol, date(2012, 6, 21)) for symbol in ("AMZN", "GOOG"))]


def recorded_days(folder: Path) -> Iterator[Recorded]:
    """Five days of ticks, and two of an order book whose earlier days nobody has."""
    for symbol, day in days_of():
        yield recorded(folder, symbol, day)


def recorded(folder: Path, symbol: str, day: date) -> Recorded:
    window = new_york_ns(day, START), new_york_ns(day, END)
    events = events_of(folder, symbol, day)
    return Recorded(
        symbol=symbol,
        day=day,
        steps=list(steps_of(events, symbol, window, every_ns=EVERY_NS)),
        market=market_of(folder, symbol, day),
    )


def events_of(folder: Path, symbol: str, day: date) -> Iterator[MarketEvent]:
    lean = folder / "algoseek_lean" / "tick" / symbol.lower()
    place = lean if lean.is_dir() else folder / "lobster"
    for source in open_tape(place, Selection(frozenset({symbol}), day)):
        yield from source


def market_of(folder: Path, symbol: str, day: date) -> MarketView:
    """What was known before the day began: nothing of the day itself is read."""
    session = regular_hours(day)
    assert session is not None
    view = MarketView(session_open_ns=session[0], session_close_ns=session[1])
    place = folder / "algoseek_lean" / "minute" / symbol.lower()
    if not place.is_dir():
        return view
    reading = Reading(regular_hours, BIN_NS)
    try:
        history = history_of(
            reading.days(place, symbol, before=day), regular_hours, Choice(before=day)
        )
    except TapeError:
        return view
    return MarketView(
        session_open_ns=session[0],
        session_close_ns=session[1],
        curve=curve_of(history, day, regular_hours),
        stats=stats_of(history),
    )


def request_of(of: Recorded, algo: str, percent: int, side: Side = Side.BUY) -> ParentRequest:
    """A parent of so much of the window's volume, with a limit and a cap. POV's is twice as
    large, so that its rate bounds it and not its quantity."""
    whole = 2 if algo == "pov" else 1
    qty = (of.volume * whole * percent * HUNDREDTH).to_integral_value(ROUND_FLOOR)
    sign = 1 if side is Side.BUY else -1
    limit = (of.arrival * (1 + sign * LIMIT_PART)).quantize(HUNDREDTH)
    params: dict[str, Any] = {}
    if algo in CAPPED:
        params = {"max_rate": str(CAP)}
    elif algo == "pov":
        params = {"rate": str(percent * HUNDREDTH)}
    elif algo == "iceberg":
        params = {"display": str(max(qty // 20, Decimal(1))), "stand": "near"}
    elif algo == "sniper":
        params = {"cooldown_s": "10"}
    return ParentRequest(
        side=side,
        symbol=of.symbol,
        qty=Qty.of(qty),
        algo=algo,
        start_ns=of.steps[0].time_ns,
        end_ns=of.steps[-1].time_ns,
        limit=Px.of(limit),
        params=params,
    )


def worked(of: Recorded, algo: str, percent: int, side: Side = Side.BUY) -> Run:
    request = request_of(of, algo, percent, side)
    return replay(SHIPPED[algo], request, of.steps, market=of.market, rules=RULES)
