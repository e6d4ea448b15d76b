"""Tapes become steps that know nothing of what comes, and algorithms keep their bounds on them."""

from collections.abc import Iterable, Iterator
from datetime import date, time
from decimal import Decimal
from itertools import product
from pathlib import Path
from random import Random

import pytest
from bench.recorded import (
    CAP,
    CAPPED,
    EVERY_NS,
    RULES,
    Recorded,
    events_of,
    market_of,
    recorded,
    request_of,
    worked,
)
from msgspec import structs

from floorbroker.clock import NS_PER_S
from floorbroker.domain.amounts import Px, Qty
from floorbroker.domain.quotes import Halt, MarketEvent, Quote, Trade
from floorbroker.domain.terms import Side
from floorbroker.execution.algos.port import Decision, MarketView, ParentRequest, VolumeCurve
from floorbroker.execution.catalog import SHIPPED
from floorbroker.execution.kit import replay
from floorbroker.marketdata.port import NS_PER_MINUTE, new_york_ns
from floorbroker.simulation.tape_kit import steps_of

D = Decimal
Said = tuple[int, Decision]
MONDAY = date(2026, 6, 1)
OPEN_NS = new_york_ns(MONDAY, time(9, 30))
ALGOS = ("twap", "vwap", "pov", "is", "iceberg", "pegged", "sniper")
IBM_DAYS = tuple(date(2013, 10, number) for number in range(7, 12))


def quote(second: D | int, bid: str = "10.00", ask: str = "10.02", size: int = 500) -> Quote:
    return Quote(
        symbol="AAPL",
        time_ns=OPEN_NS + int(second * NS_PER_S),
        bid_px=D(bid),
        bid_size=D(size),
        ask_px=D(ask),
        ask_size=D(size),
    )


def trade(second: D | int, size: int, px: str = "10.01", *, eligible: bool = True) -> Trade:
    time_ns = OPEN_NS + int(second * NS_PER_S)
    return Trade(symbol="AAPL", time_ns=time_ns, px=D(px), size=D(size), eligible=eligible)


def ten_seconds(events: Iterable[MarketEvent]) -> list[tuple[str | None, int, str | None]]:
    window = (OPEN_NS, OPEN_NS + 10 * NS_PER_S)
    steps = steps_of(events, "AAPL", window, every_ns=5 * NS_PER_S)
    return [
        (
            None if step.bid is None else str(step.bid),
            int(step.volume.decimal),
            None if step.last is None else str(step.last),
        )
        for step in steps
    ]


def test_a_step_holds_what_had_happened_by_its_instant() -> None:
    events: list[MarketEvent] = [
        quote(-3),
        trade(-2, 7),
        trade(1, 100),
        trade(5, 30, "10.02"),  # at the instant itself: known
        quote(D("5.000000001"), "10.05", "10.07"),  # a nanosecond later: not yet
        trade(7, 900, eligible=False),
        trade(11, 5_000),
    ]
    assert ten_seconds(events) == [
        ("10", 7, "10.01"),
        ("10", 130, "10.02"),
        ("10.05", 0, None),
    ]


def test_a_tape_that_ends_early_stands_still() -> None:
    assert ten_seconds([quote(-3)]) == [("10", 0, None)] * 3


def test_an_empty_side_and_a_halt_are_told() -> None:
    halt = Halt(symbol="AAPL", time_ns=OPEN_NS + 2, halted=True)
    window = (OPEN_NS, OPEN_NS + 5 * NS_PER_S)
    events: list[MarketEvent] = [quote(-1, size=0), halt]
    first, second = steps_of(events, "AAPL", window, every_ns=5 * NS_PER_S)
    assert (first.bid, first.ask, first.is_halted) == (None, None, False)
    assert second.is_halted


def walk(seed: int, minutes: int = 20) -> Iterator[MarketEvent]:
    """A market that walks: a quote and a print each second."""
    random, cents = Random(seed), 10_000
    for second in range(minutes * 60):
        cents += random.choice((-1, 0, 1))
        yield quote(second, f"{cents / 100:.2f}", f"{(cents + 2) / 100:.2f}", 100)
        yield trade(second + D("0.5"), random.randrange(1, 300), f"{cents / 100:.2f}")


def bent_after(events: Iterable[MarketEvent], time_ns: int) -> Iterator[MarketEvent]:
    """The same tape up to that instant; then everything is dearer, and much larger."""
    for event in events:
        if event.time_ns <= time_ns:
            yield event
        elif isinstance(event, Quote):
            bid, ask = event.bid_px + 3, event.ask_px + 4
            yield structs.replace(event, bid_px=bid, ask_px=ask, bid_size=D(9), ask_size=D(9))
        elif isinstance(event, Trade):
            yield structs.replace(event, px=event.px + 3, size=event.size * 50)


