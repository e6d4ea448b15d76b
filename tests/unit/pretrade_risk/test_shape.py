"""The order by itself: P03, P06, P07, P08, P09, P26, P27, P31."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from floorbroker.domain.instrument import Instrument
from floorbroker.domain.terms import OrdType, Side
from floorbroker.pretrade.risk.view import Parent
from tests.unit.pretrade_risk.around import (
    NS,
    PRICES,
    SIDES,
    SIZES,
    SMALL,
    D,
    ask,
    denies,
    limits,
    said,
    view,
)


@pytest.mark.parametrize(
    ("terms", "why"),
    [
        ({"qty": D("NaN")}, "size is NaN"),
        ({"qty": D("Infinity")}, "size is Infinity"),
        ({"qty": D(0)}, "size is 0"),
        ({"qty": D(-1)}, "size is -1"),
        ({"qty": None}, "or neither"),
        ({"notional": D(5)}, "shares and dollars"),
        ({"price": None}, "a limit price for limit orders"),
        ({"price": D("100.005")}, "ticks of 0.01"),
        ({"price": D("NaN")}, "price is NaN"),
    ],
)
def test_a_malformed_order_says_what_is_wrong(terms: dict[str, object], why: str) -> None:
    assert why in said("P03", ask(**terms), view())


def test_a_fraction_passes_where_the_instrument_has_them() -> None:
    whole = Instrument(symbol="AAPL", is_fractionable=False)
    assert not denies("P03", ask(qty=D("1.5")), view())
    assert "1 passes" in said("P03", ask(qty=D("1.5")), view(instrument=whole))


@given(st.decimals(allow_nan=True, allow_infinity=True), st.decimals(allow_nan=True))
def test_what_passes_is_finite_and_positive(qty: Decimal, px: Decimal) -> None:
    assume(not (qty.is_snan() or px.is_snan()))
    assume(not qty.is_finite() or -12 < qty.adjusted() < 12)
    assume(not px.is_finite() or -12 < px.adjusted() < 12)
    if not denies("P03", ask(qty=qty, price=px, new_qty=D(1)), view()):
        assert qty.is_finite()
        assert qty > 0
        assert px.is_finite()
        assert px > 0
        assert not px % (D("0.01") if px >= 1 else D("0.0001"))


def test_a_quantity_is_bounded_by_the_desk_and_by_the_market() -> None:
    assert "5000 shares or fewer" in said("P06", ask(qty=D(5001)), view())
    assert "100 shares or fewer" in said("P06", ask(qty=D(101)), view(adv=D(10_000)))
    assert not denies("P06", ask(qty=D(5000)), view())


@given(SIZES, SIZES, st.integers(0, 10**6).map(D))
def test_quantity_is_at_most_the_smaller_bound(qty: D, most: D, adv: D) -> None:
    found = denies("P06", ask(qty=qty), view(adv=adv), limits(order_qty_max=most))
    assert found is (qty > min(most, adv / 100))


def test_a_value_is_bounded_and_its_answer_says_how_many_pass() -> None:
    text = said("P07", ask(qty=D(101)), view())
    assert "worth $10,100.00" in text
    assert "100 shares" in text
    assert "equity is not known" in said("P07", ask(), view(equity=None))
    market = {"ord_type": OrdType.MARKET}
    nothing = view(bid_px=None, ask_px=None)
    assert "nobody knows" in said("P07", ask(**market), nothing)
    assert not denies("P07", ask(**market), nothing, limits(reference_required=False))


@given(SIZES, PRICES, PRICES, st.integers(1, 10**6).map(D), st.integers(1, 10**6).map(D))
def test_value_is_quantity_at_the_dearer_price(qty: D, px: D, mid: D, most: D, equity: D) -> None:
    around = view(bid_px=mid, ask_px=mid, equity=equity)
    found = denies("P07", ask(qty=qty, price=px), around, limits(order_value_max=most))
    assert found is (qty * max(px, mid) > min(most, equity / 10))


def test_a_limit_stays_near_the_market_and_a_wide_market_takes_limits_only() -> None:
    assert "103 or lower passes" in said("P08", ask(price=D("103.01")), view())
    assert "97 or higher passes" in said("P08", ask(side=Side.SELL, price=D("96.99")), view())
    wide = view(bid_px=D(99), ask_px=D(101))
    assert "a limit order passes" in said("P08", ask(ord_type=OrdType.MARKET), wide)
    assert not denies("P08", ask(price=D(109)), wide)  # five spreads are ten percent
    stop = {"ord_type": OrdType.STOP_LIMIT, "stop_px": D(120)}
    assert not denies("P08", ask(price=D(121), **stop), view())


@given(SIDES, PRICES, PRICES, st.integers(0, 500))
def test_the_collar_is_one_sided(side: Side, px: D, bid: D, spread_cents: int) -> None:
    offer = bid + D(spread_cents) / 100
    mid = (bid + offer) / 2
    width = max(D("0.03"), 5 * (offer - bid) / mid)
    found = denies("P08", ask(side=side, price=px), view(bid_px=bid, ask_px=offer))
    beyond = px > mid * (1 + width) if side is Side.BUY else px < mid * (1 - width)
    assert found is beyond


def test_a_price_that_is_missing_old_or_crossed_denies() -> None:
    assert "no live price" in said("P09", ask(), view(bid_px=None, ask_px=None))
    assert "no live price" in said("P09", ask(), view(ref_age_ns=None))
    assert "crossed" in said("P09", ask(), view(bid_px=D(101), ask_px=D(100)))
    assert "6.0 s old" in said("P09", ask(), view(ref_age_ns=6 * NS))
    assert not denies("P09", ask(), view(ref_age_ns=6 * NS, is_open=False))
    last = view(bid_px=None, ask_px=None, last_px=D(100))
    assert "two sides" in said("P09", ask(ord_type=OrdType.MARKET), last)


@given(st.integers(0, 60_000), st.booleans())
def test_the_age_of_the_price_is_bounded(age_ms: int, is_open: bool) -> None:
    found = denies("P09", ask(), view(ref_age_ns=age_ms * 1_000_000, is_open=is_open))
    assert found is (age_ms > (5000 if is_open else 30_000))


def test_children_never_outgrow_their_parent() -> None:
    parent = Parent(parent_id="p-1", qty=D(100), committed=D(95))
    assert "5 pass" in said("P26", ask(qty=D(6)), view(parent=parent))
    assert not denies("P26", ask(qty=D(5)), view(parent=parent))
    assert not denies("P26", ask(qty=D(10**6)), view())


@given(SIZES, SIZES, SIZES)
def test_children_and_this_one_are_at_most_the_parent(qty: D, whole: D, committed: D) -> None:
    parent = Parent(parent_id="p-1", qty=whole, committed=committed)
    assert denies("P26", ask(qty=qty), view(parent=parent)) is (committed + qty > whole)


def test_a_child_is_a_part_of_the_volume() -> None:
    parent = Parent(parent_id="p", qty=D(10**6), committed=D(0), interval_volume=D(1000))
    assert "100 shares pass" in said("P27", ask(qty=D(101)), view(parent=parent))
    assert not denies("P27", ask(qty=D(100)), view(parent=parent))


@given(SIZES, SIZES, st.integers(1, 100))
def test_the_smaller_cap_of_participation_holds(qty: D, volume: D, percent: int) -> None:
    own = D(percent) / 100
    parent = Parent(
        parent_id="p",
        qty=D(10**6),
        committed=D(0),
        interval_volume=volume,
        participation_max=own,
    )
    found = denies("P27", ask(qty=qty), view(parent=parent))
    assert found is (qty > min(own, D("0.1")) * volume)


def test_the_first_orders_after_a_change_are_small() -> None:
    fresh = view(orders_since_change=0)
    text = said("P31", ask(qty=D(11)), fresh)
    assert "20 more orders" in text
    assert not denies("P31", ask(qty=D(9)), fresh)
    assert not denies("P31", ask(qty=D(11)), view(orders_since_change=20))
    assert denies("P31", ask(qty=D(1)), view(orders_since_change=3, mine_second=1))
    cheap = view(orders_since_change=0, bid_px=D(1), ask_px=D(1))
    assert "500 shares" in said("P31", ask(qty=D(501), price=D(1)), cheap)


@given(SMALL, st.integers(1, 200).map(D))
def test_a_canary_is_a_tenth_for_a_while(done: int, qty: D) -> None:
    around = view(orders_since_change=done, bid_px=D(100), ask_px=D(100))
    assert denies("P31", ask(qty=qty), around) is (done < 20 and qty > 10)
