"""Close and open: a part in the auction, the rest worked evenly beside it.

An order for an auction must be there before the cut-off and cannot be taken back after it; it is
at the limit where there is one, else at any price. Auctions take whole shares.

Nobody knows an auction's volume before it. Where `max_rate` is set, the auction's order is that
part of half the smallest auction of earlier days, no more; where none is known, nothing is sent.
What the cap keeps out of the auction is worked beside it.
"""

from decimal import Decimal

from msgspec import Struct, structs

from floorbroker.domain.amounts import ZERO_QTY, Qty
from floorbroker.domain.errors import InvalidOrder
from floorbroker.domain.instrument import tick_of
from floorbroker.domain.terms import OrdType, TimeInForce
from floorbroker.execution.algos.port import (
    Algorithm,
    ChildCommand,
    Decision,
    MarketView,
    NewChild,
    ParentRequest,
    ParentView,
)
from floorbroker.execution.algos.working import (
    NS_PER_S,
    Interval,
    Part,
    Seconds,
    Working,
    check_working,
    due_of,
    ns,
    whole_units,
    worked,
)
from floorbroker.execution.mechanics.prices import on_tick
from floorbroker.execution.mechanics.schedule import Late, Policy, Slices
from floorbroker.execution.mechanics.slices import count_of, edges_of

AUCTION = "auction"
_EVEN = Policy(late=Late.SPREAD, catch_up=Decimal(1))
#: So much of the smallest earlier auction is counted on: of twenty days like the others, one has
#: an auction that is smaller than all before.
_COUNTED_ON = Decimal("0.5")


