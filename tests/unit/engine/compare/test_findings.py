"""A break keeps its id, stands until it is explained, and is approved by name."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.books.breaks import Break, BreakCause, BreakKind, Proposal
from floorbroker.domain.errors import Refused
from floorbroker.domain.ids import Account
from floorbroker.domain.messages import (
    BreakApproved,
    CashAdjusted,
    PositionAdjusted,
    Reconciliation,
)
from floorbroker.engine.compare.approve import Approve, approved
from floorbroker.engine.compare.findings import is_news, standing
from tests.unit.engine.scripted import START

LATER = START + timedelta(seconds=30)
POSITION, ALL = (BreakKind.POSITION,), tuple(BreakKind)


def difference(qty: int = 30, **more: object) -> Break:
    plain = Break(
        kind=BreakKind.POSITION,
        cause=BreakCause.UNKNOWN,
        subject="AAPL",
        symbol="AAPL",
        ours="10",
        theirs=f"{10 + qty}",
        difference=f"{qty}",
        evidence="none",
        repair="find out",
        is_open=True,
        proposal=Proposal(symbol="AAPL", qty=Qty(qty), px=Px(9)),
    )
    return replace(plain, **more)


def first(*found: Break) -> tuple[Break, ...]:
    return standing(found, (), ALL, START)


def test_a_break_keeps_its_id_while_books_move_together_and_its_cause_is_learned() -> None:
    (before,) = first(difference())
    assert before.break_id.startswith("position-")
    moved = difference(ours="12", theirs="42", cause=BreakCause.CORPORATE_ACTION)
    (after,) = standing([moved], [before], POSITION, LATER)
    assert (after.break_id, after.found_time) == (before.break_id, START)
    (other,) = [
        one for one in standing([difference(29)], [before], POSITION, LATER) if one.is_open
    ]
    assert other.break_id != before.break_id


def test_what_is_not_found_again_is_told_as_closed_once() -> None:
    before = first(difference())
    (closed,) = standing([], before, POSITION, LATER)
    assert (closed.is_open, closed.repair) == (False, "gone: the books agree again")
    assert is_news([closed], before)
    assert standing([], [closed], POSITION, LATER) == ()


def test_other_kinds_stand_while_they_are_not_compared() -> None:
    before = first(difference(), difference(kind=BreakKind.CASH, subject="cash"))
    after = standing([], before, POSITION, LATER)
    assert {one.kind: one.is_open for one in after} == {
        BreakKind.POSITION: False,
        BreakKind.CASH: True,
    }


def test_what_the_broker_did_stands_until_somebody_has_looked() -> None:
    before = first(difference(kind=BreakKind.ORDER, cause=BreakCause.BROKER_ACTION))
    (kept,) = standing([], before, ALL, LATER)
    assert kept.is_open
    assert standing([], [replace(kept, is_open=False, approved_by="J")], ALL, LATER) == ()


def looked(found: Break, **words: str) -> list[object]:
    compared = Reconciliation(
        account=Account("A"),
        orders_compared=0,
        positions_compared=1,
        breaks=(found,),
        transact_time=START,
    )
    command = Approve(**{"break_id": found.break_id, "by": "Jane Doe", "note": "why", **words})
    return list(approved(compared, command, LATER))


def test_an_approval_says_who_and_why_and_carries_out_what_was_proposed() -> None:
    (found,) = first(difference(proposal=Proposal(symbol="AAPL", qty=Qty(30), cash=Money(-2))))
    approval, adjusted, paid = looked(found)
    assert isinstance(approval, BreakApproved)
    assert (approval.approved_by, approval.note) == ("Jane Doe", "why")
    assert not approval.found.is_open
    assert isinstance(adjusted, PositionAdjusted)
    assert (adjusted.qty, adjusted.break_id, adjusted.approved_by) == (
        Qty(30),
        found.break_id,
        "Jane Doe",
    )
    assert isinstance(paid, CashAdjusted)
    assert paid.amount == Money(-2)


@pytest.mark.parametrize(
    ("change", "words", "why"),
    [
        ({}, {"break_id": "position-0"}, "position-0 is no open break; there are: position-"),
        ({"is_open": False}, {}, "none is open"),
        ({}, {"by": " "}, "the name of whoever approves it is missing"),
        ({"proposal": None}, {}, "nothing to approve yet"),
    ],
)
def test_what_cannot_be_approved_is_refused_with_the_reason(
    change: dict[str, Any], words: dict[str, str], why: str
) -> None:
    (found,) = first(difference(**change))
    with pytest.raises(Refused, match=why):
        looked(found, **words)


def test_a_repair_that_was_carried_out_does_not_excuse_the_same_difference_again() -> None:
    (before,) = first(difference())
    closed = replace(before, is_open=False, approved_by="Jane Doe")
    (again,) = standing([difference()], [closed], POSITION, LATER)
    assert again.is_open
    assert again.break_id != before.break_id


def test_what_was_only_taken_note_of_stays_approved_while_it_lasts() -> None:
    note = difference(proposal=Proposal(symbol="AAPL"))
    (before,) = first(note)
    closed = replace(before, is_open=False, approved_by="Jane Doe", repair="taken note of")
    (again,) = standing([note], [closed], POSITION, LATER)
    assert (again.is_open, again.approved_by) == (False, "Jane Doe")
    assert again.break_id == before.break_id
    (kept,) = standing([], [again], (BreakKind.CASH,), LATER)
    assert standing([note], [kept], POSITION, LATER)[0].approved_by == "Jane Doe"
