"""Limits in layers: those of the desk, and what an account, a strategy and a symbol change.

The most specific layer that names a field wins: symbol over strategy over account over desk. A
layer may loosen what a wider one says; whoever writes it means it.
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import fields, replace

from floorbroker.pretrade.risk.limits import ABOUT, LIVE, Limits

Scope = Literal["desk", "account", "strategy", "symbol"]
SCOPES: tuple[Scope, ...] = ("desk", "account", "strategy", "symbol")
NAMES: tuple[str, ...] = tuple(one.name for one in fields(Limits))
Values = Mapping[str, Any]


class LimitBook(Struct, frozen=True, kw_only=True):
    """All limits of a desk: `base` is a profile with what the desk changed; the rest changes
    single fields of it for one account, strategy or symbol."""

    profile: str = "live"
    base: Limits = LIVE
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    strategies: dict[str, dict[str, Any]] = field(default_factory=dict)
    symbols: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def is_flat(self) -> bool:
        """Whether every order meets the same limits."""
        return not (self.accounts or self.strategies or self.symbols)

    def limits_for(self, account: str, strategy: str, symbol: str) -> Limits:
        """What holds for such an order."""
        if self.is_flat:
            return self.base
        values: dict[str, Any] = {
            **self.accounts.get(account, {}),
            **self.strategies.get(strategy, {}),
            **self.symbols.get(symbol, {}),
        }
        return replace(self.base, **values) if values else self.base

    def changed(self, scope: Scope, whose: str, name: str, value: Any) -> "LimitBook":
        """With this one limit changed; `whose` is empty for the desk."""
        if scope == "desk":
            return replace(self, base=replace(self.base, **{name: value}))
        room = {"account": "accounts", "strategy": "strategies", "symbol": "symbols"}[scope]
        layer: dict[str, dict[str, Any]] = getattr(self, room)
        own = {**layer.get(whose, {}), name: value}
        return replace(self, **{room: {**layer, whose: own}})


def is_looser(name: str, old: Any, new: Any) -> bool:
    """Whether the change of this field lets more through."""
    looser = ABOUT[name].looser
    if old == new:
        return False
    if looser in ("more", "fewer"):
        return _lets_more(looser == "more", old, new)
    if looser in ("true", "false"):
        return bool(new) is (looser == "true")
    if old is None or new is None:
        return new is None
    return bool(new > old) if looser == "up" else bool(new < old)


def _lets_more(more: bool, old: Any, new: Any) -> bool:  # noqa: FBT001  (one caller)
    """Sets: an allow-list that is None allows everything."""
    if old is None or new is None:
        return new is None
    return not new <= old if more else not new >= old
