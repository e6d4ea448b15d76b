"""What was no trade, as the wire tells it: a row of activities, and an event of their stream."""

from floorbroker.exchange.model import Entry
from floorbroker.exchange.wire.words import new_york_digits, number, wire_time


def entry_id(entry: Entry) -> str:
    """`YYYYMMDDHHMMSSmmm::<id>`, the digits in New York's local time."""
    return f"{new_york_digits(entry.time_ns)}::{entry.id}"


def entry_view(entry: Entry) -> dict[str, object]:
    """A row that is no trade; what left the cash is negative."""
    view: dict[str, object] = {
        "id": entry_id(entry),
        "activity_type": entry.kind,
        "activity_sub_type": entry.sub_kind,
        "date": entry.date,
        "created_at": wire_time(entry.time_ns - entry.time_ns % 1000),
        "net_amount": number(entry.net_amount),
        "symbol": entry.symbol,
        "cusip": entry.cusip,
        "qty": None if entry.qty is None else number(entry.qty),
        "per_share_amount": None if entry.per_share is None else number(entry.per_share),
        "description": entry.description,
        "group_id": entry.group_id,
        "currency": "USD",
        "status": "executed",
    }
    return {name: value for name, value in view.items() if value not in ("", None)}


def entry_event(entry: Entry) -> dict[str, object]:
    """What an event tells of it beside the envelope that every activity has."""
    details: dict[str, str] = {"system_date": entry.date}
    if entry.kind == "FEE":  # a day's fee has no single trade that it belongs to
        details["parent_id"] = entry.id
    if entry.group_id:
        details["group_id"] = entry.group_id
    view: dict[str, object] = {
        "activity_type": entry.kind,
        "activity_subtype": entry.sub_kind,
        "ref_id": entry.id,
        "status": "executed",
        "net_amount": number(entry.net_amount),
        "qty": None if entry.qty is None else number(entry.qty),
        "details": {**details, **entry.details},
    }
    return {name: value for name, value in view.items() if value not in ("", None)}
