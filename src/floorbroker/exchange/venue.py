"""The venue: takes orders, follows the tape, and tells its listeners what became of them."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from random import Random

from floorbroker.domain.quotes import Depth, Halt, MarketEvent, Quote, Trade
from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.floor.acceptance import Acceptance, base_px, check_replaceable, patched
from floorbroker.exchange.floor.blotter import Blotter
from floorbroker.exchange.floor.routing import Routing
from floorbroker.exchange.floor.state import export_state, import_state
from floorbroker.exchange.matching.fills import FillRules, wanted
from floorbroker.exchange.matching.post import TradingPost
from floorbroker.exchange.model import (
    Configuration,
    OrderPatch,
    OrderQuery,
    OrderTicket,
    VenueError,
    VenueEvent,
    VenueOrder,
)
from floorbroker.exchange.ordinary.road import ShortRoad
from floorbroker.exchange.records.executions import Executions
from floorbroker.exchange.records.listing import select
from floorbroker.exchange.records.orders import Orders
from floorbroker.exchange.reference.assets import Asset, AssetList, asset_for, is_coin_pair
from floorbroker.exchange.reference.calendar import NIGHT
from floorbroker.exchange.rules import (
    VenueRules,
    check_ticket,
    is_plain,
    malformed,
    not_found,
    unprocessable,
)
from floorbroker.exchange.tape import Market, overnight_market
from floorbroker.exchange.tickets import (
    check_class,
    check_leg_prices,
    closing_ticket,
    leg_tickets,
    order_of,
)


class Venue:
    """One venue with its accounts, driven by calls alone: it has no clock and no thread.

    Time is what the last event or call to `advance` said; it never runs back. The same seed, calls
    and tape give the same identifiers, fills and events. Orders that are handed out are copies.
    """

    def __init__(
        self,
        *,
        assets: Mapping[str, Asset],
        rules: VenueRules,
        fill_rules: FillRules,
        random: Random,
        start_ns: int,
        starting_cash: Decimal,
    ) -> None:
        self.assets = AssetList(assets)
        self.rules = rules
        self.fill_rules = fill_rules
        self.market = Market()
        self.night_market = overnight_market()
        self.starting_cash = starting_cash
        self.blotter = Blotter(random, start_ns, self.assets)
        self.routing = Routing(self.blotter, rules, fill_rules, random)
        self.acceptance = Acceptance(rules)
        self.short_road = ShortRoad(self.blotter, self.routing, self.assets, rules)
        self._by_name = self.assets.by_name

    @property
    def now_ns(self) -> int:
        return self.blotter.now_ns

    @property
    def next_due_ns(self) -> int:
        """When something happens at the latest even if nobody calls: a bell, or what was late."""
        return self.routing.next_due_ns

    @property
    def orders(self) -> Orders:
        """Every order ever accepted, by id; copies only of those that were put away."""
        return self.blotter.orders

    @property
    def executions(self) -> Executions:
        return self.blotter.executions

    @property
    def accounts(self) -> dict[str, VenueAccount]:
        """By key id."""
        return self.blotter.accounts

    @property
    def listeners(self) -> list[Callable[[VenueEvent], None]]:
        """Called with each event at once, in order; they must not call the venue back."""
        return self.blotter.listeners

    # The market.

    def apply(self, event: MarketEvent) -> None:
        """A fact of the market, at its own time, or now if that has passed already."""
        if event.time_ns > self.blotter.now_ns:
            self.routing.advance(event.time_ns)
        is_day = self.routing.phase != NIGHT
        (self.market if is_day else self.market_of(event.symbol)).apply(event)
        post = self._post(event.symbol)
        kind = type(event)
        if kind is Quote:
            post.quote(event)  # type: ignore[arg-type]  # `kind` is faster than isinstance
        elif kind is Trade:
            post.trade(event)  # type: ignore[arg-type]  # as above
        elif kind is Depth:
            post.depth(event)  # type: ignore[arg-type]  # as above
        else:
            post.halt(event)  # type: ignore[arg-type]  # as above
        self.routing.groups.settle()

    def recall(self, event: MarketEvent) -> None:
        """A fact that was applied before a restart: known again, but it fills nothing."""
        has_been_night = self.routing.overnight.has_seen(event)
        (self.night_market if has_been_night else self.market).apply(event)
        # What the other market displays is not shown in this one.
        is_night = self.market_of(event.symbol) is self.night_market
        if isinstance(event, Trade | Halt) or is_night == has_been_night:
            self._post(event.symbol).recall(event)

    def market_of(self, symbol: str) -> Market:
        """Where the symbol trades now: the day's market, or that of the night."""
        is_night = self.routing.phase == NIGHT and not is_coin_pair(symbol)
        return self.night_market if is_night else self.market

    def advance(self, to_ns: int) -> None:
        """Time passes without news: what comes due until then happens, at its own time."""
        if to_ns > self.blotter.now_ns:
            self.routing.advance(to_ns)

    # Orders.

    def submit(self, key_id: str, ticket: OrderTicket) -> VenueOrder:
        """Accept an order as it stands before the venue's answer; raises VenueError if refused."""
        blotter, routing = self.blotter, self.routing
        account = blotter.accounts.get(key_id) or self.account(key_id)
        asset = self._by_name.get(ticket.symbol or "")
        if asset is None:
            known = f'could not find asset "{ticket.symbol}"'
            raise malformed(known if ticket.symbol else "symbol is required")
        plain = is_plain(ticket, asset)
        if not plain:
            ticket = check_ticket(check_class(ticket), asset, self.rules)
        order = self._order_of(account, ticket, asset, is_plain=plain)
        if not plain or routing.phase == NIGHT:
            routing.check_hours(order)
        post = blotter.posts.get(asset.symbol) or self._post(asset.symbol)
        if order.order_class:
            check_leg_prices(ticket, base_px(order, post), post.last_px)
        legs = self._legs_of(order, ticket, account, asset) if order.order_class else ()
        if not plain or not self.acceptance.finds_nothing(order, account):
            self.acceptance.judge(order, account, asset, post=post, is_plain=plain)
        may_live = plain and routing.is_prompt and blotter.veto is None
        if may_live and (level := post.level_for(order.side, order.qty, order.limit_price)):
            return blotter.live(order, account, level)
        return routing.accept(order, legs)

    def replace(self, key_id: str, order_id: str, patch: OrderPatch) -> VenueOrder:
        """Put a successor in an order's place and answer the successor; may raise VenueError."""
        old = self._order(key_id, order_id)
        account = self.account(key_id)
        is_active = old.parent_id is not None and self.routing.groups.is_active(old)
        check_replaceable(old, is_active=is_active)
        asset = self.assets[old.symbol]
        ticket = check_ticket(patched(old, patch), asset, self.rules)
        order = self._order_of(account, ticket, asset)
        self.routing.succession.prepare(old, order)
        post = self._post(asset.symbol)
        self.acceptance.judge(order, account, asset, post=post, replaces=old)
        return self.routing.replace(old, order)

    def cancel(self, key_id: str, order_id: str) -> None:
        """Ask for an order's end; raises VenueError if it has ended or is not known."""
        order = self._order(key_id, order_id)
        if not order.is_open or order.status in ("pending_cancel", "pending_replace"):
            raise unprocessable(f'order is already in "{order.status}" state')
        self.routing.cancel(order)

    def cancel_all(self, key_id: str) -> list[tuple[str, int, VenueOrder]]:
        """Cancel every open order: (id, HTTP status, the order while its cancel is pending)."""
        outcomes = []
        for order in list(self.account(key_id).open_orders.values()):
            shown = order.snapshot()
            try:
                if order.is_open:  # the cancel of one leg may have ended the others
                    self.cancel(key_id, order.id)
            except VenueError as refusal:
                outcomes.append((order.id, refusal.http_status, shown))
            else:
                shown.status = "pending_cancel"
                shown.cancel_requested_ns = self.now_ns
                outcomes.append((order.id, 200, shown))
        return outcomes

    def order(self, key_id: str, order_id: str, *, nested: bool = False) -> VenueOrder:
        """With its legs if `nested`. Raises VenueError 404."""
        return self._copy(self._order(key_id, order_id), nested=nested)

    def order_by_client_id(self, key_id: str, client_order_id: str) -> VenueOrder:
        """With its legs. Raises VenueError 404."""
        order = self.orders.named(self.account(key_id), client_order_id)
        if order is None:
            raise not_found(f"order not found for {client_order_id}")
        return self._copy(order, nested=True)

    def list_orders(self, key_id: str, query: OrderQuery) -> list[VenueOrder]:
        """Raises VenueError 404 if the query pages from an order that is not known."""
        before, after = (
            None if bound is None else self._order(key_id, bound)
            for bound in (query.before_order_id, query.after_order_id)
        )
        selected = select(self.account(key_id), query, self.orders, before=before, after=after)
        return [self._copy(order, nested=query.nested) for order in selected]

    # Accounts.

    def asset(self, name: str) -> Asset:
        """By symbol or asset id, listed or not; raises VenueError 404."""
        asset = self._by_name.get(name)
        if asset is None:
            raise not_found(f"asset not found for {name}")
        return asset

    def account(self, key_id: str) -> VenueAccount:
        """The account of a key; opened with the starting cash when first seen."""
        account = self.blotter.accounts.get(key_id)
        return account or self.blotter.open_account(key_id, self.starting_cash)

    def configure(self, key_id: str, configuration: Configuration) -> None:
        account = self.account(key_id)
        account.configuration = configuration
        self.blotter.note(account)
        self.routing.look_again()

    def close_position(
        self,
        key_id: str,
        symbol: str,
        *,
        qty: Decimal | None = None,
        percentage: Decimal | None = None,
    ) -> VenueOrder:
        """Send the market order that ends a position, or part of it; may raise VenueError.

        By symbol or asset id. Without `qty` and `percentage` (0 to 100) it is all of it.
        """
        asset = self.asset(symbol)
        holding = self.account(key_id).positions.get(asset.symbol)
        if holding is None:
            raise not_found("position does not exist")
        ticket = closing_ticket(asset, holding.qty, qty=qty, percentage=percentage)
        return self.submit(key_id, ticket)

    def close_all_positions(
        self, key_id: str, *, cancel_orders: bool = False
    ) -> list[tuple[str, VenueOrder | VenueError]]:
        """(symbol, order sent or refusal met) for each position."""
        if cancel_orders:
            self.cancel_all(key_id)
        outcomes: list[tuple[str, VenueOrder | VenueError]] = []
        for symbol in list(self.account(key_id).positions):
            try:
                outcomes.append((symbol, self.close_position(key_id, symbol)))
            except VenueError as refusal:
                outcomes.append((symbol, refusal))
        return outcomes

    # What goes wrong on purpose.

    def force_reject(self, order_id: str, reason: str) -> None:
        """The venue turns an open order down after all; VenueError if it has ended."""
        order = self._open_order(order_id)
        order.reject_reason = reason
        self.blotter.finish(order, "rejected")

    def force_fill(self, order_id: str, qty: Decimal | None = None) -> None:
        """Fill an open order, or `qty` of it, at its limit or the far touch: it need not be shown.

        Raises VenueError if the order has ended, or if no price is known for it.
        """
        order = self._open_order(order_id)
        if order.status == "held":
            raise unprocessable("a held leg cannot be filled before its parent")
        if not self.routing.hurry(order):
            raise unprocessable("an order cannot be filled before what it replaces is gone")
        post = self._post(order.symbol)
        touch = post.ask_px if order.side == "buy" else post.bid_px
        px = order.limit_price or touch or post.last_px
        if px is None:
            raise unprocessable(f"no price is known for {order.symbol}")
        left = wanted(order, px)
        if order.is_open:  # it may have been filled on arrival
            self.blotter.fill(order, left if qty is None else min(qty, left), px, "remove")
        self.routing.groups.settle()

    def fill_before_cancel(self, order_id: str) -> None:
        """The whole rest fills before a cancel that was taken; raises as `force_fill` does."""
        self.force_fill(order_id)
        self.routing.refuse_cancel(self.orders[order_id])

    def bust(self, execution_id: str) -> None:
        """Undo a fill; VenueError 404 for an unknown one, 422 for one that is undone already."""
        self.blotter.bust(execution_id)

    def correct(
        self, execution_id: str, *, qty: Decimal | None = None, price: Decimal | None = None
    ) -> None:
        """Change a fill's quantity or price; raises as `bust` does, 422 for a wrong quantity."""
        self.blotter.correct(execution_id, qty, price)

    # What survives a restart.

    def export_state(self) -> bytes:
        """Accounts, orders, executions, counters and last prices, as JSON."""
        return export_state(self.blotter)

    def import_state(self, state: bytes) -> None:
        """Take up what another venue exported; this one must not have been used yet.

        Raises ValueError for bytes that are no such state.
        """
        import_state(self.blotter, state)
        self.settle_in()

    def settle_in(self) -> None:
        """Put orders that were read back where they belong: queues, posts and timers."""
        symbols = {order.symbol for order in self.orders.here()} | self.blotter.archive.symbols
        for symbol in sorted(symbols):
            self._post(symbol)
        self.routing.restart()

    def _post(self, symbol: str) -> TradingPost:
        if symbol not in self.assets:  # a symbol of the tape that nobody listed
            self.list_asset(asset_for(symbol))
        return self.routing.post(symbol)

    def list_asset(self, asset: Asset) -> None:
        """Trade the asset from now on, or on these terms if it is listed already."""
        self.assets.add(asset)
        self.routing.look_again()

    def _order(self, key_id: str, order_id: str) -> VenueOrder:
        order = self.blotter.orders.get(order_id)
        if order is None or order.account != key_id:
            raise not_found(f"order not found for {order_id}")
        return order

    def _open_order(self, order_id: str) -> VenueOrder:
        order = self.blotter.orders.get(order_id)
        if order is None:
            raise not_found(f"order not found for {order_id}")
        if not order.is_open:
            raise unprocessable(f'order is already in "{order.status}" state')
        return order

    def _order_of(
        self, account: VenueAccount, ticket: OrderTicket, asset: Asset, *, is_plain: bool = False
    ) -> VenueOrder:
        blotter, name = self.blotter, ticket.client_order_id
        now_ns, make = blotter.now_ns, blotter.ids.make
        if name and not blotter.orders.is_new(account, name):
            raise malformed("client_order_id must be unique")
        order = order_of(ticket, asset, account.key_id, make(), now_ns=now_ns, is_plain=is_plain)
        if not order.client_order_id:
            order.client_order_id = make()
        order.expires_ns = self.routing.hours.expiry_of(order, now_ns)
        return order

    def _legs_of(
        self, order: VenueOrder, parent: OrderTicket, account: VenueAccount, asset: Asset
    ) -> Sequence[VenueOrder]:
        """The legs of an order of a class, ready to be held."""
        tickets = [check_ticket(each, asset, self.rules) for each in leg_tickets(parent)]
        legs = [self._order_of(account, ticket, asset) for ticket in tickets]
        for leg in legs:
            leg.parent_id = order.id
        order.leg_ids = tuple(leg.id for leg in legs)
        return legs

    def _copy(self, order: VenueOrder, *, nested: bool) -> VenueOrder:
        copy = order.snapshot()
        if nested:
            legs = (self._order(order.account, each).snapshot() for each in order.leg_ids)
            copy.legs = tuple(legs)
        return copy
