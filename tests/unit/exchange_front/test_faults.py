"""The fault plan: reading it, and striking by its rules."""

import pytest

from floorbroker.domain.errors import TapeError
from floorbroker.exchange.faults import FaultPlan, FaultRule, parse_fault_plan

TOML = """
seed = 7

[[fault]]
kind = "accept_then_504"
method = "post"
path = "/v2/orders"
nth = [2, 4]

[[fault]]
kind = "stream_lose"
event = "*fill"
symbol = "AAPL"
count = 1
"""


def strikes(plan: FaultPlan, times: int) -> list[int]:
    """Which of so many POSTs of orders were hit, counted from 1."""
    return [
        n for n in range(1, times + 1) if plan.on_request("POST", "/v2/orders", "K", 1_000 * n)
    ]


def test_toml_and_json_give_the_same_plan() -> None:
    as_json = (
        '{"seed": 7, "fault": [{"kind": "accept_then_504", "method": "POST",'
        '"path": "/v2/orders", "nth": [2, 4]}, {"kind": "stream_lose", "event": "*fill",'
        '"symbol": "AAPL", "count": 1}]}'
    )
    assert parse_fault_plan(TOML).rules == parse_fault_plan(as_json).rules
    assert parse_fault_plan(TOML).seed == 7


def test_nth_strikes_exactly_those_matches() -> None:
    plan = parse_fault_plan(TOML)
    assert plan.on_request("GET", "/v2/orders", "K", 0) == ()
    assert strikes(plan, 6) == [2, 4]


def test_count_and_after_bound_the_strikes() -> None:
    plan = FaultPlan([FaultRule(kind="refuse", after=2, count=3)])
    assert strikes(plan, 10) == [3, 4, 5]


def test_frames_match_by_event_pattern_and_symbol() -> None:
    plan = parse_fault_plan(TOML)
    assert plan.on_frame("partial_fill", "MSFT", "K", 0) == ()
    assert plan.on_frame("new", "AAPL", "K", 0) == ()
    assert [rule.kind for rule in plan.on_frame("partial_fill", "AAPL", "K", 0)] == ["stream_lose"]
    assert plan.on_frame("fill", "AAPL", "K", 0) == ()  # its count of 1 is spent


def test_path_patterns_cover_single_orders() -> None:
    plan = FaultPlan([FaultRule(kind="refuse", method="DELETE", path="/v2/orders/*")])
    assert plan.on_request("DELETE", "/v2/orders", "K", 0) == ()
    assert plan.on_request("DELETE", "/v2/orders/6a2c", "K", 0)


def test_one_seed_gives_one_sequence_and_restart_repeats_it() -> None:
    rule = FaultRule(kind="refuse", probability=0.3)
    first, second, other = FaultPlan([rule], 1), FaultPlan([rule], 1), FaultPlan([rule], 2)
    struck = strikes(first, 200)
    assert strikes(second, 200) == struck
    assert strikes(other, 200) != struck
    assert 30 < len(struck) < 90
    first.restart()
    assert strikes(first, 200) == struck


def test_a_rule_more_does_not_shift_the_dice_of_another() -> None:
    rule = FaultRule(kind="refuse", probability=0.3)
    alone = FaultPlan([rule], 1)
    joined = FaultPlan([rule, FaultRule(kind="delay", probability=0.5)], 1)
    refused = [
        n
        for n in range(1, 101)
        if any(one.kind == "refuse" for one in joined.on_request("POST", "/v2/orders", "K", n))
    ]
    assert refused == strikes(alone, 100)


def test_what_fired_is_counted_and_listed() -> None:
    plan = parse_fault_plan(TOML)
    strikes(plan, 4)
    counts = plan.counts()
    assert [(row["kind"], row["matched"], row["fired"]) for row in counts] == [
        ("accept_then_504", 4, 2),
        ("stream_lose", 0, 0),
    ]
    assert [(one.rule, one.where, one.time_ns) for one in plan.fired] == [
        (1, "POST /v2/orders", 2_000),
        (1, "POST /v2/orders", 4_000),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fault = 3", "f.toml: 'fault' must be a list"),
        ("[[fault]]\nkind='nope'", "f.toml: fault 1: kind: 'nope' is not one of refuse,"),
        (
            "[[fault]]\nkind='delay'\n[[fault]]\nkind='delay'\nsecnds=3",
            "f.toml: fault 2 (delay): unknown field 'secnds'; delay takes method, path,",
        ),
        ("[[fault]]\nkind='delay'\nseconds=-1", "seconds: -1 is not a number of seconds"),
        ("[[fault]]\nkind='refuse'\nnth=0", "nth: 0 is not a whole number from 1 up"),
        ("[[fault]]\nkind='refuse'\nprobability=1.5", "probability: 1.5 is not a number above 0"),
        ("[[fault]]\nkind='refuse'\npath='v2'", "path: 'v2' does not begin with '/'"),
        ("[[fault]]\nkind='refuse'\nmethod='FETCH'", "method: 'FETCH' is not one of GET"),
        ("[[fault]]\nkind='stream_disconnect'\ncode=17", "code: 17 is not one of 1000"),
        ("[[fault]]\nkind='partial_fills'\nmax_qty='0'", "max_qty: '0' is not a positive"),
        ("[[fault]]\nkind='server_error'\nstatus=404", "status: 404 is not one of 500"),
        ("seed = 'x'", "seed: 'x' is not a whole number"),
        ("sed = 1", "unknown field 'sed'"),
        ("[[fault]", "f.toml: neither TOML nor JSON:"),
        ('{"fault": [1]}', "fault 1: 1 is not a table"),
    ],
)
def test_a_wrong_plan_says_what_is_wrong_and_what_is_right(text: str, said: str) -> None:
    with pytest.raises(TapeError) as caught:
        parse_fault_plan(text, "f.toml")
    assert said in str(caught.value)
