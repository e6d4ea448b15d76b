"""A symbol whose books differ takes no new orders until the difference is explained."""

from typing import Any

import pytest

from floorbroker.domain.amounts import Qty
from floorbroker.domain.books.breaks import Break, BreakCause, BreakKind, Proposal
from floorbroker.domain.errors import Halted
from floorbroker.domain.ids import Account
from floorbroker.domain.messages import Reconciliation
from floorbroker.domain.order import OrderRequest
from floorbroker.domain.position import Position
from floorbroker.engine.gates.unexplained import explained
from floorbroker.engine.settings import EngineSettings
from floorbroker.engine.state import State
from tests.unit.engine.compare.test_findings import difference
from tests.unit.engine.scripted import START


def state(*breaks: Break, held: int = 10) -> State:
    made = State()
    made.book.positions["AAPL"] = Position(symbol="AAPL", qty=Qty(held))
    made.reconciliation = Reconciliation(
        account=Account("A"),
        orders_compared=0,
        positions_compared=1,
        breaks=breaks,
        transact_time=START,
    )
    return made


def passes(state: State, request: OrderRequest) -> bool:
    try:
        explained(state, request, EngineSettings())
    except Halted:
        return False
    return True


BUY, SELL = (OrderRequest.market(side, 10, "AAPL") for side in ("buy", "sell"))
DOUBT = difference(break_id="position-1")
TRUTH = difference(
    kind=BreakKind.ORDER, cause=BreakCause.BROKER_ACTION, proposal=Proposal(symbol="AAPL")
)


def test_a_position_in_doubt_stops_every_order_of_its_symbol_and_says_what_opens_it() -> None:
    closed = state(DOUBT)
    assert not passes(closed, BUY)
    assert not passes(closed, SELL)
    assert passes(closed, OrderRequest.market("buy", 1, "MSFT"))
    words = "position-1 is open .unknown: ours 10, theirs 40..*finds the books equal.*--approve"
    with pytest.raises(Halted, match=words):
        explained(closed, BUY, EngineSettings())


@pytest.mark.proves("S22")
def test_what_reduces_a_position_that_is_known_passes() -> None:
    closed = state(TRUTH)
    assert not passes(closed, BUY)
    assert passes(closed, SELL)
    assert not passes(closed, OrderRequest.market("sell", 11, "AAPL"))
    assert not passes(closed, OrderRequest.market("sell", None, "AAPL", notional=100))
    short = state(TRUTH, held=-10)
    assert passes(short, BUY)
    assert not passes(short, SELL)
    assert not passes(state(TRUTH, held=0), SELL)


@pytest.mark.parametrize(
    "change",
    [
        {"is_open": False},
        {"kind": BreakKind.CASH},
        {"proposal": None},  # still being looked up
    ],
)
def test_what_is_explained_and_what_is_no_matter_of_shares_stops_nothing(
    change: dict[str, Any],
) -> None:
    assert passes(state(difference(**change)), BUY)
    assert passes(State(), BUY)
