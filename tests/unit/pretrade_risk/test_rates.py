"""How often and how much: P11, P17 to P20, P25."""

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.pretrade_risk.around import MONEY, SIZES, SMALL, D, ask, denies, limits, said, view

FLAT = {"bid_px": D(100), "ask_px": D(100)}


def test_a_look_alike_is_denied_unless_it_is_meant() -> None:
    assert "wait 2 s" in said("P11", ask(), view(repeats=1))
    assert "wait 10 s" in said("P11", ask(is_human=True), view(repeats=1))
    assert not denies("P11", ask(may_repeat=True), view(repeats=1))
    assert not denies("P11", ask(), view())


@given(SMALL, SMALL, st.booleans())
def test_look_alikes_are_counted(repeats: int, most: int, meant: bool) -> None:
    found = denies("P11", ask(may_repeat=meant), view(repeats=repeats), limits(repeats_max=most))
    assert found is (repeats > most and not meant)


def test_orders_leave_room_for_cancels() -> None:
    assert "cancels pass" in said("P17", ask(), view(messages_minute=100))
    assert not denies("P17", ask(), view(messages_minute=99))


@given(SMALL)
def test_requests_of_a_minute_are_bounded(done: int) -> None:
    assert denies("P17", ask(), view(messages_minute=done)) is (done >= 100)


def test_a_strategy_and_the_account_have_their_pace() -> None:
    assert "in a second" in said("P18", ask(), view(mine_second=2))
    assert "of strategy a in a minute" in said("P18", ask(strategy="a"), view(mine_minute=20))
    assert "of the account" in said("P18", ask(), view(orders_minute=60))


@given(SMALL, SMALL, SMALL, st.booleans())
def test_new_orders_are_bounded(second: int, minute: int, all_minute: int, again: bool) -> None:
    around = view(mine_second=second, mine_minute=minute, orders_minute=all_minute)
    is_fast = second >= 2 or minute >= 20 or all_minute >= 60
    assert denies("P18", ask(is_replace=again), around) is (is_fast and not again)


def test_filled_and_again_and_again_ends() -> None:
    assert "for the 6th time" in said("P19", ask(), view(reentries=6))
    assert not denies("P19", ask(), view(reentries=5))
    assert "a is disabled" in said("P19", ask(strategy="a"), view(disabled=frozenset({"a"})))


@given(SMALL, SMALL)
def test_reentries_are_bounded(done: int, most: int) -> None:
    assert denies("P19", ask(), view(reentries=done), limits(reentries_max=most)) is (done > most)


def test_many_requests_need_some_fills() -> None:
    assert "0 fills" in said("P20", ask(), view(messages_hour=50))
    assert not denies("P20", ask(), view(messages_hour=49))
    assert not denies("P20", ask(), view(messages_hour=60, fills_hour=3))


@given(st.integers(0, 2000), SMALL)
def test_requests_a_fill_are_bounded(asked: int, fills: int) -> None:
    around = view(messages_hour=asked, fills_hour=fills)
    assert denies("P20", ask(), around) is (asked >= 50 and asked > 20 * max(fills, 1))


def test_a_day_has_an_end() -> None:
    assert "500 were placed" in said("P25", ask(), view(orders_today=500))
    assert "$500.00 passes today" in said("P25", ask(), view(turnover=D(299_500), **FLAT))
    assert not denies("P25", ask(), view(turnover=D(299_000), **FLAT))


@given(st.integers(0, 1000), st.integers(0, 400_000).map(D), SIZES, MONEY)
def test_turnover_is_a_sum(orders: int, turnover: D, qty: D, equity: D) -> None:
    around = view(orders_today=orders, turnover=turnover, equity=equity, **FLAT)
    found = denies("P25", ask(qty=qty), around)
    assert found is (orders >= 500 or turnover + qty * 100 > 3 * equity)
