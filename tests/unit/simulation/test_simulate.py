"""A recorded day is played as it was: in time, repeatably, and without a look ahead."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from msgspec import structs

from floorbroker.cli.root import run
from floorbroker.clock import ns_of
from floorbroker.domain.order import OrderRequest
from floorbroker.journal.reader import SqliteJournalReader
from floorbroker.marketdata.port import NEW_YORK
from floorbroker.simulation.results import Simulated
from floorbroker.simulation.run import Plan, Planned, simulate
from floorbroker.venues import open_market

OPENING = datetime(2026, 6, 1, 9, 30, tzinfo=NEW_YORK)
Px = Callable[[int], Decimal]


def rising(minute: int) -> Decimal:
    return Decimal(100) + Decimal(minute) / 10


def tape_of(path: Path, px: Px = rising, minutes: int = 40) -> Path:
    """One-minute bars of AAPL from the bell on, 700 shares each."""
    rows = ["symbol,timestamp,open,high,low,close,volume"]
    for minute in range(minutes):
        at = (OPENING + timedelta(minutes=minute)).astimezone().isoformat()
        rows.append(f"AAPL,{at},{px(minute)},{px(minute)},{px(minute)},{px(minute)},700")
    path.write_text("\n".join(rows) + "\n")
    return path


def at(minute: int) -> int:
    return ns_of(OPENING + timedelta(minutes=minute))


def played(
    tape: Path, *orders: tuple[int, OrderRequest], seed: int = 1, **more: Path
) -> Simulated:
    planned = [Planned(line, one, at(minute)) for line, (minute, one) in enumerate(orders, 2)]
    market = open_market(tape, (), 0)
    return simulate(
        Plan(market=market, orders=planned, seed=seed, journal_path=more.get("journal"))
    )


BUY = OrderRequest.market("buy", 30, "AAPL")
PATIENT = OrderRequest.limit("buy", 10, "AAPL", limit_price="99")
SELL = OrderRequest.limit("sell", 10, "AAPL", limit_price="102.50")


def test_orders_are_filled_at_the_market_of_their_time(tmp_path: Path) -> None:
    outcome = played(tape_of(tmp_path / "bars.csv"), (5, BUY), (6, SELL), (7, PATIENT))
    bought, sold, patient = outcome.orders
    assert (bought.ord_status, bought.filled, bought.line) == ("filled", "30", 2)
    assert bought.average_px is not None
    assert abs(bought.average_px - Decimal("100.4")) < Decimal("0.2")
    assert sold.ord_status == "filled"
    assert sold.average_px is not None
    assert sold.average_px >= Decimal("102.50")  # reached at minute 25
    assert (patient.ord_status, patient.filled) == ("expired", "0")
    assert outcome.verification.damage is None
    assert not outcome.open_orders


def test_a_market_buy_pays_half_the_spread_against_its_arrival(tmp_path: Path) -> None:
    (bought,) = played(tape_of(tmp_path / "bars.csv", lambda _: Decimal(100)), (5, BUY)).orders
    assert bought.arrival_px is not None
    assert bought.average_px is not None
    assert bought.arrival_slippage_bps is not None
    assert bought.average_px > bought.arrival_px
    cost = (bought.average_px - bought.arrival_px) / bought.arrival_px * 10_000
    assert abs(bought.arrival_slippage_bps - cost) < Decimal("0.01")


def test_the_interval_of_a_resting_order_ends_with_its_last_fill(tmp_path: Path) -> None:
    _, sold = played(tape_of(tmp_path / "bars.csv"), (5, BUY), (6, SELL)).orders
    assert sold.interval_vwap is not None
    assert Decimal("100.6") < sold.interval_vwap < Decimal("102.50")
    assert sold.participation is not None
    assert 0 < sold.participation < Decimal("0.01")  # 10 of about 19 minutes of 700
    assert sold.vwap_slippage_bps is not None
    assert sold.vwap_slippage_bps < 0  # sold above it: a gain


def test_the_interval_of_an_unfinished_order_goes_on_to_its_end(tmp_path: Path) -> None:
    large = OrderRequest.limit("buy", 5_000, "AAPL", limit_price="100.60")
    (one,) = played(tape_of(tmp_path / "bars.csv"), (5, large)).orders
    assert one.ord_status == "expired"
    assert 0 < Decimal(one.filled) < 5_000
    assert one.interval_vwap is not None
    assert one.interval_vwap > 102  # the market rose on to 103.9


def test_the_same_inputs_give_the_same_journal(tmp_path: Path) -> None:
    tape = tape_of(tmp_path / "bars.csv")
    heads = {played(tape, (5, BUY), (6, SELL)).head for _ in range(2)}
    assert len(heads) == 1
    assert played(tape, (5, BUY), (6, SELL), seed=2).head not in heads


def test_a_changed_future_changes_nothing_before_it(tmp_path: Path) -> None:
    def crash(minute: int) -> Decimal:
        return rising(minute) if minute < 20 else Decimal(50)

    journals = []
    for name, px in (("told", rising), ("other", crash)):
        journal = tmp_path / f"{name}.sqlite"
        tape = tape_of(tmp_path / f"{name}.csv", px)
        played(tape, (5, BUY), (6, SELL), (30, BUY), journal=journal)
        reader = SqliteJournalReader.open(journal)
        journals.append([(record.hash, told_at(record.message)) for record in reader.records()])
        reader.close()
    before = [[one for one in told if one[1] < at(20)] for told in journals]
    assert len(before[0]) > 8
    assert before[0] == before[1]
    assert journals[0] != journals[1]


def told_at(message: object) -> int:
    """The latest time that a message tells, 0 where it tells none."""
    times = [value for value in structs.asdict(message).values() if isinstance(value, datetime)]  # type: ignore[arg-type]  # any message is a struct
    return max(map(ns_of, times), default=0)


def test_what_the_desk_refuses_is_a_result(tmp_path: Path) -> None:
    named = OrderRequest.market("buy", 10, "AAPL", cl_ord_id="mine")
    outcome = played(tape_of(tmp_path / "bars.csv"), (5, named), (6, named))
    first, second = outcome.orders
    assert first.ord_status == "filled"
    assert (second.ord_status, second.cl_ord_id, second.filled) == ("refused", None, "0")
    assert "mine" in second.text
    assert outcome.refused == 1


def test_the_command_reports_and_leaves_a_journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = tmp_path / "orders.csv"
    orders.write_text("time,side,qty,symbol,limit\n09:35,buy,30,AAPL,\n09:36,buy,5,AAPL,99\n")
    out = tmp_path / "out"
    words = ["simulate", "--orders", f"{orders}", "--tape", f"{tape_of(tmp_path / 'bars.csv')}"]
    assert run([*words, "--out", f"{out}", "--json"]) == 0
    told = msgspec.json.decode(capsys.readouterr().out)
    assert [one["ord_status"] for one in told["orders"]] == ["filled", "expired"]
    assert told["journal_verified"]
    assert (out / "report.html").stat().st_size > 10_000
    assert run([*words, "--out", f"{out}"]) == 0  # a second run begins anew
    assert told["journal_head"] in capsys.readouterr().out


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("25:00,buy,1,AAPL,", "line 2: time: "),
        (",buy,1,AAPL,", "line 2: time: "),
        ("2026-06-02T10:00,buy,1,AAPL,", "the tape's day is 2026-06-01"),
        ("16:30,buy,1,AAPL,", "after the close"),
        ("10:00,buy,1,MSFT,", "line 2: symbol: "),
        ("10:00,buy,NaN,AAPL,", "line 2: qty: "),
        ("10:00,hold,1,AAPL,", "line 2: side: "),
        ("10:00,buy,1,AAPL,0", "line 2: limit: "),
    ],
)
def test_what_cannot_be_played_is_told_by_line_field_and_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: str, said: str
) -> None:
    orders = tmp_path / "orders.csv"
    orders.write_text(f"time,side,qty,symbol,limit\n{row}\n")
    tape = tape_of(tmp_path / "bars.csv")
    assert run(["simulate", "--orders", f"{orders}", "--tape", f"{tape}"]) == 2
    assert said in capsys.readouterr().err


def test_a_column_that_is_none_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    orders = tmp_path / "orders.csv"
    orders.write_text("time,side,qty,symbol,colour\n10:00,buy,1,AAPL,red\n")
    tape = tape_of(tmp_path / "bars.csv")
    assert run(["simulate", "--orders", f"{orders}", "--tape", f"{tape}"]) == 2
    assert "colour is no column" in capsys.readouterr().err


def test_a_recorded_day_of_ticks_is_played_whole(recorded_data: Path) -> None:
    tape = Path(f"{recorded_data / 'algoseek_lean' / 'tick' / 'ibm'}@2013-10-08")
    day = datetime(2013, 10, 8, 10, tzinfo=NEW_YORK)
    order = OrderRequest.market("buy", 100, "IBM")
    planned = [Planned(2, order, ns_of(day))]
    outcome = simulate(Plan(market=open_market(tape, (), 0), orders=planned))
    (bought,) = outcome.orders
    assert bought.arrival_px == Decimal("180.66")  # the recorded 180.63 and 180.69
    assert bought.average_px == Decimal("180.69")
