"""The limits that hold now: those of the settings, and what was changed since, in its turn."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from floorbroker.domain.amounts import decode_amount
from floorbroker.domain.errors import InvalidOrder
from floorbroker.domain.messages import ENCODER, LimitsChanged
from floorbroker.engine.standing.guards import Guards
from floorbroker.pretrade.risk.layers import LimitBook, Scope
from floorbroker.pretrade.risk.limits import ABOUT, Limits

_TYPES = get_type_hints(Limits)


def encoded(value: Any) -> str:
    """A limit's value as it is journaled."""
    return ENCODER.encode(sorted(value) if isinstance(value, frozenset) else value).decode()


def decoded(name: str, text: str) -> Any:
    """The value that was journaled; raises ValueError, KeyError."""
    found = msgspec.json.decode(text, type=_TYPES[name], dec_hook=decode_amount)
    return msgspec.convert(found, _TYPES[name])


class LimitsInForce:
    """Asked at every order, so the answer is kept until something changes or falls due."""

    def __init__(self, guards: Guards) -> None:
        self._guards = guards
        self._seen: tuple[list[LimitsChanged], int] | None = None
        self._base: LimitBook | None = None
        self._book: LimitBook | None = None
        self._due: datetime | None = None

    def __eq__(self, other: object) -> bool:
        """What is kept follows from the guards."""
        return isinstance(other, LimitsInForce) and self._guards == other._guards

    __hash__ = None  # type: ignore[assignment]  # what it stands for changes

    def at(self, base: LimitBook, now: datetime) -> LimitBook:
        """What holds at this instant on top of the settings' own limits."""
        changes = self._guards.changes
        if not changes:
            return base
        seen = self._seen
        is_known = seen is not None and seen[0] is changes and seen[1] == len(changes)
        is_due = self._due is not None and now >= self._due
        if self._book is None or not is_known or is_due or base is not self._base:
            self._book, self._base = base, base
            for change in changes:
                if change.effective_time <= now:
                    self._book = applied(self._book, change)
            waiting = [one.effective_time for one in changes if one.effective_time > now]
            self._due = min(waiting, default=None)
            self._seen = (changes, len(changes))
        return self._book

    def waiting(self, now: datetime) -> Iterator[LimitsChanged]:
        """Changes whose time has not come."""
        return (one for one in self._guards.changes if one.effective_time > now)


def applied(book: LimitBook, change: LimitsChanged) -> LimitBook:
    """With the change; one that names a limit of another version changes nothing."""
    try:
        value = decoded(change.name, change.new)
    except (KeyError, ValueError):
        return book
    scope: Scope = change.scope  # type: ignore[assignment]  # checked when it was decided
    return book.changed(scope, change.whose, change.name, value)


def own_value(book: LimitBook, scope: Scope, whose: str, name: str) -> Any:
    """What holds for this account, strategy or symbol by itself, or for the desk."""
    layers = {"account": book.accounts, "strategy": book.strategies, "symbol": book.symbols}
    base = getattr(book.base, name)
    return base if scope == "desk" else layers[scope].get(whose, {}).get(name, base)


def read_limit(name: str, text: str) -> Any:
    """What somebody typed, as the limit's own type; raises InvalidOrder that names the limit, the
    value and what would be right."""
    kind = _TYPES.get(name)
    if kind is None:
        near = get_close_matches(name, _TYPES, n=1, cutoff=0)
        raise InvalidOrder("limit", name, f"there is none of this name; did you mean {near[0]}?")
    parts = set(get_args(kind)) or {kind}
    word = text.strip()
    if word.lower() == "none" and NoneType in parts:
        return None
    if kind is bool:
        if word.lower() not in ("true", "false"):
            raise InvalidOrder(name, text, "give true or false")
        return word.lower() == "true"
    if get_origin(kind) is frozenset or any(get_origin(one) is frozenset for one in parts):
        return frozenset(one.strip() for one in word.split(",") if one.strip())
    return _positive(name, word, is_whole=kind is int)


def _positive(name: str, word: str, *, is_whole: bool) -> int | Decimal:
    hint = f"give a {'whole ' if is_whole else ''}number of 0 or more, in {ABOUT[name].unit}"
    try:
        value = Decimal(word)
    except InvalidOperation:
        raise InvalidOrder(name, word, hint) from None
    if not value.is_finite() or value < 0 or (is_whole and value % 1):
        raise InvalidOrder(name, word, hint)
    return int(value) if is_whole else value
