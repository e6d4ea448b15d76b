"""From targets to a trade list: kinds of targets, rounding, bands, open orders, phases."""

import pytest

from floorbroker.domain.errors import TargetsError
from floorbroker.pretrade.allocation.trades import Why
from tests.unit.pretrade_allocation.kit import line_of, name, planned, rules, targets, told


def test_cash_becomes_equal_weights() -> None:
    names = [name("AAPL", "187.20"), name("F", "12.50")]
    plan = planned(targets("weight", AAPL="0.5", F="0.5"), names, "10000")
    assert told(plan) == ["1 BUY 26 AAPL", "1 BUY 400 F"]
    assert plan.cash_after == 10_000 - 26 * names[0].px - 400 * names[1].px


def test_the_largest_remainder_gets_the_last_lot_that_the_leftover_buys() -> None:
    # 3.5 of A, 4.9 of B and 9.4 of C leave 214 when rounded down: one B, no A, one C.
    names = [name("A", "150"), name("B", "110"), name("C", "100")]
    plan = planned(targets("notional", A="525", B="539", C="940"), names, "2004")
    assert told(plan) == ["1 BUY 3 A", "1 BUY 5 B", "1 BUY 10 C"]
    assert plan.cash_after == 4
    plan = planned(targets("notional", A="525", B="539", C="930"), names, "2004")
    assert told(plan) == ["1 BUY 3 A", "1 BUY 5 B", "1 BUY 9 C"]


def test_what_is_held_and_what_is_on_its_way_count() -> None:
    held = name("AAPL", "100", "30", open_buys="20", open_cost="2000")
    plan = planned(targets("shares", AAPL="80"), [held], "10000")
    assert told(plan) == ["1 BUY 30 AAPL"]


@pytest.mark.parametrize(
    ("held", "target", "expected"),
    [
        ({"held": "30", "open_buys": "20"}, "10", "an open BUY of 20 stands against it"),
        ({"held": "30", "open_sells": "20"}, "40", "an open SELL of 20 stands against it"),
        ({"held": "30", "exits": "20"}, "40", "exits of 20 stand against it"),
        ({"held": "30", "exits": "20"}, "10", "stops or legs hold 20 of it"),
    ],
)
def test_a_trade_that_the_broker_would_refuse_is_left_out_with_its_reason(
    held: dict[str, str], target: str, expected: str
) -> None:
    plan = planned(targets("shares", AAPL=target), [name("AAPL", "10", **held)], "10000")
    assert told(plan) == []
    assert line_of(plan, "AAPL").text == expected


def test_shares_that_no_exit_holds_may_be_sold() -> None:
    plan = planned(targets("shares", A="20"), [name("A", "10", "30", exits="20")], "0")
    assert told(plan) == ["1 SELL 10 A"]


def test_buys_wait_for_sells_only_where_they_need_their_cash() -> None:
    names = [name("A", "10", "100"), name("B", "20")]
    swap = targets("shares", A="0", B="50")
    assert told(planned(swap, names, "999")) == ["1 SELL 100 A", "2 BUY 50 B"]
    assert told(planned(swap, names, "1000")) == ["1 SELL 100 A", "1 BUY 50 B"]


def test_cash_that_is_kept_back_or_spoken_for_buys_nothing() -> None:
    wanted = targets("shares", A="100")
    chosen = rules(cash_back="300", cash_back_part="0.1")
    plan = planned(wanted, [name("A", "10")], "1000", chosen)
    assert told(plan) == ["1 BUY 60 A"]
    assert plan.kept_back == plan.cash_after == 400
    assert line_of(plan, "A").why is Why.NO_CASH
    other = name("B", "10", open_buys="50", open_cost="500")
    assert told(planned(wanted, [name("A", "10"), other], "1000")) == ["1 BUY 50 A"]


