"""What a broker does to an account without asking: it sells what is held, and moves its cash."""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from floorbroker.domain.amounts import plain
from floorbroker.exchange.model import ZERO, Entry, VenueOrder
from floorbroker.exchange.reference.calendar import trade_date
from floorbroker.exchange.rules import not_found
from floorbroker.exchange.tickets import closing_ticket
from floorbroker.exchange.venue import Venue

#: What the client order ids of the broker's own orders begin with.
MARK = "liquidation-"


class Change(Struct, frozen=True, kw_only=True):
    """What comes to an account, or leaves it; without a `kind` no activity tells of it."""

    cash: Decimal
    qty: Decimal
    symbol: str
    kind: str
    sub_kind: str


def liquidate(venue: Venue, key_id: str, symbol: str) -> VenueOrder:
    """Cancel what is open in the symbol and send the order that ends the position.

    Raises VenueError where there is none, or where the market is closed.
    """
    account = venue.account(key_id)
    holding = account.positions.get(symbol)
    if holding is None:
        raise not_found("position does not exist")
    for side in ("buy", "sell"):
        for order in list(account.open_in(symbol, side).values()):
            if order.is_open:  # the cancel of one leg may have ended the others
                venue.cancel(key_id, order.id)
    asset = venue.asset(symbol)
    ticket = closing_ticket(asset, holding.qty, qty=None, percentage=None)
    return venue.submit(
        key_id, replace(ticket, client_order_id=f"{MARK}{venue.blotter.ids.make()}")
    )


def adjust(venue: Venue, key_id: str, change: Change) -> None:
    """Shares come at the price that they are valued at."""
    account, blotter = venue.account(key_id), venue.blotter
    symbol, qty = change.symbol, change.qty
    if symbol and qty:
        holding = account.positions.get(symbol)
        before, cost = (ZERO, ZERO) if holding is None else (holding.qty, holding.cost)
        px = account.mark(symbol)
        account.reshape(symbol, before + qty, cost + qty * px)
    if change.kind:
        account.enter(
            Entry(
                id=blotter.ids.make(),
                kind=change.kind,
                sub_kind=change.sub_kind,
                date=trade_date(blotter.now_ns).isoformat(),
                time_ns=blotter.now_ns,
                net_amount=change.cash,
                symbol=symbol,
                qty=qty or None,
                description=_said(change),
                qty_change=qty,
            )
        )
    else:
        account.cash += change.cash
    blotter.note(account)


def _said(change: Change) -> str:
    shares = f"{plain(change.qty)} {change.symbol}" if change.qty else ""
    return " and ".join(
        part for part in (shares, plain(change.cash) if change.cash else "") if part
    )
