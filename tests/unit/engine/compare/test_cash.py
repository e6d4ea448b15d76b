"""Every cent of the cash has an execution or an activity, or a break."""

from datetime import timedelta
from typing import Any

import pytest

from floorbroker.brokers.port import Activity, ActivityKind
from floorbroker.domain.amounts import Money
from floorbroker.domain.books.breaks import BreakCause, CashCount
from floorbroker.engine.book.cash import CashBook
from floorbroker.engine.compare.cash import Reading, counted, first_count, reading
from tests.unit.engine.compare.test_fills import booked, trade
from tests.unit.engine.scripted import START


def activity(kind: ActivityKind, amount: str, name: str = "a1") -> Activity:
    return Activity(
        activity_id=name,
        kind=kind,
        code=kind.upper(),
        time=START,
        net_amount=Money(amount),
        text="words",
    )


def book(*prices: str) -> CashBook:
    """A thousand dollars, and one share bought at each of these prices since."""
    cash = CashBook()
    cash.take(CashCount(cash=Money(1000)))
    order = booked(*(trade(f"x{n}", 1, n + 1, px) for n, px in enumerate(prices)))
    cash.booked(order.fills)
    return cash


def read(cash: str, *activities: Activity, of: CashBook) -> Reading:
    found = reading(of, Money(cash), activities)
    assert found is not None
    return found


@pytest.mark.proves("I08")
def test_executions_and_activities_explain_the_cash() -> None:
    fee = activity(ActivityKind.FEE, "-0.02")
    found = read("979.98", fee, of=book("10", "10"))
    assert found.agrees
    count, breaks = counted(found, START)
    assert (count.cash, count.traded, count.executions) == (Money("979.98"), Money(-20), 2)
    assert [(one.cause, one.is_open) for one in breaks] == [(BreakCause.FEE, False)]
    assert breaks[0].evidence == f"FEE of {START.date()}: words"


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        (ActivityKind.FEE, BreakCause.FEE),
        (ActivityKind.DIVIDEND, BreakCause.CORPORATE_ACTION),
        (ActivityKind.CORPORATE, BreakCause.CORPORATE_ACTION),
        (ActivityKind.INTEREST, BreakCause.TRANSFER),
        (ActivityKind.CASH, BreakCause.TRANSFER),
    ],
)
def test_each_change_of_the_brokers_list_has_its_cause(
    kind: ActivityKind, cause: BreakCause
) -> None:
    _, breaks = counted(read("1005", activity(kind, "5"), of=book()), START)
    assert [one.cause for one in breaks] == [cause]


def test_an_execution_that_the_first_count_had_is_not_missed_when_it_is_booked_later() -> None:
    """The broker's lists lag behind its cash: only the exact sum is believed."""
    cash = CashBook()
    cash.take(CashCount(cash=Money(990), until=START))
    cash.booked(booked(trade("x1", 1, 1, "10")).fills)
    found = read("990", of=cash)
    assert found.agrees
    count, breaks = counted(found, START)
    assert (count.cash, breaks) == (Money(990), [])
    cash.take(count)
    assert read("990", of=cash).agrees
    assert not read("980", of=cash).agrees
    assert not read("985", of=cash).agrees


def test_of_late_executions_the_first_count_had_those_up_to_some_instant() -> None:
    cash = CashBook()
    cash.take(CashCount(cash=Money(990), until=START))
    after = START + timedelta(seconds=2)
    second = trade("x2", 1, 2, "7", transact_time=after)
    cash.booked(booked(second, trade("x1", 1, 1, "10")).fills)  # told in the wrong order
    assert read("990", of=cash).agrees, "both were in the first count"
    assert read("983", of=cash).agrees, "the first was in the first count"
    assert read("973", of=cash).agrees, "neither was"
    assert not read("980", of=cash).agrees, "the second without the first cannot be"


def test_an_activity_is_counted_once() -> None:
    cash, fee = book("10"), activity(ActivityKind.FEE, "-0.02")
    count, _ = counted(read("989.98", fee, of=cash), START)
    cash.take(count)
    again = read("989.98", fee, of=cash)
    assert (again.agrees, again.activities) == (True, ())
    assert (cash.basis, cash.traded, cash.executions) == (Money("989.98"), Money(0), 0)


def test_what_is_executed_between_reading_and_counting_counts_next_time() -> None:
    cash = book("10")
    count, _ = counted(read("990", of=cash), START)
    cash.booked(booked(trade("late", 1, 1, "7")).fills)
    cash.take(count)
    assert read("983", of=cash).agrees


@pytest.mark.parametrize(
    ("cash", "cause"),
    [
        ("979.99", BreakCause.ROUNDING),
        ("980.02", BreakCause.ROUNDING),
        ("979.97", BreakCause.UNKNOWN),
        ("955", BreakCause.UNKNOWN),
    ],
)
def test_what_nothing_explains_stays_open_until_it_is_approved(
    cash: str, cause: BreakCause
) -> None:
    ours = book("10", "10")
    for _ in range(2):  # it is the same however often it is counted
        count, breaks = counted(read(cash, of=ours), START)
        assert [(one.cause, one.is_open) for one in breaks] == [(cause, True)]
        ours.take(count)
    (found,) = breaks
    assert found.proposal is not None
    ours.adjust(found.proposal.cash)
    assert read(cash, of=ours).agrees


def test_rounding_that_comes_out_to_the_cent_is_proven() -> None:
    """The broker rounds each execution: ours are exact."""
    ours = book("10.004", "10.004", "10.004")
    found = read("970", of=ours)  # exactly it were 969.988
    count, breaks = counted(found, START)
    assert [(one.cause, one.is_open) for one in breaks] == [(BreakCause.ROUNDING, False)]
    assert count.cash == Money(970)


@pytest.mark.parametrize(("prices", "agrees"), [(("10",), False), (("10.005",), True)])
def test_a_cent_is_no_difference_where_both_sides_may_be_rounded(
    prices: tuple[str, ...], agrees: bool
) -> None:
    of = book(*prices)
    exact: Any = read("0", of=of).expected
    assert read(f"{exact + Money('0.01')}", of=of).agrees is agrees
    assert not read(f"{exact + Money('0.02')}", of=of).agrees


def test_the_first_count_takes_over_what_is_there() -> None:
    cash = CashBook()
    cash.booked(booked(trade("x1", 1, 1)).fills)
    assert reading(cash, Money(5), ()) is None
    cash.take(first_count(cash, Money(5), [activity(ActivityKind.CASH, "100")], START))
    found = read("5", activity(ActivityKind.CASH, "100"), of=cash)
    assert (found.agrees, found.other) == (True, Money(0))
