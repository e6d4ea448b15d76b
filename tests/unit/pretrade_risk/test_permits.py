"""Who may trade at all: P01, P02, P04, P05, P10, P28, P29, P30."""

from hypothesis import given
from hypothesis import strategies as st

from floorbroker.domain.instrument import Instrument
from floorbroker.domain.terms import OrdType, TimeInForce
from floorbroker.pretrade.risk.view import LimitChange
from tests.unit.pretrade_risk.around import NOW, NS, SMALL, D, ask, denies, limits, said, view


def test_real_money_needs_an_armed_desk_that_is_not_another_version() -> None:
    assert "disarmed" in said("P01", ask(), view(is_armed=False))
    assert "expired" in said("P01", ask(), view(armed_until_ns=NOW))
    assert "2 was armed" in said("P01", ask(), view(armed_version="2"))
    assert not denies("P01", ask(), view())
    assert not denies("P01", ask(), view(is_armed=False, is_live=False))


@given(st.booleans(), st.booleans(), st.integers(-5, 5), st.booleans())
def test_arming_is_all_of_it_or_nothing(live: bool, armed: bool, left: int, same: bool) -> None:
    around = view(
        is_live=live,
        is_armed=armed,
        armed_until_ns=NOW + left,
        armed_version="1" if same else "2",
    )
    assert denies("P01", ask(), around) is (live and not (armed and left > 0 and same))


def test_a_stopped_desk_takes_nothing_and_a_reducing_one_what_reduces() -> None:
    assert "halted" in said("P02", ask(), view(state="halted", is_reducing=True))
    assert "smaller passes" in said("P02", ask(), view(state="reducing"))
    assert not denies("P02", ask(), view(state="reducing", is_reducing=True))


@given(st.sampled_from(["active", "reducing", "halted"]), st.booleans())
def test_the_state_decides(state: str, reducing: bool) -> None:
    passes = state == "active" or (state == "reducing" and reducing)
    assert denies("P02", ask(), view(state=state, is_reducing=reducing)) is not passes


def test_a_symbol_must_be_allowed_and_not_restricted() -> None:
    assert "none of them" in said("P04", ask(), view(), limits(allow=frozenset()))
    assert "is restricted" in said("P04", ask(), view(), limits(restricted=frozenset({"AAPL"})))
    assert not denies("P04", ask(), view(), limits(allow=None))


@given(st.sets(st.sampled_from("ABC")), st.sets(st.sampled_from("ABC")), st.sampled_from("ABC"))
def test_lists_are_sets(allow: set[str], restricted: set[str], symbol: str) -> None:
    within = limits(allow=frozenset(allow), restricted=frozenset(restricted))
    passes = symbol in allow and symbol not in restricted
    assert denies("P04", ask(symbol=symbol), view(), within) is not passes


def test_what_is_halted_inactive_closed_or_unknown_is_not_traded() -> None:
    gone = Instrument(symbol="AAPL", is_tradable=False)
    ioc = ask(time_in_force=TimeInForce.IMMEDIATE_OR_CANCEL)
    assert "not traded" in said("P05", ask(), view(instrument=gone))
    assert "halted" in said("P05", ask(), view(is_halted=True))
    assert "closed" in said("P05", ioc, view(is_open=False))
    assert "not told" in said("P05", ask(), view(instrument=None))
    assert "old" in said("P05", ask(), view(asset_age_ns=86_401 * NS))
    assert not denies("P05", ask(), view(is_open=False))


@given(st.integers(0, 200_000), st.integers(1, 100_000))
def test_what_is_known_of_an_instrument_ages(age_s: int, most_s: int) -> None:
    around = view(asset_age_ns=age_s * NS)
    assert denies("P05", ask(), around, limits(asset_age_s_max=most_s)) is (age_s > most_s)


def test_one_key_stands_for_one_order() -> None:
    assert "other terms" in said("P10", ask(), view(key_used="other"))
    assert "before" in said("P10", ask(), view(key_used="same"))
    assert "no ClOrdID" in said("P10", ask(is_keyed=False), view())
    assert not denies("P10", ask(is_keyed=False), view(), limits(key_required=False))


@given(st.sampled_from(["", "same", "other"]), st.booleans(), st.booleans())
def test_a_key_is_there_and_new(used: str, keyed: bool, required: bool) -> None:
    found = denies("P10", ask(is_keyed=keyed), view(key_used=used), limits(key_required=required))
    assert found is (bool(used) or (required and not keyed))


def test_an_order_that_waited_too_long_is_about_another_market() -> None:
    assert "40.0 s ago" in said(
        "P28", ask(ord_type=OrdType.MARKET, asked_ns=NOW - 40 * NS), view()
    )
    assert not denies("P28", ask(asked_ns=NOW - 40 * NS), view())
    assert denies("P28", ask(asked_ns=NOW - 301 * NS), view())


@given(st.integers(0, 600), st.booleans())
def test_age_is_held_against_the_lifetime(age_s: int, urgent: bool) -> None:
    tif = TimeInForce.IMMEDIATE_OR_CANCEL if urgent else TimeInForce.DAY
    one = ask(time_in_force=tif, asked_ns=NOW - age_s * NS)
    assert denies("P28", one, view()) is (age_s > (30 if urgent else 300))


def test_nobody_adds_risk_to_what_nobody_knows() -> None:
    assert "fate of 1 orders in AAPL" in said("P29", ask(), view(unknown_here=1, unknown_all=1))
    assert "in the account" in said("P29", ask(), view(unknown_all=3))
    assert not denies("P29", ask(), view(unknown_all=2))


@given(SMALL, SMALL, SMALL, SMALL)
def test_unknown_orders_are_counted(here: int, there: int, most: int, most_all: int) -> None:
    within = limits(unknown_symbol_max=most, unknown_account_max=most_all)
    found = denies("P29", ask(), view(unknown_here=here, unknown_all=here + there), within)
    assert found is (here > most or here + there > most_all)


def change(old: int, new: int, reason: str = "a larger account", wait_s: int = 60) -> LimitChange:
    return LimitChange(
        name="order_qty_max",
        old=D(old),
        new=D(new),
        is_looser=new > old,
        reason=reason,
        asked_ns=NOW,
        effective_ns=NOW + wait_s * NS,
    )


def test_a_limit_is_loosened_slowly_and_tightened_at_once() -> None:
    assert "200 passes now" in said("P30", ask(), view(change=change(100, 201)))
    assert "without one" in said("P30", ask(), view(change=change(100, 200, reason=" ")))
    assert "after 59 s" in said("P30", ask(), view(change=change(100, 200, wait_s=59)))
    assert not denies("P30", ask(), view(change=change(100, 200)))
    assert not denies("P30", ask(), view(change=change(100, 1, reason="", wait_s=0)))


@given(st.integers(1, 1000), st.integers(0, 3000), st.booleans(), st.integers(0, 120))
def test_loosening_has_three_conditions(old: int, new: int, why: bool, wait_s: int) -> None:
    around = view(change=change(old, new, "because" if why else "", wait_s))
    passes = new <= old or (new <= 2 * old and why and wait_s >= 60)
    assert denies("P30", ask(), around) is not passes