def decided_until(of: Recorded, request: ParentRequest, time_ns: int) -> list[Said]:
    """What is decided up to that instant."""
    algorithm = SHIPPED[request.algo]
    run = replay(algorithm, request, of.steps, market=of.market, rules=RULES)
    return [one for one in run.decisions if one[0] <= time_ns]


def walked(events: Iterable[MarketEvent]) -> Recorded:
    window = (OPEN_NS + 60 * NS_PER_S, OPEN_NS + 18 * 60 * NS_PER_S)
    steps = list(steps_of(events, "AAPL", window, every_ns=EVERY_NS))
    edges = (OPEN_NS, OPEN_NS + 10 * NS_PER_MINUTE, OPEN_NS + 390 * NS_PER_MINUTE)
    curve = VolumeCurve(edges_ns=edges, shares=(D(1), D(20)), day_volume=D(10_000))
    market = MarketView(curve=curve, session_open_ns=OPEN_NS, session_close_ns=edges[-1])
    return Recorded(symbol="AAPL", day=MONDAY, steps=steps, market=market)


@pytest.mark.parametrize("algo", ALGOS)
def test_changing_the_tape_after_an_instant_changes_no_decision_up_to_it(algo: str) -> None:
    time_ns = OPEN_NS + 9 * 60 * NS_PER_S
    told, bent = walked(walk(3)), walked(bent_after(walk(3), time_ns))
    request = request_of(told, algo, 5)
    decided = [decided_until(of, request, time_ns) for of in (told, bent)]
    assert any(decision.commands for _, decision in decided[0])
    assert decided[0] == decided[1]
    assert told.steps != bent.steps


def keeps_its_bounds(of: Recorded, algo: str, percent: int, side: Side) -> None:
    run = worked(of, algo, percent, side)
    request = run.request
    assert run.filled <= request.qty
    assert run.most_out <= request.qty
    assert not run.withheld
    limit = request.limit
    assert limit is not None
    sign = 1 if side is Side.BUY else -1
    assert all((fill.px.decimal - limit.decimal) * sign <= 0 for fill in run.fills)
    if algo in CAPPED or algo == "pov":
        cap = CAP if algo in CAPPED else D(percent) / 100
        others = run.others.decimal
        assert run.filled.decimal <= cap / (1 - cap) * others + 1


@pytest.mark.parametrize(("algo", "side"), list(product(ALGOS, Side)))
def test_no_algorithm_exceeds_its_bounds_on_a_walk(algo: str, side: Side) -> None:
    keeps_its_bounds(walked(walk(5)), algo, 10, side)


@pytest.mark.soak
@pytest.mark.parametrize(("symbol", "day"), [
    *(("IBM", day) for day in IBM_DAYS),
    ("AMZN", date(2012, 6, 21)),
    ("GOOG", date(2012, 6, 21)),
])  # fmt: skip
def test_no_algorithm_exceeds_its_bounds_on_recorded_days(
    recorded_data: Path, symbol: str, day: date
) -> None:
    of = recorded(recorded_data, symbol, day)
    for algo, percent, side in product(ALGOS, (1, 5, 10), Side):
        if algo == "vwap" and of.market.curve is None:
            continue  # nobody has an earlier day
        keeps_its_bounds(of, algo, percent, side)


@pytest.mark.soak
@pytest.mark.parametrize("algo", ALGOS)
def test_a_recorded_future_changes_no_decision(recorded_data: Path, algo: str) -> None:
    day = date(2013, 10, 8)
    window = new_york_ns(day, time(10, 30)), new_york_ns(day, time(11, 30))
    middle_ns = new_york_ns(day, time(11))
    market = market_of(recorded_data, "IBM", day)
    tapes = [
        events_of(recorded_data, "IBM", day),
        bent_after(events_of(recorded_data, "IBM", day), middle_ns),
    ]
    told, bent = (
        Recorded(
            symbol="IBM",
            day=day,
            steps=list(steps_of(events, "IBM", window, every_ns=EVERY_NS)),
            market=market,
        )
        for events in tapes
    )
    request = request_of(told, algo, 5)
    decided = [decided_until(of, request, middle_ns) for of in (told, bent)]
    assert any(decision.commands for _, decision in decided[0])
    assert decided[0] == decided[1]


def test_the_history_of_a_day_ends_before_it(recorded_data: Path) -> None:
    curve = market_of(recorded_data, "IBM", date(2013, 10, 8)).curve
    assert curve is not None
    assert curve.days == 2
    assert curve.as_of_ns < new_york_ns(date(2013, 10, 8), time())


def test_amounts_of_steps_are_exact() -> None:
    (step, *_) = steps_of([quote(-1)], "AAPL", (OPEN_NS, OPEN_NS), every_ns=1)
    assert (step.bid, step.bid_qty) == (Px("10.00"), Qty(500))
