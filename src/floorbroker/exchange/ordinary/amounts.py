"""Amounts as tickets write them: mostly known texts, so what one means is looked up."""

import re
from collections.abc import Callable
from decimal import Decimal

from floorbroker.exchange.model import ZERO
from floorbroker.exchange.rules import is_on_tick

#: Digits, and perhaps others behind a point; longer ones are for those who read all texts.
_WRITTEN = re.compile("[0-9]{1,15}(?:[.][0-9]{1,9})?")
#: Texts that are remembered at a time.
KNOWN_MAX = 4096
_WHOLE = Decimal(1)


class Amounts(dict[object, Decimal | None]):
    """By text, the amounts that pass a test; None for everything else that can be looked up."""

    def __init__(self, passes: Callable[[Decimal], bool]) -> None:
        super().__init__()
        self._passes = passes

    def __missing__(self, written: object) -> Decimal | None:
        if type(written) is int:  # nor true, which is one to a dict
            return self[str(written)]
        if not isinstance(written, str) or not _WRITTEN.fullmatch(written):
            return None
        amount = Decimal(written)
        if not self._passes(amount):
            return None
        if len(self) >= KNOWN_MAX:
            self.clear()
        self[written] = amount
        return amount


def is_whole(qty: Decimal) -> bool:
    """Whether it is a quantity of whole shares."""
    return qty > ZERO and not qty % _WHOLE


def is_price(px: Decimal) -> bool:
    """Whether it is a price that an order may have."""
    return px > ZERO and is_on_tick(px)
