"""Whether an order can only make a position smaller."""

from floorbroker.domain.order import OrderClass, OrderRequest, Side
from floorbroker.engine.book.book import Book

#: Brackets and OTOs begin with an entry.
_EXITS = (OrderClass.SIMPLE, OrderClass.OCO)


def reduces(book: Book, request: OrderRequest) -> bool:
    """Whether a new order can only make a position smaller, whatever else is open."""
    position, qty = book.positions.get(request.symbol), request.order_qty
    if position is None or qty is None or request.order_class not in _EXITS:
        return False
    exposure = book.exposure(request.symbol)
    if request.side is Side.BUY:
        return qty + exposure.buy_qty <= -position.qty
    return qty + exposure.sell_qty <= position.qty
