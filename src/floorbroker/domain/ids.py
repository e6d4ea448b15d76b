"""One type for each identifier, and the one maker of ClOrdIDs."""

from random import Random
from typing import NewType

ClOrdID = NewType("ClOrdID", str)
OrderID = NewType("OrderID", str)
ExecID = NewType("ExecID", str)
Account = NewType("Account", str)

#: Alpaca takes 128 characters; older accounts took 48, and the strictest wins.
CL_ORD_ID_MAX = 48

#: Stands between the ClOrdID of an order and the name of its leg.
LEG = "/"

#: Stands between the id of a parent order and the number of its child.
CHILD = "~"

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
#: Two digits at a time: half the steps.
_PAIRS = tuple(high + low for high in _CROCKFORD for low in _CROCKFORD)


class ClOrdIDMaker:
    """Makes `<namespace>-<ULID>` ids: unique for ever, sorted by time, the namespace is ours.

    Two ids of one millisecond still sort in the order they were made (the random part counts on).
    """

    def __init__(self, namespace: str, random: Random) -> None:
        self.namespace = namespace
        self._random = random
        self._last_ms = -1
        self._tail = 0
        self._beginning = ""  # all but the last two digits

    def make(self, now_ms: int) -> ClOrdID:
        if now_ms > self._last_ms:
            self._last_ms = now_ms
            self._tail = self._random.getrandbits(79)
            self._begin()
        else:
            self._tail += 1
            if self._tail % 1024 == 0:
                self._begin()
        return ClOrdID(self._beginning + _PAIRS[self._tail % 1024])

    def _begin(self) -> None:
        """Write out what the ids of a millisecond have in common, up to the last two digits."""
        digits = _base32(self._last_ms, 10) + _base32(self._tail, 16)[:-2]
        self._beginning = f"{self.namespace}-{digits}"

    def owns(self, cl_ord_id: str) -> bool:
        """Whether the id carries this installation's namespace."""
        return cl_ord_id.startswith(f"{self.namespace}-")


def _base32(number: int, width: int) -> str:
    """So many digits, an even number of them."""
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS[width]])


_SHIFTS = {width: tuple(range(5 * width - 10, -1, -10)) for width in (10, 16)}


def leg_id(parent: ClOrdID, name: str) -> ClOrdID:
    """The ClOrdID of an order's leg."""
    return ClOrdID(f"{parent}{LEG}{name}")


def child_id(parent: ClOrdID, number: int) -> ClOrdID:
    """The ClOrdID of a parent order's child: the same for the same number, for ever."""
    return ClOrdID(f"{parent}{CHILD}{number}")
