"""What a position cost, once an execution in the middle of its past turns out another."""

from collections.abc import Iterable

from floorbroker.exchange.accounts import VenueAccount
from floorbroker.exchange.matching.positions import Holding
from floorbroker.exchange.model import Execution


def recount(account: VenueAccount, executions: Iterable[Execution], undone: Execution) -> None:
    """Make the position's cost what it would be if what was revised had been right at once.

    `executions` are the account's, oldest first, with the one that undoes among them. An average
    cannot be computed backwards, so what followed is booked again. The cost is left as it is where
    a corporate action lies between: its shares are others.
    """
    holding = account.positions.get(undone.symbol)
    if holding is None:
        return
    start = Holding(symbol=undone.symbol)
    since_ns = -1
    for entry in account.entries:
        if (found := entry.positions.get(undone.symbol)) is not None:
            since_ns, (start.qty, start.cost) = entry.time_ns, found
    if undone.time_ns < since_ns:
        return
    ours = [each for each in executions if each.symbol == undone.symbol]
    standing: dict[str, Execution | None] = {}
    for each in ours:
        if each.previous_execution_id is not None:
            standing[each.previous_execution_id] = None if each.qty < 0 else each
    for each in ours:
        if each.is_fill and each.time_ns >= since_ns:
            _book(start, each, standing)
    if start.qty == holding.qty:
        holding.cost = start.cost


def _book(holding: Holding, fill: Execution, standing: dict[str, Execution | None]) -> None:
    """Book what has become of a fill; nothing if it was busted."""
    last: Execution | None = fill
    while last is not None and last.execution_id in standing:
        last = standing[last.execution_id]
    if last is not None:
        qty = last.qty if last.side == "buy" else -last.qty
        holding.add(qty, last.price, qty * last.price)
