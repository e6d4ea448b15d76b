"""A symbol in which our book and the broker's differ takes no orders until that is explained."""

from floorbroker.domain.books.breaks import Break, BreakKind
from floorbroker.domain.errors import Halted
from floorbroker.domain.order import OrderRequest, Side
from floorbroker.engine.book.book import Book
from floorbroker.engine.settings import EngineSettings
from floorbroker.engine.state import State

#: Whether an order reduces a position is known only while the position is.
_IN_DOUBT = (BreakKind.POSITION, BreakKind.FILL)


def explained(state: State, request: OrderRequest, _: EngineSettings) -> None:
    """Raises Halted where a difference of the symbol is open.

    While the position itself is in doubt, no order passes; while it is not, those pass that can
    only make it smaller. An order that is still being looked up closes nothing here, nor does
    cash. Cancels pass no gate.
    """
    if state.reconciliation is None:
        return
    for found in state.reconciliation.open_breaks:
        if _closes(found, request) and not _may_pass(found, request, state.book):
            raise Halted(
                f"no new orders in {request.symbol}: {found.break_id} is open"
                f" ({found.cause.value.replace('_', ' ')}: ours {found.ours},"
                f" theirs {found.theirs}). It opens when `floorbroker reconcile` finds the books"
                f" equal, or with `floorbroker reconcile --approve {found.break_id} --by NAME`"
            )


def _closes(found: Break, request: OrderRequest) -> bool:
    is_asked_after = found.proposal is None
    is_ours = found.symbol == request.symbol
    return is_ours and found.kind is not BreakKind.CASH and not is_asked_after


def _may_pass(found: Break, request: OrderRequest, book: Book) -> bool:
    position = book.positions.get(request.symbol)
    if found.kind in _IN_DOUBT or position is None or request.order_qty is None:
        return False
    exposure = book.exposure(request.symbol)
    if request.side is Side.SELL:
        return request.order_qty + exposure.sell_qty <= position.qty
    return request.order_qty + exposure.buy_qty <= -position.qty
