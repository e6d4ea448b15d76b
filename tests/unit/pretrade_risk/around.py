"""An order that every control lets pass under the live profile, and a quiet desk around it."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from floorbroker.domain.instrument import Instrument
from floorbroker.domain.terms import OrdType, Side
from floorbroker.pretrade.risk.limits import LIVE, Limits
from floorbroker.pretrade.risk.register import BY_ID
from floorbroker.pretrade.risk.view import Ask, RiskView

D = Decimal
NS = 1_000_000_000
NOW = 1_780_322_400 * NS


def ask(**terms: Any) -> Ask:
    """Buy 10 at 100; `new_qty` is the size unless it is given."""
    terms = {"qty": D(10), "price": D(100), "ord_type": OrdType.LIMIT, **terms}
    if terms["ord_type"] is OrdType.MARKET:
        terms["price"] = None
    terms.setdefault("new_qty", terms["qty"] or D(0))
    return Ask(**{"symbol": "AAPL", "side": Side.BUY, **terms})


def view(**fields: Any) -> RiskView:
    """An armed desk with an account of 100,000 dollars, and a market of 99.95 to 100.05."""
    quiet: dict[str, Any] = {
        "now_ns": NOW,
        "is_live": True,
        "is_armed": True,
        "armed_until_ns": NOW + NS,
        "armed_version": "1",
        "version": "1",
        "instrument": Instrument(symbol="AAPL"),
        "asset_age_ns": NS,
        "is_open": True,
        "bid_px": D("99.95"),
        "ask_px": D("100.05"),
        "ref_age_ns": NS,
        "equity": D(100_000),
        "first_equity": D(100_000),
        "peak_equity": D(100_000),
        "broker_bp": D(100_000),
        "model_bp": D(100_000),
        "multiplier": 2,
        "today": "2026-06-01",
    }
    return RiskView(**{**quiet, **fields})


def limits(**fields: Any) -> Limits:
    """The live profile, with AAPL allowed."""
    values = {name: getattr(LIVE, name) for name in LIVE.__struct_fields__}
    return Limits(**{**values, "allow": frozenset({"AAPL"}), **fields})


def said(control: str, one: Ask, around: RiskView, within: Limits | None = None) -> str:
    """Whether the control says no, and how: "" where it does not."""
    found = BY_ID[control].check(one, around, within or limits())
    if found is None:
        return ""
    assert found.control == control
    assert found.limit
    assert found.value
    assert found.would_pass
    return found.text


def denies(control: str, one: Ask, around: RiskView, within: Limits | None = None) -> bool:
    return bool(said(control, one, around, within))


SIDES = st.sampled_from(Side)
SIZES = st.integers(1, 20_000).map(D)
SMALL = st.integers(0, 200)
PRICES = st.integers(100, 100_000).map(lambda cents: D(cents) / 100)
MONEY = st.integers(0, 200_000).map(D)
SIGNED = st.integers(-2000, 2000).map(D)
