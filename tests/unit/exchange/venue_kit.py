"""A venue on a fixed trading day, and short ways to say what happens there."""

from datetime import date
from decimal import Decimal
from random import Random

import msgspec

from floorbroker.clock import NS_PER_S
from floorbroker.domain.quotes import Depth, Halt, Quote, Trade
from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.matching.fills import FillRules
from floorbroker.exchange.model import (
    OrderTicket,
    PlainTicket,
    StopLoss,
    TakeProfit,
    VenueError,
    VenueEvent,
    VenueOrder,
)
from floorbroker.exchange.reference.assets import listing
from floorbroker.exchange.reference.calendar import next_session, session_of
from floorbroker.exchange.rules import VenueRules
from floorbroker.exchange.venue import Venue

DAY = date(2026, 10, 8)  # a Thursday
KEY = "PKTEST"
_session = session_of(DAY)
assert _session is not None
SESSION = _session
NEXT_SESSION = next_session(DAY)
TEN = SESSION.open_ns + 1800 * NS_PER_S
MINUTE = 60 * NS_PER_S


def dec(value: str | int | None) -> Decimal | None:
    return None if value is None else Decimal(value)


class Floor:
    """A venue with its events, driven in one line a step."""

    def __init__(
        self,
        *,
        rules: VenueRules | None = None,
        fill_rules: FillRules | None = None,
        start_ns: int = TEN,
        cash: str = "100000",
        seed: int = 7,
    ) -> None:
        self.venue = Venue(
            assets=listing(),
            rules=rules or VenueRules(),
            fill_rules=fill_rules or FillRules(),
            random=Random(seed),
            start_ns=start_ns,
            starting_cash=Decimal(cash),
        )
        self.events: list[VenueEvent] = []
        self.venue.listeners.append(lambda event: self.events.extend(event.steps()))

    @staticmethod
    def forget_queues(venue: Venue) -> Venue:
        """Places in a queue do not survive a restart: whoever comes back joins its end."""
        for order in venue.orders.values():
            if order.is_open:
                order.queue_ahead = None
        return venue

    @property
    def account(self) -> VenueAccount:
        return self.venue.account(KEY)

    @property
    def names(self) -> list[str]:
        return [event.event for event in self.events]

    @property
    def fills(self) -> list[tuple[str, str]]:
        """(quantity, price) of every execution."""
        return [(str(each.qty), str(each.price)) for each in self.venue.executions]

    def quote(
        self, bid: str, bid_size: int, ask: str, ask_size: int, symbol: str = "AAPL"
    ) -> None:
        self.venue.apply(
            Quote(
                symbol=symbol,
                time_ns=self.venue.now_ns,
                bid_px=Decimal(bid),
                bid_size=Decimal(bid_size),
                ask_px=Decimal(ask),
                ask_size=Decimal(ask_size),
            )
        )

    def depth(self, bids: list[tuple[str, int]], asks: list[tuple[str, int]]) -> None:
        self.venue.apply(
            Depth(
                symbol="AAPL",
                time_ns=self.venue.now_ns,
                bids=tuple((Decimal(px), Decimal(size)) for px, size in bids),
                asks=tuple((Decimal(px), Decimal(size)) for px, size in asks),
            )
        )

    def trade(
        self,
        px: str,
        size: int,
        aggressor: str = "",
        *,
        eligible: bool = True,
        auction: str = "",
        symbol: str = "AAPL",
    ) -> None:
        self.venue.apply(
            Trade(
                symbol=symbol,
                time_ns=self.venue.now_ns,
                px=Decimal(px),
                size=Decimal(size),
                aggressor=aggressor,
                eligible=eligible,
                auction=auction,
            )
        )

    def halt(self, *, halted: bool) -> None:
        self.venue.apply(Halt(symbol="AAPL", time_ns=self.venue.now_ns, halted=halted))

    def send(
        self, side: str, qty: str | int | None, symbol: str = "AAPL", **more: str
    ) -> VenueOrder:
        """A market day order, or whatever `more` makes of it; the order as it stands after."""
        return self.venue.order(KEY, self.answer(side, qty, symbol, **more).id)

    def answer(
        self, side: str, qty: str | int | None, symbol: str = "AAPL", **more: str
    ) -> VenueOrder:
        """The same, as it is answered: by the short road if it is ordinary."""
        wanted = ticket(side, qty, symbol, **more)
        written = as_written(wanted)
        told = None if written is None else self.venue.short_road.take(KEY, written)
        return self.venue.submit(KEY, wanted) if told is None else told.steps()[0].order

    def limit(self, side: str, qty: str | int, px: str, **more: str) -> VenueOrder:
        return self.send(side, qty, type="limit", limit_price=px, **more)

    def now(self, order: VenueOrder) -> VenueOrder:
        """The order as it stands."""
        return self.venue.order(order.account, order.id)

    def refusal(
        self, side: str, qty: str | int | None, symbol: str = "AAPL", **more: str
    ) -> VenueError:
        """How the order is refused."""
        try:
            order = self.answer(side, qty, symbol, **more)
        except VenueError as refused:
            return refused
        raise AssertionError(f"the order was accepted: {order}")


def as_written(wanted: OrderTicket) -> PlainTicket | None:
    """The ticket as its text would be read, if that says nothing extraordinary."""
    amounts = {
        name: str(amount)
        for name in (
            "qty",
            "notional",
            "limit_price",
            "stop_price",
            "trail_price",
            "trail_percent",
        )
        if (amount := getattr(wanted, name)) is not None
    }
    others = {
        name: value
        for name in wanted.__struct_fields__
        if name not in amounts and (value := getattr(wanted, name)) not in (None, False)
    }
    try:
        return msgspec.convert({**others, **amounts}, PlainTicket, from_attributes=True)
    except msgspec.ValidationError:
        return None


def ticket(side: str, qty: str | int | None, symbol: str = "AAPL", **more: str) -> OrderTicket:
    def amount(name: str) -> Decimal | None:
        return dec(more.get(name))

    return OrderTicket(
        symbol=symbol,
        side=side,
        type=more.get("type", "market"),
        time_in_force=more.get("tif", "day"),
        qty=dec(qty),
        notional=amount("notional"),
        limit_price=amount("limit_price"),
        stop_price=amount("stop_price"),
        trail_price=amount("trail_price"),
        trail_percent=amount("trail_percent"),
        extended_hours=more.get("eh") == "yes",
        client_order_id=more.get("cid"),
        order_class=more.get("order_class"),
        position_intent=more.get("intent"),
        take_profit=None if "profit" not in more else TakeProfit(limit_price=amount("profit")),
        stop_loss=None
        if "loss" not in more
        else StopLoss(stop_price=amount("loss"), limit_price=amount("loss_limit")),
    )