class AuctionParams(Working, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is not for the auction is worked evenly: before the close, or after the open.

    After the open that is all that the auction left, unless all was meant for it and could go
    there under `max_rate`."""

    part: Part = Decimal(1)  #: Of the quantity, in the auction.
    helped_part: Part | None = None
    """The part where the exchange tells of an imbalance on the other side that is no smaller."""
    cutoff_s: Seconds  #: So long before the auction its orders must be there.
    lead_s: Seconds = Decimal(60)  #: So long before the cut-off ours is sent.
    work_missed: bool = False
    """What the auction cannot take any more, or did not take at the open, is worked, too."""
    interval_s: Interval = Decimal(60)


class CloseParams(AuctionParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Alpaca takes orders for the close until 15:50."""

    cutoff_s: Seconds = Decimal(600)


class OpenParams(AuctionParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Alpaca takes orders for the open until 09:28."""

    cutoff_s: Seconds = Decimal(120)


class _Meant(Struct, frozen=True, kw_only=True):
    """What is for the auction, and why it is less than was asked for, where it is."""

    qty: Qty
    kept: str = ""


class _Sent(Struct, frozen=True, kw_only=True):
    """What goes to the auction now; `is_too_late`: nothing is there and nothing can be."""

    commands: tuple[ChildCommand, ...] = ()
    wake_ns: int | None = None
    is_too_late: bool = False


def check(request: ParentRequest, params: AuctionParams) -> None:
    check_working(request, params)
    if params.helped_part is not None and params.helped_part < params.part:
        hint = f"it must be at least part, {params.part}"
        raise InvalidOrder("params.helped_part", params.helped_part, hint)
    if request.qty < 1:
        raise InvalidOrder("qty", request.qty, "an auction takes whole shares, at least one")


def decide_close(parent: ParentView[AuctionParams], market: MarketView, now_ns: int) -> Decision:
    close_ns, request = market.session_close_ns, parent.request
    if close_ns is None:
        return Decision(why="this market has no closing auction")
    if now_ns >= close_ns:
        return Decision(why=_after(parent))
    meant = _for_auction(parent, market, market.stats.auctions.closing)
    sent = _sent(parent, meant.qty, TimeInForce.AT_THE_CLOSE, (close_ns, now_ns))
    is_missed = sent.is_too_late and parent.params.work_missed
    beside = request.qty if is_missed else request.qty - meant.qty
    end_ns = min(request.end_ns, close_ns)
    rest = structs.replace(request, qty=beside, end_ns=end_ns)
    return _told(_with_rest(parent, market, now_ns, (sent, rest)), meant)


def decide_open(parent: ParentView[AuctionParams], market: MarketView, now_ns: int) -> Decision:
    open_ns, request = market.session_open_ns, parent.request
    if open_ns is None:
        return Decision(why="this market has no opening auction")
    meant = _for_auction(parent, market, market.stats.auctions.opening)
    if now_ns < open_ns:
        sent = _sent(parent, meant.qty, TimeInForce.AT_THE_OPENING, (open_ns, now_ns))
        why = _before(parent, sent)
        return _told(Decision(commands=sent.commands, why=why, wake_ns=sent.wake_ns), meant)
    is_all = parent.params.part == 1 and not parent.params.work_missed and not meant.kept
    if is_all or _is_out(parent):
        return Decision(why=_after(parent))
    close_ns = market.session_close_ns
    end_ns = request.end_ns if close_ns is None else min(request.end_ns, close_ns)
    rest = structs.replace(request, start_ns=max(request.start_ns, open_ns), end_ns=end_ns)
    return _told(_with_rest(parent, market, now_ns, (_Sent(), rest)), meant)


def _for_auction(
    parent: ParentView[AuctionParams], market: MarketView, smallest: Decimal | None
) -> _Meant:
    """The part that was asked for, as far as the cap allows."""
    wanted, rate = _wanted(parent, market), parent.params.max_rate
    if rate is None:
        return _Meant(qty=wanted)
    if smallest is None:
        kept = f"nothing for the auction: max_rate is {rate:%} and no earlier auction is known"
        return _Meant(qty=ZERO_QTY, kept=kept)
    # Our own shares may be in either volume, so that it is a part of the whole.
    most = whole_units(Qty.of(smallest * _COUNTED_ON * rate), _unit(parent))
    if most >= wanted:
        return _Meant(qty=wanted)
    kept = f"{most} for the auction: {rate:%} of half the smallest before, {smallest}"
    return _Meant(qty=most, kept=kept)


def _wanted(parent: ParentView[AuctionParams], market: MarketView) -> Qty:
    params, request, told = parent.params, parent.request, market.imbalance
    part = params.part
    is_helped = (
        told is not None
        and told.side is request.side.opposite
        and told.imbalance_qty >= request.qty
    )
    if is_helped and params.helped_part is not None:
        part = params.helped_part
    return max(whole_units(Qty.of(request.qty.decimal * part), _unit(parent)), ZERO_QTY)


def _unit(parent: ParentView[AuctionParams]) -> Decimal:
    return max(parent.params.unit, Decimal(1))


def _told(decision: Decision, meant: _Meant) -> Decision:
    if not meant.kept:
        return decision
    return structs.replace(decision, why=f"{decision.why}; {meant.kept}")


def _sent(
    parent: ParentView[AuctionParams], qty: Qty, tif: TimeInForce, times_ns: tuple[int, int]
) -> _Sent:
    """The auction's order when its time has come, and when to look again."""
    params, request = parent.params, parent.request
    auction_ns, now_ns = times_ns
    if qty <= 0:
        return _Sent(wake_ns=auction_ns)
    cutoff_ns = auction_ns - ns(params.cutoff_s)
    send_ns = cutoff_ns - ns(params.lead_s)
    if now_ns < send_ns:
        return _Sent(wake_ns=send_ns)
    if _is_out(parent):
        return _Sent(wake_ns=auction_ns)
    if now_ns >= cutoff_ns:
        return _Sent(wake_ns=auction_ns, is_too_late=True)
    qty = whole_units(min(qty, parent.remaining), _unit(parent))
    if qty <= 0:
        return _Sent(wake_ns=cutoff_ns)
    limit = request.limit
    child = NewChild(
        qty=qty,
        price=None if limit is None else on_tick(request.side, limit, tick_of(limit)),
        ord_type=OrdType.MARKET if limit is None else OrdType.LIMIT,
        time_in_force=tif,
        word=AUCTION,
    )
    return _Sent(commands=(child,), wake_ns=cutoff_ns)


def _is_out(parent: ParentView[AuctionParams]) -> bool:
    return any(child.is_in_auction for child in parent.children)


def _before(parent: ParentView[AuctionParams], sent: _Sent) -> str:
    if sent.is_too_late:
        return "it is too late for the auction"
    return "is in the auction" if _is_out(parent) or sent.commands else "waits for the auction"


def _after(parent: ParentView[AuctionParams]) -> str:
    return "waits for the auction's fills" if _is_out(parent) else "the auction is over"


def _with_rest(
    parent: ParentView[AuctionParams],
    market: MarketView,
    now_ns: int,
    parts: tuple[_Sent, ParentRequest],
) -> Decision:
    """The rest is worked as if it were an order of its own, without the auction's child."""
    sent, rest = parts
    if rest.qty <= 0 or now_ns >= rest.end_ns:
        why = _before(parent, sent)
        return Decision(commands=sent.commands, why=why, wake_ns=sent.wake_ns)
    if market.blind:
        soon_ns = now_ns + NS_PER_S
        wake_ns = soon_ns if sent.wake_ns is None else min(soon_ns, sent.wake_ns)
        return Decision(commands=sent.commands, why=market.blind, wake_ns=wake_ns)
    alone = structs.replace(
        parent,
        request=rest,
        children=tuple(child for child in parent.children if not child.is_in_auction),
    )
    decision = worked(alone, market, now_ns, due_of(alone, now_ns, _slices(alone, market), _EVEN))
    wakes = [time for time in (decision.wake_ns, sent.wake_ns) if time is not None]
    return structs.replace(
        decision,
        commands=(*sent.commands, *decision.commands),
        wake_ns=min(wakes, default=None),
    )


def _slices(alone: ParentView[AuctionParams], market: MarketView) -> Slices:
    request, params = alone.request, alone.params
    count = count_of(request.start_ns, request.end_ns, ns(params.interval_s))
    edges = edges_of(request.start_ns, request.end_ns, count)
    return Slices(
        releases_ns=edges[:-1],
        weights=(Decimal(1),) * count,
        unit=params.unit,
        lot=market.lot,
    )


CLOSE = Algorithm(
    decide=decide_close,
    params=CloseParams,
    says="a part in the closing auction, the rest worked before it",
    check=check,
    in_auctions=True,
)
OPEN = Algorithm(
    decide=decide_open,
    params=OpenParams,
    says="a part in the opening auction, the rest worked after it",
    check=check,
    in_auctions=True,
)
