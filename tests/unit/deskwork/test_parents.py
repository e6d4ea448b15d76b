"""A parent order is told what earlier days say of its symbol, or what nobody knows."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from floorbroker.config import Settings
from floorbroker.desk import Desk
from floorbroker.deskwork.parents import MoreTerms
from floorbroker.domain.books.earlier import AuctionVolumes, DayStats
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


@pytest.fixture
def trades(tmp_path: Path) -> Path:
    """A print a day: two opening auctions before the embedded exchange's day."""
    rows = [
        {"t": f"2026-05-{day}T13:30:00Z", "p": 187, "s": size, "x": "Q", "i": day, "c": ["@", "O"]}
        for day, size in ((28, 7000), (29, 9000))
    ]
    path = tmp_path / "trades.json"
    path.write_bytes(msgspec.json.encode({"symbol": "AAPL", "trades": rows}))
    return path


async def test_an_order_for_an_auction_with_a_cap_is_told_earlier_auctions(
    tmp_path: Path, trades: Path
) -> None:
    given = DayStats(adv=Decimal(9), auctions=AuctionVolumes(closing=Decimal(4), days=1))
    async with Desk(settings(tmp_path / "home", trades)) as desk:
        capped = {"max_rate": "0.2"}
        wanted: list[MoreTerms] = [{"params": capped}, {"params": capped, "stats": given}, {}]
        for terms in wanted:
            placed = await desk.parents.submit(
                "buy", 100, "AAPL", algo="close", end=MINUTES, **terms
            )
            await desk.parents.cancel(placed.parent_id)
        records = desk._open.journal.records()
        orders = [one.message for one in records if isinstance(one.message, ParentOrder)]
    told, own, free = (order.stats for order in orders)
    assert (told.auctions.opening, told.auctions.closing) == (Decimal(7000), None)
    assert (told.auctions.days, told.auctions.source) == (2, "alpaca")
    assert told.auctions.as_of_ns > 0
    assert own == given
    assert free == DayStats()


async def test_of_auctions_that_nobody_knows_it_is_kept_who_was_asked(tmp_path: Path) -> None:
    bars = tmp_path / "bars.csv"
    bars.write_text(
        "symbol,timestamp,open,high,low,close,volume\n"
        "IBM,2026-05-29T10:01:00-04:00,187,187,187,187,400\n"
    )
    async with Desk(settings(tmp_path / "home", bars)) as desk:
        terms: MoreTerms = {"params": {"max_rate": "0.2"}}
        placed = await desk.parents.submit("buy", 100, "AAPL", algo="close", end=MINUTES, **terms)
        await desk.parents.cancel(placed.parent_id)
        records = desk._open.journal.records()
        (order,) = [one.message for one in records if isinstance(one.message, ParentOrder)]
    assert order.stats.auctions.days == 0
    assert "no earlier auction of AAPL is known" in order.stats.auctions.why


async def test_without_files_auctions_are_those_of_the_synthetic_market_s_past(
    tmp_path: Path,
) -> None:
    async with Desk(settings(tmp_path / "home")) as desk:
        terms: MoreTerms = {"params": {"max_rate": "0.2"}}
        placed = await desk.parents.submit("buy", 100, "AAPL", algo="close", end=MINUTES, **terms)
        await desk.parents.cancel(placed.parent_id)
        records = desk._open.journal.records()
        (order,) = [one.message for one in records if isinstance(one.message, ParentOrder)]
    found = order.stats.auctions
    assert (found.days, found.source) == (20, "auctions of the synthetic market, seed 7")
    assert found.opening is not None
    assert found.closing is not None
    assert found.closing > 2 * found.opening > 0
