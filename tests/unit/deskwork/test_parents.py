"""A parent order is told what earlier days say of its symbol, or what nobody knows."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from floorbroker.config import Settings
from floorbroker.desk import Desk
from floorbroker.domain.books.parents import ParentOrder
from floorbroker.domain.errors import InvalidOrder

MINUTES = timedelta(minutes=10)


def settings(home: Path, history: Path | None = None) -> Settings:
    return Settings(mode="embedded", home=home, journal_path=home / "desk.sqlite", history=history)


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Two days before the embedded exchange's: four times as much in the first minute."""
    path = tmp_path / "bars.csv"
    rows = ["symbol,timestamp,open,high,low,close,volume"]
    for day in ("28", "29"):
        for hour, volume in (("10:01", 4000), ("10:02", 0), ("10:16", 1000)):
            rows.append(f"AAPL,2026-05-{day}T{hour}:00-04:00,187,187,187,187,{volume}")
    path.write_text("\n".join(rows) + "\n")
    return path


async def test_a_vwap_order_gets_the_curve_of_earlier_days(tmp_path: Path, history: Path) -> None:
    async with Desk(settings(tmp_path / "home", history)) as desk:
        placed = await desk.parents.submit("buy", 100, "AAPL", algo="vwap", end=MINUTES)
        records = desk._open.journal.records()
        (order,) = [one.message for one in records if isinstance(one.message, ParentOrder)]
        curve, stats, volume = order.curve, order.stats, Decimal(5000)
        assert curve is not None
        assert (curve.days, curve.day_volume, curve.source) == (2, volume, "mean of bars")
        assert [share for share in curve.shares if share] == [Decimal("0.8"), Decimal("0.2")]
        assert (stats.adv, stats.source) == (volume, "bars")
        await desk.parents.cancel(placed.parent_id)


async def test_without_files_a_vwap_order_follows_the_synthetic_market_s_past(
    tmp_path: Path,
) -> None:
    async with Desk(settings(tmp_path / "home")) as desk:
        placed = await desk.parents.submit("buy", 100, "AAPL", algo="vwap", end=MINUTES)
        records = desk._open.journal.records()
        (order,) = [one.message for one in records if isinstance(one.message, ParentOrder)]
        assert order.curve is not None
        assert order.curve.source == "mean of minute bars of the synthetic market, seed 7"
        assert (order.curve.days, len(order.curve.shares)) == (20, 26)
        assert order.stats.daily_volatility is not None
        await desk.parents.cancel(placed.parent_id)


async def test_without_earlier_days_the_order_is_refused_and_says_whom_it_asked(
    tmp_path: Path,
) -> None:
    async with Desk(settings(tmp_path / "home")) as desk:
        with pytest.raises(
            InvalidOrder, match=r"curve: .*the synthetic market, seed 7"
        ) as refused:
            await desk.parents.submit("buy", 100, "IBM", algo="vwap", end=MINUTES)
        assert refused.value.field == "curve"
        twap = await desk.parents.submit("buy", 100, "AAPL", algo="twap", end=MINUTES)
        await desk.parents.cancel(twap.parent_id)
