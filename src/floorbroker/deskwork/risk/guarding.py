"""Limits, the arming of live trading, alerts, and what would become of an order: for a desk."""

from datetime import datetime

from msgspec import Struct

from floorbroker import app
from floorbroker.config import Settings
from floorbroker.deskwork.halting import user
from floorbroker.deskwork.risk import arming
from floorbroker.deskwork.risk.whatif import WhatIf, what_if
from floorbroker.domain.errors import InvalidOrder
from floorbroker.domain.messages import LimitsChanged
from floorbroker.domain.order import OrderRequest
from floorbroker.engine.gates.laying import Acknowledge, Arm, SetLimit
from floorbroker.engine.standing.guards import Alert
from floorbroker.engine.standing.limits import encoded, own_value, read_limit
from floorbroker.pretrade.risk.layers import NAMES, SCOPES, LimitBook, Scope
from floorbroker.pretrade.risk.limits import ABOUT, PROFILES


class LimitRow(Struct, frozen=True, kw_only=True):
    """One limit: what holds, who says so, and what waits to hold."""

    name: str
    control: str
    value: str
    unit: str
    text: str
    source: str
    scope: str = "desk"
    whose: str = ""
    waiting: str = ""
    waits_until: datetime | None = None


class Guarding:
    """What stands over the orders of an open desk; see `Desk.guards`."""

    def __init__(self, parts: app.Parts, settings: Settings) -> None:
        self.parts, self._settings = parts, settings
        self._switch = parts.engine.switch

    # Limits

    def limits(self) -> list[LimitRow]:
        """Every limit of the desk, then what single accounts, strategies and symbols have of
        their own."""
        return limit_rows(
            self._switch.limits(), tuple(self._switch.guards.changes), self.parts.clock.now()
        )

    async def set_limit(
        self,
        name: str,
        value: str,
        *,
        scope: str = "desk",
        whose: str = "",
        reason: str = "",
        by: str = "",
    ) -> LimitsChanged:
        """Change one limit. Tightening holds at once; loosening needs a reason, is bounded, and
        waits. Raises InvalidOrder where name or value are wrong, RiskDenied where P30 says no."""
        where = scope_of(scope, whose)
        command = SetLimit(
            name=name,
            value=read_limit(name, value),
            by=by or user(),
            scope=where,
            whose=whose.upper() if where == "symbol" else whose,
            reason=reason,
        )
        await self._switch.lay(command)
        return self._switch.guards.changes[-1]

    # Live trading

    async def arming(self) -> arming.Arming:
        """What would be armed, and a new code that arms it."""
        return await arming.proposed(self.parts, self._settings)

    async def arm(self, code: str, *, by: str = "", for_s: int = 8 * 3600) -> datetime:
        """Allow live trading until the time returned, by the code that `arming` gave; raises
        Refused where it is another one, too old, or something has changed since."""
        found = arming.redeemed(self._settings, self.parts, code)
        account, identity = self.parts.broker.account, found.build
        command = Arm(account=account, by=by or user(), for_s=for_s, identity=identity)
        await self._switch.lay(command)
        armed = self._switch.guards.armed
        assert armed is not None, "it was just armed"
        assert armed.expires_time is not None, "it was just armed"
        return armed.expires_time

    async def disarm(self, *, by: str = "") -> None:
        """No live order from now on."""
        who = by or user()
        await self._switch.lay(Arm(account=self.parts.broker.account, by=who))

    # Alerts

    def alerts(self) -> list[Alert]:
        """What somebody has to look at, oldest first."""
        return sorted(self._switch.guards.alerts.values(), key=lambda alert: alert.since)

    async def acknowledge(self, name: str, *, by: str = "", note: str = "") -> None:
        """Somebody has looked; raises Refused where no such alert is open."""
        await self._switch.lay(Acknowledge(name=name, by=by or user(), note=note))

    # What would be

    async def what_if(self, request: OrderRequest) -> WhatIf:
        """What each control would say of this order now; nothing is sent or written down."""
        return await what_if(self.parts, request)


def scope_of(scope: str, whose: str) -> Scope:
    """Which layer is meant; raises InvalidOrder."""
    for known in SCOPES:
        if known == scope:
            if (known == "desk") is bool(whose):
                hint = "name whose limit it is" if not whose else "a limit of the desk is nobody's"
                raise InvalidOrder("whose", repr(whose), hint)
            return known
    raise InvalidOrder("scope", scope, f"choose one of {', '.join(SCOPES)}")


def limit_rows(
    book: LimitBook, changes: tuple[LimitsChanged, ...], now: datetime
) -> list[LimitRow]:
    """Every limit, with what holds and what waits."""
    layers: tuple[tuple[Scope, dict[str, dict[str, object]]], ...] = (
        ("account", book.accounts),
        ("strategy", book.strategies),
        ("symbol", book.symbols),
    )
    places: list[tuple[Scope, str, str]] = [("desk", "", name) for name in NAMES]
    for scope, layer in layers:
        places += [(scope, whose, name) for whose in sorted(layer) for name in layer[whose]]
    told = {(one.scope, one.whose, one.name) for one in changes}
    known = set(places)
    for one in changes:
        if (one.scope, one.whose, one.name) in told - known:
            places.append((scope_of(one.scope, one.whose), one.whose, one.name))
            known.add(places[-1])
    return [_row(book, changes, place, now) for place in places]


def _row(
    book: LimitBook,
    changes: tuple[LimitsChanged, ...],
    place: tuple[Scope, str, str],
    now: datetime,
) -> LimitRow:
    scope, whose, name = place
    value, about = own_value(book, scope, whose, name), ABOUT[name]
    shipped = getattr(PROFILES["live" if book.profile == "live" else "paper"], name)
    source = f"profile {book.profile}" if value == shipped else "floorbroker.toml"
    waiting, until = "", None
    for one in changes:
        if (one.scope, one.whose, one.name) != place:
            continue
        if one.effective_time <= now:
            reason = f': "{one.reason}"' if one.reason else ""
            source = f"{one.by} at {one.transact_time:%Y-%m-%d %H:%M} UTC{reason}"
        else:
            waiting, until = one.new, one.effective_time
    return LimitRow(
        name=name,
        control=about.control,
        value=encoded(value).strip('"'),
        unit=about.unit,
        text=about.text,
        source=source,
        scope=scope,
        whose=whose,
        waiting=waiting.strip('"'),
        waits_until=until,
    )
