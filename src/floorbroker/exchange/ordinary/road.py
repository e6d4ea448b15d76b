"""The short road: an ordinary order from its ticket to its end, in one step."""

from decimal import Decimal

from floorbroker.exchange.daytrades import OFF
from floorbroker.exchange.floor.blotter import Blotter
from floorbroker.exchange.floor.routing import Routing
from floorbroker.exchange.model import OrderTicket, PlainTicket, VenueEvent, VenueOrder
from floorbroker.exchange.ordinary.amounts import Amounts, is_price, is_whole
from floorbroker.exchange.reference.assets import Asset, AssetList
from floorbroker.exchange.rules import CLIENT_ORDER_ID_MAX, VenueRules


class ShortRoad:
    """Takes the orders that most are: to buy whole shares below a limit, for money that is there.

    Such an order passes all checks, is filled whole by the best offer, and ends. What comes of it
    is what comes of it on the long road, to the last letter.
    """

    def __init__(
        self, blotter: Blotter, routing: Routing, assets: AssetList, rules: VenueRules
    ) -> None:
        self._blotter = blotter
        self._is_new = blotter.orders.is_new
        self._routing = routing
        self._assets = assets.ordinary
        self._quantities, self._prices = Amounts(is_whole), Amounts(is_price)
        #: Whether the venue's own rules let orders be filled as they come.
        self.is_open = routing.is_prompt and rules.pdt == OFF

    def take(self, key_id: str, ticket: PlainTicket) -> VenueEvent | None:
        """Take an order in and tell its life; None if it is not ordinary, and nothing was done."""
        blotter, name = self._blotter, ticket.client_order_id
        qty, limit_px = self._amounts(ticket)
        asset, account = self._assets.get(ticket.symbol), blotter.accounts.get(key_id)
        if (
            qty is None
            or limit_px is None
            or asset is None
            or account is None
            or ticket.side != "buy"
            or ticket.type != "limit"
            or ticket.time_in_force not in _TIMES_IN_FORCE
            or not self.is_open
            or blotter.veto is not None
            or (post := blotter.posts.get(asset.symbol)) is None
            or (level := post.level_for("buy", qty, limit_px)) is None
            or (name and (len(name) > CLIENT_ORDER_ID_MAX or not self._is_new(account, name)))
            or (bought := account.buy_whole(asset.symbol, qty, level.px, limit_px)) is None
        ):
            return None
        level.left -= qty
        cost, position = bought
        order = self._filled(ticket, asset, account.key_id, qty=qty, limit_px=limit_px)
        order.filled_qty, order.filled_notional = qty, cost
        return blotter.tell_life(order, account, level.px, position)

    def widened(self, ticket: PlainTicket) -> OrderTicket | None:
        """The same for the long road; None if its amounts are not understood here."""
        qty, limit_px = self._amounts(ticket)
        if qty is None or (limit_px is None and ticket.limit_price is not None):
            return None
        return OrderTicket(
            symbol=ticket.symbol,
            side=ticket.side,
            type=ticket.type,
            time_in_force=ticket.time_in_force,
            client_order_id=ticket.client_order_id,
            qty=qty,
            limit_price=limit_px,
        )

    def _amounts(self, ticket: PlainTicket) -> tuple[Decimal | None, Decimal | None]:
        """Its quantity and its limit, None for what is none of an ordinary order."""
        try:
            return self._quantities[ticket.qty], self._prices[ticket.limit_price]
        except TypeError:  # nobody looks up a list
            return None, None

    def _filled(
        self, ticket: PlainTicket, asset: Asset, key_id: str, *, qty: Decimal, limit_px: Decimal
    ) -> VenueOrder:
        """The order as it is in the end, but for what its fill was."""
        blotter, is_day = self._blotter, ticket.time_in_force == "day"
        now_ns, make = blotter.now_ns, blotter.ids.make
        hours = self._routing.hours  # of a regular session: there are offers
        return VenueOrder(
            id=make(),
            client_order_id=ticket.client_order_id or make(),
            account=key_id,
            created_ns=now_ns,
            submitted_ns=now_ns,
            asset_id=asset.id,
            symbol=asset.symbol,
            asset_class=asset.asset_class,
            type="limit",
            side="buy",
            time_in_force="day" if is_day else "gtc",
            expires_ns=hours.session.close_ns if is_day else hours.gtc_end_ns(now_ns),
            position_intent="buy_to_open",
            qty=qty,
            limit_price=limit_px,
            status="filled",
            updated_ns=now_ns,
            filled_ns=now_ns,
        )


_TIMES_IN_FORCE = ("day", "gtc")
