"""Amounts that are looked up are those that a reader of all texts finds, or none."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorbroker.exchange.model import OrderTicket, PlainTicket
from floorbroker.exchange.ordinary.amounts import KNOWN_MAX, Amounts, is_price, is_whole
from floorbroker.exchange.reference.assets import listing
from floorbroker.exchange.rules import is_plain

ASSET = listing()["AAPL"]
NUMBERS = st.decimals(-10, 10**7, places=4) | st.integers(-5, 10**6) | st.floats(-5, 10**6)
WORDS = st.sampled_from(
    ["", "NaN", "Infinity", "1_0", " 1", "1e2", "+1", "0012", "\u0661", "1.", ".5", "9" * 40, "0"]
)
#: As it may stand in JSON: a text or a number, and what is no amount at all.
WRITTEN = st.one_of(
    NUMBERS.map(lambda number: json.dumps(str(number))),
    NUMBERS.map(str),
    WORDS.map(json.dumps),
    st.sampled_from(["true", "null", "[]", "{}", "-0", "1e2", "1E400"]),
)


def body(qty: str, limit_px: str) -> bytes:
    words = '"symbol":"AAPL","side":"buy","type":"limit","time_in_force":"day"'
    return f'{{{words},"qty":{qty},"limit_price":{limit_px}}}'.encode()


def looked_up(text: bytes) -> tuple[Decimal | None, Decimal | None] | None:
    """What the short road makes of the amounts; None where it does not look them up."""
    try:
        ticket = msgspec.json.decode(text, type=PlainTicket)
    except msgspec.DecodeError:
        return None
    try:
        return Amounts(is_whole)[ticket.qty], Amounts(is_price)[ticket.limit_price]
    except TypeError:
        return None


@given(WRITTEN, WRITTEN)
def test_an_amount_that_is_looked_up_is_the_one_that_was_written(qty: str, limit_px: str) -> None:
    found = looked_up(body(qty, limit_px))
    if found is None or None in found:
        return
    ticket = msgspec.json.decode(body(qty, limit_px), type=OrderTicket)
    assert repr((ticket.qty, ticket.limit_price)) == repr(found)
    assert is_plain(ticket, ASSET)


@pytest.mark.parametrize(
    ("written", "is_known"),
    [
        ("10", True),
        ("010", True),
        ("10.0", True),
        (10, True),
        ("0", False),
        (0, False),
        ("0.5", False),
        ("-1", False),
        ("1e2", False),
        ("1" * 16, False),
        (1.0, False),
        (True, False),
        (None, False),
    ],
)
def test_a_quantity_is_known_if_it_is_of_whole_shares(written: object, is_known: bool) -> None:
    quantities = Amounts(is_whole)
    assert quantities[1] == 1
    assert (quantities[written] is not None) == is_known
    assert (quantities[written] is not None) == is_known, "and so it stays"


def test_a_price_is_known_if_an_order_may_have_it() -> None:
    prices = Amounts(is_price)
    known = {text: prices[text] for text in ("187.2", "187.20", "0.1234", "187.205", "0.0")}
    assert [str(px) for px in known.values()] == ["187.2", "187.20", "0.1234", "None", "None"]


def test_more_texts_than_are_remembered_mean_what_they_meant() -> None:
    prices: Any = Amounts(is_price)
    for cents in (*range(1, KNOWN_MAX + 10), 1, 2):
        assert prices[f"{cents}.01"] == cents + Decimal("0.01")
        assert len(prices) <= KNOWN_MAX
