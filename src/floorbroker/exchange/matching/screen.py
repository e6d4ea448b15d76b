"""What the tape displays of one symbol, and how our orders' queues move with it."""

from collections.abc import Mapping
from decimal import Decimal

from floorbroker.domain.quotes import Depth, Quote
from floorbroker.exchange.matching.book import BUY, SELL, DisplayedBook, OwnOrders
from floorbroker.exchange.matching.fills import FillRules, after_level_change, worse_of
from floorbroker.exchange.model import ZERO


class Screen:
    """The displayed book, kept from quotes and depth.

    A quote states the touch. Depth that agrees with it stays; a side that does not agree is worth
    nothing any more and is the quote's alone from then on.
    """

    def __init__(self, rules: FillRules, own: Mapping[str, OwnOrders]) -> None:
        self._rules = rules
        self._own = own
        self._book = DisplayedBook()
        self.sides = {BUY: self._book.bids, SELL: self._book.asks}
        self._last_quote: Quote | None = None
        self._has_depth = False
        #: What printed at our prices since the level there was last stated.
        self._traded: dict[str, dict[Decimal, Decimal]] = {BUY: {}, SELL: {}}

    @property
    def has_quotes(self) -> bool:
        """Whether the tape ever displayed anything."""
        return self._last_quote is not None or self._has_depth

    def touch(self, side: str) -> Decimal | None:
        """The best displayed price; None if there is none."""
        best = self.sides[side].best
        return best.px if best else None

    def touches(self) -> dict[str, Decimal | None]:
        return {BUY: self.touch(BUY), SELL: self.touch(SELL)}

    def inner(self, side: str) -> Decimal | None:
        """The best price of a side over the market's and our own."""
        touch, own = self.touch(side), self._own[side].best_px
        if own is None or touch is None:
            return touch if own is None else own
        return max(touch, own) if side == BUY else min(touch, own)

    def note_print(self, side: str, px: Decimal, size: Decimal) -> None:
        """Shares traded at a price where we stand in the queue."""
        traded = self._traded[side]
        traded[px] = traded.get(px, ZERO) + size

    def show(self, event: Quote | Depth) -> None:
        """Display what the tape says from now on."""
        if isinstance(event, Depth):
            self._has_depth = True
            self._show(BUY, event.bids)
            self._show(SELL, event.asks)
            return
        last, self._last_quote = self._last_quote, event
        repeats = last is not None and _says_the_same(last, event)
        self._show_touch(BUY, event.bid_px, event.bid_size, repeats=repeats)
        self._show_touch(SELL, event.ask_px, event.ask_size, repeats=repeats)

    def _show_touch(self, side: str, px: Decimal, size: Decimal, *, repeats: bool) -> None:
        best = self.sides[side].best
        agrees = best is not None and best.px == px and best.size == size
        renews = self._rules.renewal == "restated" and (repeats or not agrees)
        if not agrees or (renews and not self._has_depth):
            self._show(side, ((px, size),), renews=renews)

    def _show(
        self, side: str, rows: tuple[tuple[Decimal, Decimal], ...], *, renews: bool = False
    ) -> None:
        shown, own, traded = self.sides[side], self._own[side], self._traded[side]
        if not own:  # no queue moves
            shown.show(rows, renews=renews)
            return
        prices = own.prices_to(worse_of(side, shown.deepest_px, rows[-1][0])) if rows else []
        before = {px: shown.size_at(px) for px in prices}
        shown.show(rows, renews=renews)
        for px in prices:
            after = shown.size_at(px)
            if after is None:
                continue
            printed = traded.pop(px, ZERO)
            for order in own.at(px):
                order.queue_ahead = after_level_change(
                    self._rules, order.queue_ahead, before=before[px], after=after, traded=printed
                )


def _says_the_same(last: Quote, quote: Quote) -> bool:
    return (
        last.bid_px == quote.bid_px
        and last.ask_px == quote.ask_px
        and last.bid_size == quote.bid_size
        and last.ask_size == quote.ask_size
        and last.bid_exchange == quote.bid_exchange
        and last.ask_exchange == quote.ask_exchange
    )
