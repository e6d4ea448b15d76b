"""What moved a position lately, so that an execution can be taken out of the middle."""

from msgspec import Struct
from msgspec.structs import replace

from floorbroker.domain.ids import ClOrdID
from floorbroker.domain.order import Fill
from floorbroker.domain.position import Position

#: At least so many of a position's latest executions are remembered, and at most twice as many.
KEPT = 64


class Trail(Struct):
    """The latest executions in one symbol, and the position before the first of them.

    Average cost cannot be computed backwards: what a sale realised depends on what was bought
    before it. So a bust is taken out by booking again, without it, whatever followed.
    """

    start: Position
    fills: list[Fill] = []
    #: The position before the fill number KEPT, where the trail will begin next.
    middle: Position | None = None

    def add(self, before: Position, fill: Fill) -> None:
        """This fill was booked on the position `before`."""
        count = len(self.fills)
        if count == 2 * KEPT:
            assert self.middle is not None, "set when the fill number KEPT was added"
            del self.fills[:KEPT]
            self.start, self.middle = self.middle, before
        elif count == KEPT:
            self.middle = before
        self.fills.append(fill)

    def rename(self, cl_ord_id: ClOrdID, name: ClOrdID) -> None:
        """The executions of this order belong to the one named."""
        self.fills = [
            replace(fill, cl_ord_id=name) if fill.cl_ord_id == cl_ord_id else fill
            for fill in self.fills
        ]

    def revised(self, busted: Fill, corrected: tuple[Fill, ...]) -> Position | None:
        """The position as if `busted` had never been, or had been `corrected` at once.

        None where it was booked too long ago: then nothing changes.
        """
        if busted not in self.fills:
            return None
        place = self.fills.index(busted)
        self.fills[place : place + 1] = corrected
        position, self.middle = self.start, None
        for number, fill in enumerate(self.fills):
            if number == KEPT:
                self.middle = position
            position = position.booked(fill.side, fill.last_qty, fill.last_px)
        return position
