"""What holds for every algorithm, whoever wrote it: when it is asked, and what it may answer.

`step` asks an algorithm only when there is something to decide, and lets nothing through that
breaks the parent's bounds:

- filled, leaves and what is sent now never exceed the quantity; UNKNOWN children and those in
  flight count in full;
- nothing new leaves outside [start, end), nor outside the regular session unless for an auction,
  while the parent is paused, the symbol is halted or a quote that is needed is stale;
- no price is worse than the limit or beyond a known band, each is on its tick, each size is a
  multiple of the lot;
- a child that is unanswered or UNKNOWN is not asked for anything.

What stays out at the end, under a pause or above the quantity is taken back. A halt and a stale
quote leave children where they are, unless the algorithm wants them back when it is blind.
"""

from msgspec import Struct, structs

from floorbroker.domain.amounts import ZERO_QTY, Px, Qty
from floorbroker.domain.terms import OrdType
from floorbroker.execution.algos.port import (
    AUCTIONS,
    Algorithm,
    CancelChild,
    ChildCommand,
    ChildState,
    Decision,
    MarketView,
    Need,
    NewChild,
    OpenChild,
    ParentView,
    ReplaceChild,
)
from floorbroker.execution.mechanics import prices

NS_PER_S = 1_000_000_000
#: The least time between two calls that an algorithm may ask for.
WAKE_MIN_NS = 1_000_000
#: After a child that was not taken the next one waits, twice as long each time, up to a minute.
_REFUSED_S = (1, 2, 4, 8, 16, 32, 60)


def step(
    algorithm: Algorithm, parent: ParentView[Struct], market: MarketView, now_ns: int
) -> Decision:
    """What to do now. Pure; raises what the algorithm raises, nothing of its own."""
    waiting = _ended(parent, now_ns) or _waiting(algorithm, parent, market, now_ns)
    if waiting is not None:
        return _timed(waiting, parent, now_ns)
    decision = algorithm.decide(parent, market, now_ns)
    return _timed(_within_bounds(decision, parent, market, now_ns), parent, now_ns)


def taken_back(parent: ParentView[Struct], why: str) -> tuple[CancelChild, ...]:
    """Cancels for all children that can be asked; an auction's end with their auction."""
    return tuple(
        CancelChild(cl_ord_id=child.cl_ord_id, why=why)
        for child in parent.children
        if child.may_be_asked and not child.is_in_auction
    )


def _ended(parent: ParentView[Struct], now_ns: int) -> Decision | None:
    """Reasons to take children back and send nothing more."""
    request = parent.request
    if parent.committed > request.qty:
        return Decision(commands=_overhang(parent), why="more is out than the quantity")
    if parent.filled >= request.qty:
        return Decision(why="complete")
    if now_ns >= request.end_ns:
        return Decision(commands=taken_back(parent, "the time is over"), why="the time is over")
    if parent.is_paused:
        return Decision(commands=taken_back(parent, "paused"), why="paused")
    return None


def _waiting(
    algorithm: Algorithm, parent: ParentView[Struct], market: MarketView, now_ns: int
) -> Decision | None:
    """Reasons to leave everything as it is for now."""
    if now_ns < parent.request.start_ns:
        return Decision(why="waits for its start", wake_ns=parent.request.start_ns)
    if not algorithm.in_auctions:
        closed = _closed(parent, market, now_ns)
        if closed is not None:
            return closed
    if parent.blocked:
        return Decision(why=parent.blocked, wake_ns=now_ns + NS_PER_S)
    if parent.refused_in_a_row:
        wait_s = _REFUSED_S[min(parent.refused_in_a_row, len(_REFUSED_S)) - 1]
        ready_ns = parent.last_ended_ns + wait_s * NS_PER_S
        if now_ns < ready_ns:
            why = f"{parent.refused_in_a_row} children in a row were not taken"
            return Decision(why=why, wake_ns=ready_ns)
    return _blind(algorithm, parent, market, now_ns)


def _closed(parent: ParentView[Struct], market: MarketView, now_ns: int) -> Decision | None:
    if market.session_open_ns is not None and now_ns < market.session_open_ns:
        return Decision(why="waits for the open", wake_ns=market.session_open_ns)
    if market.session_close_ns is not None and now_ns >= market.session_close_ns:
        why = "the session is over"
        return Decision(commands=taken_back(parent, why), why=why)
    return None


def _blind(
    algorithm: Algorithm, parent: ParentView[Struct], market: MarketView, now_ns: int
) -> Decision | None:
    if market.is_halted:
        return Decision(why=market.blind, wake_ns=now_ns + NS_PER_S)
    if Need.QUOTE in algorithm.needs and market.blind:
        commands = taken_back(parent, market.blind) if algorithm.pulls_when_blind else ()
        return Decision(commands=commands, why=market.blind, wake_ns=now_ns + NS_PER_S)
    if Need.CURVE in algorithm.needs and market.curve is None:
        return Decision(why="there is no volume curve", wake_ns=now_ns + NS_PER_S)
    return None


