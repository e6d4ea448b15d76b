"""The corporate actions that an exchange knows of, and what each does when its day begins.

An action takes effect at 20:00 in New York on the eve of its ex-date, when trading for that date
begins: after the last trade with it, and before the first of the night. Who holds the shares then
is entitled to a dividend, which is paid when its payable date begins. An action whose ex-date has
begun already when it becomes known is told and does nothing, and so is one of a kind that nothing
here is done for.
"""

from bisect import insort
from collections.abc import Callable, Iterable
from datetime import date, datetime, time
from decimal import Decimal

from floorbroker.clock import ns_of
from floorbroker.domain.quotes import MarketEvent, Quote
from floorbroker.exchange.actions.holders import Holders
from floorbroker.exchange.actions.orders import treat_for_dividend, treat_for_split
from floorbroker.exchange.actions.reading import action_from, action_text
from floorbroker.exchange.floor.routing import TRADE_DATE
from floorbroker.exchange.model import ZERO
from floorbroker.exchange.reference.actions import CorporateAction
from floorbroker.exchange.reference.calendar import NEW_YORK, night_ns_of
from floorbroker.exchange.venue import Venue


class Diary:
    """Every action of one venue; `touched` is called when one took effect."""

    def __init__(
        self,
        venue: Venue,
        actions: Iterable[CorporateAction] = (),
        touched: Callable[[], None] = lambda: None,
    ) -> None:
        self._venue = venue
        self._holders = Holders(venue)
        self._touched = touched
        self._listed = sorted(actions, key=_order)
        self._pending: list[CorporateAction] = []
        venue.routing.on_trade_date = self.come_due
        self.resume()

    @property
    def listed(self) -> list[CorporateAction]:
        """All of them, by the day on which they are processed; do not change it."""
        return self._listed

    def resume(self) -> None:
        """Go on from where the venue is: what was announced before a restart is known again."""
        known = {action.id for action in self._listed}
        for text in self._venue.blotter.announced:
            action = action_from(text)
            if action.id not in known:
                insort(self._listed, action, key=_order)
        now_ns = self._venue.now_ns
        self._pending = [each for each in self._listed if _begins_ns(each) > now_ns]
        for action in self._pending:
            self._wake_at(_begins_ns(action))
        for account in self._venue.accounts.values():
            for entitlement in account.entitlements:
                self._wake_at(entitlement.pay_ns)

    def announce(self, action: CorporateAction) -> None:
        """Make an action known; raises ValueError for an id that is taken or an ex-date begun."""
        if any(action.id == each.id for each in self._listed):
            raise ValueError(f"id: {action.id} is taken by another action")
        if effective_date(action) is not None and _begins_ns(action) <= self._venue.now_ns:
            raise ValueError(f"ex_date: {effective_date(action)} has begun; it must be ahead")
        insort(self._listed, action, key=_order)
        self._venue.blotter.announced.append(action_text(action))
        if _begins_ns(action):
            self._pending.append(action)
            self._wake_at(_begins_ns(action))
        self._touched()

    def come_due(self) -> None:
        """Do what this time brings: payments, dividends of the old shares, then the rest."""
        now_ns = self._venue.now_ns
        self._holders.pay_due()
        due = [action for action in self._pending if _begins_ns(action) <= now_ns]
        self._pending = [action for action in self._pending if action not in due]
        for action in sorted(due, key=lambda each: (each.kind != "cash_dividend", _order(each))):
            self._take_effect(action)
        self._touched()

    def outdates(self, event: MarketEvent) -> bool:
        """Whether a fact of the market is of shares that were split since."""
        return self.factor_since(event.symbol, event.time_ns) != 1

    def factor_since(self, symbol: str, time_ns: int) -> Decimal:
        """What a share of that time has become, in shares of now."""
        factor = Decimal(1)
        for action in self._listed:
            if action.symbol == symbol and time_ns < _begins_ns(action) <= self._venue.now_ns:
                factor *= split_factor(action) or 1
        return factor

    def _take_effect(self, action: CorporateAction) -> None:
        factor = split_factor(action)
        if factor is not None:
            self._split(action, factor)
        elif action.kind == "cash_dividend" and (rate := action.decimal("rate")):
            pay_ns = self._pay_ns(action)
            self._holders.entitle(action, rate, pay_ns)
            treat_for_dividend(self._venue, action.symbol, rate)
            if pay_ns > self._venue.now_ns:
                self._wake_at(pay_ns)
            else:
                self._holders.pay_due()
        elif action.kind == "spin_off":
            new_symbol, factor = str(action.text("new_symbol")), _ratio(action, "source_rate")
            if factor is not None and new_symbol in self._venue.assets:
                self._holders.spin_off(action, new_symbol, factor)

    def _split(self, action: CorporateAction, factor: Decimal) -> None:
        venue, symbol = self._venue, action.symbol
        if symbol not in venue.assets:
            return
        how = venue.rules.split_orders if factor > 1 else venue.rules.reverse_split_orders
        # What was displayed was offered for shares that are not there any more.
        empty = Quote(
            symbol=symbol,
            time_ns=venue.now_ns,
            bid_px=ZERO,
            bid_size=ZERO,
            ask_px=ZERO,
            ask_size=ZERO,
        )
        venue.routing.post(symbol).forget(empty)
        treat_for_split(venue, symbol, factor, how)
        self._holders.split(action, factor)

    def _pay_ns(self, action: CorporateAction) -> int:
        begins_ns = _begins_ns(action)
        payable = action.details.get("payable_date")
        if self._venue.rules.dividends_paid == "ex_date" or not isinstance(payable, date):
            return begins_ns
        return max(begins_ns, _midnight_ns(payable))

    def _wake_at(self, time_ns: int) -> None:
        self._venue.routing.timers.add(time_ns, TRADE_DATE, "")


def split_factor(action: CorporateAction) -> Decimal | None:
    """How many shares one becomes; None for what is no split and no dividend in shares."""
    if action.kind in ("forward_split", "reverse_split"):
        return _ratio(action, "old_rate")
    if action.kind == "stock_dividend" and (rate := action.decimal("rate")):
        return 1 + rate
    return None


def effective_date(action: CorporateAction) -> date | None:
    """The first day without it; None for a kind that has no such day here."""
    day = action.details.get("ex_date")
    return day if isinstance(day, date) else None


def _ratio(action: CorporateAction, old: str) -> Decimal | None:
    before, after = action.decimal(old), action.decimal("new_rate")
    return after / before if before and after and before > 0 and after > 0 else None


def _begins_ns(action: CorporateAction) -> int:
    day = effective_date(action)
    return 0 if day is None else night_ns_of(day)


def _midnight_ns(day: date) -> int:
    return ns_of(datetime.combine(day, time(), NEW_YORK))


def _order(action: CorporateAction) -> tuple[date, str]:
    return action.process_date, action.id
