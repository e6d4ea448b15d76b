"""Account, positions, assets, sessions and market facts are read exactly or named as wrong."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from floorbroker.brokers.alpaca import reference
from floorbroker.brokers.alpaca.words import Unreadable
from floorbroker.domain.amounts import Money, Px, Qty
from floorbroker.domain.ids import Account
from floorbroker.domain.instrument import AssetClass
from tests.unit.brokers.tiny import encode

ACCOUNT = {
    "id": "e6fe16f3-64a4-4921-8928-cadf02f92f98",
    "account_number": "PA3ABCDEFGHI",
    "status": "ACTIVE",
    "currency": "USD",
    "cash": "-100000.25",
    "equity": "100000",
    "last_equity": "99999.99",
    "buying_power": "400000",
    "initial_margin": "0",
    "maintenance_margin": "0",
    "multiplier": "4",
    "shorting_enabled": True,
    "trading_blocked": False,
    "account_blocked": False,
    "trade_suspended_by_user": False,
}
POSITION = {
    "asset_id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415",
    "symbol": "AAPL",
    "qty": "-5",
    "qty_available": "-3",
    "side": "short",
    "avg_entry_price": "187.25",
    "current_price": "188",
    "market_value": "-940",
    "unrealized_pl": "-3.75",
}
ASSET = {
    "id": "b0b6dd9d-8b9b-48a9-ba46-b9d54906e415",
    "class": "us_equity",
    "exchange": "MARS",
    "symbol": "AAPL",
    "name": "Apple Inc.",
    "status": "active",
    "tradable": True,
    "fractionable": True,
    "shortable": False,
}


def account(**changes: Any) -> Any:
    return reference.account_report(encode({**ACCOUNT, **changes}), Account("ACC"))


def test_the_account_is_read_exactly() -> None:
    found = account()
    assert (found.account, found.status, found.multiplier) == ("ACC", "ACTIVE", 4)
    assert found.cash == Money("-100000.25")
    assert found.is_shorting_enabled
    assert found.number == "PA3ABCDEFGHI"
    assert not found.is_trading_blocked


@pytest.mark.parametrize("flag", ["trading_blocked", "account_blocked", "trade_suspended_by_user"])
def test_any_block_blocks_trading(flag: str) -> None:
    assert account(**{flag: True}).is_trading_blocked


@pytest.mark.parametrize("field", ["cash", "equity", "buying_power", "initial_margin"])
@pytest.mark.parametrize("value", ["NaN", None, "Infinity", "lots"])
def test_a_sheet_without_a_number_where_one_belongs_is_no_sheet(
    field: str, value: str | None
) -> None:
    with pytest.raises(Unreadable, match=field):
        account(**{field: value})


def test_fields_that_come_and_go_do_no_harm() -> None:
    slim = {key: ACCOUNT[key] for key in ACCOUNT if key not in ("currency", "multiplier", "id")}
    found = reference.account_report(encode({**slim, "novelty": 1}), Account("ACC"))
    assert (found.currency, found.multiplier) == ("USD", 1)


def test_a_short_position_is_negative_however_it_is_written() -> None:
    positive = {**POSITION, "qty": "5", "qty_available": "3"}
    for row in (POSITION, positive):
        [found] = reference.position_reports(encode([row]))
        assert (found.qty, found.qty_available) == (Qty(-5), Qty(-3))
        assert found.avg_entry_px == Px("187.25")
        assert found.unrealized_pnl == Money("-3.75")


def test_a_position_may_lack_its_valuation_but_not_its_size() -> None:
    bare = {"symbol": "AAPL", "qty": "5", "avg_entry_price": "1"}
    [found] = reference.position_reports(encode([bare]))
    assert (found.current_px, found.market_value, found.qty_available) == (None, None, Qty(5))
    with pytest.raises(Unreadable, match="qty"):
        reference.position_reports(encode([{**bare, "qty": None}]))


def test_an_asset_of_an_unknown_exchange_is_an_asset() -> None:
    found = reference.instrument(encode(ASSET))
    assert found is not None
    assert (found.symbol, found.name, found.currency) == ("AAPL", "Apple Inc.", "USD")
    assert (found.is_tradable, found.is_fractionable, found.is_shortable) == (True, True, False)


def test_an_inactive_asset_is_not_tradable() -> None:
    found = reference.instrument(encode({**ASSET, "status": "inactive"}))
    assert found is not None
    assert not found.is_tradable


def test_coins_are_quoted_in_their_own_currency_and_options_are_left_out() -> None:
    coin = {**ASSET, "class": "crypto", "symbol": "BTC/USDT"}
    option = {**ASSET, "class": "us_option", "symbol": "AAPL261218C00200000"}
    [share, found] = reference.instruments(encode([ASSET, option, coin]))
    assert share.symbol == "AAPL"
    assert (found.asset_class, found.currency) == (AssetClass.CRYPTO, "USDT")


def test_the_brokers_clock_is_told_in_utc() -> None:
    phase = reference.market_phase(
        encode(
            {
                "timestamp": "2026-10-08T11:12:13.123456789-04:00",
                "is_open": True,
                "next_open": "2026-10-09T09:30:00-04:00",
                "next_close": "2026-10-08T16:00:00-04:00",
            }
        )
    )
    assert phase.next_close == datetime(2026, 10, 8, 20, 0, tzinfo=UTC)
    assert phase.broker_time.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:01.123456789Z", 1_123_456_789),
        ("1970-01-01T00:00:01.12345678Z", 1_123_456_780),
        ("1970-01-01T00:00:01.5+00:00", 1_500_000_000),
        ("1970-01-01T00:00:01Z", 1_000_000_000),
        ("1969-12-31T19:00:01.000000001-05:00", 1_000_000_001),
    ],
)
def test_market_times_keep_every_nanosecond(text: str, ns: int) -> None:
    assert reference.time_ns("t", text) == ns


@pytest.mark.parametrize("text", ["noon", "2026-10-08T11:12:13", ""])
def test_a_time_without_a_zone_or_sense_is_named(text: str) -> None:
    with pytest.raises(Unreadable, match="t: "):
        reference.time_ns("t", text)


def test_a_quote_is_exact_and_a_side_without_price_has_no_size() -> None:
    raw = (
        b'{"quotes":{"AAPL":{"t":"2026-10-08T14:00:00.000000001Z","bp":187.1,"bs":200,"bx":"V",'
        b'"ap":0,"as":100,"ax":" ","c":["R"],"z":"C"}}}'
    )
    found = reference.latest_quotes(raw).get("AAPL")
    assert found is not None
    assert (found.bid_px, found.bid_size) == (Decimal("187.1"), Decimal(200))
    assert found.ask_size == 0
    assert not found.has_both_sides
    assert found.time_ns % 1_000_000_000 == 1
    assert reference.latest_quotes(raw).get("MSFT") is None


def test_a_trade_is_exact() -> None:
    raw = (
        b'{"trades":{"AAPL":{"t":"2026-10-08T14:00:00Z","p":187.105,"s":3,"i":9007199254740993,'
        b'"x":"D","c":["@","I"]}}}'
    )
    found = reference.latest_trade(raw, "AAPL")
    assert found is not None
    assert (found.px, found.size, found.conditions) == (Decimal("187.105"), Decimal(3), "@I")
    assert found.trade_id == 9007199254740993


def test_bars_come_with_the_token_of_the_next_page() -> None:
    row = '{"t":"2026-10-08T14:00:00Z","o":1.1,"h":1.4,"l":1,"c":1.2,"v":300,"n":4,"vw":1.15}'
    page, token = reference.bar_page(f'{{"bars":{{"F":[{row}]}},"next_page_token":"x"}}'.encode())
    assert token == "x"
    [bar] = page["F"]
    assert (bar.open_px, bar.high_px, bar.low_px, bar.close_px) == (
        Decimal("1.1"),
        Decimal("1.4"),
        Decimal(1),
        Decimal("1.2"),
    )
    assert (bar.duration_s, bar.trade_count, bar.vwap) == (60, 4, Decimal("1.15"))
    assert reference.bar_page(b'{"bars":null,"next_page_token":null}') == ({}, None)


def test_hours_of_trading_days_are_told_in_utc_in_summer_and_in_winter() -> None:
    rows = [
        {
            "date": "2026-07-02",
            "open": "09:30",
            "close": "16:00",
            "session_open": "0400",
            "session_close": "2000",
            "settlement_date": "2026-07-06",
        },
        {"date": "2026-12-24", "open": "09:30", "close": "13:00", "session_close": "1700"},
    ]
    summer, winter = reference.calendar_days(encode(rows))
    assert summer.opens == datetime(2026, 7, 2, 13, 30, tzinfo=UTC)
    assert summer.extended_closes == datetime(2026, 7, 3, 0, 0, tzinfo=UTC)
    assert (summer.day, summer.settles) == (date(2026, 7, 2), date(2026, 7, 6))
    assert winter.closes == datetime(2026, 12, 24, 18, 0, tzinfo=UTC)
    assert (winter.extended_opens.hour, winter.settles) == (9, None)
    for wrong in ("9:30", "25:00", "soon"):
        with pytest.raises(Unreadable, match="open"):
            reference.calendar_days(encode([{**rows[0], "open": wrong}]))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("FEE", "fee"),
        ("DIVNRA", "dividend"),
        ("INT", "interest"),
        ("JNLC", "cash"),
        ("SPLIT", "corporate"),
        ("SOMETHING", "other"),
    ],
)
def test_an_activity_that_is_no_fill_has_an_amount(code: str, kind: str) -> None:
    row = {
        "id": "20260601000000000::x",
        "activity_type": code,
        "date": "2026-06-01",
        "net_amount": "-1.25",
        "description": "TAF fee",
    }
    (found,) = reference.activities(encode([row]))
    assert (found.kind, found.code, found.net_amount) == (kind, code, Money("-1.25"))
    assert found.time == datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
    with pytest.raises(Unreadable, match="neither time nor date"):
        reference.activities(encode([{"id": "x", "activity_type": code}]))


@pytest.mark.parametrize(
    ("changes", "is_easy", "is_otc", "has_late_fractions"),
    [
        ({}, True, False, True),
        ({"easy_to_borrow": False}, False, False, True),
        ({"easy_to_borrow": True, "borrow_status": "hard_to_borrow"}, False, False, True),
        ({"exchange": "OTC", "attributes": []}, True, True, False),
        ({"attributes": ["fractional_eh_enabled"]}, True, False, True),
    ],
)
def test_what_an_asset_may_be_used_for_beyond_trading(
    changes: dict[str, Any], is_easy: bool, is_otc: bool, has_late_fractions: bool
) -> None:
    found = reference.instrument(encode({**ASSET, **changes}))
    assert found is not None
    assert found.is_easy_to_borrow is is_easy
    assert found.is_otc is is_otc
    assert found.has_fractional_extended_hours is has_late_fractions