def test_weights_are_parts_of_what_is_not_kept_back() -> None:
    chosen = rules(cash_back_part="0.2")
    assert told(planned(targets("weight", A="0.5"), [name("A", "10")], "1000", chosen)) == [
        "1 BUY 40 A"
    ]


def test_a_trade_below_the_minimum_is_left_out() -> None:
    names = [name("A", "10", "95"), name("B", "10", "90")]
    plan = planned(targets("shares", A="100", B="100"), names, "1000", rules(min_trade="60"))
    assert told(plan) == ["1 BUY 10 B"]
    assert line_of(plan, "A").why is Why.BELOW_MINIMUM


def test_buys_that_the_cash_cuts_below_the_minimum_give_way_to_whole_ones() -> None:
    names = [name("A", "10"), name("B", "10")]
    plan = planned(targets("shares", A="60", B="60"), names, "800", rules(min_trade="500"))
    assert told(plan) == ["1 BUY 60 A"]
    assert line_of(plan, "B").text == "the cash pays for 0 of 60"


def test_only_what_has_drifted_out_of_its_band_is_traded() -> None:
    names = [name("A", "10", "460"), name("B", "10", "540")]
    wanted = targets("weight", A="0.5", B="0.5")
    assert told(planned(wanted, names, "0", rules(band="0.05"))) == []
    assert told(planned(wanted, names, "0", rules(band="0.03"))) == ["1 SELL 40 B", "2 BUY 40 A"]
    chosen = rules(band="0.03", is_to_edge=True)
    assert told(planned(wanted, names, "0", chosen)) == ["1 SELL 10 B", "2 BUY 10 A"]


def test_a_band_keeps_nothing_of_a_target_of_zero() -> None:
    names = [name("A", "10", "1")]
    assert told(planned(targets("weight", A="0"), names, "990", rules(band="0.05"))) == [
        "1 SELL 1 A"
    ]


def test_a_band_that_reaches_over_zero_leaves_no_short() -> None:
    short = name("A", "10", "-100")
    plan = planned(targets("shares", A="2"), [short], "11000", rules(band="0.09", is_to_edge=True))
    assert told(plan) == ["1 BUY 100 A", "2 BUY 2 A"]


def test_names_that_are_not_in_the_targets_stay_unless_they_are_to_be_closed() -> None:
    names = [name("A", "10"), name("OLD", "10", "50")]
    wanted = targets("weight", A="0.5")
    plan = planned(wanted, names, "500")
    assert told(plan) == ["1 BUY 50 A"]
    assert line_of(plan, "OLD").why is Why.NOT_NAMED
    closing = planned(wanted, names, "499", rules(closes_others=True))
    assert told(closing) == ["1 SELL 50 OLD", "1 BUY 49 A"]


def test_lots_and_fractions() -> None:
    wanted = targets("weight", A="1")
    assert told(planned(wanted, [name("A", "3", lot="100")], "1000")) == ["1 BUY 300 A"]
    fraction = "0.000000001"
    fractional = name("A", "3", lot=fraction, share_step=fraction)
    assert told(planned(wanted, [fractional], "1000")) == ["1 BUY 333.333333333 A"]
    short = targets("weight", A="-0.5")
    assert told(planned(short, [fractional], "1000", rules(is_long_short=True))) == [
        "1 SELL 166 A"
    ]


def test_what_is_closed_is_closed_whole() -> None:
    odd = name("A", "10", "150.25", lot="100", share_step="0.000000001")
    assert told(planned(targets("shares", A="0"), [odd], "0")) == ["1 SELL 150.25 A"]
    assert told(planned(targets("shares", A="100"), [odd], "0")) == []


def test_a_trade_through_zero_is_two_orders() -> None:
    chosen = rules(is_long_short=True)
    names = [name("A", "10", "100"), name("B", "10", "-100")]
    plan = planned(targets("shares", A="-50", B="50"), names, "1000", chosen)
    assert told(plan) == [
        "1 SELL 100 A",
        "2 SELL 50 A",
        "3 BUY 100 B",
        "4 BUY 50 B",
    ]


