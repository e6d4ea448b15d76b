"""The at-trade controls by themselves: at their limits, beyond them, and the wider the fewer."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from floorbroker.engine.atrade import broker, house, market
from floorbroker.engine.atrade.breach import Breach, Then
from floorbroker.engine.atrade.register import GUARDS
from floorbroker.engine.atrade.settings import LIVE, PAPER

PRICES = st.decimals("0.01", "10000", places=2)


def fired(breach: Breach | None) -> str:
    return "" if breach is None else breach.control


def sight(**facts: object) -> market.Sight:
    return market.Sight(symbol="AAPL", **facts)  # type: ignore[arg-type]  # the fields as given


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({}, ""),
        ({"age_s": 30.0}, ""),
        ({"age_s": 30.1}, "stale"),
        ({"crossed_s": 5.0}, ""),
        ({"crossed_s": 5.1}, "crossed"),
        ({"mid_px": Decimal(105), "earlier_px": Decimal(100)}, ""),
        ({"mid_px": Decimal("105.01"), "earlier_px": Decimal(100)}, "jump"),
        ({"mid_px": Decimal("94.99"), "earlier_px": Decimal(100)}, "jump"),
    ],
)
def test_a_market_that_makes_no_sense_pauses_its_symbol(
    facts: dict[str, object], told: str
) -> None:
    breach = market.data_sanity(sight(**facts), LIVE)
    assert bool(breach) is bool(told)
    if breach is not None:
        assert (breach.control, breach.then) == ("A05", Then.PAUSE)
        assert "AAPL" in breach.text


@given(PRICES, PRICES)
def test_a_jump_is_judged_alike_whichever_way_the_limit_is_asked(
    mid: Decimal, earlier: Decimal
) -> None:
    breach = market.data_sanity(sight(mid_px=mid, earlier_px=earlier), LIVE)
    assert (breach is not None) is (abs(mid - earlier) > Decimal("0.05") * earlier)
    assert market.data_sanity(sight(mid_px=mid, earlier_px=earlier), PAPER) is None


def execution(**terms: object) -> market.Execution:
    plain = {"px": Decimal(10), "ref_px": Decimal(10), "cum_qty": Decimal(1)}
    return market.Execution(
        symbol="AAPL",
        **{**plain, "order_qty": Decimal(1), **terms},  # type: ignore[arg-type]  # the fields as given
    )


@pytest.mark.parametrize(
    ("terms", "is_fine"),
    [
        ({}, True),
        ({"px": Decimal("10.50")}, True),
        ({"px": Decimal("10.51")}, False),
        ({"px": Decimal("9.49")}, False),
        ({"px": Decimal(99), "ref_px": None}, True),
        ({"cum_qty": Decimal("1.000000001")}, False),
        ({"cum_qty": Decimal(5), "order_qty": None}, True),
        ({"was_ended": True}, False),
    ],
)
def test_an_execution_is_near_its_price_no_more_than_asked_and_of_a_live_order(
    terms: dict[str, object], *, is_fine: bool
) -> None:
    breach = market.fill_sanity(execution(**terms), LIVE)
    assert (breach is None) is is_fine
    assert breach is None or breach.then is Then.PAUSE


def test_an_overfill_is_told_of_on_paper_and_pauses_nothing_there() -> None:
    breach = market.fill_sanity(execution(cum_qty=Decimal(2)), PAPER)
    assert breach is not None
    assert breach.then is Then.WARN


def test_a_stream_with_a_gap_lets_orders_wait_and_then_denies_them() -> None:
    assert broker.stream_ready(is_whole=True, waited_s=9, wait_max_s=2) is None
    assert broker.stream_ready(is_whole=False, waited_s=1.9, wait_max_s=2) is None
    assert fired(broker.stream_ready(is_whole=False, waited_s=2, wait_max_s=2)) == "A04"


def rejected(*at_s: float) -> list[broker.Reject]:
    return [broker.Reject(reason="no", at_s=one_s) for one_s in at_s]


@pytest.mark.parametrize(
    ("at_s", "in_row", "is_fine"),
    [
        ((1, 2), 2, True),
        ((1, 2, 3), 3, False),
        ((1, 2, 3, 4), 1, True),
        ((1, 2, 3, 4, 5), 1, False),
        ((-60, 1, 2, 3, 4), 1, True),  # the first is out of the window
    ],
)
def test_a_strategy_is_rejected_thrice_in_a_row_or_five_times_a_minute_at_most(
    at_s: tuple[float, ...], in_row: int, *, is_fine: bool
) -> None:
    breach = broker.rejects(rejected(*at_s), in_row=in_row, now_s=5, limits=LIVE)
    assert (breach is None) is is_fine
    assert breach is None or breach.then is Then.DISABLE


def test_two_submits_without_an_answer_in_five_minutes_reduce() -> None:
    assert broker.broker_health([100.0], (), 101.0, LIVE) is None
    assert broker.broker_health([100.0, 401.0], (), 401.0, LIVE) is None
    breach = broker.broker_health([102.0, 401.0], (), 401.0, LIVE)
    assert breach is not None
    assert breach.then is Then.REDUCE


def test_acknowledgements_are_judged_by_their_95th_percentile_once_there_are_enough() -> None:
    assert broker.broker_health((), [9.0] * 19, 0.0, LIVE) is None
    assert broker.broker_health((), [0.1] * 19 + [9.0], 0.0, LIVE) is None
    assert fired(broker.broker_health((), [0.1] * 18 + [9.0] * 2, 0.0, LIVE)) == "A07"


@given(st.integers(0, 1000), st.integers(0, 1000))
@example(1001, 1000)
def test_no_more_is_sent_than_was_written_down(sent: int, written: int) -> None:
    breach = broker.wire_conservation(sent=sent, written=written)
    assert (breach is None) is (sent <= written)
    assert breach is None or breach.then is Then.HALT


def test_an_order_at_the_broker_without_an_intent_halts() -> None:
    assert fired(broker.wire_conservation(sent=0, written=0, strangers=1)) == "A08"


@pytest.mark.parametrize(
    ("least_s", "then"),
    [(1.0, None), (1.1, Then.WARN), (5.0, Then.WARN), (5.1, Then.REDUCE)],
)
def test_a_clock_that_is_off_warns_and_then_reduces(least_s: float, then: Then | None) -> None:
    breach = broker.clock_skew(least_s, LIVE)
    assert (breach.then if breach else None) is then


def test_no_sign_of_an_open_desk_for_a_minute_is_a_dead_one() -> None:
    assert house.dead_man(None, LIVE) is None, "none is open"
    assert house.dead_man(60.0, LIVE) is None
    breach = house.dead_man(60.5, LIVE)
    assert breach is not None
    assert breach.then is Then.CANCEL


def test_a_full_disk_and_a_journal_that_failed_halt() -> None:
    gib = 1 << 30
    assert house.journal_health(free_bytes=gib, problem="", limits=LIVE) is None
    assert house.journal_health(free_bytes=None, problem="", limits=LIVE) is None
    assert fired(house.journal_health(free_bytes=gib - 1, problem="", limits=LIVE)) == "A11"
    assert fired(house.journal_health(free_bytes=gib, problem="fsync", limits=LIVE)) == "A11"


@pytest.mark.parametrize(
    ("armed", "here", "is_live", "is_fine"),
    [
        ("a", "a", True, True),
        ("a", "b", True, False),
        ("a", "b", False, True),
        ("", "b", True, True),  # nothing is armed: that is P01's to say
    ],
)
def test_only_what_was_armed_trades(
    armed: str, here: str, *, is_live: bool, is_fine: bool
) -> None:
    breach = house.build_identity(armed=armed, here=here, is_live=is_live, limits=LIVE)
    assert (breach is None) is is_fine


def test_an_alert_that_nobody_acknowledged_is_told_again_after_a_minute() -> None:
    assert house.alerts([], LIVE) is None
    assert house.alerts([59.9], LIVE) is None
    breach = house.alerts([1.0, 60.0], LIVE)
    assert breach is not None
    assert breach.then is Then.ESCALATE


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6))
def test_a_wider_limit_never_fires_where_a_tighter_one_does_not(
    least_s: float, one_s: float, other_s: float
) -> None:
    tight, wide = sorted((one_s, other_s))
    found = [
        fired(broker.clock_skew(least_s, replace(LIVE, skew_warn_s=most, skew_max_s=most)))
        for most in (tight, wide)
    ]
    assert not (found[1] and not found[0])


def test_the_register_has_thirteen_controls_each_with_its_definition_and_default() -> None:
    assert [guard.id for guard in GUARDS] == [f"A{number:02}" for number in range(1, 14)]
    for guard in GUARDS:
        assert guard.definition.endswith(".")
        assert guard.default
        assert guard.on_breach
        assert guard.why.endswith(".")
