"""Corporate actions as a user writes them, in TOML or JSON, with a word about each mistake."""

import json
import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import msgspec

from floorbroker.domain.errors import TapeError
from floorbroker.exchange.reference.actions import KINDS, CorporateAction

#: A brace, or a list of objects; a file in TOML may begin with "[[action]]".
_JSON_START = re.compile(r"\s*(\{|\[\s*[{\]])")
_FLAGS = frozenset({"special", "foreign"})
_OWN = frozenset({"id", "kind", "symbol", "cusip", "process_date"})
_CUSIP = "000000000"
_WORDS = {
    "date": "a date, YYYY-MM-DD",
    "rate": "a number above zero",
    "flag": "true or false",
    "text": "text",
}
#: What an action may say beside what its kind needs.
_MORE = (
    *("declaration_date", "ex_date", "record_date", "payable_date", "effective_date"),
    *("due_bill_on_date", "due_bill_off_date", "due_bill_redemption_date", "old_cusip"),
    *("new_cusip", "sub_type"),
)


def parse_actions(text: str, source: str = "actions") -> tuple[CorporateAction, ...]:
    """Read a list of actions from TOML or JSON, under `action` or, in JSON, alone.

    Raises TapeError naming the source, the entry, the field and what would be right.
    """
    entries = _entries(text, source)
    found = [_action(entry, f"{source}: action {n}") for n, entry in enumerate(entries, 1)]
    taken: set[str] = set()
    for n, action in enumerate(found, 1):
        if action.id in taken:
            raise TapeError(f"{source}: action {n}: id: {action.id} is that of an earlier one")
        taken.add(action.id)
    return tuple(found)


def parse_action(text: str, source: str = "action") -> CorporateAction:
    """Read one action from JSON; raises TapeError as `parse_actions` does."""
    try:
        entry = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise TapeError(f"{source}: not JSON: {error}") from None
    return _action(entry, source)


def action_text(action: CorporateAction) -> str:
    """An action as JSON that `action_from` reads."""
    own = {name: getattr(action, name) for name in sorted(_OWN)}
    return json.dumps({**own, **action.details}, default=str)


def action_from(text: str) -> CorporateAction:
    """What `action_text` wrote; raises TapeError for anything else."""
    return parse_action(text)


def _entries(text: str, source: str) -> list[Any]:
    try:
        document = msgspec.json.decode(text) if _JSON_START.match(text) else tomllib.loads(text)
    except (msgspec.DecodeError, tomllib.TOMLDecodeError) as error:
        raise TapeError(f"{source}: neither TOML nor JSON: {error}") from None
    if isinstance(document, list):
        return document
    assert isinstance(document, dict)
    if unknown := set(document) - {"action"}:
        raise TapeError(
            f"{source}: unknown field {min(unknown)!r}; there is a list 'action' "
            "([[action]] in TOML)"
        )
    entries = document.get("action", [])
    if not isinstance(entries, list):
        raise TapeError(f"{source}: 'action' must be a list of tables ([[action]] in TOML)")
    return entries


def _action(entry: object, where: str) -> CorporateAction:
    if not isinstance(entry, Mapping):
        raise TapeError(f"{where}: {entry!r} is not a table with a field 'kind'")
    kind = entry.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise TapeError(f"{where}: kind: {kind!r} is not one of {', '.join(KINDS)}")
    where = f"{where} ({kind})"
    needs = KINDS[kind].needs
    allowed = {*_OWN, *needs, *_MORE}
    for field in entry:
        if field not in allowed:
            takes = ", ".join(sorted(allowed))
            raise TapeError(f"{where}: unknown field {field!r}; it takes {takes}")
    symbol = _read(entry, "symbol", where)
    cusip = _read(entry, "cusip", where) if "cusip" in entry else _CUSIP
    filled = {**_defaults(needs, str(cusip)), **entry}
    if missing := [name for name in needs if name not in filled]:
        wanted = ", ".join(f"{name} ({_wanted(name)})" for name in missing)
        raise TapeError(f"{where}: lacks {wanted}")
    details = {name: _read(filled, name, where) for name in filled if name not in _OWN}
    return CorporateAction(
        id=_id(entry, where),
        kind=kind,
        symbol=str(symbol),
        cusip=str(cusip),
        process_date=_process_date(entry, details, where),
        details=details,
    )


def _defaults(needs: tuple[str, ...], cusip: str) -> dict[str, object]:
    """What nobody who tests a bot needs to say."""
    defaults: dict[str, object] = {name: False for name in needs if name in _FLAGS}
    defaults |= {name: cusip for name in needs if name.endswith("_cusip")}
    return defaults


def _id(entry: Mapping[str, object], where: str) -> str:
    """The UUID that was given, or one made from what the action says."""
    given = entry.get("id")
    if given is None:
        told = json.dumps(dict(entry), default=str, sort_keys=True)
        return str(uuid5(NAMESPACE_OID, told))
    try:
        return str(UUID(str(given)))
    except ValueError:
        raise TapeError(f"{where}: id: {given!r} is not a UUID; leave it out") from None


def _process_date(
    entry: Mapping[str, object],
    details: Mapping[str, Decimal | date | bool | str],
    where: str,
) -> date:
    """The day that was given, or the last that the action has."""
    if "process_date" in entry:
        day = _read(entry, "process_date", where)
        assert isinstance(day, date), "the field is a date"
        return day
    for name in ("payable_date", "ex_date", "effective_date"):
        found = details.get(name)
        if isinstance(found, date):
            return found
    raise TapeError(f"{where}: lacks process_date ({_WORDS['date']})")


def _form(name: str) -> str:
    if name.endswith("_date"):
        return "date"
    if name in _FLAGS:
        return "flag"
    return "rate" if name == "rate" or name.endswith("_rate") else "text"


def _wanted(name: str) -> str:
    return _WORDS[_form(name)]


def _read(entry: Mapping[str, object], name: str, where: str) -> Decimal | date | bool | str:
    """A field as its name has it; raises TapeError."""
    value = entry.get(name)
    form = _form(name)
    found: Decimal | date | bool | str | None = None
    if form == "date":
        found = _date(value)
    elif form == "flag":
        found = value if isinstance(value, bool) else None
    elif form == "rate":
        found = _rate(value)
    elif isinstance(value, str) and value.strip():
        found = value.strip()
    if found is None:
        shown = "nothing" if value is None else repr(value)
        raise TapeError(f"{where}: {name}: {shown} is not valid; it must be {_WORDS[form]}")
    return found


def _date(value: object) -> date | None:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return day if day is not None and 1900 <= day.year <= 2200 else None


def _rate(value: object) -> Decimal | None:
    """A number, or text of one, exactly as it is written."""
    if isinstance(value, bool) or not isinstance(value, int | str | float):
        return None
    try:
        rate = Decimal(str(value))
    except InvalidOperation:
        return None
    return rate if rate.is_finite() and 0 < rate < 10**9 else None
