"""What a person who looks at the exchange should know first, in words."""

from collections.abc import Iterator, Sequence

from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.front.server import ExchangeServer
from floorbroker.exchange.model import VenueOrder
from floorbroker.exchange.reference.assets import OVERNIGHT_HALTED
from floorbroker.exchange.wire.words import new_york_time, rounded

#: (what is so, what it means)
Notice = tuple[str, str]


def notices(server: ExchangeServer, open_orders: Sequence[VenueOrder]) -> Iterator[Notice]:
    """Halts, accounts that are refused, spent limits, planned faults, orders between states."""
    if server.failure is not None:
        yield "The market has ended.", f"{server.failure}; every request is answered 500."
    yield from _halts(server, open_orders)
    for account in server.venue.accounts.values():
        yield from _of_account(account)
    for window in server.rate_limit.windows() if server.rate_limit is not None else ():
        if window["remaining"] == 0:
            until = f"Answered 429 for {window['resets_in_s']} s more."
            yield f"Account {window['account']} has spent its requests.", until
    yield from _faults(server)
    stuck = sum(order.status.startswith("pending_") for order in open_orders)
    if stuck:
        text = f"{counted(stuck, 'order')} between two states."
        yield text, "The venue has not acted yet on what was asked."


def counted(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _halts(server: ExchangeServer, open_orders: Sequence[VenueOrder]) -> Iterator[Notice]:
    venue = server.venue
    for symbol, post in sorted(venue.blotter.posts.items()):
        if post.is_halted:
            waiting = sum(order.symbol == symbol for order in open_orders)
            text = f"{counted(waiting, 'open order')} cannot trade until it goes on."
            if not waiting:
                text = "No open order waits for it."
            yield f"{symbol} is halted.", text
    for symbol, asset in sorted(venue.assets.items()):
        if OVERNIGHT_HALTED in asset.attributes:
            yield f"{symbol} is halted overnight.", "Its orders wait for the pre-market."


def _of_account(account: VenueAccount) -> Iterator[Notice]:
    name = f"Account {account.key_id}"
    if account.trading_blocked or account.account_blocked:
        yield f"{name} is blocked.", "Its orders are refused."
    if account.configuration.suspend_trade:
        text = "New orders are refused until suspend_trade is off."
        yield f"{name} is suspended by its user.", text
    if account.equity < 0:
        yield f"{name} has lost more than it had.", f"Equity {rounded(account.equity, 2)}."


def _faults(server: ExchangeServer) -> Iterator[Notice]:
    planned = server.faults.counts()
    if not planned:
        return
    strikes = sum(one["fired"] for one in planned)
    what = f"{counted(len(planned), 'fault')} planned, {counted(strikes, 'strike')}."
    fired = list(server.faults.fired)
    if not fired:
        yield what, "None has struck yet."
        return
    last = fired[-1]
    yield what, f"The last: {last.kind} at {last.where}, {new_york_time(last.time_ns)[11:19]}."
