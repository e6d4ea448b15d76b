"""Corporate actions in a user's words, and a word about each mistake."""

from datetime import date
from decimal import Decimal

import pytest

from floorbroker.domain.errors import TapeError
from floorbroker.exchange.actions.reading import (
    action_from,
    action_text,
    parse_action,
    parse_actions,
)
from floorbroker.exchange.reference.actions import KINDS
from tests.unit.exchange_actions.kit import action, split

TOML = """
[[action]]
kind = "forward_split"
symbol = "AAPL"
old_rate = 1
new_rate = 4
ex_date = 2026-06-03

[[action]]
kind = "cash_dividend"
symbol = "MSFT"
cusip = "594918104"
rate = 0.83
special = true
ex_date = "2026-06-02"
payable_date = 2026-06-11
"""


def test_toml_and_json_say_the_same() -> None:
    one, two = parse_actions(TOML)
    assert (one.kind, one.symbol, one.process_date) == (
        "forward_split",
        "AAPL",
        date(2026, 6, 3),
    )
    assert (one.decimal("old_rate"), one.decimal("new_rate")) == (Decimal(1), Decimal(4))
    assert (two.cusip, two.process_date) == ("594918104", date(2026, 6, 11))
    assert two.details["rate"] == Decimal("0.83")
    assert (two.details["special"], two.details["foreign"]) == (True, False)
    texts = ", ".join(action_text(each) for each in (one, two))
    assert parse_actions(f"[{texts}]") == parse_actions(f'{{"action": [{texts}]}}') == (one, two)


def test_what_was_written_down_is_read_back() -> None:
    for each in (
        split(3, 2),
        action("spin_off", new_symbol="INTC", source_rate=4, new_rate="1.5", ex_date="2026-06-03"),
        action("cash_dividend", rate="0.123456789", ex_date="2026-06-03", foreign=True),
        action("worthless_removal", process_date="2026-06-03"),
    ):
        assert action_from(action_text(each)) == each


def test_an_action_without_an_id_has_the_same_one_each_time() -> None:
    assert split(1, 2).id == split(1, 2).id != split(1, 3).id


GOOD = '{"kind": "cash_dividend", "symbol": "AAPL", "rate": 1, "ex_date": "2026-06-02"'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[action]", "actions: neither TOML nor JSON"),
        ('{"actions": []}', "actions: unknown field 'actions'; there is a list 'action'"),
        ('{"action": {}}', "actions: 'action' must be a list of tables"),
        ('{"action": [[]]}', "actions: action 1: [] is not a table with a field 'kind'"),
        (
            '[{"kind": "split"}]',
            f"actions: action 1: kind: 'split' is not one of {', '.join(KINDS)}",
        ),
        (
            f'[{GOOD}}}, {{"kind": "forward_split", "symbol": "F", "ex_date": "2026-06-02"}}]',
            "actions: action 2 (forward_split): lacks old_rate (a number above zero), "
            "new_rate (a number above zero)",
        ),
        (
            f'[{GOOD}, "ratio": 2}}]',
            "actions: action 1 (cash_dividend): unknown field 'ratio'; it takes ",
        ),
        (
            f'[{GOOD}, "rate": 0}}]',
            "actions: action 1 (cash_dividend): rate: 0 is not valid; it must be a number above",
        ),
        (f'[{GOOD}, "rate": "much"}}]', "rate: 'much' is not valid"),
        (f'[{GOOD}, "rate": true}}]', "rate: True is not valid"),
        (
            f'[{GOOD}, "payable_date": "soon"}}]',
            "payable_date: 'soon' is not valid; it must be a date, YYYY-MM-DD",
        ),
        (f'[{GOOD}, "special": "yes"}}]', "special: 'yes' is not valid; it must be true or false"),
        (f'[{GOOD}, "symbol": ""}}]', "symbol: '' is not valid; it must be text"),
        (f'[{GOOD}, "id": "7"}}]', "id: '7' is not a UUID; leave it out"),
        (f"[{GOOD}}}, {GOOD}}}]", "actions: action 2: id: "),
        (
            '[{"kind": "partial_call", "symbol": "AAPL"}]',
            "actions: action 1 (partial_call): lacks process_date (a date, YYYY-MM-DD)",
        ),
        ('[{"kind": "partial_call"}]', "symbol: nothing is not valid; it must be text"),
    ],
)
def test_a_mistake_is_told_with_the_entry_the_field_and_what_would_be_right(
    text: str, complaint: str
) -> None:
    with pytest.raises(TapeError) as told:
        parse_actions(text)
    assert complaint in str(told.value)


def test_a_single_action_is_json() -> None:
    assert parse_action(f"{GOOD}}}").symbol == "AAPL"
    with pytest.raises(TapeError, match="action: not JSON"):
        parse_action("kind = 1")
