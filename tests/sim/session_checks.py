"""What must hold after every step of a random session, whatever was sent and whatever happened."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from floorbroker.exchange.accounts import tied_dollars
from floorbroker.exchange.matching.post import STOP_TYPES, TradingPost
from floorbroker.exchange.model import ZERO, VenueOrder
from floorbroker.exchange.venue import Venue
from tests.sim.session import KEY, Session, Told

#: What may differ between an order's last event and the order as it stands. A trailing stop moves
#: with every print, and what one leg sells its held partner need not; no event tells either.
_UNTOLD = frozenset({"updated_at"})
_TRAILING = frozenset({"hwm", "stop_price"})
_OF_LEGS = frozenset({"qty"})
ENDED_UNFILLED = frozenset({"canceled", "expired", "rejected"})


def check(session: Session) -> None:
    """All of it."""
    venue, told = session.venue, session.told
    session.steps += 1
    session.hear()
    check_orders_add_up(venue, told)
    check_accounts(session)
    check_chains(venue)
    check_groups(venue, told)
    check_pairs(venue)
    check_places(venue)
    check_rest_tells_what_events_told(session)
    check_newest_activities(session)
    for order in venue.orders.values():
        told.status[order.id] = order.status


def check_orders_add_up(venue: Venue, told: Told) -> None:
    """The fills of an order, and of those that it replaced, are its filled quantity."""
    carries = not venue.rules.replace_restarts_filled
    for order in venue.orders.values():
        lineage = list(_lineage(venue, order)) if carries else [order.id]
        if carries and not _has_taken_its_place(venue, order):
            continue
        if told.busted.intersection(lineage):
            continue  # a bust after the replace is booked on the old order alone
        assert order.filled_qty == sum((told.filled[each] for each in lineage), ZERO)
        assert order.filled_notional == sum((told.notional[each] for each in lineage), ZERO)
        if order.qty is not None:
            assert order.filled_qty + order.base_qty <= order.qty
        if order.status == "filled" and order.qty is not None:
            assert order.filled_qty + order.base_qty == order.qty


def check_accounts(session: Session) -> None:
    venue, told = session.venue, session.told
    account = venue.account(KEY)
    moved = (entry.net_amount for entry in account.entries if entry.kind != "JNLC")
    assert account.cash == told.cash + sum(moved, ZERO)
    opened = list(account.open_orders.values())
    assert all(order.is_open for order in opened)
    for symbol, qty in told.position.items():
        assert account.position_qty(symbol) == qty
    for marginable, reserved in ((True, account.reserved), (False, account.reserved_cash)):
        assert reserved == sum(
            tied_dollars(order)
            for order in opened
            if venue.assets[order.symbol].marginable is marginable
        )
    assert account.buying_power >= 0
    shown = session.get("/v2/account")
    assert abs(Decimal(shown["cash"]) - account.cash) < Decimal("0.01")
    assert Decimal(shown["buying_power"]) >= 0
    held: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for order in opened:
        assert order.held_qty >= 0
        # A bust may take a position away from the orders that were to end it.
        if (account.position_qty(order.symbol) > 0) == (order.side == "sell") or not told.busted:
            held[order.symbol] += order.held_qty
    for symbol, holding in account.positions.items():
        assert holding.held_qty == held.pop(symbol, ZERO)
        assert holding.held_qty <= abs(holding.qty) or told.busted
    assert not any(held.values()) or told.busted, "shares of no position are held"


def check_chains(venue: Venue) -> None:
    """Replaced orders point at their successors and back; identifiers are nobody else's."""
    names = [order.client_order_id for order in venue.orders.values()]
    assert len(set(names)) == len(names)
    for order in venue.orders.values():
        if order.replaced_by is not None:
            assert venue.orders[order.replaced_by].replaces == order.id
            assert order.status == "replaced"
        if order.status == "replaced":
            assert order.replaced_by is not None
        for leg_id in order.leg_ids if order.status != "replaced" else ():
            assert venue.orders[leg_id].parent_id == order.id


