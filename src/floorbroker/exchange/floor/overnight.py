"""The overnight session, 20:00 to 04:00: who trades in it, and which facts are of its market."""

from collections.abc import Mapping

from floorbroker.domain.quotes import MarketEvent
from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.model import VenueOrder
from floorbroker.exchange.reference.assets import (
    OVERNIGHT_HALTED,
    OVERNIGHT_TRADABLE,
    Asset,
    is_coin_pair,
)
from floorbroker.exchange.reference.calendar import Session, session_at
from floorbroker.exchange.rules import VenueRules, forbidden, unprocessable


class Overnight:
    """Judges orders at night: by their terms, their asset, and their account's own setting."""

    def __init__(
        self,
        rules: VenueRules,
        assets: Mapping[str, Asset],
        accounts: Mapping[str, VenueAccount],
    ) -> None:
        self._rules = rules
        self._assets = assets
        self._accounts = accounts
        self._session: Session | None = None

    def works(self, order: VenueOrder) -> bool:
        """Whether an order is at work in the night; others wait for their own hours."""
        if not order.extended_hours:
            return False
        if order.time_in_force != "day" and not self._rules.overnight_takes_gtc:
            return False
        if self._accounts[order.account].configuration.disable_overnight_trading:
            return False
        attributes = self._assets[order.symbol].attributes
        return OVERNIGHT_TRADABLE in attributes and OVERNIGHT_HALTED not in attributes

    def check(self, order: VenueOrder) -> None:
        """Raises VenueError for an order sent at night that the rules refuse, not only hold."""
        if not order.extended_hours:
            return  # it waits for the opening as at any other hour
        rules, configuration = self._rules, self._accounts[order.account].configuration
        if rules.overnight_disabled == "refuse" and configuration.disable_overnight_trading:
            raise forbidden("overnight trading is disabled for this account")
        is_tradable = OVERNIGHT_TRADABLE in self._assets[order.symbol].attributes
        if rules.overnight_untradable == "refuse" and not is_tradable:
            raise unprocessable(f'asset "{order.symbol}" is not tradable overnight')

    def has_seen(self, event: MarketEvent) -> bool:
        """Whether a fact of the past was one of the overnight market."""
        if is_coin_pair(event.symbol) or not self._rules.has_overnight:
            return False
        session, time_ns = self._session, event.time_ns
        if session is None or not session.night_ns <= time_ns < session.post_ns:
            try:
                session = self._session = session_at(time_ns)
            except ValueError:  # too far back for the calendar
                return False
        return session.night_ns <= time_ns < session.pre_ns