def test_what_cannot_be_borrowed_is_sold_but_not_shorted() -> None:
    names = [
        name("A", "10", "100", is_shortable=False),
        name("B", "10", "0", is_shortable=False),
        name("C", "10", "-10", is_shortable=False),
    ]
    wanted = targets("shares", A="-50", B="-50", C="-50")
    plan = planned(wanted, names, "1000", rules(is_long_short=True))
    assert told(plan) == ["1 SELL 100 A"]
    assert [line.why for line in plan.lines] == [Why.NO_SHORT] * 3


def test_signals_are_weights_in_proportion() -> None:
    names = [name("A", "1"), name("B", "1"), name("C", "1")]
    signals = targets("signal", A="3", B="1", C="-4")
    assert told(planned(signals, names, "1000")) == ["1 BUY 750 A", "1 BUY 250 B"]
    both = planned(signals, names, "1000", rules(is_long_short=True))
    assert told(both) == ["1 SELL 500 C", "1 BUY 375 A", "1 BUY 125 B"]
    lever = rules(is_long_short=True, gross="2")
    assert told(planned(signals, names, "1000", lever)) == [
        "1 SELL 1000 C",
        "1 BUY 750 A",
        "1 BUY 250 B",
    ]


@pytest.mark.parametrize(
    ("kind", "values", "chosen", "text"),
    [
        ("weight", {"A": "0.6", "B": "0.5"}, {}, "sum of weights: 1.1 is not valid; together"),
        ("weight", {"A": "25"}, {}, "weight: 25 is not valid; 2500% of the portfolio in A; write"),
        ("weight", {"A": "-0.1"}, {}, "weight: -0.1 is not valid; a long-only portfolio has no"),
        ("weight", {"A": "NaN"}, {}, "weight: NaN is not valid; A needs a number"),
        ("shares", {"A": "Infinity"}, {}, "shares: Infinity is not valid; A needs a number"),
        ("shares", {"A": "1.5"}, {}, "shares: 1.5 is not valid; A is held in multiples of 1"),
        ("signal", {"A": "0"}, {}, "signal: 0 is not valid; signals of 0 alone say nothing"),
        ("weight", {}, {}, "symbol: nothing is not valid; there are no targets"),
        ("weight", {"C": "0.1"}, {}, "symbol: C is not valid; it has no price"),
        ("weight", {"A": "0.1"}, {"cash_back": "5000"}, "leaves -4000.00 is not valid; nothing"),
        ("weight", {"A": "0.1"}, {"cash_back": "-1"}, "cash_back: -1 is not valid; dollars"),
        ("weight", {"A": "0.1"}, {"band": "1"}, "band: 1 is not valid; a part of the portfolio"),
        (
            "weight",
            {"A": "1.2", "B": "-0.9"},
            {"is_long_short": True},
            "sum of weights: 2.1 is not valid; together they may be 2 at most; see gross",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_by_field_and_value(
    kind: str, values: dict[str, str], chosen: dict[str, object], text: str
) -> None:
    with pytest.raises(TargetsError) as told_of:
        planned(targets(kind, **values), [name("A", "1"), name("B", "1")], "1000", rules(**chosen))
    assert text in str(told_of.value)


def test_every_wrong_value_is_named_at_its_place() -> None:
    wanted = targets("weight", A="-0.1", B="7")
    wanted = type(wanted)(
        kind=wanted.kind,
        values=wanted.values,
        source="desk.csv",
        places={"A": "line 2", "B": "line 3"},
    )
    with pytest.raises(TargetsError) as told_of:
        planned(wanted, [name("A", "1"), name("B", "1")], "1000")
    first, *rest = str(told_of.value).splitlines()
    assert first == "desk.csv: nothing was sent; 2 things are wrong"
    assert [line.split(":")[0].strip() for line in rest] == ["line 2", "line 3"]