def check_groups(venue: Venue, told: Told) -> None:
    """Both exits of a group together sell no more than the entry bought, or the OCO asked."""
    if told.busted:
        return
    exits: dict[str, Decimal] = defaultdict(lambda: ZERO)
    most: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for order in venue.orders.values():
        if not order.order_class:
            continue
        parent = order if order.parent_id is None else venue.orders[order.parent_id]
        group = _first_of(venue, parent).id
        if order.parent_id is None and order.order_class == "oco":
            assert order.qty is not None
            most[group] = max(most[group], order.qty)
            exits[group] += told.filled[order.id]
        elif order.parent_id is None:
            most[group] += told.filled[order.id]
        else:
            exits[group] += told.filled[order.id]
    for group, sold in exits.items():
        assert sold <= most[group], f"the group of {group} sold {sold} of {most[group]}"


def check_pairs(venue: Venue) -> None:
    """What ends one side of a pair ends the other, and one side at most is at work."""
    for parent in venue.orders.values():
        if not parent.order_class or parent.parent_id is not None or parent.status == "replaced":
            continue
        legs = [venue.orders[each] for each in parent.leg_ids]
        exits = [parent, *legs] if parent.order_class == "oco" else legs
        if parent.status in ENDED_UNFILLED and parent.order_class != "oco":
            assert not any(leg.is_open for leg in legs), "legs outlived their entry"
        opened = [order for order in exits if order.is_open]
        # A stop that was touched works alone: its partner made way. So does its successor.
        is_alone = all(_was_elected(venue, order) for order in opened)
        assert is_alone or len(opened) == len(exits), "one exit outlived the other"
        if parent.order_class != "oto":
            working = [order for order in exits if order.is_open and order.status != "held"]
            assert len(working) <= 1, "both exits are at work"


def _was_elected(venue: Venue, order: VenueOrder) -> bool:
    return any(venue.orders[each].is_elected for each in _lineage(venue, order))


def check_places(venue: Venue) -> None:
    """An open order stands in one place, and nothing that has ended stands anywhere."""
    due: dict[str, set[str]] = defaultdict(set)
    for _, _, kind, order_id in venue.routing.timers._heap:
        due[kind].add(order_id)
    queued = set(venue.routing._queued)
    standing: dict[str, list[str]] = defaultdict(list)
    for post in venue.blotter.posts.values():
        for place, order in _standing(post):
            standing[order.id].append(place)
    for order_id, places in standing.items():
        assert len(places) == 1, f"{order_id} stands in {places}"
        assert venue.orders[order_id].is_open, f"{order_id} has ended and stands in {places}"
    opened = venue.account(KEY).open_orders
    for order in venue.orders.values():
        if not order.is_open:
            assert order.id not in opened
            continue
        is_coming = order.id in due["replace"]
        assert (order.id in opened) != is_coming
        assert is_coming or _is_in_its_place(venue, order, standing, (due, queued)), (
            f"{order.type} order {order.id} is {order.status} and stands in {standing[order.id]}"
        )


def _is_in_its_place(
    venue: Venue,
    order: VenueOrder,
    standing: dict[str, list[str]],
    waiting: tuple[dict[str, set[str]], set[str]],
) -> bool:
    due, queued = waiting
    places = standing.get(order.id, [])
    if order.status == "accepted":
        return order.id in queued and not places
    if order.status == "pending_new":
        return order.id in due["ack"] and not places
    if order.status == "held":
        if not venue.routing.groups.is_active(order):
            return not places and venue.orders[order.parent_id or ""].is_open
        return places == (["stops"] if order.type in STOP_TYPES else [])
    if order.status == "pending_cancel" and order.id not in due["cancel"]:
        return False
    return bool(places)


def _standing(post: TradingPost) -> Iterator[tuple[str, VenueOrder]]:
    for side in ("buy", "sell"):
        own = post._own[side]
        worst = Decimal(0) if side == "buy" else Decimal(10**9)
        for px in own.prices_to(worst):
            yield from (("book", order) for order in own.at(px))
        yield from (("waiting", order) for order in post._waiting[side].values())
    yield from (("stops", order) for order in post._stops._fixed.values())
    yield from (("stops", order) for order in post._stops.trailing.values())
    for called in post._calls._called.values():
        yield from (("calls", order) for order in called.values())


