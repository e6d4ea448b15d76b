"""Nobody adds risk to what nobody knows."""

from decimal import Decimal

import pytest

from floorbroker.domain.errors import Halted
from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.order import OrderRequest, OrdStatus
from tests.unit.engine.scripted import desk, filled, limit, virtual


def sale(qty: int) -> OrderRequest:
    return OrderRequest.limit("sell", qty, "AAPL", limit_price="10.00")


@pytest.mark.proves("answer:submit.no_answer")
@virtual
async def test_a_symbol_with_an_unknown_order_takes_no_more_risk_until_it_is_known() -> None:
    async with desk() as made:
        made.broker.script = ["lost"]
        await made.engine.submit(limit(cl_ord_id="fb-1"))
        with pytest.raises(Halted, match=r"in AAPL that add risk: what became of fb-1 is not"):
            await made.engine.submit(limit())
        other = OrderRequest.limit("buy", 1, "MSFT", limit_price="10.00")
        assert (await made.engine.submit(other)).ord_status is OrdStatus.NEW
        await made.engine.wait(ClOrdID("fb-1"))
        assert (await made.engine.submit(limit())).ord_status is OrdStatus.NEW


@virtual
async def test_an_order_that_makes_the_position_smaller_passes() -> None:
    async with desk() as made:
        await made.engine.submit(limit(10))
        await filled(made)
        made.broker.script = ["lost"]
        await made.engine.submit(limit(5))
        assert (await made.engine.submit(sale(4))).ord_status is OrdStatus.NEW
        with pytest.raises(Halted):
            await made.engine.submit(sale(7))  # with the four it would sell more than there is


@virtual
async def test_an_unknown_sale_counts_in_full_before_another_one() -> None:
    async with desk() as made:
        await made.engine.submit(limit(10))
        await filled(made)
        made.broker.script = ["lost"]
        await made.engine.submit(sale(8))
        with pytest.raises(Halted):
            await made.engine.submit(sale(3))
        assert (await made.engine.submit(sale(2))).ord_status is OrdStatus.NEW


@virtual
async def test_too_many_unknown_orders_close_the_whole_account() -> None:
    async with desk(unknown_max=1) as made:
        for symbol in ("AAPL", "MSFT"):
            made.broker.script = ["lost"]
            await made.engine.submit(OrderRequest.limit("buy", 1, symbol, limit_price=Decimal(10)))
        third = OrderRequest.limit("buy", 1, "SPY", limit_price="10.00")
        with pytest.raises(Halted, match=r"in the account that add risk: .* and 1 such orders"):
            await made.engine.submit(third)


@virtual
async def test_a_restart_knows_what_is_unknown() -> None:
    async with desk() as made:
        made.broker.script = ["lost"]
        await made.engine.submit(limit(cl_ord_id="fb-1"))
        crew = made.engine._crew
        assert crew is not None
        crew.state.book.clear_batch()
        copy = type(crew.state).decode(crew.state.encode())
        assert list(copy.book.unknown) == ["fb-1"]
