"""The details of corporate actions as the events of activities tell them: text throughout."""

from datetime import date
from decimal import Decimal

from floorbroker.domain.amounts import plain
from floorbroker.exchange.reference.actions import CorporateAction

_DATES = ("ex_date", "record_date", "payable_date", "due_bill_redemption_date")
_DUE_BILLS = ("due_bill_on_date", "due_bill_off_date")


def split_details(
    action: CorporateAction, held_on: date, before: Decimal, after: Decimal
) -> dict[str, str]:
    """Of a split, or of a dividend that is paid in shares."""
    if action.kind == "stock_dividend":
        return _about(action, held_on, "rate") | {
            "symbol": action.symbol,
            "cusip": action.cusip,
            "entitled_qty": plain(before),
            "paid_qty": plain(after - before),
            "new_qty": plain(after),
        }
    return _about(action, held_on, "old_rate", "new_rate") | {
        "symbol": action.symbol,
        "old_cusip": action.text("old_cusip") or action.cusip,
        "new_cusip": action.text("new_cusip") or action.cusip,
        "old_qty": plain(before),
        "new_qty": plain(after),
    }


def dividend_details(action: CorporateAction, held_on: date) -> dict[str, str]:
    """Of a cash dividend, before the amounts of one holder."""
    return _about(action, held_on, "rate", "special", "foreign", *_DUE_BILLS) | {
        "symbol": action.symbol,
        "cusip": action.cusip,
    }


def spin_off_details(
    action: CorporateAction, held_on: date, before: Decimal, came: Decimal
) -> dict[str, str]:
    """Of a spin-off, without the prices."""
    return _about(action, held_on, "source_rate", "new_symbol", "new_cusip", "new_rate") | {
        "source_symbol": action.symbol,
        "source_cusip": action.cusip,
        "source_qty": plain(before),
        "new_qty": plain(came),
    }


def _about(action: CorporateAction, held_on: date, *names: str) -> dict[str, str]:
    told = {name: _text(action, name) for name in (*names, *_DATES)}
    return {
        "ca_id": action.id,
        "position_date": held_on.isoformat(),
        **{name: text for name, text in told.items() if text},
    }


def _text(action: CorporateAction, name: str) -> str:
    value = action.details.get(name)
    if isinstance(value, bool):
        return "true" if value else "false"
    return plain(value) if isinstance(value, Decimal) else action.text(name) or ""