def check_rest_tells_what_events_told(session: Session) -> None:
    """An order that is asked for is the one of its last event, but for when it changed."""
    rows = session.get("/v2/orders", status="all", limit="500", nested="false")
    assert len(rows) == len(session.venue.orders) < 500
    for row in rows:
        last = session.told.last.get(row["id"])
        if last is None:
            assert row["status"] in ("held", "accepted", "pending_new"), row
            continue
        skipped = _UNTOLD
        if row["type"] == "trailing_stop":
            skipped |= _TRAILING
        if row["order_class"]:
            skipped |= _OF_LEGS
        if row["status"] in ("pending_cancel", "pending_replace"):
            skipped |= {"status"}  # told only where the rules say so
        differing = {key: (last[key], row[key]) for key in row if last[key] != row[key]}
        assert not differing.keys() - skipped, differing


def check_newest_activities(session: Session) -> None:
    check_activities(session, session.get("/v2/account/activities/FILL")[::-1])


def check_activities(session: Session, rows: list[Any]) -> None:
    """Rows, oldest first, of every order: what is filled grows, what is left shrinks to zero."""
    told, orders = session.told, session.venue.orders
    by_order: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        by_order[row["order_id"]].append(row)
    for order_id, of_order in by_order.items():
        if order_id in told.busted or (told.busted and orders[order_id].replaces):
            continue
        events = told.fills[order_id][-len(of_order) :]
        filled = ZERO
        for row, event in zip(of_order, events, strict=True):
            cum, leaves = Decimal(row["cum_qty"]), Decimal(row["leaves_qty"])
            assert cum > filled
            filled = cum
            fill, order = event.execution, event.order
            assert fill is not None
            assert row["id"].partition("::")[2] == fill.execution_id
            assert (Decimal(row["qty"]), Decimal(row["price"])) == (fill.qty, fill.price)
            assert cum == order.filled_qty
            if order.qty is not None:
                assert leaves == order.qty - order.base_qty - cum
            assert row["type"] == ("fill" if leaves == 0 else "partial_fill")
            assert row["order_status"] == order.status
        if orders[order_id].status == "filled":
            assert of_order[-1]["type"] == "fill"


def check_pages(session: Session, size: int, *, is_ascending: bool, nested: bool) -> None:
    """Paging by identifier tells each order exactly once, and so do the activities."""
    name = "after_order_id" if is_ascending else "before_order_id"
    direction = {"direction": "asc" if is_ascending else "desc"}
    asked = {"status": "all", "limit": str(size), "nested": str(nested).lower(), **direction}
    seen: list[str] = []
    while page := session.get("/v2/orders", **asked):
        assert len(page) <= size
        if seen:
            session.told.happened.add("several pages")
        assert page[0]["id"] not in seen, "a page begins again"
        seen += [row["id"] for row in page]
        asked[name] = page[-1]["id"]
    orders = session.venue.orders.values()
    expected = [order.id for order in orders if not (nested and order.parent_id)]
    assert seen == (expected if is_ascending else expected[::-1])
    rows: list[Any] = []
    asked = {"page_size": str(size), **direction}
    while page := session.get("/v2/account/activities/FILL", **asked):
        assert page[0] not in rows, "a page begins again"
        rows += page
        asked["page_token"] = page[-1]["id"]
    names = [row["id"].partition("::")[2] for row in rows]
    expected = [fill.execution_id for fill in session.venue.executions]
    assert names == (expected if is_ascending else expected[::-1])
    check_activities(session, rows if is_ascending else rows[::-1])


def _has_taken_its_place(venue: Venue, order: VenueOrder) -> bool:
    """False for a successor that waits for its predecessor's end, or never got there."""
    if order.replaces is None:
        return True
    return venue.orders[order.replaces].replaced_by == order.id


def _lineage(venue: Venue, order: VenueOrder) -> Iterator[str]:
    yield order.id
    while order.replaces is not None:
        order = venue.orders[order.replaces]
        yield order.id


def _first_of(venue: Venue, order: VenueOrder) -> VenueOrder:
    while order.replaces is not None:
        order = venue.orders[order.replaces]
    return order