def _overhang(parent: ParentView[Struct]) -> tuple[ChildCommand, ...]:
    """The newest children back, until what is out fits a quantity that was made smaller."""
    over = parent.committed - parent.request.qty
    commands = []
    for child in reversed(parent.children):
        if over <= 0:
            break
        if child.may_be_asked:
            commands.append(CancelChild(cl_ord_id=child.cl_ord_id, why="the quantity is less now"))
        if child.state is not ChildState.UNKNOWN:
            over -= child.leaves_qty
    return tuple(commands)


def _timed(decision: Decision, parent: ParentView[Struct], now_ns: int) -> Decision:
    """The next call no later than the end, and not at once."""
    end_ns = parent.request.end_ns
    if parent.filled >= parent.request.qty or now_ns >= end_ns:
        return structs.replace(decision, wake_ns=None)
    wake_ns = end_ns if decision.wake_ns is None else min(decision.wake_ns, end_ns)
    return structs.replace(decision, wake_ns=max(wake_ns, now_ns + WAKE_MIN_NS))


class _Room(Struct):
    """What may still be sent, as this decision's commands use it up, and whom they ask."""

    left: Qty
    asked: set[str]


def _within_bounds(
    decision: Decision, parent: ParentView[Struct], market: MarketView, now_ns: int
) -> Decision:
    room = _Room(left=parent.remaining, asked=set())
    children = {child.cl_ord_id: child for child in parent.children}
    kept, withheld = [], list(decision.withheld)
    for command in decision.commands:
        if isinstance(command, NewChild):
            why = _new_is_wrong(command, parent, market, now_ns) or _is_too_much(command.qty, room)
        else:
            child = children.get(command.cl_ord_id)
            why = _asked_is_wrong(command, child, room)
            if not why and isinstance(command, ReplaceChild) and child is not None:
                why = _replace_is_wrong(command, child, parent, market)
                why = why or _is_too_much(_growth(command, child), room)
        if why:
            withheld.append(f"{_named(command)}: {why}")
        else:
            kept.append(command)
    return structs.replace(decision, commands=tuple(kept), withheld=tuple(withheld))


def _new_is_wrong(
    command: NewChild, parent: ParentView[Struct], market: MarketView, now_ns: int
) -> str:
    if command.qty <= 0 or command.qty % market.lot:
        return f"the size is no multiple of {market.lot}"
    if command.time_in_force not in AUCTIONS and _closed(parent, market, now_ns) is not None:
        return "the session is not open"
    if command.ord_type is OrdType.MARKET:
        if command.price is not None:
            return "a market order takes no price"
        return "a market order may exceed the limit" if parent.request.limit is not None else ""
    if command.ord_type is not OrdType.LIMIT:
        return "children are limit or market orders"
    if command.price is None:
        return "a limit order needs a price"
    return _price_is_wrong(command.price, parent, market)


def _asked_is_wrong(
    command: ReplaceChild | CancelChild, child: OpenChild | None, room: _Room
) -> str:
    if child is None:
        return "no such child is open"
    if not child.may_be_asked:
        return f"the child is {child.state}"
    if command.cl_ord_id in room.asked:
        return "the child was asked for something else just now"
    room.asked.add(command.cl_ord_id)
    return ""


def _replace_is_wrong(
    command: ReplaceChild, child: OpenChild, parent: ParentView[Struct], market: MarketView
) -> str:
    if command.order_qty is not None:
        if command.order_qty <= child.cum_qty or command.order_qty % market.lot:
            return f"{command.order_qty} is no size for a child that filled {child.cum_qty}"
    elif command.price is None:
        return "nothing is changed"
    if command.price is None:
        return ""
    if child.ord_type is not OrdType.LIMIT:
        return "a market order takes no price"
    return _price_is_wrong(command.price, parent, market)


def _price_is_wrong(px: Px, parent: ParentView[Struct], market: MarketView) -> str:
    side, limit = parent.request.side, parent.request.limit
    if px <= 0 or px % market.tick_at(px):
        return f"{px} is not on a tick of {market.tick_at(px)}"
    if limit is not None and prices.is_worse(side, px, limit):
        return f"{px} is worse than the limit, {limit}"
    band = market.band_high if side.sign > 0 else market.band_low
    if band is not None and prices.is_worse(side, px, band):
        return f"{px} is beyond the band, {band}"
    return ""


def _is_too_much(more: Qty, room: _Room) -> str:
    """Takes it off the room, or says why not."""
    if more > room.left:
        return f"{more} more would exceed the quantity; {room.left} are left"
    room.left -= max(more, ZERO_QTY)
    return ""


def _growth(command: ReplaceChild, child: OpenChild) -> Qty:
    """How much more may fill; less is not counted until it is answered."""
    if command.order_qty is None:
        return ZERO_QTY
    return max(command.order_qty - child.cum_qty - child.leaves_qty, ZERO_QTY)


def _named(command: ChildCommand) -> str:
    if isinstance(command, NewChild):
        return f"new {command.qty} at {command.price or 'market'}"
    kind = "replace" if isinstance(command, ReplaceChild) else "cancel"
    return f"{kind} {command.cl_ord_id}"
