"""Bars as if past splits and dividends had always been so."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from floorbroker.exchange.data.adjust import Adjustment, adjusted, adjustments_of, kinds_of
from floorbroker.exchange.model import VenueError
from floorbroker.exchange.reference.actions import CorporateAction
from tests.unit.exchange_data.test_timeframe import bar, ns

EX_NS = ns("2026-06-02T04:00:00Z")
SPLIT = Adjustment(
    kind="split", ex_ns=EX_NS, price_factor=Decimal("0.1"), volume_factor=Decimal(10)
)
DIVIDEND = Adjustment(kind="dividend", ex_ns=EX_NS, price_factor=Decimal("0.99"))


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("", set()),
        ("raw", set()),
        ("split", {"split"}),
        ("split,spin-off", {"split", "spin-off"}),
        ("all", {"split", "dividend", "spin-off"}),
        ("raw,dividend", {"dividend"}),
    ],
)
def test_adjustments_join_by_commas(text: str, kinds: set[str]) -> None:
    assert kinds_of(text) == kinds


def test_an_unknown_adjustment_is_refused() -> None:
    with pytest.raises(VenueError, match="invalid adjustment: fees"):
        kinds_of("split,fees")


def test_a_split_divides_prices_and_multiplies_volume_before_it() -> None:
    before, after = bar("2026-06-01T14:00:00Z", 1140, 7), bar("2026-06-02T14:00:00Z", 114, 70)
    first, second = adjusted([before, after], [SPLIT])
    assert (first.open_px, first.close_px, first.volume) == (
        Decimal(114),
        Decimal("114.1"),
        Decimal(70),
    )
    assert second == after


def test_a_dividend_moves_prices_and_leaves_volume() -> None:
    before = bar("2026-06-01T14:00:00Z", 100, 7)
    (one,) = adjusted([before], [DIVIDEND])
    assert (one.open_px, one.vwap, one.volume) == (Decimal(99), Decimal(99), Decimal(7))
    (both,) = adjusted([before], [DIVIDEND, SPLIT])
    assert (both.open_px, both.volume) == (Decimal("9.9"), Decimal(70))


def test_without_actions_nothing_moves() -> None:
    bars = [bar("2026-06-01T14:00:00Z", 100, 7)]
    assert adjusted(bars, []) == bars
    late = replace(SPLIT, ex_ns=0)
    assert adjusted(bars, [late]) == bars


def action(kind: str, **details: Decimal | date | bool | str) -> CorporateAction:
    return CorporateAction(
        id="5b4d2a0e-0000-4000-8000-000000000001",
        kind=kind,
        symbol="AAPL",
        cusip="037833100",
        process_date=date(2026, 6, 2),
        details={"ex_date": date(2026, 6, 2), **details},
    )


def factors(*actions: CorporateAction, close: str | None = "100") -> list[tuple[str, Decimal]]:
    """Kind and price factor of each, where the shares closed at this before it."""
    px = None if close is None else Decimal(close)
    found = adjustments_of(actions, lambda *_: px, lambda *_: Decimal(8))
    assert all(each.ex_ns == EX_NS for each in found)
    return [(each.kind, each.price_factor) for each in found]


def test_corporate_actions_become_factors() -> None:
    rates = {"old_rate": Decimal(1), "new_rate": Decimal(4)}
    assert factors(action("forward_split", **rates)) == [("split", Decimal("0.25"))]
    cash = action("cash_dividend", rate=Decimal(2), special=False, foreign=False)
    assert factors(cash) == [("dividend", Decimal("0.98"))]
    fruit: dict[str, Any] = {"source_rate": Decimal(2), "new_rate": Decimal(1), "new_cusip": "1"}
    spin_off = action("spin_off", new_symbol="SEED", **fruit)
    assert factors(spin_off) == [("spin-off", Decimal("0.96"))]


def test_an_action_whose_worth_is_not_known_moves_nothing() -> None:
    cash = action("cash_dividend", rate=Decimal(2), special=False, foreign=False)
    assert factors(cash, close=None) == []
    assert factors(cash, close="1") == []
    assert factors(action("stock_dividend", rate=Decimal(1))) == []
