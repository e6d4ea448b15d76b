"""What is held and what may come of it: P12 to P16, P21."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from floorbroker.domain.instrument import Instrument
from floorbroker.domain.terms import OrdType, Side
from tests.unit.pretrade_risk.around import (
    MONEY,
    PRICES,
    SIDES,
    SIGNED,
    SIZES,
    SMALL,
    D,
    ask,
    denies,
    limits,
    said,
    view,
)

FLAT = {"bid_px": D(100), "ask_px": D(100)}


def test_a_position_counts_what_is_open_on_the_orders_side() -> None:
    assert "could become $20,100.00" in said(
        "P12", ask(), view(pos=D(91), open_buy=D(100), **FLAT)
    )
    assert not denies("P12", ask(), view(pos=D(90), open_buy=D(100), open_sell=D(500), **FLAT))
    assert denies("P12", ask(side=Side.SELL), view(pos=D(-191), **FLAT))
    assert not denies("P12", ask(side=Side.SELL), view(pos=D(900), **FLAT))
    few = limits(position_qty_max=D(15))
    assert "15 shares" in said("P12", ask(), view(pos=D(6)), few)


@given(SIDES, SIGNED, SMALL.map(D), SMALL.map(D), SIZES)
def test_the_worst_position_of_a_side_is_bounded(
    side: Side, pos: Decimal, buys: Decimal, sells: Decimal, qty: Decimal
) -> None:
    around = view(pos=pos, open_buy=buys, open_sell=sells, **FLAT)
    worst = pos + buys + qty if side is Side.BUY else -(pos - sells - qty)
    assert denies("P12", ask(side=side, qty=qty), around) is (worst * 100 > 20_000)


def test_all_positions_and_open_orders_together_are_bounded() -> None:
    around = view(gross=D(90_000), open_value=D(9_500), **FLAT)
    assert "$500.00 passes" in said("P13", ask(), around)
    assert not denies("P13", ask(qty=D(5)), around)
    assert "equity is not known" in said("P13", ask(), view(equity=None))


@given(MONEY, MONEY, SIZES, PRICES, st.integers(1, 10**6).map(D))
def test_gross_is_a_sum(gross: D, open_value: D, qty: D, px: D, equity: D) -> None:
    around = view(gross=gross, open_value=open_value, equity=equity, bid_px=px, ask_px=px)
    found = denies("P13", ask(qty=qty, price=px), around)
    assert found is (gross + open_value + qty * px > equity)


def test_buying_power_is_the_brokers_or_ours_whichever_is_less() -> None:
    assert denies("P14", ask(), view(broker_bp=D(1000), **FLAT))
    assert denies("P14", ask(), view(model_bp=D(1000), **FLAT))
    assert denies("P14", ask(), view(broker_bp=D(1100), unseen_value=D(100), **FLAT))
    assert not denies("P14", ask(), view(broker_bp=D(1020), **FLAT))
    assert denies("P14", ask(), view(broker_bp=None, model_bp=None))


@given(MONEY, MONEY, MONEY, MONEY, SIZES)
def test_the_cost_with_its_buffer_fits(
    broker: D, model: D, unseen: D, open_value: D, qty: D
) -> None:
    around = view(
        broker_bp=broker, model_bp=model, unseen_value=unseen, open_value=open_value, **FLAT
    )
    free = max(min(broker - unseen, model - open_value), D(0))
    assert denies("P14", ask(qty=qty), around) is (qty * 100 * D("1.02") > free)


def test_nobody_sells_what_is_not_held_or_offered_already() -> None:
    sale = {"side": Side.SELL}
    assert "4 pass" in said("P15", ask(**sale), view(pos=D(9), open_sell=D(5)))
    assert not denies("P15", ask(**sale), view(pos=D(15), open_sell=D(5)))
    assert not denies("P15", ask(**sale), view(pos=D(0)), limits(may_short=True))
    hard = Instrument(symbol="AAPL", is_easy_to_borrow=False)
    text = said("P15", ask(**sale), view(instrument=hard), limits(may_short=True))
    assert "hard to borrow" in text


@given(SIGNED, SMALL.map(D), SIZES)
def test_a_sale_is_covered(pos: D, sells: D, qty: D) -> None:
    around = view(pos=pos, open_sell=sells)
    assert denies("P15", ask(side=Side.SELL, qty=qty), around) is (qty > pos - sells)
    assert not denies("P15", ask(qty=qty), around)


def test_open_orders_are_few_and_worth_little() -> None:
    assert "11 orders would be open in AAPL" in said("P16", ask(), view(open_here=10, open_all=10))
    assert "101 orders would be open" in said("P16", ask(), view(open_all=100))
    assert "$50,500.00" in said("P16", ask(), view(open_value=D(49_500), **FLAT))
    assert not denies("P16", ask(is_replace=True), view(open_here=10, open_all=10))


@given(SMALL, SMALL, MONEY, SIZES, st.booleans())
def test_open_orders_are_bounded(here: int, more: int, worth: D, qty: D, again: bool) -> None:
    around = view(open_here=here, open_all=here + more, open_value=worth, **FLAT)
    one = 0 if again else 1
    too_many = here + one > 10 or here + more + one > 100 or worth + qty * 100 > 50_000
    assert denies("P16", ask(qty=qty, is_replace=again), around) is too_many


def test_nobody_meets_himself() -> None:
    assert "our own sale at 100" in said("P21", ask(), view(best_own_sell=D(100)))
    assert not denies("P21", ask(), view(best_own_sell=D("100.01")))
    assert "at the market" in said("P21", ask(), view(best_own_sell=D(0)))
    market = ask(ord_type=OrdType.MARKET)
    assert denies("P21", market, view(best_own_sell=D("100.05")))
    assert not denies("P21", market, view(best_own_sell=D(101)))
    assert not denies("P21", ask(), view(best_own_sell=D(100)), limits(may_cross_own=True))


@given(SIDES, PRICES, PRICES)
def test_a_limit_stays_on_its_side_of_our_own(side: Side, px: D, own: D) -> None:
    around = view(best_own_sell=own, best_own_buy=own)
    meets = px >= own if side is Side.BUY else px <= own
    assert denies("P21", ask(side=side, price=px), around) is meets
